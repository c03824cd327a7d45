"""Fields of the Jira stand-in: which there are, what may be put into them, and what is refused.

A field is taken only if it stands on the screen of the issue type and its context covers the project,
as in Jira. https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-post
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sandbox.adf import adf_problems, plain_length
from sandbox.jira_refusal import TEXT_LIMIT, Refusal, too_long

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.jira_site import Site
    from sandbox.jira_state import (
        CustomField,
        FieldKind,
        IssueType,
        Json,
        Project,
    )

_SHORT_TEXT = 255
_CUSTOM_TYPES: Mapping[str, tuple[str, str]] = {
    "select": ("option", "select"),
    "number": ("number", "float"),
    "text": ("string", "textfield"),
    "textarea": ("string", "textarea"),
}
_CUSTOM_PREFIX = "com.atlassian.jira.plugin.system.customfieldtypes:"
CUSTOM_KINDS: Mapping[str, FieldKind] = {
    f"{_CUSTOM_PREFIX}select": "select",
    f"{_CUSTOM_PREFIX}float": "number",
    f"{_CUSTOM_PREFIX}textfield": "text",
    f"{_CUSTOM_PREFIX}textarea": "textarea",
}
"""Jira's name of a custom field's type -> ours."""
NOT_A_DOCUMENT = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"


@dataclass(frozen=True, slots=True)
class SystemField:
    """One of Jira's own fields."""

    id: str
    name: str
    schema: Json


SYSTEM_FIELDS: Mapping[str, SystemField] = {
    one.id: one
    for one in (
        SystemField("summary", "Summary", {"type": "string", "system": "summary"}),
        SystemField("issuetype", "Issue Type", {"type": "issuetype", "system": "issuetype"}),
        SystemField("project", "Project", {"type": "project", "system": "project"}),
        SystemField("parent", "Parent", {"type": "issuelink", "system": "parent"}),
        SystemField("description", "Description", {"type": "string", "system": "description"}),
        SystemField("labels", "Labels", {"type": "array", "items": "string", "system": "labels"}),
        SystemField("security", "Security Level", {"type": "securitylevel", "system": "security"}),
        SystemField("duedate", "Due date", {"type": "date", "system": "duedate"}),
        SystemField("status", "Status", {"type": "status", "system": "status"}),
        SystemField("resolution", "Resolution", {"type": "resolution", "system": "resolution"}),
        SystemField("assignee", "Assignee", {"type": "user", "system": "assignee"}),
        SystemField("reporter", "Reporter", {"type": "user", "system": "reporter"}),
        SystemField("creator", "Creator", {"type": "user", "system": "creator"}),
        SystemField("created", "Created", {"type": "datetime", "system": "created"}),
        SystemField("updated", "Updated", {"type": "datetime", "system": "updated"}),
        SystemField("subtasks", "Sub-tasks", {"type": "array", "items": "issuelinks", "system": "subtasks"}),
        SystemField("comment", "Comment", {"type": "comments-page", "system": "comment"}),
    )
}
PLACING = frozenset({"project", "issuetype", "parent", "security"})
"""Fields that say where an issue belongs; everything else is a value on it."""


def schema_of(custom: CustomField) -> Json:
    """How Jira describes a custom field's type."""
    kind, name = _CUSTOM_TYPES[custom.kind]
    return {"type": kind, "custom": _CUSTOM_PREFIX + name, "customId": int(custom.id.rpartition("_")[2])}


def not_on_screen(field: str) -> str:
    """What Jira answers for a field that cannot be set here."""
    return f"Field '{field}' cannot be set. It is not on the appropriate screen, or unknown."


def is_on_screen(site: Site, project: Project, kind: IssueType, field: str) -> bool:
    """Whether a field can be set on this type of issue in this project."""
    custom = site.fields.get(field)
    in_context = custom is None or custom.context_for(project.key) is not None
    return field in kind.screen and in_context


def values(site: Site, project: Project, kind: IssueType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields, checked, as the site keeps them. Where an issue belongs is not looked at here.

    Raises:
        Refusal: 400 with every field that cannot be taken.
    """
    errors: dict[str, str] = {}
    taken: dict[str, Any] = {}
    for field, value in given.items():
        if field in PLACING:
            continue
        if not is_on_screen(site, project, kind, field):
            errors[field] = not_on_screen(field)
            continue
        try:
            taken[field] = _value(site, project, field, value)
        except Invalid as error:
            errors[field] = str(error)
    if errors:
        raise Refusal(400, errors=errors)
    return taken


class Invalid(Exception):
    """A value that a field does not take; the message stands beside the field in the answer."""


def _value(site: Site, project: Project, field: str, value: object) -> object:
    custom = site.fields.get(field)
    if field in {"summary", "labels"}:
        return _summary(value) if field == "summary" else _labels(value)
    if value is None:
        return None
    if field == "duedate":
        return _date(value)
    if field == "description":
        return document(field, value)
    if custom is None:
        raise Invalid(not_on_screen(field))
    return _custom_value(custom, project, value)


def _custom_value(custom: CustomField, project: Project, value: object) -> object:
    match custom.kind:
        case "select":
            return _option(custom, project, value)
        case "textarea":
            return document(custom.id, value)
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Invalid("Operation value must be a number")
            return float(value)
        case "text":
            if not isinstance(value, str):
                raise Invalid("Operation value must be a string")
            if len(value) > _SHORT_TEXT:
                raise Invalid("The entered text is too long. It exceeds the allowed limit of 255 characters.")
            return value


def document(field: str, value: object) -> object:
    """A long text: an Atlassian document within the limit.

    Raises:
        Invalid: not a document at all.
        Refusal: 400 INVALID_INPUT for a document Jira would not take, CONTENT_LIMIT_EXCEEDED for a long one.
    """
    if not isinstance(value, dict):
        raise Invalid(NOT_A_DOCUMENT)
    if adf_problems(value):
        raise Refusal(400, "INVALID_INPUT")
    if plain_length(value) > TEXT_LIMIT:
        raise too_long(field)
    return value


def _summary(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Invalid("You must specify a summary of the issue.")
    if "\n" in value or "\r" in value:
        raise Invalid("The summary is invalid because it contains newline characters.")
    if len(value) > _SHORT_TEXT:
        raise Invalid("Summary can't exceed 255 characters.")
    return value


def _labels(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise Invalid("data was not an array")
    for label in value:
        if not label or any(char.isspace() for char in label):
            raise Invalid(f"The label '{label}' contains spaces which is invalid.")
        if len(label) > _SHORT_TEXT:
            raise Invalid(f"The label '{label}' exceeds 255 characters.")
    return sorted(set(value))


def _date(value: object) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Invalid(f"Error parsing date string: {value}") from None


def _option(custom: CustomField, project: Project, value: object) -> str:
    if not isinstance(value, dict) or not {"id", "value"} & set(value):
        raise Invalid("Specify a valid 'id' or 'name' for " + custom.name)
    context = custom.context_for(project.key)
    for option in context.options if context else ():
        if option.id == value.get("id", option.id) and option.value == value.get("value", option.value):
            return option.id
    if "id" in value:
        raise Invalid(f"Option id '{value['id']}' is not valid")
    raise Invalid(f"Option value '{value['value']}' is not valid")
