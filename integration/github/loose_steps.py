"""A step that was taken off its ticket, or that an attempt cut short never put there, is put there and not made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import HostGone, HostRefused, HostRejected
from integration.github.writing import attach
from integration.host_events import Touched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.github.client import Client
    from integration.github.search import TicketSearch
    from integration.github.writing import Place
    from integration.mirror import MirrorView, StepView, TicketState


class LooseSteps:
    """The sub-issues of one repository that stand under no ticket.

    Args:
        client: the calls.
        search: finds issues by their markers.
    """

    def __init__(self, client: Client, search: TicketSearch) -> None:
        self._client = client
        self._search = search
        self._opened: set[str] = set()

    def none_of(self, number: str) -> None:
        """A ticket was opened a moment ago: it has no steps yet that could stand beside it."""
        self._opened.add(number)

    def put_back(
        self, place: Place, view: MirrorView, lacking: Sequence[StepView], fresh: TicketState | None
    ) -> tuple[StepView, ...]:
        """Put lacking steps under their ticket that stand beside it: the list of issues is read, and one write is made for each.

        Nothing is asked where there can be none: the ticket was opened just now, or its steps were not read, so that those
        which lack were never made. A step that GitHub will not put there counts as not found.

        Returns:
            The steps that must be made.
        """
        steps = tuple(lacking)
        is_new = place.number in self._opened and len(steps) == len(view.steps)
        if steps:
            self._opened.discard(place.number)
        if not steps or is_new or (fresh is not None and Touched.STEPS not in fresh.parts):
            return steps
        beside = self._search.steps_beside(view)
        return tuple(step for step in steps if not self._is_put(place, beside.get(step.key, {}).get("id")))

    def _is_put(self, place: Place, issue_id: object) -> bool:
        if issue_id is None:
            return False
        try:
            attach(self._client, place, issue_id)
        except (HostGone, HostRefused, HostRejected):
            return False
        return True
