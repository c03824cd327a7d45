"""All that one Jira site holds, and what its search sees of it."""

from __future__ import annotations

import json
from collections.abc import Mapping as AnyMapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, is_dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from sandbox.jira_state import (
        CustomField,
        Dashboard,
        Filter,
        Group,
        Issue,
        IssueType,
        Level,
        NotificationScheme,
        PermissionScheme,
        Project,
        Role,
        SecurityScheme,
        User,
    )


@dataclass(slots=True)
class Indexed:
    """An issue as the search sees it, from a time on. ``gone``: deleted."""

    since: datetime
    issue: Issue
    gone: bool = False


@dataclass
class Site:
    """All that a Jira site holds."""

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    fields: dict[str, CustomField] = field(default_factory=dict)
    types: list[IssueType] = field(default_factory=list)
    """Types that were made for the whole site; each project has the ones it uses."""
    projects: dict[str, Project] = field(default_factory=dict)
    permission_schemes: dict[int, PermissionScheme] = field(default_factory=dict)
    security_schemes: dict[str, SecurityScheme] = field(default_factory=dict)
    notification_schemes: dict[str, NotificationScheme] = field(default_factory=dict)
    issues: dict[str, Issue] = field(default_factory=dict)
    index: dict[str, list[Indexed]] = field(default_factory=dict)
    filters: dict[str, Filter] = field(default_factory=dict)
    dashboards: dict[str, Dashboard] = field(default_factory=dict)
    share_scopes: dict[str, str] = field(default_factory=dict)
    """By account: with whom new filters are shared; PRIVATE if left out."""
    sharers: set[str] | None = None
    """Accounts that may share filters and dashboards; None: everybody, as on a new site."""
    _ids: Iterator[int] = field(default_factory=lambda: count(10100))

    def new_id(self) -> str:
        """An id that nothing else on this site has."""
        return str(next(self._ids))

    def issue(self, id_or_key: str) -> Issue | None:
        """The issue with this id, or with this key in any case."""
        if id_or_key in self.issues:
            return self.issues[id_or_key]
        key = id_or_key.upper()
        return next((issue for issue in self.issues.values() if issue.key == key), None)

    def project(self, id_or_key: str) -> Project | None:
        """The project with this key in any case, or with this id."""
        key = id_or_key.upper()
        return next((p for p in self.projects.values() if key in {p.key, p.id}), None)

    def issue_type(self, issue: Issue) -> IssueType:
        """The type of an issue."""
        return next(kind for kind in self.projects[issue.project].types if kind.id == issue.type_id)

    def subtasks(self, issue: Issue) -> list[Issue]:
        """The sub-tasks of an issue, oldest first."""
        return [one for one in self.issues.values() if one.parent == issue.id]

    def level_of(self, issue: Issue) -> Level | None:
        """The security level of an issue: a sub-task's is its parent's."""
        holder = self.issues[issue.parent] if issue.parent is not None else issue
        levels = self.projects[issue.project].levels
        return next((level for level in levels if level.id == holder.level), None)

    def role_named(self, name: str) -> Role | None:
        """The role with this name."""
        return next((role for role in self.roles.values() if role.name == name), None)

    def put_into_index(self, issue: Issue, at: datetime, *, gone: bool = False) -> None:
        """From ``at`` (and the search's lag) on, the search sees the issue as it is now."""
        self.index.setdefault(issue.id, []).append(Indexed(at, deepcopy(issue), gone))

    def indexed(self, now: datetime, lag: timedelta, fresh: frozenset[str]) -> Iterator[Issue]:
        """What the search sees now: each issue as it was ``lag`` ago, or as it is, if ``fresh`` names it."""
        for issue_id, states in self.index.items():
            seen = [s for s in states if s.since + lag <= now]
            if issue_id in fresh:
                seen = states
            if seen and not seen[-1].gone and issue_id in self.issues:
                yield seen[-1].issue

    def everything(self) -> bytes:
        """All of it as JSON, and every text in it once more as it is, so that a search meets no escapes."""
        state = {name: getattr(self, name) for name in vars(self) if not name.startswith("_")}
        plain = json.loads(json.dumps(state, default=_plain, ensure_ascii=False))
        return "\n".join([json.dumps(plain, ensure_ascii=False), *texts_in(plain)]).encode()


def texts_in(node: object) -> Iterator[str]:
    """Every text in a JSON value: keys and values."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, AnyMapping):
        for key, value in node.items():
            yield str(key)
            yield from texts_in(value)
    elif isinstance(node, list):
        for one in node:
            yield from texts_in(one)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
