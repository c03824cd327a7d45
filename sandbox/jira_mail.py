"""What Jira would mail: work created, changed and commented, as its notification scheme says.

The default scheme mails reporter and watchers; whoever creates or comments watches from then on. ``everybody`` stands
for a scheme that names every role as well. Nobody is mailed what they may not see, or what they did themselves.
``notifyUsers=false`` spares the mail of an edit, if whoever asks for it administers the project; creating and
commenting always mail.
https://support.atlassian.com/jira-cloud-administration/docs/configure-notification-schemes/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import has_request_context, request

from sandbox.adf import plain_text
from sandbox.host_mail import HostMail
from sandbox.jira_access import administers, sees_comment, sees_issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.jira_site import Site
    from sandbox.jira_state import Comment, Issue, Json, User

_WORDS = {
    "jira:issue_created": "created",
    "jira:issue_updated": "updated",
    "jira:issue_deleted": "deleted",
    "comment_created": "commented",
    "comment_updated": "edited a comment",
    "comment_deleted": "deleted a comment",
}


class JiraMail:
    """Collects the mails, oldest first, in ``sent``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.sent: list[HostMail] = []
        self.everybody = False

    def issue(self, event: str, issue: Issue, user: User, changes: Sequence[Json]) -> None:
        """An issue was created, updated or deleted."""
        texts = [
            f"{line['field']}: {line['fromString'] or ''} -> {line['toString'] or ''}" for line in changes
        ]
        self._mail(event, issue, user, "\n".join(texts), None)

    def comment(self, event: str, issue: Issue, comment: Comment, user: User) -> None:
        """A comment was written, edited or deleted."""
        text = "" if event == "comment_deleted" else _text(comment.body)
        self._mail(event, issue, user, text, comment)

    def _mail(self, event: str, issue: Issue, actor: User, text: str, comment: Comment | None) -> None:
        if not event.endswith("created") and self._spared(issue, actor):
            return
        watching = {issue.reporter, issue.creator, *(one.author for one in issue.comments)}
        subject = f"[JIRA] {actor.name} {_WORDS[event]} ({issue.key}) {_text(issue.values.get('summary'))}"
        for user in self._site.users.values():
            if (
                user is not actor
                and (self.everybody or user.account_id in watching)
                and sees_issue(self._site, user, issue)
                and (comment is None or sees_comment(self._site, user, comment, issue))
            ):
                self.sent.append(HostMail(user.account_id, subject, text))

    def _spared(self, issue: Issue, actor: User) -> bool:
        asked = has_request_context() and request.args.get("notifyUsers") == "false"
        return asked and administers(self._site, actor, self._site.projects[issue.project])


def _text(value: object) -> str:
    if isinstance(value, dict):
        return plain_text(value) if value.get("type") == "doc" else str(value.get("value", value))
    return "" if value is None else str(value)
