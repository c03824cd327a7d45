"""With the hosts' limits switched on: our own budget keeps us within them, and without it their refusals are obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import BudgetSpent, HostError, HostLimited
from sandbox.form import NOAHS_REPORT
from sandbox.playground import playground
from sandbox.rehearsal import Server, SetClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.diary.keys import Identity

REPORTS = 7
"""Ninety-eight writes: more than GitHub takes in a minute."""


@pytest.fixture
def budgeted(tmp_path: Path, identities: dict[str, Identity]) -> Iterator[Server]:
    """A server that keeps to the budget; its waits move the clock of both sides."""
    clock = SetClock()
    with playground(tmp_path / "server", now=clock.now, identities=identities) as world:
        made = Server(world, clock, budgeted=True)
        yield made
        made.close()


def limits_on(server: Server) -> None:
    limits = server.world.github.limits
    limits.content_per_minute, limits.content_per_hour = 80, 500


def bring_all(server: Server, host: str, inbox_ids: list[str]) -> list[HostError]:
    """Run the jobs, the oldest first, until all are done; what they met on the way."""
    met: list[HostError] = []
    for inbox_id in inbox_ids:
        while not server.parts.database.delivery(inbox_id).finished:
            try:
                server.open(inbox_id)
            except HostError as error:
                if not error.retry:
                    raise
                met.append(error)
                server.clock.forward(seconds=max(error.after or 0, 30))
    for inbox_id in inbox_ids:
        shown = server.shown("github" if host == "github" else "jira", server.incident_of(inbox_id).id)
        assert (1, 11, [(1, 1), (2, 1)]) == (shown.tickets, len(shown.steps), shown.comments)
    return met


def refused(server: Server) -> list[int]:
    wires = (server.world.github.wire, server.world.jira.wire)
    return [one.status for wire in wires for one in wire.journal if one.status in {403, 429} and one.is_write]


def test_within_the_budget_github_refuses_nothing(budgeted: Server) -> None:
    limits_on(budgeted)
    ids = [budgeted.report("github", NOAHS_REPORT) for _ in range(REPORTS)]

    met = bring_all(budgeted, "github", ids)

    assert [] == refused(budgeted)
    assert {BudgetSpent} == {type(error) for error in met}


@pytest.mark.parametrize("says_how_long", [True, False])
def test_without_a_budget_githubs_refusals_are_obeyed_and_nothing_is_doubled(
    server: Server, *, says_how_long: bool
) -> None:
    """Where no header says how long, at least a minute."""
    limits_on(server)
    server.world.github.limits.says_how_long = says_how_long
    ids = [server.report("github", NOAHS_REPORT) for _ in range(REPORTS)]

    met = bring_all(server, "github", ids)

    limited = [error.after for error in met if isinstance(error, HostLimited) or error.after]
    assert limited
    assert all(after is not None and after >= 60 for after in limited)


def test_what_github_asks_of_one_process_is_kept_by_the_next(budgeted: Server) -> None:
    """The wish to wait is in the database: a restart does not forget it, and another worker knows it."""
    first, second = (budgeted.report("github", NOAHS_REPORT) for _ in range(2))
    limits = budgeted.world.github.limits
    limits.content_per_minute = 0
    with pytest.raises(HostLimited) as caught:
        budgeted.open(first)
    assert not isinstance(caught.value, BudgetSpent)
    budgeted.restart()
    before = len(budgeted.world.github.wire.journal)

    for inbox_id in (first, second):
        with pytest.raises(BudgetSpent):
            budgeted.open(inbox_id)

    assert before == len(budgeted.world.github.wire.journal), "nothing at all is asked"
    limits.content_per_minute = None
    budgeted.clock.forward(seconds=61)
    bring_all(budgeted, "github", [first, second])


def test_within_the_budget_jira_refuses_nothing(budgeted: Server) -> None:
    ids = [budgeted.report("jira", NOAHS_REPORT) for _ in range(3)]

    assert [] == bring_all(budgeted, "jira", ids)
    assert [] == refused(budgeted)
