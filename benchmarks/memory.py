"""Memory of the server at rest and after 1,000 deliveries, beside the Node servers of benchmarks/peers.

Run it: ``make bench-memory``. Resident memory of the one process, as the kernel counts it (VmRSS), some seconds after
the start and some seconds after the last answer. Ours is the whole `coc-server serve`: intake, the members' door,
durable jobs and both hosts' clients, whose jobs find their host away. The peers only take deliveries in.
"""

from __future__ import annotations

import secrets
import tempfile
import time
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


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="coc-bench-") as temporary:
        folder, secret, port = Path(temporary), secrets.token_urlsafe(24), free_port()
        with playground(folder / "server", service_port=port) as world:
            pass  # only its files are wanted: both hosts are away from here on
        serve = [*python("webhook_server.cli"), "serve", "--config", str(world.config_path)]
        log = folder / "server.log"
        found = {"coc-server serve": sizes(running(serve, port, log), "/in/form-jira", world.form_secret)}
        for kind in ("octokit", "probot", "storing") if node_is_there() else ():
            found[f"Node: {kind}"] = sizes(peer(kind, folder, secret), "/hook", secret)
    (ours, _) = found["coc-server serve"]
    table = Table(
        "process", "after the start, MB", f"after {_DELIVERIES:,} deliveries, MB", "start, ratio to ours"
    )
    for name, (first, then) in found.items():
        table.add_row(name, f"{first:.0f}", f"{then:.0f}", f"{first / ours:.2f}")
    Console(width=110).print(table)
    if not node_is_there():
        print("Node peers: not run (make bench-peers installs them; it needs Node 20 or newer).")


def sizes(server: AbstractContextManager[Running], path: str, secret: str) -> tuple[float, float]:
    """Megabytes after the start, and after the deliveries."""
    with server as up:
        time.sleep(_REST)
        first = up.memory_mb()
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
        return first, up.memory_mb()


if __name__ == "__main__":
    main()
