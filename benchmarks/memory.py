"""Memory and processor of the server at rest, and memory after 1,000 deliveries, beside the Node servers of benchmarks/peers.

Run it: ``make bench-memory``; it takes four minutes. Resident memory of the one process, as the kernel counts it (VmRSS), some
seconds after the start and some seconds after the last answer. Between the two nothing comes in, and the processor time of
half a minute is taken; ours looks for work less often only after two minutes, so it is given these first. Ours is the whole `coc-server serve`: intake, the members' door,
durable jobs and both hosts' clients, whose jobs find their host away. The peers only take deliveries in.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.load import run
from benchmarks.servers import free_port, node_is_there, peer, python, running
from sandbox.playground import playground

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from benchmarks.servers import Running

_DELIVERIES = 1000
_REST = 3.0
_UNTIL_OURS_RESTS = 130.0
_AT_REST = 30.0


@dataclass(frozen=True)
class Sizes:
    """Of one server: megabytes after the start and after the deliveries, and the share of one core that it takes at rest."""

    start_mb: float
    then_mb: float
    core: float


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="coc-bench-") as temporary:
        folder, secret, port = Path(temporary), secrets.token_urlsafe(24), free_port()
        with playground(folder / "server", service_port=port) as world:
            pass  # only its files are wanted: both hosts are away from here on
        serve = [*python("webhook_server.cli"), "serve", "--config", str(world.config_path)]
        log = folder / "server.log"
        found = {
            "coc-server serve": sizes(
                running(serve, port, log), "/in/form-jira", world.form_secret, rest=_UNTIL_OURS_RESTS
            )
        }
        for kind in ("octokit", "probot", "storing") if node_is_there() else ():
            found[f"Node: {kind}"] = sizes(peer(kind, folder, secret), "/hook", secret)
    ours = found["coc-server serve"].start_mb
    table = Table(
        "process",
        "after the start, MB",
        f"after {_DELIVERIES:,} deliveries, MB",
        "start, ratio to ours",
        "of one core at rest",
    )
    for name, one in found.items():
        table.add_row(
            name, f"{one.start_mb:.0f}", f"{one.then_mb:.0f}", f"{one.start_mb / ours:.2f}", f"{one.core:.2%}"
        )
    Console(width=110).print(table)
    if not node_is_there():
        print("Node peers: not run (make bench-peers installs them; it needs Node 20 or newer).")


def sizes(server: AbstractContextManager[Running], path: str, secret: str, *, rest: float = _REST) -> Sizes:
    """Measure one server, which is let be for ``rest`` seconds before its processor time is taken."""
    with server as up:
        time.sleep(_REST)
        first = up.memory_mb()
        time.sleep(rest)
        before = up.cpu_seconds()
        time.sleep(_AT_REST)
        core = (up.cpu_seconds() - before) / _AT_REST
        run(
            up.port,
            path,
            connections=8,
            seconds=3600,
            secret=secret,
            name=secrets.token_hex(4),
            most=_DELIVERIES,
        )
        time.sleep(_REST)
        return Sizes(first, up.memory_mb(), core)


if __name__ == "__main__":
    main()
