"""GitHub's limits on what an issue, a comment, a label or a family of sub-issues may be.

Each check raises the answer that GitHub would give; none of them changes anything.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from sandbox.github_refusal import Refused, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.github_state import FieldValue, Issue, IssueField, Repository

LONGEST_BODY = 65_536
LONGEST_TITLE = 256
LONGEST_LABEL = 50
LONGEST_DESCRIPTION = 100
MOST_LABELS = 100
MOST_SUB_ISSUES = 100
MOST_PINNED = 3
DEEPEST = 8
MOST_VALUES = 25
LOCK_REASONS = ("off-topic", "too heated", "resolved", "spam")

_COLOR = re.compile(r"[0-9a-fA-F]{6}")


def check_title(title: str) -> None:
    """A title is not blank and not too long."""
    if not title.strip():
        raise invalid("Issue", "title", code="missing_field")
    if len(title) > LONGEST_TITLE:
        raise invalid("Issue", "title", f"title is too long (maximum is {LONGEST_TITLE} characters)")


def check_body(resource: str, body: str | None, *, empty: bool = True) -> None:
    """A body is not too long; a comment's is not blank either. Characters count, not bytes."""
    if not empty and not (body or "").strip():
        raise Refused(422, "Body cannot be blank", errors=[_unprocessable("Body cannot be blank")])
    if len(body or "") > LONGEST_BODY:
        raise invalid(resource, "body", f"body is too long (maximum is {LONGEST_BODY} characters)")


def check_labels(names: Sequence[str]) -> None:
    """An issue's labels: not too many, no name blank or too long."""
    if len(names) > MOST_LABELS:
        raise invalid("Issue", "labels", f"issues can have at most {MOST_LABELS} labels")
    for name in names:
        if not name.strip():
            raise invalid("Label", "name", code="missing_field")
        if len(name) > LONGEST_LABEL:
            raise invalid("Label", "name", f"name is too long (maximum is {LONGEST_LABEL} characters)")


def check_label(repo: Repository, name: str, color: str, description: str | None) -> None:
    """A repository's new label: a free name, six hexadecimal digits, a short description."""
    check_labels([name])
    if repo.label(name) is not None:
        raise invalid("Label", "name", code="already_exists")
    if not _COLOR.fullmatch(color):
        raise invalid("Label", "color", code="invalid")
    if len(description or "") > LONGEST_DESCRIPTION:
        message = f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)"
        raise invalid("Label", "description", message)


def check_values(repo: Repository, values: Mapping[int, FieldValue]) -> None:
    """Field values: of fields the organization has, of the field's type, not too many."""
    if len(values) > MOST_VALUES:
        raise invalid("Issue", "issue_field_values", f"at most {MOST_VALUES} field values are allowed")
    org = repo.organization
    known = {field.id: field for field in org.issue_fields} if org else {}
    for field_id, value in values.items():
        if field_id not in known:
            raise Refused(422, f"Issue field {field_id} not found", kind="NOT_FOUND")
        if not _fits(known[field_id], value):
            raise Refused(422, f"Invalid value for issue field {field_id}")


def check_child(parent: Issue, child: Issue | None) -> None:
    """A place below the parent for the child, or for a new issue: number, depth, owner, no circle."""
    if len(parent.children) >= MOST_SUB_ISSUES:
        raise no_child(f"Parent cannot have more than {MOST_SUB_ISSUES} sub-issues")
    above, height = parent, 0
    if child is not None:
        if child.repo.owner is not parent.repo.owner:
            raise no_child("Sub-issue must belong to the same repository owner as the parent issue")
        height = child.height()
        while above.parent is not None and above is not child:
            above = above.parent
        if above is child:
            raise no_child("Sub-issue would create a circular dependency")
    if parent.depth() + 1 + height >= DEEPEST:
        raise no_child(f"Parent cannot have more than {DEEPEST} layers of sub-issues")


def no_child(why: str) -> Refused:
    """The 422 of a sub-issue that cannot be added."""
    message = f"An error occurred while adding the sub-issue to the parent issue. {why}"
    return Refused(422, message, errors=[{"resource": "SubIssue", "code": "custom", "message": why}])


def _unprocessable(message: str) -> dict[str, object]:
    return {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}


def _fits(field: IssueField, value: FieldValue) -> bool:
    names = {option.name for option in field.options}
    match field.data_type:
        case "single_select":
            return value in names
        case "multi_select":
            return isinstance(value, tuple) and set(value) <= names
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "date":
            try:
                return isinstance(value, str) and bool(date.fromisoformat(value))
            except ValueError:
                return False
        case _:
            return isinstance(value, str)
