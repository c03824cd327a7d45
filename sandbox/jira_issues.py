"""What can be done to issues on the Jira stand-in: each rule of Jira's that we rely on.

Every method checks who asks, then what is asked, and only then changes anything: a refused call leaves
the site as it was.
"""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.jira_access import levels_for, may, sees_issue
from sandbox.jira_fields import is_on_screen, not_on_screen, values
from sandbox.jira_hooks import change
from sandbox.jira_refusal import PROPERTY_LIMIT, Refusal, no_issue, unauthenticated
from sandbox.jira_state import STATUSES, Issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sandbox.jira_hooks import Announcer
    from sandbox.jira_site import Site
    from sandbox.jira_state import IssueType, Json, Project, User

BULK_LIMIT = 50
_PROPERTY_KEY = 255
_WRITES = ((20, timedelta(seconds=2)), (100, timedelta(seconds=30)))
"""So many writes to one issue in so much time.
https://developer.atlassian.com/cloud/jira/platform/rate-limiting/"""

INVALID_PAYLOAD = "Invalid request payload. Refer to the REST API documentation and try again."


class Issues:
    """The site's issues, as one person at a time may change them. ``base`` goes into links of webhooks."""

    def __init__(self, site: Site, now: Callable[[], datetime], announcer: Announcer) -> None:
        self._site = site
        self._now = now
        self._announcer = announcer
        self.write_limits = True

    def visible(self, user: User | None, id_or_key: str) -> Issue:
        """The issue, if it is there for this person.

        Raises:
            Refusal: 404, the same for "there is none" and "not for you".
        """
        issue = self._site.issue(id_or_key)
        if issue is None or not sees_issue(self._site, user, issue):
            raise no_issue()
        return issue

    def create(self, user: User | None, body: Json, base: str) -> Issue:
        """POST /issue, and each element of POST /issue/bulk."""
        user = somebody(user)
        given = _mapping(body, "fields")
        marks = properties(body)
        project, kind = self._place(user, given)
        parent = self._parent(user, project, kind, given.get("parent"))
        level = self._level(user, project, kind, given)
        if level is None and parent is None:
            level = project.default_level
        taken = values(self._site, project, kind, given)
        if "summary" not in taken:
            raise Refusal(400, errors={"summary": "You must specify a summary of the issue."})
        project.last_number += 1
        now = self._now()
        issue = Issue(
            id=self._site.new_id(),
            key=f"{project.key}-{project.last_number}",
            project=project.key,
            type_id=kind.id,
            parent=parent.id if parent else None,
            level=level,
            creator=user.account_id,
            reporter=user.account_id,
            created=now,
            updated=now,
            values=taken,
            properties=marks,
            writes=[now],
        )
        self._site.issues[issue.id] = issue
        self._site.put_into_index(issue, now)
        lines = [
            change(self._site, f, None, value)
            for f, value in {**taken, "status": issue.status}.items()
            if value
        ]
        self._announcer.issue("jira:issue_created", issue, user, now, base, lines)
        return issue

    def _place(self, user: User, given: Mapping[str, Any]) -> tuple[Project, IssueType]:
        site = self._site
        named = given.get("project")
        project = (
            site.project(str(named.get("key", named.get("id", "")))) if isinstance(named, dict) else None
        )
        if project is None or not may(site, user, "BROWSE_PROJECTS", project):
            raise Refusal(400, errors={"project": "valid project is required"})
        if not may(site, user, "CREATE_ISSUES", project):
            raise Refusal(403, "You do not have permission to create issues in this project.")
        named = given.get("issuetype")
        wanted = named if isinstance(named, dict) else {}
        for kind in project.types:
            if wanted and kind.id == wanted.get("id", kind.id) and kind.name == wanted.get("name", kind.name):
                return project, kind
        raise Refusal(400, errors={"issuetype": "Specify a valid issue type"})

    def _parent(self, user: User, project: Project, kind: IssueType, named: object) -> Issue | None:
        if not kind.subtask:
            if named is not None:
                raise Refusal(400, errors={"parent": not_on_screen("parent")})
            return None
        if not isinstance(named, dict) or not {"id", "key"} & set(named):
            raise Refusal(
                400, errors={"parent": "Issue type is a sub-task but parent issue key or id not specified."}
            )
        parent = self._site.issue(str(named.get("id", named.get("key"))))
        if parent is None or not sees_issue(self._site, user, parent):
            raise Refusal(400, errors={"parent": "Could not find issue by id or key."})
        if parent.project != project.key:
            raise Refusal(
                400, errors={"project": "Sub-tasks must be created in the same project as the parent."}
            )
        if parent.parent is not None:
            raise Refusal(400, errors={"parent": f"Given parent issue '{parent.key}' is itself a sub-task."})
        return parent

    def _level(self, user: User, project: Project, kind: IssueType, given: Mapping[str, Any]) -> str | None:
        if "security" not in given or given["security"] is None:
            return None
        on_screen = is_on_screen(self._site, project, kind, "security")
        if not on_screen or not may(self._site, user, "SET_ISSUE_SECURITY", project):
            raise Refusal(400, errors={"security": not_on_screen("security")})
        named = given["security"]
        wanted = named if isinstance(named, dict) else {}
        for level in levels_for(self._site, user, project):
            if (
                wanted
                and level.id == wanted.get("id", level.id)
                and level.name == wanted.get("name", level.name)
            ):
                return level.id
        raise Refusal(400, errors={"security": "The selected security level is not valid."})

    def edit(self, user: User | None, id_or_key: str, body: Json, base: str) -> Issue:
        """PUT /issue/{idOrKey}: fields, list operations on labels, properties."""
        issue = self.visible(user, id_or_key)
        user = somebody(user)
        project, kind = self._site.projects[issue.project], self._site.issue_type(issue)
        if not may(self._site, user, "EDIT_ISSUES", project, issue):
            raise Refusal(400, "You do not have permission to edit issues in this project.")
        given = _mapping(body, "fields")
        for field, operations in _mapping(body, "update").items():
            if field in given:
                raise Refusal(
                    400, errors={field: f"Field '{field}' cannot be in both 'fields' and 'update'."}
                )
            given[field] = _operated(field, issue.values.get(field, []), operations)
        marks = properties(body)
        for field in given.keys() & {"project", "issuetype", "parent"}:
            raise Refusal(400, errors={field: not_on_screen(field)})
        level = self._level(user, project, kind, given) if "security" in given else issue.level
        taken = values(self._site, project, kind, given)
        self.count_write(issue)
        after = {**taken, "security": level} if "security" in given else taken
        before = {**issue.values, "security": issue.level}
        changes = [
            change(self._site, field, before.get(field), value)
            for field, value in after.items()
            if before.get(field) != value
        ]
        issue.values.update(taken)
        issue.level = level
        issue.properties.update(marks)
        self._changed(issue, user, base, changes)
        return issue

    def transition(self, user: User | None, id_or_key: str, body: Json, base: str) -> None:
        """POST /issue/{idOrKey}/transitions. Jira takes the id as a number too. A resolution may be given by its name."""
        issue = self.visible(user, id_or_key)
        user = somebody(user)
        wanted = str(_mapping(body, "transition").get("id"))
        status = next((one for one, known in STATUSES.items() if known[4] == wanted), None)
        allowed = may(self._site, user, "TRANSITION_ISSUES", self._site.projects[issue.project], issue)
        if status is None or not allowed:
            raise Refusal(400, f"Transition id '{wanted}' is not valid for this issue.")
        self.count_write(issue)
        line = change(self._site, "status", issue.status, status)
        issue.status = status
        named = _mapping(body, "fields").get("resolution")
        done = STATUSES[status][1] == "done"
        issue.resolution = (
            str(named.get("name")) if done and isinstance(named, dict) else "Done" if done else None
        )
        self._changed(issue, user, base, [line])

    def delete(self, user: User | None, id_or_key: str, base: str, *, subtasks: bool) -> None:
        """DELETE /issue/{idOrKey}."""
        issue = self.visible(user, id_or_key)
        user = somebody(user)
        if not may(self._site, user, "DELETE_ISSUES", self._site.projects[issue.project], issue):
            raise Refusal(403, "You do not have permission to delete issues in this project.")
        children = self._site.subtasks(issue)
        if children and not subtasks:
            raise Refusal(
                400,
                f"The issue '{issue.key}' has subtasks. You must specify the 'deleteSubtasks' parameter "
                "to delete this issue and all its subtasks.",
            )
        for gone in (*children, issue):
            self._announcer.issue("jira:issue_deleted", gone, user, self._now(), base)
            self._site.put_into_index(gone, self._now(), gone=True)
            del self._site.issues[gone.id]

    def set_property(self, user: User | None, id_or_key: str, key: str, value: object) -> bool:
        """PUT /issue/{idOrKey}/properties/{key}; whether it is new."""
        issue = self.visible(user, id_or_key)
        if not may(self._site, user, "EDIT_ISSUES", self._site.projects[issue.project], issue):
            raise Refusal(403, "You do not have permission to edit this issue.")
        check_property(key, value)
        self.count_write(issue)
        is_new = key not in issue.properties
        issue.properties[key] = value
        return is_new

    def delete_property(self, user: User | None, id_or_key: str, key: str) -> None:
        """DELETE /issue/{idOrKey}/properties/{key}."""
        issue = self.visible(user, id_or_key)
        if not may(self._site, user, "EDIT_ISSUES", self._site.projects[issue.project], issue):
            raise Refusal(404, "You do not have permission to edit this issue.")
        if key not in issue.properties:
            raise Refusal(404, f"The property with key '{key}' does not exist.")
        self.count_write(issue)
        del issue.properties[key]

    def count_write(self, issue: Issue) -> None:
        """Count a write to an issue.

        Raises:
            Refusal: 429, when there were too many of late.
        """
        now = self._now()
        issue.writes = [moment for moment in issue.writes if now - moment < _WRITES[-1][1]]
        for most, span in _WRITES if self.write_limits else ():
            recent = [moment for moment in issue.writes if now - moment < span]
            if len(recent) >= most:
                wait = max(1, math.ceil((recent[-most] + span - now).total_seconds()))
                raise Refusal(
                    429,
                    "Rate limit exceeded.",
                    headers={
                        "Retry-After": str(wait),
                        "RateLimit-Reason": "jira-per-issue-on-write",
                        "X-RateLimit-Limit": str(most),
                        "X-RateLimit-Remaining": "0",
                        "X-RateLimit-Reset": (now + timedelta(seconds=wait)).strftime("%Y-%m-%dT%H:%MZ"),
                    },
                )
        issue.writes.append(now)

    def _changed(self, issue: Issue, user: User, base: str, changes: list[Json]) -> None:
        issue.updated = self._now()
        self._site.put_into_index(issue, issue.updated)
        if changes:
            self._announcer.issue("jira:issue_updated", issue, user, issue.updated, base, changes)


def check_property(key: str, value: object) -> None:
    """An entity property within Jira's limits.

    Raises:
        Refusal: 400.
    """
    if not key or len(key) > _PROPERTY_KEY:
        raise Refusal(400, "The property key must be 1 to 255 characters long.")
    if len(json.dumps(value, ensure_ascii=False)) > PROPERTY_LIMIT:
        raise Refusal(400, f"The property value is too long. It exceeds {PROPERTY_LIMIT} characters.")


def somebody(user: User | None) -> User:
    """Whoever asks, if they are logged in.

    Raises:
        Refusal: 401.
    """
    if user is None:
        raise unauthenticated("OK")
    return user


def _mapping(body: Json, key: str) -> dict[str, Any]:
    found = body.get(key) or {}
    if not isinstance(found, dict):
        raise Refusal(400, INVALID_PAYLOAD)
    return dict(found)


def properties(body: Json) -> dict[str, Any]:
    """The entity properties in a body, by key.

    Raises:
        Refusal: 400.
    """
    given = body.get("properties") or []
    if not isinstance(given, list) or not all(
        isinstance(one, dict) and isinstance(one.get("key"), str) and "value" in one for one in given
    ):
        raise Refusal(400, INVALID_PAYLOAD)
    for one in given:
        check_property(one["key"], one["value"])
    return {one["key"]: one["value"] for one in given}


def _operated(field: str, value: object, operations: object) -> object:
    """A field after a list of operations: ``[{"add": "x"}, {"remove": "y"}]`` on labels, ``set`` on any."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise Refusal(400, INVALID_PAYLOAD)
    for operation in operations:
        for verb, operand in operation.items():
            if verb == "set":
                value = operand
            elif field == "labels" and verb in {"add", "remove"} and isinstance(value, list):
                kept = [one for one in value if one != operand]
                value = [*kept, operand] if verb == "add" else kept
            else:
                raise Refusal(400, errors={field: f"The operation '{verb}' is not supported for this field."})
    return value
