"""Acknowledged deliveries a second and how long the slowest wait, beside Node servers and the machine's limits.

Run it: ``make bench-acks`` (and before it ``make bench-peers``, once, for the Node columns). Every server is up from
the beginning, each in a process of its own on core 0; the load is on core 1. They take turns of two seconds, and all
but the one whose turn it is are stopped (SIGSTOP), so that none works on another's time. Each figure is the median of
the rounds, each ratio the median of the ratios within a round. At the end every database is counted: it must hold
exactly the deliveries that were acknowledged.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.deliveries import BODY_BYTES
from benchmarks.load import Load
from benchmarks.servers import (
    LOAD_CORE,
    SERVER_CORE,
    Running,
    free_port,
    node_is_there,
    on_core,
    peer,
    python,
    running,
)
from sandbox.playground import playground

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBOT = "Probot, stores nothing"
OURS = "coc-mirror, sealed and durable"
STORING = "octokit + better-sqlite3, durable"
ONE_COMMIT = "coc-mirror, one commit each"
BARE = "bare WSGI answer"
CONNECTIONS = (1, 16, 64)
_SECONDS = 2.0
_SYNCED_BYTES = 14_000
"""About what one sealed delivery adds to the database's log."""


@dataclass(frozen=True)
class Turn:
    """What came of one turn; and processor time of the server for each delivery, in microseconds."""

    load: Load
    cpu_us: float


@dataclass
class Contender:
    """One column: how its server is reached, and where it stores."""

    name: str
    path: str
    secret: str = field(repr=False)
    running: Running
    database: Path | None = None
    counting: str = ""
    load_core: int | None = LOAD_CORE
    acknowledged: int = 0

    def turn(self, connections: int, seconds: float) -> Turn:
        """Let it work for some seconds, with a load process on the other core."""
        self.running.signal(signal.SIGCONT)
        before = self.running.cpu_seconds()
        try:
            ran = subprocess.run(
                on_core(self.load_core, [*python("benchmarks.load"), str(self.running.port), self.path,
                 str(connections), str(seconds), secrets.token_hex(4)]),
                stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, "WEBHOOK_SECRET": self.secret},
            )  # fmt: skip
        finally:
            self.running.signal(signal.SIGSTOP)
        if ran.returncode:
            raise SystemExit(
                f"{self.name} did not answer {connections} connection(s); nothing of this run counts."
            )
        load = Load(**json.loads(ran.stdout))
        self.acknowledged += load.acknowledged
        if load.refused:
            raise SystemExit(f"{self.name} refused {load.refused} deliveries; nothing of this run counts.")
        return Turn(load, 1e6 * (self.running.cpu_seconds() - before) / load.acknowledged)

    def stored(self) -> int | None:
        """How many deliveries its database holds; ``None`` if it has none."""
        if self.database is None:
            return None
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            (count,) = connection.execute(self.counting).fetchone()
        finally:
            connection.close()
        return int(count)


Figures = dict[tuple[str, int], list[Turn]]


def main() -> None:
    """Measure and print; exit 1 if a database does not hold what was acknowledged."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=_SECONDS)
    parser.add_argument("--only", nargs="*", help="words; only servers whose name has one of them")
    parser.add_argument(
        "--jobs", action="store_true", help="also coc-server serve whose jobs knock at hosts that are away"
    )
    parser.add_argument("--any-core", action="store_true", help="let servers and load share all cores")
    parser.add_argument("--connections", type=int, nargs="*", default=CONNECTIONS)
    options = parser.parse_args()
    before = os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server stays behind, stopped
    with tempfile.TemporaryDirectory(prefix="coc-bench-") as temporary, ExitStack() as stack:
        contenders = start(
            Path(temporary), stack, options.only or [], jobs=options.jobs, any_core=options.any_core
        )
        figures, synced = measure(
            contenders, Path(temporary), options.connections, options.rounds, options.seconds
        )
        wrong = show(contenders, figures, synced, options.connections)
    print(f"Load average {before:.1f} before, {os.getloadavg()[0]:.1f} after. Body {BODY_BYTES:,} bytes.")
    if not node_is_there():
        print("Node peers: not run (make bench-peers installs them; it needs Node 20 or newer).")
    sys.exit(1 if wrong else 0)


def start(
    folder: Path, stack: ExitStack, only: Sequence[str], *, jobs: bool, any_core: bool
) -> list[Contender]:
    """Start every server that can run here; each is stopped until its turn."""
    contenders: list[Contender] = []
    server_core, load_core = (None, None) if any_core else (SERVER_CORE, LOAD_CORE)

    def wanted(name: str) -> bool:
        return not only or any(word in name for word in only)

    def ours(name: str, command: Sequence[str], *, stores: bool = True) -> None:
        if not wanted(name):
            return
        port, home = free_port(), folder / f"server-{len(contenders)}"
        with playground(home, service_port=port) as world:
            pass  # only its files are wanted: both hosts are away from here on
        server = stack.enter_context(
            running([*command, str(world.config_path)], port, home / "server.log", core=server_core)
        )
        contenders.append(
            Contender(
                name, "/in/form-jira", world.form_secret, server, home / "coc.sqlite" if stores else None,
                "SELECT count(*) FROM inbox", load_core,
            )
        )  # fmt: skip

    def theirs(name: str, kind: str, *, stores: bool = False) -> None:
        if not wanted(name) or not node_is_there():
            return
        secret, database = secrets.token_urlsafe(24), folder / f"{kind}.sqlite" if stores else None
        server = stack.enter_context(peer(kind, folder, secret, core=server_core))
        contenders.append(
            Contender(name, "/hook", secret, server, database, "SELECT count(*) FROM delivery", load_core)
        )

    theirs("octokit, stores nothing", "octokit")
    theirs(PROBOT, "probot")
    theirs(STORING, "storing", stores=True)
    ours(OURS, python("benchmarks.door", "quiet"))
    if jobs:
        ours("coc-server serve, hosts away", python("webhook_server.cli", "serve", "--config"))
    ours(ONE_COMMIT, python("benchmarks.door", "one-commit"))
    ours(BARE, python("benchmarks.door", "bare"), stores=False)
    for one in contenders:
        one.running.signal(signal.SIGSTOP)
        stack.callback(
            one.running.signal, signal.SIGCONT
        )  # a stopped process does not hear that it should end
    return contenders


def measure(
    contenders: Sequence[Contender], folder: Path, connections: Sequence[int], rounds: int, seconds: float
) -> tuple[Figures, list[float]]:
    """Let the servers take turns; also how often a second this disk keeps what one delivery adds."""
    figures: Figures = defaultdict(list)
    synced: list[float] = []
    for one in contenders:  # Node compiles what runs often, SQLite makes its files
        one.turn(16, seconds)
    for count in connections:
        for number in range(rounds):
            synced.append(sync_rate(folder / "synced"))
            turn = number % len(contenders)
            for one in (*contenders[turn:], *contenders[:turn]):
                figures[one.name, count].append(one.turn(count, seconds))
    return figures, synced


def sync_rate(path: Path, seconds: float = 0.5) -> float:
    """Appends a second, each forced to the disk."""
    block, count = b"x" * _SYNCED_BYTES, 0
    with path.open("wb", buffering=0) as file:
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            file.write(block)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - began)


def show(
    contenders: Sequence[Contender], figures: Figures, synced: Sequence[float], connections: Sequence[int]
) -> list[str]:
    """Print the tables; gives back the names of those whose database does not hold what was acknowledged."""
    console = Console(width=130)
    base = PROBOT if any(one.name == PROBOT for one in contenders) else contenders[0].name
    for count in connections:
        table = Table(
            title=f"{count} connection(s); ratios to {base!r} in the same round", title_justify="left"
        )
        for head in (
            "server",
            "a second",
            "ratio",
            "p50 ms",
            "p99 ms",
            "p99 ratio",
            "CPU µs each",
            "CPU ratio",
        ):
            table.add_column(head, justify="left" if head == "server" else "right")
        for one in contenders:
            pairs = list(zip(figures[one.name, count], figures[base, count], strict=True))
            table.add_row(
                one.name,
                f"{median(turn.load.rate for turn, _ in pairs):,.0f}",
                f"{median(turn.load.rate / other.load.rate for turn, other in pairs):.2f}",
                f"{median(turn.load.p50_ms for turn, _ in pairs):.1f}",
                f"{median(turn.load.p99_ms for turn, _ in pairs):.1f}",
                f"{median(turn.load.p99_ms / other.load.p99_ms for turn, other in pairs):.1f}",
                f"{median(turn.cpu_us for turn, _ in pairs):,.0f}",
                f"{median(turn.cpu_us / other.cpu_us for turn, other in pairs):.2f}",
            )
        console.print(table)
    busiest = max(turn.load.client_busy for turns in figures.values() for turn in turns)
    console.print(
        f"This disk keeps {median(synced):,.0f} appends of {_SYNCED_BYTES:,} bytes a second, fdatasync after each. "
        f"The load client was busy for at most {busiest:.0%} of a turn."
    )
    wrong = []
    for one in contenders:
        stored = one.stored()
        if stored is not None:
            console.print(f"{one.name}: acknowledged {one.acknowledged:,}, stored {stored:,}")
            if stored != one.acknowledged:
                wrong.append(one.name)
    if wrong:
        console.print(f"[red]Not what was acknowledged: {', '.join(wrong)}[/]")
    return wrong


if __name__ == "__main__":
    main()
