"""Lets a stand-in make only so many things, and then something happens: how a host is stopped within a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github_refusal import Refused
from sandbox.jira_refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.rehearsal import HostName
    from tests.faults.world import FaultWorld


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
