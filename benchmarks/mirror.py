"""Incidents mirrored a minute, beside the floor that a host's latency sets; and a burst, mirrored exactly once.

Run it: ``make bench-mirror``. Deliveries come in as fast as they are acknowledged while `coc-server serve` brings
them to a stand-in in another process, which answers 100 ms after it was asked. Then everything is counted there.

The floor: a call takes the delay and no less. Of one ticket space N incidents are brought at once (Jira 4, GitHub 2),
each waiting for one call at a time, so that all calls need at least calls x delay / N. On GitHub, which wants one writer,
the writes stand in a row: at least writes x delay. The larger of both is the floor. Calls and writes are those that were
really counted. ``--deliveries 1000`` takes twenty-five minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.hosts import Seen
from benchmarks.load import Load, run
from benchmarks.servers import ROOT, free_port, python, running
from integration.github.host import AT_ONCE as AT_ONCE_GITHUB
from integration.incident import IncidentType
from integration.jira.host import JiraHost
from integration.process import default_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DELAY = 0.1
_STEPS = len(default_process().route(IncidentType.CONDUCT_ENFORCEMENT))
_SENDERS = 8
AT_ONCE = {"jira": JiraHost.at_once, "github": AT_ONCE_GITHUB}
"""Incidents of one ticket space that are brought to its host at the same time."""


@dataclass(frozen=True)
class Mirrored:
    """One burst on one host."""

    host: str
    deliveries: int
    load: Load
    seconds: float
    cpu_seconds: float
    """Processor time of the server, intake included."""
    seen: Seen
    comments_kept: int
    """Diary comments in the server's database: so many must stand on the host, and each of them once."""

    @property
    def floor(self) -> float:
        """Seconds that the calls need at least."""
        calls, writes = self.seen.calls * _DELAY, self.seen.writes * _DELAY
        return max(calls / AT_ONCE[self.host], writes if self.host == "github" else 0.0)

    @property
    def exactly_once(self) -> bool:
        """Whether the host holds what it should, and nothing twice."""
        seen = self.seen
        return (
            self.load.acknowledged == self.deliveries == seen.tickets
            and seen.steps == self.deliveries * _STEPS
            and seen.comments == self.comments_kept
            and not seen.doubled
        )


def main() -> None:
    """Measure and print; exit 1 if anything is missing on a host, or stands there twice."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--deliveries", type=int, default=300)
    parser.add_argument("--hosts", nargs="*", default=("jira", "github"), choices=("jira", "github"))
    options = parser.parse_args()
    bursts = [burst(host, options.deliveries) for host in options.hosts]
    table = Table(title=f"Bursts with {_DELAY * 1000:.0f} ms for each answer, budgets off")
    for head in ("", *(one.host for one in bursts)):
        table.add_column(head, justify="right" if head else "left")
    for name, value in ROWS.items():
        table.add_row(name, *(value(one) for one in bursts))
    Console(width=110).print(table)
    print(
        f"Load average {os.getloadavg()[0]:.1f}. With budgets on: not measured here, see benchmarks/README.md."
    )
    sys.exit(0 if all(one.exactly_once for one in bursts) else 1)


ROWS: dict[str, Callable[[Mirrored], str]] = {
    "deliveries acknowledged": lambda one: f"{one.load.acknowledged:,}",
    "  a second, while the jobs ran": lambda one: f"{one.load.rate:,.0f}",
    "  p99 ms": lambda one: f"{one.load.p99_ms:,.0f}",
    "mirrored a minute": lambda one: f"{60 * one.deliveries / one.seconds:,.0f}",
    "brought at once": lambda one: str(AT_ONCE[one.host]),
    "calls for each (writes)": lambda one: (
        f"{one.seen.calls / one.deliveries:.1f} ({one.seen.writes / one.deliveries:.1f})"
    ),
    "time in seconds": lambda one: f"{one.seconds:,.1f}",
    "floor of round trips in seconds": lambda one: f"{one.floor:,.1f}",
    "ratio": lambda one: f"{one.seconds / one.floor:.2f}",
    "the server's CPU ms for each": lambda one: f"{1000 * one.cpu_seconds / one.deliveries:,.0f}",
    "tickets, steps, comments there": lambda one: (
        f"{one.seen.tickets:,}, {one.seen.steps:,}, {one.seen.comments:,}"
    ),
    "comments in the database": lambda one: f"{one.comments_kept:,}",
    "twice": lambda one: str(one.seen.doubled),
    "exactly once": lambda one: "yes" if one.exactly_once else "NO",
}


def burst(host: str, deliveries: int) -> Mirrored:
    """Deliver, wait until nothing is left to do, count."""
    with tempfile.TemporaryDirectory(prefix="coc-bench-") as temporary:
        folder, port = Path(temporary) / "server", free_port()
        with _hosts(folder, port) as (ask, secret):
            command = python("benchmarks.door", "mirror", str(folder / "coc-server.toml"))
            with running(command, port, Path(temporary) / "server.log") as server:
                began, cpu = time.monotonic(), server.cpu_seconds()
                load = run(
                    port, f"/in/form-{host}", connections=min(_SENDERS, deliveries), seconds=3600, secret=secret,
                    name=secrets.token_hex(4), most=deliveries,
                )  # fmt: skip
                database = sqlite3.connect(f"file:{folder / 'coc.sqlite'}?mode=ro", uri=True)
                while _count(database, "inbox WHERE state != 'done'"):
                    time.sleep(0.05 if deliveries < 100 else 0.5)
                seconds, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
                kept = _count(database, "comment")
                database.close()
            return Mirrored(host, deliveries, load, seconds, cpu, Seen(**ask()[host]), kept)


@contextmanager
def _hosts(folder: Path, port: int) -> Iterator[tuple[Any, str]]:
    process = subprocess.Popen(
        [*python("benchmarks.hosts"), str(folder), str(port), str(_DELAY)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    asked, answers = _pipe(process.stdin), _pipe(process.stdout)

    def ask() -> Any:  # noqa: ANN401 - JSON
        asked.write("\n")
        asked.flush()
        return json.loads(answers.readline())

    try:
        yield ask, json.loads(answers.readline())["secret"]
    finally:
        asked.close()
        process.terminate()
        process.wait()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _count(database: sqlite3.Connection, what: str) -> int:
    (count,) = database.execute(f"SELECT count(*) FROM {what}").fetchone()  # noqa: S608 - ours
    return int(count)


if __name__ == "__main__":
    main()
