"""The things that there are in Jira, in memory: people, groups, roles, projects with their schemes, and tickets.

Nothing here decides who may do what; that is in :mod:`sandbox.jira_access`. The module uses Jira's own
words (issue, not ticket), since it plays Jira.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Json = dict[str, Any]

HolderType = Literal[
    "anyone",
    "applicationRole",
    "assignee",
    "group",
    "groupCustomField",
    "projectLead",
    "projectRole",
    "reporter",
    "sd.customer.portal.only",
    "user",
    "userCustomField",
]

PROJECT_PERMISSIONS = (
    "ADMINISTER_PROJECTS",
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "DELETE_ISSUES",
    "ASSIGN_ISSUES",
    "TRANSITION_ISSUES",
    "SCHEDULE_ISSUES",
    "LINK_ISSUES",
    "SET_ISSUE_SECURITY",
    "MODIFY_REPORTER",
    "ADD_COMMENTS",
    "CREATE_ATTACHMENTS",
    "DELETE_ALL_ATTACHMENTS",
    "DELETE_OWN_ATTACHMENTS",
    "EDIT_ALL_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "DELETE_ALL_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "MANAGE_WATCHERS",
)
GLOBAL_PERMISSIONS = ("ADMINISTER", "USER_PICKER", "CREATE_SHARED_OBJECTS")
WORKING_PERMISSIONS = tuple(
    key for key in PROJECT_PERMISSIONS if key not in {"ADMINISTER_PROJECTS", "MODIFY_REPORTER"}
)
"""What a team needs for its daily work."""

STATUSES: Mapping[str, tuple[str, str, int, str, str]] = {
    "10000": ("To Do", "new", 2, "blue-gray", "11"),
    "10001": ("In Progress", "indeterminate", 4, "yellow", "21"),
    "10002": ("Done", "done", 3, "green", "31"),
}
"""Status id -> name, category key, category id, colour, id of the transition that leads there."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a permission or is in a security level: a type, and what it needs to name one.

    ``parameter`` is the name of a role or group, or an account id; it stays empty for types such as
    ``anyone``.
    """

    type: HolderType
    parameter: str = ""


@dataclass(slots=True)
class User:
    """A person with an Atlassian account and one API token."""

    account_id: str
    email: str
    token: str
    name: str
    site_admin: bool


@dataclass(slots=True)
class Group:
    """A group of people, site-wide. ``access``: what being in it makes of them, if anything."""

    id: str
    name: str
    members: list[str]
    access: Literal["site-admin", "admin", "user"] | None = None


@dataclass(slots=True)
class Role:
    """A role's name and id are site-wide; its actors are per project."""

    id: str
    name: str


@dataclass(slots=True)
class Grant:
    """One line of a permission scheme."""

    id: int
    permission: str
    holder: Holder


@dataclass(slots=True)
class Level:
    """A level of an issue security scheme."""

    id: str
    name: str
    holders: list[Holder]


@dataclass(slots=True)
class Option:
    """One value of a select field."""

    id: str
    value: str


FieldKind = Literal["select", "number", "text", "textarea"]


@dataclass(slots=True)
class FieldContext:
    """Where a field can be used, and with which options. ``projects`` holds keys; empty means all of them."""

    id: str
    name: str
    projects: list[str]
    options: list[Option]


@dataclass(slots=True)
class CustomField:
    """A custom field. Without a context it can be used nowhere."""

    id: str
    name: str
    kind: FieldKind
    contexts: list[FieldContext]

    def context_for(self, project: str) -> FieldContext | None:
        """The context that counts in a project: one of its own before one for all."""
        fitting = [one for one in self.contexts if not one.projects or project in one.projects]
        return max(fitting, key=lambda one: len(one.projects), default=None)

    @property
    def options(self) -> list[Option]:
        """The options of all contexts."""
        return [option for context in self.contexts for option in context.options]


@dataclass(slots=True)
class IssueType:
    """A type of issue in one project."""

    id: str
    name: str
    subtask: bool
    screen: list[str]
    """Ids of the fields that can be set on it, on create and on edit."""


@dataclass(slots=True)
class Project:
    """A project with its own permission scheme and issue security scheme."""

    id: str
    key: str
    name: str
    lead: str
    style: Literal["classic", "next-gen"]
    actors: dict[str, list[str]]
    """Role id -> account ids, and ``group:<name>`` for groups."""
    scheme_id: int
    scheme_name: str
    grants: list[Grant]
    types: list[IssueType]
    security_scheme_id: str | None
    levels: list[Level]
    default_level: str | None
    default_screen: list[str] = field(default_factory=list)
    """The screen of the types that have none of their own; these hold this very list."""
    notification_scheme: str | None = None
    archived: bool = False
    last_number: int = 0


@dataclass(slots=True)
class PermissionScheme:
    """A permission scheme by itself. A project that it is assigned to holds the same list of grants."""

    id: int
    name: str
    grants: list[Grant]


@dataclass(slots=True)
class SecurityScheme:
    """An issue security scheme by itself. A project that it is assigned to holds the same list of levels."""

    id: str
    name: str
    levels: list[Level]
    default_level: str | None


@dataclass(slots=True)
class NotificationScheme:
    """Who is mailed: the names of events that mail somebody."""

    id: str
    name: str
    events: list[str]


@dataclass(slots=True)
class Filter:
    """A saved query. ``shares`` as Jira shows them; whom it is shared with, and who else may change it."""

    id: str
    owner: str
    name: str
    jql: str
    shares: list[Json]
    edit_shares: list[Json]


@dataclass(slots=True)
class Gadget:
    """Something on a dashboard; what it shows stands in its property ``config``."""

    id: str
    uri: str
    title: str
    color: str
    column: int
    row: int
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Dashboard:
    """A page of gadgets."""

    id: str
    owner: str
    name: str
    shares: list[Json]
    edit_shares: list[Json]
    gadgets: list[Gadget] = field(default_factory=list)


@dataclass(slots=True)
class Comment:
    """A comment; ``visibility`` limits it to a role or group."""

    id: str
    author: str
    update_author: str
    body: Json
    created: datetime
    updated: datetime
    visibility: Json | None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on an issue. Several may have one name."""

    id: str
    filename: str
    author: str
    created: datetime
    media_type: str
    content: bytes


@dataclass(slots=True)
class Issue:
    """An issue. ``values`` holds what was set on it, by field id, as Jira keeps it."""

    id: str
    key: str
    project: str
    type_id: str
    parent: str | None
    level: str | None
    creator: str
    reporter: str
    created: datetime
    updated: datetime
    values: dict[str, Any]
    status: str = "10000"
    resolution: str | None = None
    comments: list[Comment] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    writes: list[datetime] = field(default_factory=list)
    """When it was written to, for the per-issue limit."""
