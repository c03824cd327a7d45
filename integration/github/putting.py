"""The fields of a ticket as they are put on GitHub and looked at there, with what GitHub is known to drop.

What the fields say, and how labels and issue fields say it, is in :mod:`integration.github.fields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import HostGone, HostRefused
from integration.github import fields
from integration.github.answers import Deed, Json, KeyRefused, is_number, objects, unknown_outcome, unusable
from integration.github.reading import in_our_repository
from integration.github.text import find_marker, ticket_body

if TYPE_CHECKING:
    from integration.github.client import Client
    from integration.incident import IncidentId
    from integration.mirror import MirrorView, Shown

OPEN = "open the ticket"
_FIELDS = "list the organisation's issue fields"


class TicketFields:
    """Title, marker, fields and labels of tickets in one repository."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.definitions: tuple[fields.IssueField, ...] | None = None
        self._dropped: frozenset[str] = frozenset()

    def known(self) -> tuple[fields.IssueField, ...]:
        """The organisation's issue fields that are ours, read once; none where it has none or hides them."""
        if self.definitions is None:
            path = f"/orgs/{self._client.where.partition('/')[0]}/issue-fields"
            try:
                listed = objects(self._client.get(path, _FIELDS))
            except KeyRefused:
                raise
            except (HostGone, HostRefused):
                listed = []
            if not all(isinstance(one.get("data_type"), str) for one in listed):
                raise unusable(Deed(_FIELDS, self._client.where))
            self.definitions = fields.read_definitions(listed)
        return self.definitions

    def titled(self, view: MirrorView, issue: Json) -> bool:
        """Whether title and marker are right."""
        mark = find_marker(issue.get("body"))
        return (
            issue.get("title") == view.code_name
            and mark is not None
            and mark.incident == view.incident
            and mark.step is None
        )

    def marked(self, view: MirrorView, issue: Json) -> bool:
        """Whether title, marker and the label that every ticket has are right."""
        return self.titled(view, issue) and fields.is_marked(issue)

    def right(self, view: MirrorView, issue: Json) -> bool:
        """Whether title, marker and every field are right."""
        return self.titled(view, issue) and fields.right(view, issue, self.known())

    def shown(self, view: MirrorView, issue: Json) -> Shown:
        """What the fields show."""
        return fields.shown(view, issue, self.known())

    def open(self, view: MirrorView) -> Json:
        """Write a new issue that shows the view: one write. What GitHub dropped of it is remembered."""
        plan = fields.plan(view, self.known(), dropped=self._dropped)
        body: Json = {"title": view.code_name, "body": ticket_body(view), "labels": list(plan.labels)}
        if plan.values:
            body["issue_field_values"] = list(plan.values)
        issue = self._client.write("POST", f"{self._client.path}/issues", body, OPEN)
        self.must_be_ours(issue, view.incident)
        self._note_dropped(view, plan, issue)
        return issue

    def put(self, view: MirrorView, issue: Json) -> Json:
        """Set what is not right of title, marker, fields and labels; a second time if GitHub dropped field values.

        Labels are sent only if they are not as they should be, since GitHub takes the list as a whole.
        """
        path = f"{self._client.path}/issues/{issue['number']}"
        for _ in range(2):
            wrong = fields.wrong(view, issue, self.known())
            plan = fields.plan(view, self.known(), issue=issue, dropped=self._dropped, keys=wrong)
            body: Json = {"title": view.code_name}
            if not fields.same_labels(plan, issue):
                body["labels"] = list(plan.labels)
            if find_marker(issue.get("body")) is None:
                body["body"] = ticket_body(view)
            if plan.values:
                body["issue_field_values"] = list(plan.values)
            for stale in plan.stale:
                self._client.write("DELETE", f"{path}/issue-field-values/{stale}", None, "clear a field")
            issue = self._client.write("PATCH", path, body, "set the fields")
            self.must_be_ours(issue, view.incident)
            if not self._note_dropped(view, plan, issue):
                break
        return issue

    def must_be_ours(self, issue: Json, incident: IncidentId) -> None:
        """After a redirect PyGithub and others return an issue without a number: never take that for ours."""
        mark = find_marker(issue.get("body"))
        if (
            not is_number(issue.get("number"))
            or not in_our_repository(issue, self._client)
            or mark is None
            or mark.incident != incident
        ):
            raise unknown_outcome(Deed(OPEN, self._client.where, changes=True))

    def _note_dropped(self, view: MirrorView, plan: fields.Plan, issue: Json) -> bool:
        """Remember which field values GitHub dropped; they are labels from now on."""
        dropped = fields.not_stuck(view, plan, issue, self.known())
        self._dropped |= dropped
        return bool(dropped)
