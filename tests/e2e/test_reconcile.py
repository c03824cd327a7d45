"""Opening an incident is idempotent: whatever dies at whatever call, one ticket with its steps and diary."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from desk.reading import trust_of
from integration.diary.open import open_diary
from integration.errors import HostError
from integration.incident import IncidentType
from integration.process import default_process
from sandbox.form import NOAHS_REPORT
from sandbox.rehearsal import HostName, Killed, Server, dying_at
from sandbox.wire import Fault, FaultKind
from tests.sampled import sampled

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from integration.incident import Incident

HOSTS: list[HostName] = ["jira", "github"]
FAULTS: list[FaultKind] = ["drop-before", "drop-after", "status-after", "truncate"]
TITLES = [step.title for step in default_process().route(IncidentType.CONDUCT_ENFORCEMENT)]


def assert_whole(server: Server, host: HostName, incident: Incident, robert: Identity) -> None:
    """Exactly one ticket, exactly its steps in order, exactly its comments, and the diary verifies."""
    shown = server.shown(host, incident.id)

    assert shown.tickets == 1
    assert shown.steps == TITLES
    assert shown.comments == [(1, 1), (2, 1)]

    roster = server.parts.work.roster()
    ticket = server.parts.database.ticket(incident.id).ref
    assert ticket is not None
    trust = trust_of(incident.id, ticket.name, roster)
    diary = open_diary(
        shown.texts, identity=robert, trust=trust, head=server.parts.database.head(incident.id)
    )
    assert [] == list(diary.findings)
    assert ["report"] == [str(entry.content) for entry in diary.entries]


def calls_of_a_clean_run(server: Server, host: HostName) -> int:
    wire = server.wire(host)
    before = wire.calls
    server.open(server.report(host, NOAHS_REPORT))
    return wire.calls - before


@pytest.mark.parametrize("host", HOSTS)
def test_a_clean_run_takes_four_writes(server: Server, host: HostName) -> None:
    server.open(server.report(host, NOAHS_REPORT))

    assert len(server.wire(host).writes()) == 4


@pytest.mark.parametrize("host", HOSTS)
def test_running_a_finished_job_again_asks_the_host_nothing(server: Server, host: HostName) -> None:
    inbox_id = server.report(host, NOAHS_REPORT)
    server.open(inbox_id)
    before = server.wire(host).calls

    server.open(inbox_id)

    assert before == server.wire(host).calls


@pytest.mark.parametrize("after", [False, True], ids=["before-the-request", "after-the-answer"])
@pytest.mark.parametrize("host", HOSTS)
def test_killed_at_every_call(
    server: Server, host: HostName, identities: dict[str, Identity], *, after: bool
) -> None:
    for call in sampled(calls_of_a_clean_run(server, host)):
        inbox_id = server.report(host, NOAHS_REPORT)
        incident = server.incident_of(inbox_id)
        with dying_at(call, after=after), contextlib.suppress(Killed, HostError):
            server.open(inbox_id)
        server.restart()

        server.open_until_done(inbox_id, tries=20)

        assert_whole(server, host, incident, identities["robert"])


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("host", HOSTS)
def test_the_connection_fails_at_every_call(
    server: Server, host: HostName, identities: dict[str, Identity], kind: FaultKind
) -> None:
    wire = server.wire(host)
    for call in sampled(calls_of_a_clean_run(server, host)):
        inbox_id = server.report(host, NOAHS_REPORT)
        incident = server.incident_of(inbox_id)
        wire.fail_next(Fault(kind, status=502), skip=call)
        with contextlib.suppress(HostError):
            server.open(inbox_id)
        wire.heal()
        server.restart()

        server.open_until_done(inbox_id, tries=20)

        assert_whole(server, host, incident, identities["robert"])


@pytest.mark.parametrize("host", HOSTS)
def test_killed_again_and_again(server: Server, host: HostName, identities: dict[str, Identity]) -> None:
    inbox_id = server.report(host, NOAHS_REPORT)
    incident = server.incident_of(inbox_id)
    for call in range(60):
        died = True
        with dying_at(call % 7, after=call % 2 == 0), contextlib.suppress(Killed, HostError):
            server.open(inbox_id)
            died = False
        if not died:
            break
        server.restart()
        server.clock.forward(minutes=2)

    server.open_until_done(inbox_id)

    assert_whole(server, host, incident, identities["robert"])


@pytest.mark.parametrize("host", HOSTS)
def test_a_step_and_a_comment_that_went_missing_before_the_end_are_made_again(
    server: Server, host: HostName, identities: dict[str, Identity]
) -> None:
    inbox_id = server.report(host, NOAHS_REPORT)
    incident = server.incident_of(inbox_id)
    wire = server.wire(host)
    clean = calls_of_a_clean_run(server, host)
    wire.fail_next(Fault("drop-before"), skip=clean - 2)
    with contextlib.suppress(HostError):
        server.open(inbox_id)
    wire.heal()

    server.open_until_done(inbox_id)

    assert_whole(server, host, incident, identities["robert"])
