"""A second report on an incident is its next entry, unless it may mean a reader: then it gets an incident of its own."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident
from integration.diary.keys import generate_identity
from integration.errors import HostUnknownOutcome, KeptApart
from integration.notices import notice
from tests.server.casework.interrupted import Crash, dying
from tests.server.casework.whole import assert_whole
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


def kept_apart(inbox_id: str, work: Casework) -> None:
    """Bring a report to its host that gets an incident of its own first."""
    with pytest.raises(KeptApart):
        open_incident(inbox_id, work)
    open_incident(inbox_id, work)


def test_a_second_report_becomes_the_next_entry(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="and then it went on"), submission="s1")

    open_incident(second.inbox_id, work)

    assert_whole(second, host, database)
    assert [(1, 1), (2, 1), (3, 1)] == [comment.id for comment in host.tickets[0].comments]
    keyring, entry, later = host.tickets[0].comments
    assert (keyring.link, entry.link) == (entry.prev, later.prev)
    assert ["robert", "miriam"] == list(database.readers(first.incident))


def test_a_second_report_that_may_mean_a_reader_becomes_an_incident_of_its_own(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="It was Robert, I did not dare to say so."), submission="s1")

    kept_apart(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert own != first.incident == second.incident
    assert_whole(first, host, database)
    assert_whole(replace(second, incident=own), host, database)
    assert [2, 2] == [len(ticket.comments) for ticket in host.tickets]
    assert ["miriam"] == list(database.readers(own))
    assert ("miriam@team.example.org",) == notice(second.inbox_id, own, None, work).addresses


def test_what_comes_later_still_goes_to_the_first_incident(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="It was Robert."), submission="s1")
    kept_apart(second.inbox_id, work)

    third = take_in(make_report(account="It was somebody else."), submission="s1")
    again = take_in(make_report(account="It was Robert."), submission="s1")

    assert first.incident == third.incident
    assert (True, database.delivery(second.inbox_id).incident) == (again.duplicate, again.incident)


@pytest.mark.parametrize("account", ["It was Robert.", "and then it went on"])
def test_a_reader_who_left_the_roster_still_holds_the_key_so_a_report_is_separated(
    take_in: Intake,
    work: Casework,
    database: Database,
    make_report: Callable[..., Report],
    team: Team,
    account: str,
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    team.members = team.members[1:]
    second = take_in(make_report(account=account), submission="s1")

    kept_apart(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert first.incident != own
    assert ["miriam"] == list(database.readers(own))


def test_a_reader_whose_alias_changed_does_not_read_the_report_that_names_them(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report], team: Team
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    renamed = copy(team.members[0])
    renamed.alias = "bob"
    team.members = [renamed, *team.members[1:]]
    team.on_duty, team.names = {"bob", "miriam"}, {**team.names, "bob": ("Robert Kraus",)}
    second = take_in(make_report(account="It was Robert Kraus."), submission="s1")

    kept_apart(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert first.incident != own
    assert ["miriam"] == list(database.readers(own))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 26, 2))
def test_after_a_crash_while_separating_both_tickets_are_whole(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock,
    make_report: Callable[..., Report], at: int, *, after: bool,
) -> None:  # fmt: skip
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="It was Robert."), submission="s1")
    mortal, _ = dying(work, host, at, after=after)

    with suppress(Crash):
        kept_apart(second.inbox_id, mortal)
    for _ in range(3):
        clock.forward(minutes=4)
        with suppress(HostUnknownOutcome, KeptApart):
            open_incident(second.inbox_id, work)

    assert_whole(first, host, database)
    assert_whole(replace(second, incident=database.delivery(second.inbox_id).incident), host, database)
    assert 2 == len(host.tickets)


def test_nobody_reads_a_first_report_whom_a_later_version_names_that_waits_too(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report]
) -> None:
    """The ticket space was frozen, say, when both came."""
    first = take_in(make_report(subject="one of you", account="One of you shouted at me."), submission="s1")
    second = take_in(make_report(subject="Robert Kraus", do_not_show="Robert"), submission="s1")

    open_incident(first.inbox_id, work)
    open_incident(second.inbox_id, work)

    assert ["miriam"] == list(database.readers(first.incident))
    assert first.incident == database.delivery(second.inbox_id).incident


def test_who_was_named_first_does_not_read_what_is_kept_apart_because_it_names_somebody_else(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(make_report(subject="Robert Kraus", account="He shouted at me."), submission="s1")
    open_incident(first.inbox_id, work)
    assert ["miriam"] == list(database.readers(first.incident))
    second = take_in(
        make_report(subject="as before", account="I forgot: Miriam stood by and laughed."), submission="s1"
    )

    kept_apart(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert [] == list(database.readers(own))
    assert ("paper@board.example.org",) == notice(second.inbox_id, own, None, work).addresses


@pytest.mark.parametrize("waits", [False, True])
def test_who_was_named_in_between_does_not_read_the_next_version(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report], *, waits: bool
) -> None:
    first = take_in(make_report(account="Somebody shouted at me."), submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="It was Robert."), submission="s1")
    with pytest.raises(KeptApart):
        open_incident(second.inbox_id, work)
    if not waits:
        open_incident(second.inbox_id, work)
    third = take_in(make_report(account="As I wrote, and it happened again."), submission="s1")

    kept_apart(third.inbox_id, work)

    assert ["miriam"] == list(database.readers(database.delivery(third.inbox_id).incident))


def test_an_attempt_that_keeps_a_report_apart_writes_nothing_under_the_lock_of_the_incident_it_came_for(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    open_incident(take_in(submission="s1").inbox_id, work)
    second = take_in(make_report(account="It was Robert."), submission="s1")
    locks = Locks(database._engine)
    host.calls.clear()

    assert "kept-apart" == attempt(second.inbox_id, work, database, locks)

    job = database.job(second.inbox_id)
    assert [] == host.calls
    assert (1, 1, "waiting") == (job.attempts, job.waits, job.state)
    assert [job.inbox_id] == [one.inbox_id for one in database.due_jobs(work.clock.now(), limit=10)]
    with locks.held(f"incident {job.incident}", "The test works on it."):
        assert "busy" == attempt(second.inbox_id, work, database, locks)
    assert "done" == attempt(second.inbox_id, work, database, locks)
    assert 2 == len(host.tickets)


@pytest.mark.parametrize("recovery", [True, False])
def test_what_is_kept_apart_is_read_by_a_reader_off_duty_if_nobody_on_duty_read_the_other_version(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report], team: Team,
    *, recovery: bool,
) -> None:  # fmt: skip
    charlie = generate_identity("charlie")
    team.members += [charlie]
    team.names |= {"charlie": ("Charlie Vance",)}
    if not recovery:
        team.recovery = []
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    team.on_duty = {"charlie"}
    second = take_in(make_report(account="It was Robert."), submission="s1")

    kept_apart(second.inbox_id, work)

    assert ["miriam"] == list(database.readers(database.delivery(second.inbox_id).incident))
