"""What can be done to comments on the Jira stand-in.

A comment may be limited to a project role or a group; for everybody outside, site admins too, it is not there.
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.jira_access import may, may_limit_to, sees_comment
from sandbox.jira_fields import Invalid, document
from sandbox.jira_issues import INVALID_PAYLOAD, properties, somebody
from sandbox.jira_refusal import Refusal
from sandbox.jira_state import Comment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.jira_hooks import Announcer
    from sandbox.jira_issues import Issues
    from sandbox.jira_site import Site
    from sandbox.jira_state import Issue, Json, User

_COMMENT_LIMIT = 5000


class Comments:
    """The comments of the site's issues. ``base`` goes into links of webhooks."""

    def __init__(self, site: Site, now: Callable[[], datetime], announcer: Announcer, issues: Issues) -> None:
        self._site = site
        self._now = now
        self._announcer = announcer
        self._issues = issues

    def visible(self, user: User | None, issue: Issue, comment_id: str) -> Comment:
        """A comment, if it is there for this person."""
        for comment in issue.comments:
            if comment.id == comment_id and sees_comment(self._site, user, comment, issue):
                return comment
        raise Refusal(404, f"Can not find a comment for the id: {comment_id}.")

    def add(self, user: User | None, id_or_key: str, body: Json, base: str) -> tuple[Issue, Comment]:
        """POST /issue/{idOrKey}/comment."""
        issue = self._issues.visible(user, id_or_key)
        user = somebody(user)
        if not may(self._site, user, "ADD_COMMENTS", self._site.projects[issue.project], issue):
            raise Refusal(400, "You do not have the permission to comment on this issue.")
        text = _text(body)
        visibility = self._visibility(user, issue, body.get("visibility"))
        marks = properties(body)
        if len(issue.comments) >= _COMMENT_LIMIT:
            raise Refusal(413, "The per-issue limit of comments is reached.")
        self._issues.count_write(issue)
        now = self._now()
        account = user.account_id
        comment = Comment(self._site.new_id(), account, account, text, now, now, visibility, marks)
        issue.comments.append(comment)
        issue.updated = now
        self._site.put_into_index(issue, now)
        self._announcer.comment("comment_created", issue, comment, user, now, base)
        return issue, comment

    def edit(
        self, user: User | None, id_or_key: str, comment_id: str, body: Json, base: str
    ) -> tuple[Issue, Comment]:
        """PUT /issue/{idOrKey}/comment/{id}. Without ``visibility``, the comment keeps the one it has."""
        issue, comment, user = self._own_comment(user, id_or_key, comment_id, "EDIT")
        text = _text(body)
        visibility = comment.visibility
        if "visibility" in body:
            visibility = self._visibility(user, issue, body["visibility"])
        marks = properties(body)
        self._issues.count_write(issue)
        comment.body, comment.visibility, comment.updated = text, visibility, self._now()
        comment.update_author = user.account_id
        comment.properties.update(marks)
        self._announcer.comment("comment_updated", issue, comment, user, comment.updated, base)
        return issue, comment

    def delete(self, user: User | None, id_or_key: str, comment_id: str, base: str) -> None:
        """DELETE /issue/{idOrKey}/comment/{id}."""
        issue, comment, user = self._own_comment(user, id_or_key, comment_id, "DELETE")
        self._issues.count_write(issue)
        issue.comments.remove(comment)
        self._announcer.comment("comment_deleted", issue, comment, user, self._now(), base)

    def _own_comment(
        self, user: User | None, id_or_key: str, comment_id: str, verb: str
    ) -> tuple[Issue, Comment, User]:
        issue = self._issues.visible(user, id_or_key)
        comment = self.visible(user, issue, comment_id)
        user = somebody(user)
        project = self._site.projects[issue.project]
        owns = comment.author == user.account_id
        allowed = may(self._site, user, f"{verb}_ALL_COMMENTS", project, issue) or (
            owns and may(self._site, user, f"{verb}_OWN_COMMENTS", project, issue)
        )
        if not allowed:
            raise Refusal(400, f"You do not have permission to {verb.lower()} this comment.")
        return issue, comment, user

    def _visibility(self, user: User, issue: Issue, given: object) -> Json | None:
        if given is None:
            return None
        if not isinstance(given, dict) or given.get("type") not in {"role", "group"}:
            raise Refusal(400, INVALID_PAYLOAD)
        name = str(given.get("value") or given.get("identifier") or "")
        wanted = {"type": given["type"], "value": name, "identifier": name}
        if not may_limit_to(self._site, user, wanted, issue):
            kind = "project role" if given["type"] == "role" else "group"
            raise Refusal(
                400, errors={"commentLevel": f"You are currently not a member of the {kind}: {name}."}
            )
        return wanted


def _text(body: Json) -> Json:
    try:
        text = document("comment", body.get("body"))
    except Invalid:
        raise Refusal(400, errors={"comment": "Comment body is not valid!"}) from None
    if not isinstance(text, dict) or not text["content"]:
        raise Refusal(400, errors={"comment": "Comment body can not be empty!"})
    return text
