"""A ticket is looked at before it is written to: it must be ours, in its project, with its security level."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from integration.errors import (
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.jira import fields
from integration.mirror import TicketName, TicketRef

if TYPE_CHECKING:
    from integration.jira.answers import Intent
    from integration.jira.client import JiraClient
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace
    from integration.mirror import MirrorView

_ID = re.compile(r"[1-9][0-9]{0,18}\Z")
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,49}-[0-9]{1,19}\Z")


class TicketPlace:
    """The tickets of one project, and what each must be before anything more is written to it.

    Args:
        client: the calls.
        space: which project, and which security level restricts a ticket to the team.
    """

    def __init__(self, client: JiraClient, space: JiraSpace) -> None:
        self._client = client
        self._space = space

    def ref(self, ticket: Json, what: str, intent: Intent = "read") -> TicketRef:
        """How we refer to a ticket from now on."""
        ticket_id, key = ticket.get("id"), ticket.get("key")
        if not isinstance(ticket_id, str) or not isinstance(key, str):
            raise self._client.unreadable(what, intent)
        if not _ID.match(ticket_id) or not _KEY.match(key):  # both end up in logs, mails and addresses
            raise self._client.unreadable(what, intent)
        name = TicketName(f"jira:{self._space.host}/{ticket_id}")
        return TicketRef(name, ticket_id, key, f"{self._space.address}/browse/{key}")

    # Reading ----------------------------------------------------------------------------------------

    def ticket(self, ticket_id: str, what: str, *, with_comments: bool = False) -> Json:
        """Everything by which a ticket is judged: one read."""
        wanted = ["summary", "description", "labels", "security", "project", "status", "subtasks"]
        wanted += self._space.fields.ids()
        wanted += ["comment"] if with_comments else []
        query = {
            "fields": ",".join(wanted),
            "properties": fields.INCIDENT_PROPERTY,
            "expand": "transitions",
        }
        return self._client.read(f"issue/{ticket_id}", what=what, query=query)

    def with_files(self, ref: TicketRef, view: MirrorView) -> tuple[Json, list[Json]]:
        """A ticket that is ours, and the list of its files: one read."""
        what = "read the ticket's files"
        query = {
            "fields": "summary,labels,project,security,attachment",
            "properties": fields.INCIDENT_PROPERTY,
        }
        ticket = self._client.read(f"issue/{ref.id}", what=what, query=query)
        self.must_be_ours(ticket, view)
        return ticket, self._client.objects(fields.fields_of(ticket).get("attachment"), what)

    def read_back(self, ref: TicketRef, what: str) -> Json:
        """Read after a write. It has happened, so trouble here must not say that nothing was written."""
        try:
            return self.ticket(ref.id, what)
        except (HostUnavailable, HostLimited) as trouble:
            raise HostUnknownOutcome(
                trouble.what,
                meaning="The write before it has happened, but could not be checked.",
                next_step="The job reads the ticket before it writes again.",
                after=trouble.after,
            ) from None

    def look_again(self, ref: TicketRef, view: MirrorView) -> None:
        """Before more is written: still our ticket, still in its project, still restricted."""
        ticket = self.read_back(ref, "look at the ticket again")
        self.must_be_ours(ticket, view)
        self.must_have_level(ticket, view)

    # Judging ----------------------------------------------------------------------------------------

    def must_be_ours(self, ticket: Json, view: MirrorView) -> None:
        """In our project, and nothing on it says that it is another one.

        Raises:
            HostGone: it is in another project.
            HostRejected: it carries nothing of this incident, or the marker of another.
        """
        self.must_be_here(ticket, view)
        found = fields.fields_of(ticket)
        marked = fields.marked_incident(ticket.get("properties"))
        labelled = fields.has_label(found, fields.incident_label(view.incident))
        if marked is None and not labelled and found.get("summary") != view.code_name:
            raise HostRejected(
                f"The ticket taken for {view.code_name} has neither its title nor a marker of it.",
                fields=("summary", "marker"),
                meaning="It may be anybody's. Nothing more is written to it.",
                next_step=f"If it is the ticket, set its title to {view.code_name}; the rest is then put right.",
            )
        if marked not in {None, view.incident}:
            raise HostRejected(
                f"The ticket taken for {view.code_name} carries the marker of another incident.",
                fields=("marker",),
                meaning="Nothing more is written to it.",
                next_step="Compare the ticket's property coc.incident with the Master Incident Log.",
            )

    def must_be_here(self, ticket: Json, view: MirrorView) -> None:
        """In our project.

        Raises:
            HostGone: it is in another.
        """
        project = fields.fields_of(ticket).get("project")
        if not isinstance(project, dict) or project.get("key") != self._space.project:
            raise HostGone(
                f"The ticket of {view.code_name} is not in the project {self._space.project} any more: it was moved.",
                meaning="Nothing more is written to it: who reads the other project is not proven.",
                next_step="Move it back, and find out who moved it and who has read it there.",
            )

    def has_level(self, ticket: Json) -> bool:
        """Whether the ticket is restricted to the team."""
        level = fields.fields_of(ticket).get("security")
        return isinstance(level, dict) and level.get("id") == self._space.security_level_id

    def must_have_level(self, ticket: Json, view: MirrorView) -> None:
        """Restricted to the team.

        Raises:
            HostNotRestricted: it is not.
        """
        if not self.has_level(ticket):
            raise HostNotRestricted(
                f"The ticket of {view.code_name} does not have the security level {self._space.security_level_id}.",
                meaning="Everybody who may browse the project can read it. Nothing more is written to it.",
                next_step="Put the level on the project's screens, and the service's account into the level "
                "and into those who may set it; the job then sets it.",
            )

    def wrong(self, ticket: Json, view: MirrorView) -> tuple[str, ...]:
        """Our names of what the ticket does not show as it should."""
        found, ids = fields.fields_of(ticket), self._space.fields
        wanted = fields.ticket_fields(view, ids, security_level=self._space.security_level_id)
        names = ids.our_names()
        wrong = [names[key] for key in fields.wrong_fields(found, wanted)]
        if fields.markers_missing(found, ticket.get("properties"), view.incident):
            wrong.append("marker")
        if fields.has_label(found, fields.STRONGER_LABEL) != view.stronger_action:
            wrong.append("stronger-action label")
        return tuple(wrong)

    def must_show(self, ticket: Json, view: MirrorView) -> None:
        """All that was put into its fields.

        Raises:
            HostRejected: Jira took them and dropped some.
        """
        wrong = self.wrong(ticket, view)
        if wrong:
            raise HostRejected(
                f"Jira took the ticket's fields but does not show them all: {', '.join(wrong)}.",
                fields=wrong,
                meaning="The ticket is there; what would come after the fields is not written.",
                next_step="See whether these fields are on the project's screens and have the right options.",
            )
