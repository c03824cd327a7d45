"""Canaries go through every flow; afterwards everything that is not a cleared member's machine is searched."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import sqlite3
import threading
import time
import traceback
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from desk.cli import main as coc
from desk.home import Home, PublicKeys
from integration.errors import CoCError
from sandbox.playground import ORG, PROJECT, REPOSITORY, playground
from sandbox.rehearsal import HostName, Server, SetClock
from sandbox.wire import Fault, serving
from tests.e2e.test_desk_writes import spoil
from tests.leaks.everywhere import HOSTS, answers, leaks
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.diary.keys import Identity
    from sandbox.mailbox import Mailbox
    from tests.leaks.conftest import Canary

PASSPHRASE = "a long passphrase for tests"


@pytest.fixture
def server(tmp_path: Path, box: Mailbox, identities: dict[str, Identity]) -> Iterator[Server]:
    clock = SetClock(datetime.now(UTC))  # desks use the real time
    port = free_port()
    folder = tmp_path / "server"
    with playground(
        folder, now=clock.now, mail_port=box.port, service_port=port, identities=identities
    ) as world:
        made = Server(world, clock, budgeted=True)
        yield made
        made.close()


def test_a_report_on_its_whole_way(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture, tmp_path: Path,
    identities: dict[str, Identity],
) -> None:  # fmt: skip
    """Typeform delivery, dispatcher, engine, both hosts, mail, desk; then an edit as second report."""
    robert = identities["robert"]
    home = tmp_path / "desk"
    Home(home).keep_identity(
        robert.lock(PASSPHRASE), PublicKeys(robert.alias, robert.recipient, robert.signing_key)
    )
    (tmp_path / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
    told = answers(canary)
    later = {**told, "what_happened": canary.text("edited")}
    inbox_ids = [server.report(host, told, token="same-person") for host in HOSTS]

    server.parts.dispatcher.start()
    try:
        wait_for_jobs(server)
        inbox_ids += [server.report(host, later, token="same-person") for host in HOSTS]
        wait_for_jobs(server)
        wait_for(lambda: len(box.mails) >= 8, "four notices to two members each")
    finally:
        server.parts.dispatcher.stop()

    shown = ""
    with serving(server.parts.app, port=server.world.service_port) as url:
        runner = CliRunner()
        connected = runner.invoke(
            coc, ["--home", str(home), "connect", url, "--roster", str(server.world.roster_path)], input="y\n"
        )
        assert connected.exit_code == 0, connected.output
        for inbox_id in inbox_ids[:2]:
            name = server.incident_of(inbox_id).code_name
            read = runner.invoke(
                coc,
                [
                    "--home",
                    str(home),
                    "diary",
                    "read",
                    name,
                    "--plain",
                    "--passphrase-file",
                    str(tmp_path / "passphrase"),
                ],
            )
            assert read.exit_code == 0, read.output
            shown += read.output.replace("\n", "")

    assert [] == [name for name, core in canary.cores.items() if core not in shown], (
        "the member sees every word"
    )
    assert [] == leaks(canary, server, box, caplog)


@pytest.mark.parametrize("host", HOSTS)
def test_an_entry_that_is_written_and_redacted(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture, tmp_path: Path,
    identities: dict[str, Identity], host: HostName,
) -> None:  # fmt: skip
    """What was written, and why it was erased, is nowhere in clear; of the entry not even the ciphertext is left."""
    robert, home = identities["robert"], tmp_path / "desk"
    Home(home).keep_identity(
        robert.lock(PASSPHRASE), PublicKeys(robert.alias, robert.recipient, robert.signing_key)
    )
    (tmp_path / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
    inbox_id = server.report(host, answers(canary))
    server.open_until_done(inbox_id)
    incident = server.incident_of(inbox_id)

    def desk(*args: str, said: str | None = None) -> str:
        words = [
            "--home", str(home), *args, "--passphrase-file", str(tmp_path / "passphrase"),
        ]  # fmt: skip
        done = CliRunner().invoke(coc, words, input=said)
        assert done.exit_code == 0, done.output
        for job in server.parts.database.unfinished_jobs():
            server.open_until_done(job.inbox_id)
        return done.output

    with serving(server.parts.app, port=server.world.service_port) as url:
        CliRunner().invoke(
            coc, ["--home", str(home), "connect", url, "--roster", str(server.world.roster_path)], input="y\n"
        )
        desk("diary", "write", incident.code_name, "--file", "-", said=canary.text("written"))
        kept = server.parts.database.comments(incident.id)[-1]
        output = desk(
            "diary", "redact", incident.code_name, str(kept.id.seq), "--yes", said=canary.text("why") + "\n"
        )

    armour = [line for line in kept.text.split("\n") if len(line) == 64]
    assert len(armour) > 5
    assert kept.id not in [one.id for one in server.parts.database.comments(incident.id)]
    stored = b"".join(path.read_bytes() for path in server.world.folder.rglob("*") if path.is_file())
    shown = "".join(server.shown(host, incident.id).texts)
    assert [] == [line for line in armour if line.encode() in stored or line in shown]
    assert canary.cores["written"] not in output
    assert [] == leaks(canary, server, box, caplog)


@pytest.mark.parametrize(
    "raw", [b"not json at all ", b'{"event_type": "form_response", "form_response": {', b"\xff\xfe "]
)
def test_an_authentic_delivery_that_cannot_be_read(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    body = raw + canary.text("verbatim").encode()
    _, headers = server.world.delivery({})
    headers = {**headers, "Typeform-Signature": signature_of(server, body)}
    for host in HOSTS:
        assert (
            server.parts.app.test_client().post(f"/in/form-{host}", data=body, headers=headers).status_code
            == 200
        )

    for job in server.parts.database.unfinished_jobs():
        server.open(job.inbox_id)
    server.parts.dispatcher.tell_members()

    assert len(box.mails) == 2  # to who holds the recovery key: the forms ask who should not see a report
    assert all(b"does not understand" in mail for _address, mail in box.mails)
    assert [] == leaks(canary, server, box, caplog)


@pytest.mark.parametrize("header", ["", "sha256=", "sha256=AAAA", "nonsense"])
def test_a_delivery_without_proof(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    body, headers = server.world.delivery(answers(canary))
    headers = {
        **headers,
        "Typeform-Signature": header + (canary.text("header").encode().hex() if header else ""),
    }

    answer = server.parts.app.test_client().post("/in/form-jira", data=body, headers=headers)

    assert (answer.status_code, answer.data) == (401, b"")
    assert [] == server.parts.database.unfinished_jobs()
    assert [] == leaks(canary, server, box, caplog)


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_answers_with_the_report(
    canary: Canary,
    server: Server,
    box: Mailbox,
    caplog: pytest.LogCaptureFixture,
    host: HostName,
    status: int,
) -> None:
    """A proxy or an error page may hold anything; it must not get into an error, the log or the database."""
    inbox_id = server.report(host, answers(canary))
    text = canary.text("echo")
    body = (
        '{"errorMessages": ["'
        + text.replace('"', "'").replace("\\", "")
        + '"], "message": "'
        + text[:40]
        + '"}'
    ).encode()
    wire = server.wire(host)
    for call in range(12):
        wire.heal()
        wire.fail_next(
            Fault("status", status=status, body=body, headers=(("Location", "/elsewhere"),)), skip=call
        )
        raised = try_job(server, inbox_id)
        server.clock.forward(minutes=6)
        assert [] == canary.found_in("an exception", raised.encode())
        if server.parts.database.delivery(inbox_id).finished:
            break
    wire.heal()

    server.open_until_done(inbox_id)

    assert server.shown(host, server.incident_of(inbox_id).id).tickets == 1
    assert [] == leaks(canary, server, box, caplog)


@pytest.mark.parametrize("host", HOSTS)
def test_a_report_that_waits_because_the_ticket_space_is_not_restricted(
    canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture, host: HostName
) -> None:
    inbox_id = server.report(host, answers(canary))
    open_the_doors(server, host)

    code = attempt(inbox_id, server.parts.work, server.parts.database, Locks(server.parts.database._engine))
    server.parts.dispatcher.tell_members()

    assert code == "host-not-restricted"
    assert [] == server.wire(host).writes()
    assert {"robert@team.example", "charlie@team.example"} == {address for address, _mail in box.mails}
    # The alarm names the account and no report; the notice of the report names no account.
    name = server.incident_of(inbox_id).code_name.encode()
    assert {(True, False), (False, True)} == {(b"mallory" in mail, name in mail) for _, mail in box.mails}
    assert [] == leaks(canary, server, box, caplog)


@pytest.mark.parametrize("damage", ["delete", "edit"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_night_that_finds_a_changed_diary(
    canary: Canary,
    server: Server,
    box: Mailbox,
    caplog: pytest.LogCaptureFixture,
    host: HostName,
    damage: str,
) -> None:
    """Members are told by a code name and a kind of thing; the diary is there again as ciphertext."""
    inbox_id = server.report(host, answers(canary))
    server.open_until_done(inbox_id)
    incident = server.incident_of(inbox_id)
    spoil(server, host, incident, damage)
    server.clock.forward(hours=25)
    server.parts.chores.turn()
    server.parts.dispatcher.tell_members()
    box.mails.clear()

    for job in server.parts.database.unfinished_jobs():
        assert (
            attempt(
                job.inbox_id, server.parts.work, server.parts.database, Locks(server.parts.database._engine)
            )
            == "done"
        )
    server.parts.dispatcher.tell_members()

    assert {"robert@team.example", "charlie@team.example"} == {address for address, _mail in box.mails}
    assert all(b"was changed on its ticket" in mail for _address, mail in box.mails)
    assert all(incident.code_name.encode() in mail for _address, mail in box.mails)
    assert [] == leaks(canary, server, box, caplog)


@pytest.mark.parametrize("only_keyring", [False, True], ids=["whole", "only its keyring is left"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_diary_that_a_restored_database_does_not_know(
    canary: Canary,
    server: Server,
    box: Mailbox,
    caplog: pytest.LogCaptureFixture,
    host: HostName,
    *,
    only_keyring: bool,
) -> None:
    """The report of the backup is erased when its diary is taken over, or written after the keyring that is there."""
    inbox_id = server.report(host, answers(canary))
    live, keys = server.world.folder / "coc.sqlite", server.world.folder / "inbox-keys"
    kept = {one.name: one.read_bytes() for one in keys.iterdir()}
    with closing(sqlite3.connect(live)) as before, closing(sqlite3.connect(":memory:")) as backup:
        before.backup(backup)
        server.open_until_done(inbox_id)
        if only_keyring:
            spoil(server, host, server.incident_of(inbox_id), "delete")
        server.parts.close()
        with closing(sqlite3.connect(live)) as after:
            backup.backup(after)
    for name, content in kept.items():  # a backup of ours has the keys of what waits
        (keys / name).write_bytes(content)
    server.clock.forward(minutes=10)
    server.restart()

    code = attempt(inbox_id, server.parts.work, server.parts.database, Locks(server.parts.database._engine))
    server.parts.dispatcher.tell_members()

    assert code == "done"
    assert server.parts.database.delivery(inbox_id).report is None
    words = {b"has come in", *([] if only_keyring else [b"lost, as after"])}
    assert all(any(word in mail for _address, mail in box.mails) for word in words)
    assert [] == leaks(canary, server, box, caplog)


# Help -----------------------------------------------------------------------------------------------


def try_job(server: Server, inbox_id: str) -> str:
    """Run the job once; everything that the exception says, with all that it hangs on."""
    try:
        server.open(inbox_id)
    except CoCError as error:
        attempt(inbox_id, server.parts.work, server.parts.database, Locks(server.parts.database._engine))
        return "".join(traceback.format_exception(error)) + repr(error.args) + str(vars(error))
    return ""


def open_the_doors(server: Server, host: HostName) -> None:
    """Somebody outside the team gets to read the ticket space."""
    world = server.world
    if host == "jira":
        role = world.project.roles[world.project.team_role]
        world.jira.site.projects[PROJECT].actors[role].append("acc-mallory")
    else:
        world.github.repo(f"{ORG}/{REPOSITORY}").collaborators["mallory"] = "pull"


def signature_of(server: Server, body: bytes) -> str:
    digest = hmac.new(server.world.form_secret.encode(), body, hashlib.sha256).digest()
    return "sha256=" + base64.b64encode(digest).decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_jobs(server: Server) -> None:
    wait_for(lambda: not server.parts.database.unfinished_jobs(), "all jobs")


def wait_for(true: object, what: str) -> None:
    assert callable(true)
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, (
            f"{what}: still waiting; threads: {[one.name for one in threading.enumerate()]}"
        )
        time.sleep(0.05)
