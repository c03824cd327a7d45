"""How long GitHub's limits make a flood of reports, on a simulated clock: nobody is asked, nothing is waited for.

Run it: ``make bench``. It asks the same budget that the server asks, for the requests of one opening after another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from integration.errors import BudgetSpent
from integration.github.turns import PACE
from sandbox.rehearsal import SetClock
from webhook_server.store import tables as t
from webhook_server.store.budget import SharedBudget

if TYPE_CHECKING:
    from datetime import timedelta

SHOWN = (5, 35, 100, 1000)
OPENING = (1, 6, 6, 1)
"""New contents in each of GitHub's requests: the ticket; six steps; five steps and a comment; a comment."""


def main() -> None:
    """Simulate and print."""
    table = Table("GitHub counts", "writes an incident", *(f"{number:,} incidents" for number in SHOWN))
    for counted, requests in (
        ("what a request creates (we do)", OPENING),
        ("requests", (1,) * len(OPENING)),
    ):
        times = finished(requests)
        table.add_row(counted, str(sum(requests)), *(_words(times[number - 1]) for number in SHOWN))
    Console(width=110).print(table)


def finished(requests: tuple[int, ...]) -> list[timedelta]:
    """When each incident is written, if nothing but the budget takes time."""
    clock = SetClock()
    begun = clock.now()
    engine = sa.create_engine("sqlite://")
    t.metadata.create_all(engine, tables=[t.host_write])
    budget = SharedBudget(engine, clock)
    times = []
    for _ in range(max(SHOWN)):
        for writes in requests:
            _wait(budget, clock, writes)
        budget.forget(clock.now())
        times.append(clock.now() - begun)
    return times


def _wait(budget: SharedBudget, clock: SetClock, writes: int) -> None:
    while True:
        try:
            wait = budget.reserve("github:acme", PACE, writes)
        except BudgetSpent as spent:
            clock.forward(seconds=spent.after or 0)
        else:
            clock.forward(seconds=wait)
            return


def _words(time: timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes else f"{time.total_seconds():.0f} s"


if __name__ == "__main__":
    main()
