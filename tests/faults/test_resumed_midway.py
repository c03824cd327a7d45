"""Seven of eleven steps made, then kill -9: after the restart exactly eleven, each once and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.github_state import Refused
from sandbox.jira_refusal import Refusal
from tests.faults.form_tool import FormTool
from tests.faults.soak import SPEED
from tests.faults.verdict import tickets, verdict, wait_until_done
from tests.faults.world import fault_world, kill_group, lives_of, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.keys import Identity
    from sandbox.rehearsal import HostName
    from tests.faults.world import FaultWorld, Nursery

HOSTS: list[HostName] = ["jira", "github"]


class Gate:
    """Stands before what writes to a stand-in: lets so many through, then something happens and no more come."""

    def __init__(self, *, lets: int, then: Callable[[], None], refusal: Exception) -> None:
        self._left = lets
        self._then = then
        self._refusal = refusal
        self.open = False
        self.reached = False

    def before(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """The same write, through this gate."""

        def through(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
            if not self.open and not self._left:
                raise self._refusal  # the host did not get so far
            made = write(*args, **kwargs)
            if not self.open:
                self._left -= 1
                if not self._left:
                    self._then()
                    self.reached = True
            return made

        return through


def gate(world: FaultWorld, host: HostName, *, lets: int, then: Callable[[], None]) -> Gate:
    """The gate of one host: before tickets, steps and comments."""
    if host == "jira":
        made = Gate(lets=lets, then=then, refusal=Refusal(502))
        issues, comments = world.play.jira.issues, world.play.jira.comments
        issues.create = made.before(issues.create)  # type: ignore[method-assign]
        comments.add = made.before(comments.add)  # type: ignore[method-assign]
    else:
        made = Gate(lets=lets, then=then, refusal=Refused(502, "Bad gateway"))
        actions = world.play.github.actions
        actions.create_issue = made.before(actions.create_issue)  # type: ignore[method-assign]
        actions.comment = made.before(actions.comment)  # type: ignore[method-assign]
    return made


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
