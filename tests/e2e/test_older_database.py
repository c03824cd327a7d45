"""A database from a backup is put back while the tickets have gone on: one ticket, nothing twice, and work goes on."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from integration.deskwork import restore
from integration.errors import DoesNotOpen, HostError, KeptApart, UnknownDiary
from integration.reconcile import NOT_KNOWN
from sandbox.form import NOAHS_REPORT
from sandbox.rehearsal import Killed, dying_at
from tests.e2e.test_desk_writes import aliases, note, read, rekey, send, spoil
from tests.sampled import sampled

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from integration.incident import Incident
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]
LIFE = ["report", "after the recusal", "the last word"]
"""What the diary says at the end of :func:`life`, entry by entry."""


class Backups:
    """Copies of the server's database, made while it runs."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self.names: list[str] = []

    def make(self, name: str) -> None:
        self._folder.mkdir(exist_ok=True)
        live = sqlite3.connect(self._server.world.folder / "coc.sqlite")
        copy = sqlite3.connect(self._folder / name)
        with contextlib.closing(live), contextlib.closing(copy):
            live.backup(copy)
        keys = self._server.world.folder / "inbox-keys"
        if keys.exists():
            shutil.copytree(keys, self._folder / f"{name}.keys", dirs_exist_ok=True)
        self.names.append(name)

    def put_back(self, name: str, *, with_keys: bool = True) -> None:
        """Stop, put the copy in place, start again ten minutes later. As ``coc-server backup`` does, it has the keys."""
        self._server.parts.close()
        for path in self._server.world.folder.glob("coc.sqlite*"):
            if path.name != "coc.sqlite.lock":
                path.unlink()
        shutil.copy(self._folder / name, self._server.world.folder / "coc.sqlite")
        if with_keys and (self._folder / f"{name}.keys").exists():
            shutil.copytree(
                self._folder / f"{name}.keys", self._server.world.folder / "inbox-keys", dirs_exist_ok=True
            )
        self._server.clock.forward(minutes=10)
        self._server.restart()


@pytest.fixture
def backups(server: Server, tmp_path: Path) -> Backups:
    return Backups(server, tmp_path / "backups")


def life(
    server: Server, host: HostName, robert: Identity, backups: Backups, *, deaths: bool = False
) -> Incident:
    """A report, whose job may die at each call in turn; a recusal; entries. A backup is made at each moment."""
    inbox_id = server.report(host, NOAHS_REPORT)
    incident = server.incident_of(inbox_id)
    backups.make("reported")
    if deaths:
        die_at_each_call(server, inbox_id, incident, backups)
    server.open_until_done(inbox_id)
    backups.make("opened")
    diary = read(server, host, incident, robert)
    keyring = rekey(server, diary, incident, robert, aliases(server, "robert"))
    job = send(server, diary, incident, keyring, aliases(server, "robert"))
    backups.make("recusal recorded")
    server.open_until_done(job)
    backups.make("recusal posted")
    for words in LIFE[1:]:
        diary = read(server, host, incident, robert)
        job = send(server, diary, incident, note(server, diary, incident, robert, words))
        backups.make(f"{words} recorded")
        server.open_until_done(job)
    return incident


def die_at_each_call(server: Server, inbox_id: str, incident: Incident, backups: Backups) -> None:
    for call in range(40):
        died = True
        with dying_at(call, after=True), contextlib.suppress(Killed, HostError):
            server.open(inbox_id)
            died = False
        backups.make(f"opening {call}")
        if not died:
            break
        server.restart()
        attempted_at = server.parts.database.ticket(incident.id).attempted_at
        if attempted_at is not None:  # it looks for the ticket for long enough
            server.parts.work.looked_for[incident.id, attempted_at] = server.clock.steady()
        server.clock.forward(minutes=6)


def run_all(server: Server, incident: Incident) -> None:
    """What the nightly reconcile does: a job for the incident if none waits, and all jobs until they are done."""
    if not server.parts.database.unfinished_jobs():
        restore(incident.id, new_ticket=False, work=server.parts.work)
    for job in server.parts.database.unfinished_jobs():
        server.open_until_done(job.inbox_id)


def said(server: Server, host: HostName, incident: Incident, robert: Identity) -> list[str]:
    """The diary's entries, by their last line; it has no serious finding and ends where the database says."""
    diary = read(server, host, incident, robert)
    assert [] == [finding.code for finding in diary.findings if finding.serious]
    assert diary.head == server.parts.database.head(incident.id)
    return [
        "report" if str(entry.content) == "report" else entry.body.reveal().strip() for entry in diary.entries
    ]


@pytest.mark.parametrize("host", HOSTS)
def test_whatever_moment_a_backup_is_of_the_ticket_is_taken_over_once_and_the_next_entry_works(
    server: Server, host: HostName, identities: dict[str, Identity], backups: Backups
) -> None:
    robert = identities["robert"]
    incident = life(server, host, robert, backups, deaths=True)
    server.world.jira.write_limits = False
    steps = server.shown(host, incident.id).steps
    expected = list(LIFE)
    assert expected == said(server, host, incident, robert)

    for number in sampled(len(backups.names)):
        name = backups.names[number]
        backups.put_back(name)
        before = len(server.wire(host).writes())
        run_all(server, incident)

        assert before == len(server.wire(host).writes()), name
        assert expected == said(server, host, incident, robert), name
        shown = server.shown(host, incident.id)
        assert (1, steps) == (shown.tickets, shown.steps)
        assert len(shown.comments) == len(set(shown.comments)), name

        diary = read(server, host, incident, robert)
        words = f"after {name}"
        server.open_until_done(send(server, diary, incident, note(server, diary, incident, robert, words)))
        expected.append(words)
        assert expected == said(server, host, incident, robert), name


@pytest.mark.parametrize("host", HOSTS)
def test_the_sealed_report_is_erased_once_its_diary_is_taken_over(
    server: Server, host: HostName, identities: dict[str, Identity], backups: Backups
) -> None:
    incident = life(server, host, identities["robert"], backups)
    backups.put_back("reported")
    (job,) = server.parts.database.unfinished_jobs()
    assert server.parts.database.delivery(job.inbox_id).report is not None

    run_all(server, incident)

    assert server.parts.database.delivery(job.inbox_id).report is None
    assert ["robert", "charlie", NOT_KNOWN] == list(server.parts.database.readers(incident.id))


@pytest.mark.parametrize("host", HOSTS)
def test_an_edit_that_comes_first_after_a_restore_is_in_a_diary(
    server: Server, host: HostName, identities: dict[str, Identity], backups: Backups
) -> None:
    backups.make("morning")
    first = server.report(host, NOAHS_REPORT, token="same")
    server.open_until_done(first)
    backups.put_back("morning")

    words = "I forgot to say: it happened twice."
    edited = server.report(host, {**NOAHS_REPORT, "in_short": words}, token="same")
    with pytest.raises(KeptApart):  # who reads the diary that was taken over is not known
        server.open_until_done(edited)
    server.open_until_done(edited)

    assert server.parts.database.delivery(edited).finished
    own = server.incident_of(edited)
    assert () == tuple(server.parts.database.readers(own.id)), "nor whom the report before the edit named"
    diary = read(server, host, own, identities["recovery"])
    assert words in diary.entries[-1].body.reveal()


@pytest.mark.parametrize("host", HOSTS)
def test_the_same_report_sent_again_after_a_restore_is_not_written_twice(
    server: Server, host: HostName, backups: Backups
) -> None:
    backups.make("morning")
    first = server.report(host, NOAHS_REPORT, token="same")
    incident = server.incident_of(first)
    server.open_until_done(first)
    comments = server.shown(host, incident.id).comments
    server.clock.forward(days=9)
    backups.put_back("morning")

    again = server.report(host, NOAHS_REPORT, token="same")
    server.open_until_done(again)

    assert (incident.id, incident.code_name) == (
        server.incident_of(again).id,
        server.incident_of(again).code_name,
    )
    assert (1, comments) == (
        server.shown(host, incident.id).tickets,
        server.shown(host, incident.id).comments,
    )


@pytest.mark.parametrize("host", HOSTS)
def test_a_report_whose_key_was_destroyed_counts_as_handed_over_if_it_stands_on_its_ticket(
    server: Server, host: HostName, identities: dict[str, Identity], backups: Backups
) -> None:
    """A bare copy of the database, as of a whole disk: the report in it cannot be opened any more."""
    incident = life(server, host, identities["robert"], backups)
    backups.put_back("reported", with_keys=False)
    (job,) = server.parts.database.unfinished_jobs()
    with pytest.raises(DoesNotOpen):
        server.parts.database.delivery(job.inbox_id)

    run_all(server, incident)

    assert server.parts.database.delivery(job.inbox_id).finished
    assert server.parts.database.comments(incident.id)


@pytest.mark.parametrize("host", HOSTS)
def test_a_desk_that_opens_the_next_epoch_says_again_who_reads(
    server: Server, host: HostName, identities: dict[str, Identity], backups: Backups
) -> None:
    robert = identities["robert"]
    incident = life(server, host, robert, backups)
    backups.put_back("opened")
    run_all(server, incident)
    assert NOT_KNOWN in server.parts.database.readers(incident.id)

    diary = read(server, host, incident, robert)
    keyring = rekey(server, diary, incident, robert, aliases(server, "robert"))
    server.open_until_done(send(server, diary, incident, keyring, aliases(server, "robert")))

    assert ["robert"] == list(server.parts.database.readers(incident.id))
    assert LIFE == said(server, host, incident, robert)


@pytest.mark.parametrize("damage", ["delete", "edit"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_ticket_with_a_gap_is_not_written_to(
    server: Server, host: HostName, identities: dict[str, Identity], backups: Backups, damage: str
) -> None:
    incident = life(server, host, identities["robert"], backups)
    spoil(server, host, incident, damage)  # the opening entry
    backups.put_back("reported")
    before = len(server.wire(host).writes())
    (job,) = server.parts.database.unfinished_jobs()

    with pytest.raises(UnknownDiary, match=r"is damaged|does not follow|no good seal"):
        server.open_until_done(job.inbox_id)

    assert before == len(server.wire(host).writes())
    assert server.parts.database.delivery(job.inbox_id).report is not None
