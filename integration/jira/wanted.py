"""How a Jira project has to be set up: the one list that set-up makes true and ``doctor`` holds Jira against.

Names are ours and of this version; nothing but set-up looks anything up by name, the service goes by ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from integration.incident import IncidentType, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from integration.jira.fields import Json

TEAM_ROLE: Final = "CoC team"
BOT_ROLE: Final = "CoC mirror"
LEVEL: Final = "CoC team only"
TICKET_TYPE: Final = "Incident"
STEP_TYPE: Final = "Step"
QUIET: Final = "CoC: nobody is mailed"

BOT_RIGHTS: Final = (
    "BROWSE_PROJECTS",
    "ADMINISTER_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "SCHEDULE_ISSUES",
    "TRANSITION_ISSUES",
    "SET_ISSUE_SECURITY",
    "ADD_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "DELETE_ALL_COMMENTS",
    "CREATE_ATTACHMENTS",
    "DELETE_OWN_ATTACHMENTS",
)
"""What the service's account needs, and no more; docs/hosts/jira.md says what each is for.

It browses as one of the team's role, so that only one role reads; all else it holds by the role that it is alone in.
"""

TEAM_RIGHTS: Final = ("BROWSE_PROJECTS", "EDIT_ISSUES", "TRANSITION_ISSUES")
"""What a member does in Jira: look, set fields, move tickets and steps."""

BOT_ONLY: Final = frozenset(
    {
        "ADD_COMMENTS",
        "EDIT_ALL_COMMENTS",
        "EDIT_OWN_COMMENTS",
        "DELETE_ALL_COMMENTS",
        "DELETE_OWN_COMMENTS",
        "CREATE_ATTACHMENTS",
        "SET_ISSUE_SECURITY",
        "ADMINISTER_PROJECTS",
    }
)
"""Whoever else held one of these could write in clear on a ticket, or open it to others."""

BOT_NEVER: Final = (
    "DELETE_ISSUES",
    "ASSIGN_ISSUES",
    "EDIT_ALL_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "DELETE_ALL_ATTACHMENTS",
    "MODIFY_REPORTER",
    "MANAGE_WATCHERS",
)
"""What the service's account must not hold: a thief of its token could do with it what nobody could undo."""

HOOK_EVENTS: Final = (
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "project_updated",
    "project_deleted",
)
"""The last two are of every project, whatever the filter says; those of others are of no use and stay unread."""

_TYPES: Final = "com.atlassian.jira.plugin.system.customfieldtypes:"
_LEVELS: Final = ("1", "2", "3")
TICKET_SCREEN: Final = ("summary", "description", "labels", "security")
STEP_SCREEN: Final = ("summary", "description", "labels", "duedate")


@dataclass(frozen=True, slots=True)
class WantedField:
    """A custom field. ``key`` is its name in the configuration; a field without options is a number."""

    key: str
    name: str
    options: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Jira's name of the field's type."""
        return _TYPES + ("select" if self.options else "float")

    @property
    def searcher(self) -> str:
        """Jira's name of what searches it."""
        return _TYPES + ("multiselectsearcher" if self.options else "exactnumber")


def wanted_fields(aliases: Iterable[str]) -> tuple[WantedField, ...]:
    """The seven fields; the aliases are what lead and secondary can be set to."""
    people = tuple(aliases)
    return (
        WantedField("type", "CoC type", tuple(IncidentType)),
        WantedField("impact", "CoC impact", _LEVELS),
        WantedField("likelihood", "CoC likelihood", _LEVELS),
        WantedField("risk", "CoC risk"),
        WantedField("lead", "CoC lead", people),
        WantedField("secondary", "CoC secondary", people),
        WantedField("stage", "CoC stage", tuple(Stage)),
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of a permission scheme: the id of the line, the right, the kind of holder and its id."""

    id: str
    right: str
    kind: str
    holder: str

    def __str__(self) -> str:
        return f"{self.right} for {self.kind} {self.holder}".rstrip()


def read_grants(scheme: Json) -> list[Grant] | None:
    """The lines of a scheme as Jira shows it; None if it does not show them."""
    lines = scheme.get("permissions")
    if not isinstance(lines, list):
        return None
    return [_grant(line if isinstance(line, dict) else {}) for line in lines]


def _grant(line: Json) -> Grant:
    holder = line.get("holder")
    found: Mapping[str, object] = holder if isinstance(holder, dict) else {}
    named = found.get("value") or found.get("parameter") or ""
    return Grant(
        str(line.get("id", "")), str(line.get("permission", "")), str(found.get("type", "")), str(named)
    )


def wanted_grants(team: str, bot: str) -> set[tuple[str, str]]:
    """(right, role id): what there must be."""
    alone = {(right, bot) for right in BOT_RIGHTS if right != "BROWSE_PROJECTS"}
    return {(right, team) for right in TEAM_RIGHTS} | alone


def is_too_much(grant: Grant, team: str, bot: str) -> bool:
    """Whether a line of the scheme must go: it lets in others than the two roles, or gives one of them too much."""
    if grant.kind != "projectRole" or grant.holder not in {team, bot}:
        return True
    if grant.holder == team:
        return grant.right in BOT_ONLY
    return grant.right in {"BROWSE_PROJECTS", *BOT_NEVER}
