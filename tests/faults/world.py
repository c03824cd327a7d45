"""A whole world with a real server in it: stand-ins on loopback in this process, `coc-server serve` in another.

:class:`FaultWorld` says where everything is; a :class:`ServerProcess` is the command as anybody would start it,
a :class:`Nursery` starts the same in less time, for those who kill it a thousand times.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from desk.service import Service
from integration.incident import Alias
from sandbox.playground import Playground, playground
from tests.faults.quick_clock import QuickClock, WrongClock
from tests.faults.searched import SearchedJournal
from tests.leaks.conftest import Canary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from integration.diary.keys import Identity

ROOT = Path(__file__).resolve().parents[2]
READER = "robert"
"""A member on duty, so that every diary is his to read."""

_PATIENCE = 60
_RUNS_ON_LOOPBACK = {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}


@dataclass
class FaultWorld:
    """The playground, its clock (and the server's, which may be wrong), and a canary that stands in every report."""

    play: Playground
    clock: QuickClock
    server_clock: WrongClock
    canary: Canary
    standard_secret: str = field(repr=False)
    journals: Mapping[str, SearchedJournal] = field(default_factory=dict)
    doors: list[str] = field(default_factory=list)
    """Addresses of the servers, to which form tools post in turn as through a load balancer."""

    @property
    def log(self) -> Path:
        """What all lives of the server said."""
        return self.play.folder / "server.log"

    def desk(self) -> Service:
        """The desk of a cleared member, as far as it asks the service; a desk must have the service's time."""
        identity = self.play.identities[READER]
        return Service(origin=self.play.origin, alias=Alias(READER), signer=identity, clock=self.server_clock)

    def is_ready(self) -> bool:
        """Whether the first server answers that it is."""
        return answers_ready(self.play.origin)

    def log_tail(self) -> str:
        """The end of the server's log, for a failing test."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:] if self.log.exists() else ""


@contextmanager
def fault_world(
    folder: Path,
    *,
    speed: float = 1.0,
    search_lag: timedelta | None = None,
    database_url: str | None = None,
    identities: Mapping[str, Identity] | None = None,
) -> Iterator[FaultWorld]:
    """Stand-ins and a configuration with four forms: Typeform and Standard Webhooks, to Jira and to GitHub.

    Args:
        folder: for keys, configuration, databases and log.
        speed: how many times as fast as real time the world's clock runs.
        search_lag: how late Jira's search is, by that clock.
        database_url: a PostgreSQL database, for ours and the engine's tables; SQLite if left out.
        identities: as in :func:`sandbox.playground.playground`.
    """
    clock = QuickClock(time.time(), speed)
    with playground(
        folder,
        now=clock.now,
        search_lag=search_lag,
        service_port=free_port(),
        database_url=database_url,
        identities=identities,
    ) as play:
        canary = Canary()
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
        _write_secret(folder / "standard.secret", secret)
        config = play.config_path.read_text(encoding="utf-8")
        for host in ("jira", "github"):
            config += (
                f'\n[sources.signed-{host}]\nreader = "generic"\nsecret_files = ["standard.secret"]\n'
                f'space = "in-{host}"\ntype_question = "what_is_it"\n'
                'conflict_answers = ["A disagreement we need help with"]\n'
                f'\n[sources.signed-{host}.questions]\nwhat_happened = "account"\nwho_reports = "reporter"\n'
            )
        play.config_path.write_text(config, encoding="utf-8")
        server_clock = WrongClock(clock, folder / "clock-is-wrong-by")
        server_clock.put(hours=0)
        world = FaultWorld(play, clock, server_clock, canary, secret, doors=[play.origin])
        world.journals = {name: SearchedJournal(name, canary) for name in ("jira", "github")}
        play.jira.wire.journal = world.journals["jira"]
        play.github.wire.journal = world.journals["github"]
        yield world


class ServerProcess:
    """`coc-server serve`, started as a command. ``through`` is a program with arguments that starts it in its turn."""

    def __init__(
        self,
        world: FaultWorld,
        *,
        config: Path | None = None,
        origin: str | None = None,
        name: str = "server",
        through: Sequence[str] = (),
    ) -> None:
        self.world = world
        self.origin = origin or world.play.origin
        serve = [
            sys.executable,
            "-m",
            "webhook_server.cli",
            "serve",
            "--config",
            config or world.play.config_path,
            "--name",
            name,
        ]
        with world.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*through, *map(str, serve)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
                env={**os.environ, **_RUNS_ON_LOOPBACK}, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """The process, and its group."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone, by itself or not."""
        return self._process.poll() is not None

    def wait_until_ready(self) -> ServerProcess:
        """Return when it answers; with what it said if it ends instead."""
        wait_for(lambda: self.ended or self._answers(), "the server's start", seconds=_PATIENCE)
        if self.ended:
            raise AssertionError(f"coc-server did not start:\n{self.world.log_tail()}")
        return self

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.origin}/health/live", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """Kill -9 for the whole group; returns when it is gone."""
        kill_group(self.pid)
        self._process.wait()

    @property
    def code(self) -> int | None:
        """With which code it ended; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask it to stop, as an operator does."""
        if not self.ended:
            self._process.terminate()
            try:
                self._process.wait(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def serving_process(world: FaultWorld, **how: Any) -> Iterator[ServerProcess]:  # noqa: ANN401 - as ServerProcess
    """A server that answers, until the block is left."""
    process = ServerProcess(world, **how)
    try:
        yield process.wait_until_ready()
    finally:
        process.kill()


class Nursery:
    """A process that starts servers by fork, for any number of worlds; see tests/faults/nursery.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **_RUNS_ON_LOOPBACK},
            start_new_session=True,  # what ends the tests must not end it before it has cleaned up
        )  # fmt: skip

    def ask(self, **told: object) -> int:
        """Tell it one thing; its answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("the nursery cannot be asked")
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()


class Lives:
    """A world's server in one life after the other, on the world's clock. Others may kill it too."""

    def __init__(
        self, world: FaultWorld, nursery: Nursery, name: str = "server", *, apart: bool = False
    ) -> None:
        """``name`` of any server but the first: it has the same keys, roster and database, and a port of its own.

        ``apart``: as on another machine, so in a folder of its own with copies of all but the inbox keys.
        """
        self._world = world
        self._nursery = nursery
        self._name = name
        self.door, self._config = world.play.origin, world.play.config_path
        if name != "server":
            self.door, self._config = another_door(world, name, apart=apart)
        self._alive = False
        self._said = 0
        self.pid = 0

    def start(self) -> None:
        """Start a server; it has done nothing yet when this returns."""
        self.pid = self._run(self._world.log, "serve", "--name", self._name)
        self._alive = True

    def start_until_ready(self) -> None:
        """Start a server and return when it answers."""
        self.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when it answers."""
        wait_for(lambda: answers_ready(self.door), "the server's start", seconds=_PATIENCE)

    def kill(self) -> int:
        """Kill -9 for its whole group; returns, with how it ended, when it is gone."""
        self._alive = False
        return self._nursery.ask(do="kill", child=self.pid)

    def says(self, *arguments: str) -> str:
        """What another `coc-server` command prints; it must succeed."""
        self._said += 1
        output = self._world.play.folder / f"said-{self._said}"
        code = self._nursery.ask(do="wait", child=self._run(output, *arguments))
        said = output.read_text(encoding="utf-8")
        if code:
            raise AssertionError(f"coc-server {' '.join(arguments)}: exit {code}: {said[-500:]}")
        return said

    def close(self) -> None:
        """Kill what is alive."""
        if self._alive:
            self.kill()

    def _run(self, output: Path, *arguments: str) -> int:
        world = self._world
        return self._nursery.ask(
            do="run", arguments=[*arguments, "--config", str(self._config)], output=str(output),
            base=world.clock.base, speed=world.clock.speed, offset=str(world.server_clock.file),
        )  # fmt: skip


@contextmanager
def running_nursery() -> Iterator[Nursery]:
    """A nursery until the block is left."""
    made = Nursery()
    try:
        yield made
    finally:
        made.close()


@contextmanager
def lives_of(
    world: FaultWorld, nursery: Nursery, name: str = "server", *, apart: bool = False
) -> Iterator[Lives]:
    """One of a world's servers, killed for good when the block is left."""
    made = Lives(world, nursery, name, apart=apart)
    try:
        yield made
    finally:
        made.close()


def another_door(world: FaultWorld, name: str, *, apart: bool = False) -> tuple[str, Path]:
    """Where another server of the same world listens, and its configuration. Desks sign for the same origin."""
    door = f"127.0.0.1:{free_port()}"
    here = world.play.folder
    config = here / name / "coc-server.toml" if apart else here / f"{name}.toml"
    text = world.play.config_path.read_text(encoding="utf-8")
    listen = f'listen = "{world.play.origin.removeprefix("http://")}"'
    if listen not in text:
        raise AssertionError("the configuration does not say where to listen")
    own = f'listen = "{door}"'
    if apart:
        config.parent.mkdir(mode=0o700)
        for file in (
            *here.glob("*.key"),
            *here.glob("*.secret"),
            *here.glob("*.token"),
            *here.glob("roster*"),
        ):
            shutil.copy(file, config.parent)
        own += f'\ninbox_keys = "{here / "inbox-keys"}"'
    config.write_text(text.replace(listen, own), encoding="utf-8")
    world.doors.append(f"http://{door}")
    return f"http://{door}", config


def answers_ready(door: str) -> bool:
    """Whether a server answers that it is ready."""
    try:
        return requests.get(f"{door}/health/ready", timeout=2).ok
    except requests.RequestException:
        return False


def kill_group(leader: int) -> None:
    """Kill -9 for a process group that we started; it may be gone already."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_for(true: Callable[[], bool], what: str, *, seconds: float, every: float = 0.05) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it is not after that long; the bound is for what never comes, not for slow machines.
    """
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not after {seconds:g} seconds")
        time.sleep(every)


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_secret(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content, encoding="ascii")
