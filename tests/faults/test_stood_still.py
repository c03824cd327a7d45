"""Two servers on one PostgreSQL; one of them stands still, loses its lock, and wakes up when the other has done its work."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.faults.form_tool import FormTool
from tests.faults.verdict import tickets, verdict, wait_until_done
from tests.faults.world import fault_world, lives_of, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.faults.world import FaultWorld, Nursery

_END_SESSIONS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coc-mirror first'"
)


def test_a_machine_that_was_suspended_does_not_write_a_report_a_second_time(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, postgres_url: str
) -> None:
    """As when its virtual machine is paused or moved: PostgreSQL ends its sessions by keepalive, another takes over."""
    with (
        fault_world(tmp_path / "server", identities=identities, database_url=postgres_url) as world,
        lives_of(world, nursery, "first") as first,
        lives_of(world, nursery) as second,
    ):
        first.start_until_ready()
        world.doors[:] = [first.door]
        stopped = stop_when_it_opens_a_ticket(world, first.pid)
        tool = FormTool(world, seed=1, pace=1)
        tool.submit("form-github")
        wait_for(lambda: bool(stopped), "the ticket", seconds=60)
        end_sessions(postgres_url)
        second.start_until_ready()
        try:
            wait_until_done(second.says, seconds=120)
            (ticket,) = tickets(world, "github")
            done = len(ticket.comments)
        finally:
            os.kill(first.pid, signal.SIGCONT)
        wait_for(
            lambda: "state=waiting code=busy" in world.log.read_text(encoding="utf-8"),
            "the end of the try that stood still",
            seconds=60,
        )
        waiting = wait_until_done(second.says, seconds=60)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong
        (ticket,) = tickets(world, "github")
        assert done == len(ticket.comments)


def stop_when_it_opens_a_ticket(world: FaultWorld, pid: int) -> list[int]:
    """From now on: the process stands still before it hears that its ticket is there. Gives whether that has happened."""
    actions, stopped = world.play.github.actions, list[int]()
    create = actions.create_issue

    def stop_then(*args: object, **kwargs: object) -> object:
        made = create(*args, **kwargs)  # type: ignore[arg-type]
        if not stopped:
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)
        return made

    actions.create_issue = stop_then  # type: ignore[method-assign, assignment]
    return stopped


def end_sessions(url: str) -> None:
    """Of the server that stands still, as PostgreSQL does by itself after half a minute."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execute(_END_SESSIONS)
    engine.dispose()
