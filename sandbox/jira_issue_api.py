"""The issue side of the stand-in's REST API, version 3: create, read, edit, comment.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from sandbox.jira_access import may, sees_comment, sees_issue
from sandbox.jira_api import (
    Api,
    any_body,
    base,
    body,
    listed,
    need_somebody,
    nothing,
    on,
    page,
    property_keys,
    property_set,
    read_property,
)
from sandbox.jira_issues import BULK_LIMIT, INVALID_PAYLOAD, check_property
from sandbox.jira_refusal import Refusal
from sandbox.jira_state import STATUSES

if TYPE_CHECKING:
    from sandbox.jira_state import Comment, Issue, Json

_BULK_FETCH = 100
_COMMENT_PAGE = 100
_MOST_COMMENTS = 5000


class IssueApi(Api):
    """Everything under ``/issue`` but comments."""

    prefix = "/rest/api/3/issue"

    @on("POST", "")
    def create(self) -> tuple[Response, int]:
        """Create an issue or a sub-task."""
        need_somebody()
        return jsonify(self.shapes().created(self.issues.create(g.user, body(), base()))), 201

    @on("POST", "/bulk")
    def create_many(self) -> tuple[Response, int]:
        """Create up to 50. Those that can be made are made; the others are told apart by their number."""
        need_somebody()
        made: list[Json] = []
        errors: list[Json] = []
        updates: list[object] = []
        try:
            updates = _bulk(body())
        except Refusal as refusal:
            errors.append(_element_error(0, refusal))
        for place, update in enumerate(updates):
            try:
                issue = self.issues.create(g.user, update if isinstance(update, dict) else {}, base())
                made.append(self.shapes().created(issue))
            except Refusal as refusal:
                errors.append(_element_error(place, refusal))
        return jsonify(issues=made, errors=errors), 201 if made else 400

    @on("POST", "/bulkfetch")
    def read_many(self) -> Response:
        """Read up to 100. Those that are not there for the person who asks are left out."""
        asked = body()
        names = asked.get("issueIdsOrKeys")
        if not isinstance(names, list) or len(names) > _BULK_FETCH:
            raise Refusal(400, f"issueIdsOrKeys must be a list of at most {_BULK_FETCH}.")
        fields = asked.get("fields") or ["*navigable"]
        properties = asked.get("properties") or []
        found = [self.site.issue(str(name)) for name in names]
        seen = [issue for issue in found if issue and sees_issue(self.site, g.user, issue)]
        shown = [self.shapes().issue(issue, fields, properties) for issue in seen]
        return jsonify(issues=shown, issueErrors=[])

    @on("GET", "/<name>")
    def read(self, name: str) -> Response:
        """Read one, by id or key."""
        issue = self.issues.visible(g.user, name)
        shown = self.shapes().issue(issue, listed("fields") or ["*all"], listed("properties"))
        if "transitions" in listed("expand"):
            shown["transitions"] = self._ways(issue)
        return jsonify(shown)

    @on("PUT", "/<name>")
    def edit(self, name: str) -> Response:
        """Edit fields and properties."""
        issue = self.issues.edit(g.user, name, body(), base())
        if request.args.get("returnIssue") == "true":
            return jsonify(self.shapes().issue(issue, ["*all"]))
        return nothing()

    @on("DELETE", "/<name>")
    def delete(self, name: str) -> Response:
        """Delete, with sub-tasks if told so."""
        self.issues.delete(g.user, name, base(), subtasks=request.args.get("deleteSubtasks") == "true")
        return nothing()

    @on("GET", "/<name>/properties")
    def property_keys(self, name: str) -> Response:
        """The keys of an issue's properties."""
        issue = self.issues.visible(g.user, name)
        return property_keys(issue.properties, f"issue/{issue.id}")

    @on("GET", "/<name>/properties/<key>")
    def read_property(self, name: str, key: str) -> Response:
        """One property."""
        return read_property(self.issues.visible(g.user, name).properties, key)

    @on("PUT", "/<name>/properties/<key>")
    def set_property(self, name: str, key: str) -> Response:
        """Set a property to any JSON value."""
        return property_set(is_new=self.issues.set_property(g.user, name, key, any_body()))

    @on("DELETE", "/<name>/properties/<key>")
    def delete_property(self, name: str, key: str) -> Response:
        """Delete a property."""
        self.issues.delete_property(g.user, name, key)
        return nothing()

    @on("GET", "/<name>/transitions")
    def transitions(self, name: str) -> Response:
        """Where the issue can go; nowhere for those who may not move it."""
        issue = self.issues.visible(g.user, name)
        wanted, ways = request.args.get("transitionId"), self._ways(issue)
        return jsonify(expand="transitions", transitions=[one for one in ways if wanted in {None, one["id"]}])

    def _ways(self, issue: Issue) -> list[Json]:
        allowed = may(self.site, g.user, "TRANSITION_ISSUES", self.site.projects[issue.project], issue)
        return [self.shapes().transition(status) for status in STATUSES if allowed]

    @on("POST", "/<name>/transitions")
    def transition(self, name: str) -> Response:
        """Move the issue to another status."""
        self.issues.transition(g.user, name, body(), base())
        return nothing()


class CommentApi(Api):
    """Comments and their properties."""

    def _show(self, issue: Issue, comment: Comment) -> Json:
        return self.shapes().comment(issue, comment, properties="properties" in listed("expand"))

    @on("GET", "/issue/<name>/comment")
    def read_all(self, name: str) -> Response:
        """A page of the comments that are there for the person who asks."""
        issue = self.issues.visible(g.user, name)
        seen = [one for one in issue.comments if sees_comment(self.site, g.user, one, issue)]
        if request.args.get("orderBy", "").startswith("-"):
            seen.reverse()
        shown = [self._show(issue, one) for one in seen]
        return jsonify(page("comments", shown, default=_COMMENT_PAGE, most=_MOST_COMMENTS))

    @on("POST", "/issue/<name>/comment")
    def add(self, name: str) -> tuple[Response, int]:
        """Add a comment."""
        return jsonify(self._show(*self.comments.add(g.user, name, body(), base()))), 201

    @on("GET", "/issue/<name>/comment/<comment_id>")
    def read(self, name: str, comment_id: str) -> Response:
        """Read one."""
        issue = self.issues.visible(g.user, name)
        return jsonify(self._show(issue, self.comments.visible(g.user, issue, comment_id)))

    @on("PUT", "/issue/<name>/comment/<comment_id>")
    def edit(self, name: str, comment_id: str) -> Response:
        """Edit one."""
        return jsonify(self._show(*self.comments.edit(g.user, name, comment_id, body(), base())))

    @on("DELETE", "/issue/<name>/comment/<comment_id>")
    def delete(self, name: str, comment_id: str) -> Response:
        """Delete one."""
        self.comments.delete(g.user, name, comment_id, base())
        return nothing()

    @on("GET", "/comment/<comment_id>/properties")
    def property_keys(self, comment_id: str) -> Response:
        """The keys of a comment's properties."""
        return property_keys(self._anywhere(comment_id).properties, f"comment/{comment_id}")

    @on("GET", "/comment/<comment_id>/properties/<key>")
    def read_property(self, comment_id: str, key: str) -> Response:
        """One property."""
        return read_property(self._anywhere(comment_id).properties, key)

    @on("PUT", "/comment/<comment_id>/properties/<key>")
    def set_property(self, comment_id: str, key: str) -> Response:
        """Set a property of one's own comment."""
        comment, value = self._anywhere(comment_id), any_body()
        if g.user is None or comment.author != g.user.account_id:
            raise Refusal(403, "You do not have permission to edit this comment.")
        check_property(key, value)
        is_new = key not in comment.properties
        comment.properties[key] = value
        return property_set(is_new=is_new)

    def _anywhere(self, comment_id: str) -> Comment:
        for issue in self.site.issues.values():
            if sees_issue(self.site, g.user, issue):
                for comment in issue.comments:
                    if comment.id == comment_id and sees_comment(self.site, g.user, comment, issue):
                        return comment
        raise Refusal(404, f"Can not find a comment for the id: {comment_id}.")


def _bulk(asked: Json) -> list[object]:
    updates = asked.get("issueUpdates")
    if not isinstance(updates, list) or not updates:
        raise Refusal(400, INVALID_PAYLOAD)
    if len(updates) > BULK_LIMIT:
        raise Refusal(400, f"You can only create up to {BULK_LIMIT} issues at a time.")
    return updates


def _element_error(place: int, refusal: Refusal) -> Json:
    return {"status": refusal.status, "elementErrors": refusal.as_json(), "failedElementNumber": place}
