"""Seven of eleven steps made, then kill -9: after the restart exactly eleven, each once and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.form_tool import FormTool
from tests.faults.gate import gate
from tests.faults.soak import SPEED
from tests.faults.verdict import tickets, verdict, wait_until_done
from tests.faults.world import fault_world, kill_group, lives_of, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from sandbox.rehearsal import HostName
    from tests.faults.world import Nursery

HOSTS: list[HostName] = ["jira", "github"]


@pytest.mark.parametrize("host", HOSTS)
def test_exactly_eleven_steps_after_a_kill_at_seven(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, host: HostName
) -> None:
    with (
        fault_world(tmp_path / "server", speed=SPEED, identities=identities) as world,
        lives_of(world, nursery) as server,
    ):
        server.start_until_ready()
        door = gate(world, host, lets=1 + 7, then=lambda: kill_group(server.pid))
        tool = FormTool(world, seed=1, pace=1)

        tool.submit(f"form-{host}")
        wait_for(lambda: door.reached, "seven steps", seconds=60)
        server.kill()

        (ticket,) = tickets(world, host)
        assert len(ticket.steps) == 7
        assert [] == ticket.comments

        door.open = True
        server.start_until_ready()
        waiting = wait_until_done(server.says, seconds=60)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong
        (ticket,) = tickets(world, host)
        assert len(ticket.steps) == len(set(ticket.steps)) == 11
