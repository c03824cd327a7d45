"""Kill the server again and again under load, then look whether anything was lost or is there twice.

    python -m tests.faults.soak --kills 1000 [--postgres [--servers 2]]

prints one table, and exits with 1 if anything is not as it must be. The tests in CI run short ones.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests import pg
from tests.faults.form_tool import FormTool
from tests.faults.verdict import Verdict, half_made, verdict, wait_until_done, whole_tickets
from tests.faults.world import Nursery, fault_world, lives_of, running_nursery, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration.diary.keys import Identity
    from tests.leaks.conftest import Canary

SPEED = 60.0
"""A minute passes in a second: the five minutes after which "not there" is believed are five seconds."""

SEARCH_LAG = timedelta(seconds=90)
KILLED = -9
_WORK, _LONGEST_LIFE = 1.5, 5.0
"""Seconds. A server is killed at a moment drawn evenly between its start and what a start takes and these besides:
some never come to listen, the others die at work, on a slow machine too."""

_MOST_WAITING = 40
"""Submissions that may wait until nobody fills in a form any more."""

_PACE = 4.0
_PATIENCE = 120.0
_SAY_EVERY = 100
_MOST_SHOWN, _LONGEST_SHOWN = 20, 2000


@dataclass
class Count:
    """What a run did and what came of it."""

    seed: int
    servers: int
    kills: int
    in_the_middle: int
    ended_by_themselves: int
    submissions: int
    acknowledged: int
    tries: int
    seconds: float
    verdict: Verdict
    canary: Canary
    log: str

    def rows(self) -> dict[str, object]:
        """For a table."""
        return {
            "seed": self.seed,
            "servers on one database": self.servers,
            "kills (kill -9)": self.kills,
            "restarts": self.kills,
            "kills while a ticket was half made": self.in_the_middle,
            "servers that ended by themselves": self.ended_by_themselves,
            "submissions": self.submissions,
            "posts of the form tool": self.tries,
            "deliveries acknowledged": self.acknowledged,
            "incidents": self.verdict.incidents,
            "reports in diaries": self.verdict.reports,
            "lost": self.verdict.lost,
            "doubles": self.verdict.doubles,
            "still waiting or parked": self.verdict.parked,
            "other things wrong": len(self.verdict.wrong),
            "seconds a kill": f"{self.seconds / max(1, self.kills):.2f}",
        }

    @property
    def wrong(self) -> list[str]:
        """Everything that is not as it must be."""
        by_itself = [f"{self.ended_by_themselves} servers ended by themselves:\n{self.log}"]
        return [*self.verdict.wrong, *(by_itself if self.ended_by_themselves else [])]


def soak(
    folder: Path,
    nursery: Nursery,
    *,
    kills: int,
    seed: int,
    pace: float = _PACE,
    identities: Mapping[str, Identity] | None = None,
    database_url: str | None = None,
    servers: int = 1,
) -> Count:
    """Load, kills, and the verdict; on SQLite, or on the PostgreSQL database that is named.

    Of several ``servers`` on one database each kill takes one at random.
    """
    chance = random.Random(seed)
    began = time.monotonic()
    by_themselves = in_the_middle = 0
    with ExitStack() as stack:
        world = stack.enter_context(
            fault_world(
                folder, speed=SPEED, search_lag=SEARCH_LAG, identities=identities, database_url=database_url
            )
        )
        names = ["server", *(f"server-{number}" for number in range(2, servers + 1))]
        all_servers = [stack.enter_context(lives_of(world, nursery, name)) for name in names]
        server = all_servers[0]
        if os.environ.get("COC_FAULT_UNBUDGETED"):
            world.play.github.limits.hourly_requests = 10**9
        tool = FormTool(
            world, seed=seed, pace=pace, too_many=lambda sent: sent - whole_tickets(world) > _MOST_WAITING
        )
        server.start_until_ready()  # makes the tables
        server.kill()
        before_start = time.monotonic()
        server.start_until_ready()
        for another in all_servers[1:]:
            another.start_until_ready()
        longest_life = min(time.monotonic() - before_start + _WORK, _LONGEST_LIFE)
        tool.start()
        for number in range(1, kills + 1):
            time.sleep(chance.uniform(0, longest_life))
            victim = chance.choice(all_servers)
            by_themselves += victim.kill() != KILLED
            in_the_middle += half_made(world)
            victim.start()
            if number % _SAY_EVERY == 0:
                sys.stderr.write(f"{number} kills, {tool.acknowledged} deliveries acknowledged\n")
        took = time.monotonic() - began
        tool.finish()
        waiting = wait_until_done(server.says, seconds=_PATIENCE)
        wait_for(world.is_ready, "the last server's start", seconds=_PATIENCE)
        found = verdict(world, tool.submissions, waiting=waiting)
        found.wrong += tool.refused
        by_themselves += sum(one.kill() != KILLED for one in all_servers)
        return Count(
            seed=seed, servers=servers, kills=kills, in_the_middle=in_the_middle, ended_by_themselves=by_themselves, submissions=len(tool.submissions),
            acknowledged=tool.acknowledged, tries=tool.tries, seconds=took, verdict=found, canary=world.canary,
            log=world.log_tail(),
        )  # fmt: skip


def main() -> None:
    """The long run. Without budgets: that they are kept is tested elsewhere, and they would make it take days."""
    os.environ["COC_FAULT_UNBUDGETED"] = "1"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument(
        "--pace", type=float, default=_PACE, help="mean pause of each of the four forms, in seconds"
    )
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL that is started for it")
    parser.add_argument("--servers", type=int, default=1, help="so many on one database; needs --postgres")
    arguments = parser.parse_args()
    if arguments.servers > 1 and not arguments.postgres:
        parser.error("several servers need --postgres")
    console = Console(highlight=False)
    console.print(f"{arguments.kills} kills, seed {arguments.seed}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coc-soak-")))
        nursery = stack.enter_context(running_nursery())
        url = None
        if arguments.postgres:
            binaries = pg.programs()
            if binaries is None:
                parser.error("PostgreSQL's programs are not on this machine; make needs installs them")
            url = stack.enter_context(stack.enter_context(pg.running(binaries)).fresh_database())
        count = soak(
            folder / "server", nursery, kills=arguments.kills, seed=arguments.seed, pace=arguments.pace,
            database_url=url, servers=arguments.servers,
        )  # fmt: skip
    table = Table(show_header=False)
    for name, value in count.rows().items():
        table.add_row(name, str(value))
    console.print(table)
    for one in count.wrong[:_MOST_SHOWN]:
        console.print(one[:_LONGEST_SHOWN], markup=False)
    sys.exit(1 if count.wrong else 0)


if __name__ == "__main__":
    main()
