"""Webhooks of the Jira stand-in: what a site admin's registered hooks get on every change.

The payloads have the shapes recorded from Jira Cloud: links of API version 2, texts as wiki markup, and
six fields of the issue where the news is about a comment.
https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sandbox.adf import plain_text
from sandbox.jira_mail import JiraMail
from sandbox.jira_registered_hook import RegisteredHook
from sandbox.jira_shapes import Shapes
from sandbox.jira_state import STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sandbox.jira_site import Site
    from sandbox.jira_state import (
        Comment,
        Issue,
        Json,
        Project,
        User,
    )
    from sandbox.wire import Hook


class Announcer:
    """Sends news to the hooks and by mail. Payloads are made at once, so that they show the state of that moment."""

    def __init__(self, site: Site, hooks: Sequence[Hook]) -> None:
        self._site = site
        self._hooks = hooks
        self.mail = JiraMail(site)

    def issue(
        self, event: str, issue: Issue, user: User, at: datetime, base: str, changes: Sequence[Json] = ()
    ) -> None:
        """``jira:issue_created``, ``jira:issue_updated`` (with what changed) or ``jira:issue_deleted``."""
        self.mail.issue(event, issue, user, changes)
        shapes = Shapes(self._site, base, user, version="2", sees_all=True)
        shown = shapes.issue(issue, ["*all", "-comment"])
        payload: Json = {
            "webhookEvent": event,
            "user": shapes.user(user.account_id),
            "issue": _in_wiki(shown),
        }
        if event != "jira:issue_deleted":
            moved = any(line["fieldId"] == "status" for line in changes)
            payload["issue_event_type_name"] = (
                "issue_created"
                if event.endswith("created")
                else "issue_generic"
                if moved
                else "issue_updated"
            )
        if changes:
            payload["changelog"] = {"id": self._site.new_id(), "items": list(changes)}
        self._send(payload, issue, at)

    def comment(
        self, event: str, issue: Issue, comment: Comment, user: User, at: datetime, base: str
    ) -> None:
        """``comment_created``, ``comment_updated`` or ``comment_deleted``."""
        self.mail.comment(event, issue, comment, user)
        shapes = Shapes(self._site, base, user, version="2", sees_all=True)
        shown = shapes.comment(issue, comment)
        shown["body"] = wiki(comment.body)
        self._send({"webhookEvent": event, "comment": shown, "issue": shapes.in_hook(issue)}, issue, at)

    def project(self, event: str, project: Project, at: datetime, base: str) -> None:
        """``project_updated``: no filter of a hook applies to it."""
        shapes = Shapes(self._site, base, None, version="2", sees_all=True)
        shown = {**shapes.project_ref(project), "projectLead": shapes.user(project.lead)}
        self._send({"webhookEvent": event, "project": shown}, None, at)

    def _send(self, payload: Json, issue: Issue | None, at: datetime) -> None:
        headers = {
            "X-Atlassian-Webhook-Identifier": str(uuid.uuid4()),
            "X-Atlassian-Webhook-Flow": "Primary",
            "User-Agent": "Atlassian Webhook HTTP Client",
        }
        for hook in self._hooks:
            event = str(payload["webhookEvent"])
            if isinstance(hook, RegisteredHook) and not hook.wants(self._site, event, issue, at):
                continue
            hook.send({"timestamp": int(at.timestamp() * 1000), **payload}, headers)


def change(site: Site, field: str, before: object, after: object) -> Json:
    """One line of a change log: ids and what a person would read, as the kind of field has them."""
    custom = site.fields.get(field)
    old, new = _ids(site, field, before), _ids(site, field, after)
    return {
        "field": custom.name if custom else field,
        "fieldtype": "custom" if custom else "jira",
        "fieldId": field,
        "from": old[0],
        "fromString": old[1],
        "to": new[0],
        "toString": new[1],
    }


def _ids(site: Site, field: str, value: object) -> tuple[str | None, str | None]:
    custom = site.fields.get(field)
    levels = [level for project in site.projects.values() for level in project.levels]
    if value is None:
        return None, None
    if field == "status":
        return str(value), STATUSES[str(value)][0]
    if field == "security":
        return str(value), next(level.name for level in levels if level.id == value)
    if custom is not None and custom.kind == "select":
        return str(value), next(option.value for option in custom.options if option.id == value)
    if isinstance(value, dict):
        return None, wiki(value)
    return None, " ".join(value) if isinstance(value, list) else str(value)


def wiki(document: object) -> str:
    """A document in the markup of API version 2: code blocks in braces, everything else plainly."""
    if not isinstance(document, dict):
        return ""
    parts = []
    for node in document.get("content", []):
        text = plain_text(node)
        parts.append(f"{{code}}\n{text}\n{{code}}" if node.get("type") == "codeBlock" else text)
    return "\n\n".join(parts)


def _in_wiki(issue: Json) -> Json:
    fields = {
        name: wiki(value) if isinstance(value, dict) and value.get("type") == "doc" else value
        for name, value in issue["fields"].items()
    }
    return {**issue, "fields": fields}
