"""A second report on an incident is its next entry, unless it may mean a reader: then it gets an incident of its own."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident
from integration.errors import HostUnknownOutcome
from integration.notices import notice
from tests.server.casework.interrupted import Crash, dying
from tests.server.casework.whole import assert_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


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

    open_incident(second.inbox_id, work)

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
    open_incident(second.inbox_id, work)

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

    open_incident(second.inbox_id, work)

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

    open_incident(second.inbox_id, work)

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
        open_incident(second.inbox_id, mortal)
    for _ in range(3):
        clock.forward(minutes=4)
        with suppress(HostUnknownOutcome):
            open_incident(second.inbox_id, work)

    assert_whole(first, host, database)
    assert_whole(replace(second, incident=database.delivery(second.inbox_id).incident), host, database)
    assert 2 == len(host.tickets)
