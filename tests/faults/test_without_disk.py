"""A disk without room, and a database that may not be written: 503 and nothing else, and nothing kept is lost."""

from __future__ import annotations

import os
import resource
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sandbox.wire import Fault
from tests.faults.form_tool import FORMS, FormTool
from tests.faults.gate import gate
from tests.faults.soak import SPEED
from tests.faults.verdict import verdict, wait_until_done
from tests.faults.world import ServerProcess, fault_world, lives_of, serving_process, wait_for
from webhook_server.goodbye import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.diary.keys import Identity
    from sandbox.rehearsal import HostName
    from tests.faults.world import FaultWorld, Lives, Nursery

_WITHOUT_ROOTS_PRIVILEGE = (
    ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
)
"""Root may write what is read-only; this starts a program for which file modes count."""

_NO_ROOM = 4096  # bytes: a file may not grow beyond, and each of ours is longer already


def fill(pid: int) -> None:
    """No file of this process may be written behind its first page, as on a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (_NO_ROOM, resource.RLIM_INFINITY))


def make_room(pid: int) -> None:
    """The disk is not full any more."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def full_at_the_worst_moment(
    folder: Path, identities: dict[str, Identity], nursery: Nursery, host: HostName
) -> Iterator[tuple[FaultWorld, Lives, FormTool]]:
    """The ticket has just been opened when the disk gets full, so that this cannot be noted; then there is room."""
    with (
        fault_world(folder, speed=SPEED, identities=identities) as world,
        lives_of(world, nursery) as server,
    ):
        server.start_until_ready()
        tool = FormTool(world, seed=1, pace=1)
        door = gate(world, host, lets=1, then=lambda: fill(server.pid))
        kept = tool.submit(f"form-{host}")
        wait_for(lambda: door.reached, "a ticket", seconds=60)

        answers = [tool.try_once(form) for form in FORMS]
        ready = world.is_ready()
        make_room(server.pid)
        door.open = True

        assert [503] * len(FORMS) == answers
        assert [kept] == tool.submissions
        assert not ready, "what is kept can be read, but a report can lie nowhere"
        yield world, server, tool


def test_a_disk_that_gets_full_loses_nothing(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery
) -> None:
    with full_at_the_worst_moment(tmp_path / "server", identities, nursery, "jira") as (world, server, tool):
        tool.submit("signed-jira")  # taken in without a restart
        server.kill()
        server.start_until_ready()
        waiting = wait_until_done(server.says, seconds=90)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong


def test_work_goes_on_by_itself_when_there_is_room(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery
) -> None:
    with full_at_the_worst_moment(tmp_path / "server", identities, nursery, "github") as (
        world,
        server,
        tool,
    ):
        waiting = wait_until_done(server.says, seconds=10)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong


@pytest.mark.parametrize("hangs", [False, True], ids=["idle", "while a host hangs"])
def test_where_the_log_has_no_room_either_it_ends_as_soon_and_as_well(
    tmp_path: Path, identities: dict[str, Identity], *, hangs: bool
) -> None:
    """The operator stops it to make room; a service manager would otherwise kill it, or count it as failed."""
    with fault_world(tmp_path / "server", identities=identities) as world:
        world.log.write_bytes(b"x" * _NO_ROOM + b"\n")
        with serving_process(world) as server:
            if hangs:
                world.play.jira.wire.latency = 25
                FormTool(world, seed=1, pace=1).submit("form-jira")
                time.sleep(2)
            fill(server.pid)
            began = time.monotonic()
            server.stop()
            world.play.jira.wire.latency = 0

            assert time.monotonic() - began < LONGEST + 5
            assert 0 == server.code


@pytest.mark.parametrize("what", ["everything", "coc.sqlite", "engine.sqlite"])
def test_a_database_that_may_not_be_written_loses_nothing(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, what: str
) -> None:
    """The server says so and does not start, or answers 503; what it does acknowledge is kept."""
    folder = tmp_path / "server"
    with fault_world(folder, speed=SPEED, identities=identities) as world, lives_of(world, nursery) as server:
        hosts = (world.play.jira.wire, world.play.github.wire)
        for wire in hosts:
            wire.every = Fault("status", status=503)
        server.start_until_ready()
        tool = FormTool(world, seed=1, pace=1)
        for form in FORMS:
            tool.submit(form)
        server.kill()

        with read_only(folder, what):
            process = ServerProcess(world, through=_WITHOUT_ROOTS_PRIVILEGE)
            wait_for(lambda: process.ended or world.is_ready(), "a start or an end", seconds=60)
            answers = {tool.try_once(form) for form in FORMS if form.startswith("form-")}
            process.kill()

        assert answers <= ({0, 200, 503} if what == "engine.sqlite" else {0, 503})
        if what != "engine.sqlite":
            assert "Traceback" not in world.log.read_text(encoding="utf-8")
        for wire in hosts:
            wire.heal()
        server.start_until_ready()
        waiting = wait_until_done(server.says, seconds=90)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong


def test_a_server_whose_engine_may_not_write_says_so_in_a_sentence(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery
) -> None:
    with fault_world(tmp_path / "server", identities=identities) as world, lives_of(world, nursery) as server:
        server.start_until_ready()
        server.kill()

        with read_only(tmp_path / "server", "engine.sqlite"):
            process = ServerProcess(world, through=_WITHOUT_ROOTS_PRIVILEGE)
            wait_for(lambda: process.ended or world.is_ready(), "a start or an end", seconds=60)
            process.kill()

        assert "Traceback" not in world.log.read_text(encoding="utf-8")


@contextmanager
def read_only(folder: Path, what: str) -> Iterator[None]:
    """One database, or the folder with all in it, may not be written."""
    paths = [*folder.glob("*.sqlite*"), folder] if what == "everything" else [folder / what]
    before = {path: path.stat().st_mode for path in paths}
    for path, mode in before.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in before.items():
            path.chmod(mode)
