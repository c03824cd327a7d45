"""Tickets and steps of ours, found by their markers in the list of issues: unlike GitHub's search it does not lag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.github.place import ticket_ref
from integration.github.reading import all_issues
from integration.github.seen import SeenIncidents
from integration.github.text import find_marker
from integration.marked import MarkedTicket

if TYPE_CHECKING:
    from integration.github.answers import Json
    from integration.github.client import Client
    from integration.incident import IncidentId
    from integration.mirror import MirrorView, TicketRef
    from integration.process import StepKey


class TicketSearch:
    """Looks for tickets in one repository, and remembers which incidents it has seen there."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seen = SeenIncidents(client)

    def forget(self) -> None:
        """Read the whole list at the next look: something may have been written that did not answer."""
        self._seen.forget()

    def find(self, incident: IncidentId) -> tuple[TicketRef, ...]:
        """Tickets with this incident's marker, oldest first."""
        if not self._seen.may_be_there(incident):
            return ()
        marked = self._marked(incident)
        refs = [ticket_ref(issue, self._client) for issue, step in marked if step is None]
        return tuple(sorted(refs, key=lambda ref: int(ref.id)))

    def marked(self) -> list[MarkedTicket]:
        """Every issue that carries the marker of an incident and of no step."""
        found = []
        for issue in all_issues(self._client):
            mark = find_marker(issue.get("body"))
            if mark is not None and mark.step is None:
                ref = ticket_ref(issue, self._client)
                found.append(MarkedTicket(ref.key, mark.incident, ref.id))
        return found

    def steps_beside(self, view: MirrorView) -> dict[StepKey, Json]:
        """Issues with a step's marker that are under no ticket: left by an attempt that was cut short."""
        return {
            step: issue
            for issue, step in self._marked(view.incident)
            if step is not None and not issue.get("parent_issue_url")
        }

    def _marked(self, incident: IncidentId) -> list[tuple[Json, StepKey | None]]:
        """Issues with the incident's marker, with the step that each stands for."""
        found = []
        for issue in all_issues(self._client):
            mark = find_marker(issue.get("body"))
            if mark is not None and mark.incident == incident:
                found.append((issue, mark.step))
        return found
