"""Starting and stopping the servers of a benchmark, each as a process of its own on one core of the machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

SERVER_CORE, LOAD_CORE = 0, 1
PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[1]
_PATIENCE = 60


@dataclass(frozen=True)
class Running:
    """A server that listens."""

    port: int
    process: subprocess.Popen[bytes]

    def processes(self) -> list[int]:
        """Its process and all that came of it."""
        found = [self.process.pid]
        for one in found:  # grows while it is walked through
            with suppress(OSError):
                found += map(
                    int, Path(f"/proc/{one}/task/{one}/children").read_text(encoding="ascii").split()
                )
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of them; one that has ended meanwhile hears nothing."""
        for one in self.processes():
            with suppress(ProcessLookupError):
                os.kill(one, number)

    def memory_mb(self) -> float:
        """Resident memory, in megabytes (10^6 bytes)."""
        total = 0
        for one in self.processes():
            status = Path(f"/proc/{one}/status").read_text(encoding="ascii").splitlines()
            total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return total * 1024 / 1e6

    def cpu_seconds(self) -> float:
        """Processor time of all its threads since it started, in steps of 10 ms."""
        total = 0
        for one in self.processes():
            after_name = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            total += int(after_name[11]) + int(after_name[12])
        return total / os.sysconf("SC_CLK_TCK")


def node_is_there() -> bool:
    """Whether the Node peers can run: node, and what `make bench-peers` installs."""
    return shutil.which("node") is not None and (PEERS / "node_modules" / "probot").is_dir()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def on_core(core: int | None, command: Sequence[str]) -> list[str]:
    """The command, kept on one core if one is given."""
    return [*(["taskset", "-c", str(core)] if core is not None else []), *command]


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    log: Path,
    *,
    core: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A server, until the block is left.

    Args:
        command: the program and its arguments.
        port: where it will listen.
        log: takes all it writes.
        core: the one core it may use.
        environment: variables beside our own.
    """
    with log.open("wb") as written:
        process = subprocess.Popen(
            on_core(core, command),
            cwd=ROOT,
            stdout=written,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield Running(port, process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def peer(kind: str, folder: Path, secret: str, *, core: int | None = None) -> AbstractContextManager[Running]:
    """A Node server of benchmarks/peers; the one that stores does so in ``folder``."""
    port = free_port()
    return running(
        ["node", "benchmarks/peers/server.mjs", kind, str(port), str(folder / f"{kind}.sqlite")],
        port, folder / f"{kind}.log", core=core, environment={"WEBHOOK_SECRET": secret, "NODE_ENV": "production"},
    )  # fmt: skip


def python(*arguments: str) -> list[str]:
    """A module of ours as a command."""
    return [sys.executable, "-m", *arguments]


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(
        f"a server did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
    )
