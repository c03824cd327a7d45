"""A file on its way: cleaned and sealed at a desk, kept by the service, on the Jira ticket, and back again."""

from __future__ import annotations

import socket
import stat
import struct
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import requests
from click.testing import CliRunner

from desk import attach_cli, attachments
from desk.cli import main
from desk.home import Connection, Home
from desk.session import Session
from integration.deskwork import attach, restore
from integration.diary.keys import generate_identity
from integration.errors import (
    CannotOpen,
    HostError,
    HostRejected,
    NotCleared,
    ServiceUnreachable,
    WriteRefused,
)
from integration.mirror import mirror
from sandbox.form import NOAHS_REPORT
from sandbox.playground import OUTSIDER, playground
from sandbox.rehearsal import Killed, Server, SetClock, dying_at
from sandbox.wire import serving
from tests.sampled import sampled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from desk.session import Opened
    from integration.diary.keys import Identity
    from integration.incident import Incident
    from sandbox.contract import OpenApiContract
    from sandbox.jira_state import Attachment
    from sandbox.rehearsal import HostName

WORDS = b"canary-file-5d3c91e07ab24f6e8f10 " * 40


def _chunk(name: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))


PLACE = _chunk(b"eXIf", b"52.5200N 13.4050E")
PICTURE = (
    b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", bytes(13)) + PLACE + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")
)


@dataclass
class World:
    """A server that listens, and an incident on each host."""

    server: Server
    folder: Path
    identities: dict[str, Identity]

    def desk(self, alias: str) -> Session:
        home = Home(self.folder / f"desk-of-{alias}")
        home.folder.mkdir(exist_ok=True)
        connection = Connection(self.server.world.origin, self.server.parts.work.roster())
        identity = self.identities[alias]
        return Session(home=home, connection=connection, identity=identity, clock=self.server.clock)

    def incident(self, host: HostName) -> Incident:
        inbox_id = self.server.report(host, NOAHS_REPORT)
        self.server.open_until_done(inbox_id)
        return self.server.incident_of(inbox_id)

    def run_jobs(self) -> None:
        for job in self.server.parts.database.unfinished_jobs():
            self.server.open_until_done(job.inbox_id)

    def on_the_ticket(self, incident: Incident) -> list[Attachment]:
        ref = self.server.parts.database.ticket(incident.id).ref
        assert ref is not None
        return self.server.world.jira.site.issues[ref.id].attachments

    @contextmanager
    def listening(self) -> Iterator[None]:
        port = self.server.world.service_port
        with serving(self.server.parts.app, port=port):
            yield


@pytest.fixture
def world(tmp_path: Path, identities: dict[str, Identity]) -> Iterator[World]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = SetClock()
    with playground(tmp_path / "server", now=clock.now, identities=identities, service_port=port) as made:
        server = Server(made, clock)
        yield World(server, tmp_path, identities)
        server.close()


def note() -> attachments.Ready:
    return attachments.prepare("what was said.txt", WORDS)


def attached(world: World, incident: Incident) -> tuple[Session, Opened, int]:
    """Robert attaches a file; his desk, the diary as it is then, and the entry's number."""
    desk = world.desk("robert")
    with world.listening():
        name, _ = attachments.attach(desk, desk.open(incident.code_name), note())
        world.run_jobs()
        return desk, desk.open(incident.code_name), int(name.removesuffix(".age"))


def test_a_file_goes_to_the_ticket_as_ciphertext_and_comes_back_the_same(
    world: World, jira_contract: OpenApiContract
) -> None:
    problems: list[str] = []
    world.server.world.jira.wire.observer = lambda exchange: problems.extend(jira_contract.check(exchange))
    incident = world.incident("jira")

    desk, opened, seq = attached(world, incident)

    with world.listening():
        described, content = attachments.fetch(desk, opened, seq)
    (file,) = world.on_the_ticket(incident)
    assert content == WORDS
    assert ("what was said.txt", "text/plain") == (described.name.reveal(), described.type)
    assert file.filename == f"{seq:04d}.age"
    assert file.content.startswith(b"age-encryption.org/v1\n")
    assert b"canary-file" not in world.server.world.jira.text_of_everything()
    assert opened.serious == ()
    assert problems == []
    assert list((desk.home.folder / "outbox").iterdir()) == []


def test_another_cleared_member_fetches_it_and_one_who_is_not_cleared_does_not(world: World) -> None:
    incident = world.incident("jira")
    _, _, seq = attached(world, incident)

    with world.listening():
        charlie = world.desk("charlie")
        _, content = attachments.fetch(charlie, charlie.open(incident.code_name), seq)
        with pytest.raises(NotCleared):
            world.desk("rachel").service.download(incident.code_name, f"{seq:04d}.age")
        with pytest.raises(NotCleared):
            world.desk("rachel").service.upload(incident.code_name, f"{seq:04d}.age", b"mine")

    assert content == WORDS


def test_the_tickets_copy_is_read_by_members_only(world: World) -> None:
    incident = world.incident("jira")
    attached(world, incident)
    (file,) = world.on_the_ticket(incident)
    place = f"{world.server.world.jira_url}/rest/api/3/attachment/content/{file.id}"

    def asked_by(who: str) -> requests.Response:
        key = (f"{who}@team.example", world.server.world.token(who))
        return requests.get(place, auth=key, timeout=10)

    assert asked_by("robert").content == file.content
    assert asked_by(OUTSIDER).status_code in {401, 404}


@pytest.mark.parametrize("after", [False, True], ids=["before-the-request", "after-the-answer"])
def test_whatever_dies_on_the_way_to_the_host_it_is_there_once(world: World, *, after: bool) -> None:
    incident = world.incident("jira")
    desk = world.desk("robert")
    world.server.world.jira.write_limits = False
    calls = sampled(16)
    for call in calls:
        with world.listening():
            attachments.attach(desk, desk.open(incident.code_name), note())
        for job in world.server.parts.database.unfinished_jobs():
            with dying_at(call, after=after), suppress(Killed, HostError):
                world.server.open(job.inbox_id)
        world.server.restart()
        world.run_jobs()

    names = [one.filename for one in world.on_the_ticket(incident)]
    assert len(names) == len(calls)
    assert len(set(names)) == len(calls)


def test_a_file_that_the_service_did_not_get_waits_and_is_handed_over_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = world.incident("jira")
    desk = world.desk("robert")

    def cut_off(*_: object) -> None:
        raise ServiceUnreachable("cut off")

    with world.listening():
        with monkeypatch.context() as patch:
            patch.setattr(desk.service, "upload", cut_off)
            with pytest.raises(ServiceUnreachable):
                attachments.attach(desk, desk.open(incident.code_name), note())
        (waiting,) = (desk.home.folder / "outbox").iterdir()
        assert b"canary-file" not in waiting.read_bytes()
        opened = desk.open(incident.code_name)
        ((entry, _),) = attachments.listed(opened.diary)
        with pytest.raises(ServiceUnreachable, match="does not have this file"):
            attachments.fetch(desk, opened, entry.seq)

        assert attachments.hand_over_again(desk, opened) == [f"{entry.seq:04d}.age"]
        world.run_jobs()

        assert attachments.fetch(desk, opened, entry.seq)[1] == WORDS
    assert not waiting.exists()


def test_a_file_is_restored_with_its_ticket(world: World) -> None:
    incident = world.incident("jira")
    attached(world, incident)
    before = [(one.filename, one.content) for one in world.on_the_ticket(incident)]
    world.on_the_ticket(incident).clear()

    restore(incident.id, new_ticket=False, work=world.server.parts.work)
    world.run_jobs()

    assert [(one.filename, one.content) for one in world.on_the_ticket(incident)] == before


def test_an_exchanged_file_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = world.incident("jira")
    desk, opened, seq = attached(world, incident)
    monkeypatch.setattr(desk.service, "download", lambda *_: b"another file")

    with pytest.raises(CannotOpen, match="not the one that its author attached"):
        attachments.fetch(desk, opened, seq)


def test_the_service_takes_a_file_only_for_an_entry_of_one_and_never_other_bytes(world: World) -> None:
    incident = world.incident("jira")
    _, _, seq = attached(world, incident)
    work = world.server.parts.work

    for name in ("0002.age", "9999.age", "../0003.age"):
        with pytest.raises(WriteRefused):
            attach(incident.id, name, b"mine", work=work)
    with pytest.raises(WriteRefused, match="Other bytes"):
        attach(incident.id, f"{seq:04d}.age", b"mine", work=work)


def test_nothing_is_attached_on_github_and_nothing_is_written_there(world: World) -> None:
    incident = world.incident("github")
    desk = world.desk("robert")
    head = world.server.parts.database.head(incident.id)

    with world.listening(), pytest.raises(WriteRefused, match="GitHub cannot hold files"):
        attachments.attach(desk, desk.open(incident.code_name), note())

    work = world.server.parts.work
    ref, host = work.store.ticket(incident.id).ref, work.hosts[incident.space]
    assert ref is not None
    assert world.server.parts.database.head(incident.id) == head
    with pytest.raises(WriteRefused, match="cannot hold files"):
        attach(incident.id, "0002.age", b"mine", work=work)
    with pytest.raises(HostRejected):
        host.attach(ref, mirror(incident, work.process), {"0002.age": 4}, lambda _: b"mine")


def test_what_is_too_large_or_cannot_be_cleaned_is_refused_before_anything_is_written() -> None:
    with pytest.raises(WriteRefused, match="25 MB"):
        attachments.prepare("film.bin", bytes(25 * 1024 * 1024 + 1))
    for name, content in (
        ("a.heic", b"....ftypheic"),
        ("b.png", b"not a picture"),
        ("c.jpg", b"\xff\xd8\xff\xe1\xff"),
        ("no-picture.txt", b"\0\0\0\x18ftypheic"),
        ("d", b"GIF89a"),
        ("e.bin", b"RIFF\x10\0\0\0WEBPVP8 "),
        ("f.dat", b"II*\0"),
    ):
        with pytest.raises(WriteRefused, match="hidden data"):
            attachments.prepare(name, content)


def test_the_commands_attach_list_and_fetch(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = world.incident("jira")
    session = world.desk("robert")
    monkeypatch.setattr(attach_cli, "at_desk", lambda *_: session)
    shot, output = tmp_path / "shot\u202egnp.png", tmp_path / "out.png"
    shot.write_bytes(PICTURE)

    def coc(*args: str) -> Result:
        return CliRunner().invoke(main, ["--home", str(session.home.folder), "diary", *args])

    with world.listening():
        attached = coc("attach", incident.code_name, str(shot))
        text = tmp_path / "log.txt"
        text.write_bytes(WORDS)
        as_it_is = coc("attach", incident.code_name, str(text))
        nothing_waits = coc("attach", incident.code_name)
        listed = coc("files", incident.code_name.lower())
        fetched = coc("fetch", incident.code_name, "4", "--output", str(output))
        again = coc("fetch", incident.code_name, "4", "--output", str(output))
        other = coc("fetch", incident.code_name, "2", "--output", str(tmp_path / "other"))

    assert [0, 0, 0, 1, 1] == [one.exit_code for one in (attached, listed, fetched, again, other)]
    assert "hidden data" in attached.stderr
    assert "stays in it" in as_it_is.stderr
    assert (nothing_waits.exit_code, nothing_waits.output) == (0, "")
    assert "Attached as entry 4." in attached.stderr
    assert "shot\\u202egnp.png" in listed.stdout
    assert output.read_bytes() == PICTURE.replace(PLACE, b"")
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert "already" in again.stderr
    assert "is not a file" in other.stderr


def test_a_member_whose_key_is_new_cannot_fetch(world: World) -> None:
    """The description is signed for readers of the diary; without its keyring there is nothing to fetch with."""
    incident = world.incident("jira")
    attached(world, incident)
    stranger = Session(
        home=Home(world.folder / "stranger"),
        connection=Connection(world.server.world.origin, world.server.parts.work.roster()),
        identity=generate_identity("robert"),
        clock=world.server.clock,
    )

    with world.listening(), pytest.raises(Exception, match="does not accept your key"):
        stranger.open(incident.code_name)
