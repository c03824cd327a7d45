"""Tickets of ours, found by their labels. Jira's search lags: what it does not show may be there all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.jira import fields
from integration.jira.contents import PAGE
from integration.marked import MarkedTicket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.incident import IncidentId
    from integration.jira.client import JiraClient
    from integration.jira.fields import Json
    from integration.jira.place import TicketPlace
    from integration.jira.space import JiraSpace
    from integration.mirror import TicketRef


NOTHING_NEW = 10
"""Pages in a row without a new ticket, after which a search that names another page will not end. A page may be empty, since
Jira leaves out what the account may not see."""


class TicketSearch:
    """Looks for tickets in one project.

    Args:
        client: the calls.
        space: which project.
        place: says how a ticket that was found is referred to.
    """

    def __init__(self, client: JiraClient, space: JiraSpace, place: TicketPlace) -> None:
        self._client = client
        self._space = space
        self._place = place

    def find(self, incident: IncidentId) -> tuple[TicketRef, ...]:
        """Tickets with the incident's label, oldest first."""
        what = "search for the ticket"
        label = fields.incident_label(incident)
        found: dict[str, TicketRef] = {}
        for ticket in self._search(f'labels = "{label}"', what):
            if fields.has_label(fields.fields_of(ticket), label):
                ref = self._place.ref(ticket, what)
                found[ref.id] = ref
        return tuple(sorted(found.values(), key=lambda ref: int(ref.id)))

    def marked(self) -> list[MarkedTicket]:
        """Tickets with the label of any incident; sub-tasks are left out."""
        what = "list the tickets"
        kind = self._space.issue_type_id
        return [
            MarkedTicket(ref.key, incident, ref.id)
            for ticket in self._search(f'labels = "{fields.LABEL}" AND issuetype = {kind}', what)
            for ref in [self._place.ref(ticket, what)]
            for incident in fields.labelled_incidents(fields.fields_of(ticket))
        ]

    def _search(self, condition: str, what: str) -> Iterator[Json]:
        query: dict[str, str | int] = {
            "jql": f'project = "{self._space.project}" AND {condition}',
            "fields": "labels",
            "maxResults": PAGE,
        }
        seen: set[str] = set()
        known: set[str] = set()
        nothing_new = 0
        while True:
            page = self._client.read("search/jql", what=what, query=query)
            issues = self._client.objects(page.get("issues"), what)
            yield from issues
            ids = {str(one.get("id")) for one in issues}
            nothing_new = nothing_new + 1 if ids <= known else 0
            known |= ids
            token, is_last = page.get("nextPageToken"), page.get("isLast")
            if is_last is True or (is_last is None and token is None):
                return
            if not isinstance(token, str) or token in seen or nothing_new >= NOTHING_NEW:
                raise self._client.unreadable(what)
            seen.add(token)
            query["nextPageToken"] = token
