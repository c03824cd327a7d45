"""The set-up of who may do what: roles and their members, permission scheme, security level, no mail.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permission-schemes/
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from integration.jira.audience import kind_and_id
from integration.jira.setup_parts import Lack, Part, later
from integration.jira.wanted import (
    BOT_ROLE,
    LEVEL,
    QUIET,
    TEAM_ROLE,
    is_too_much,
    read_grants,
    wanted_grants,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.jira.admin import JiraAdmin
    from integration.jira.fields import Json
    from integration.jira.setup_parts import Found, Plan

_ROLES = (TEAM_ROLE, BOT_ROLE)
_ABOUT = "For coc-mirror; docs/hosts/jira.md says what it is for."


class RolesPart(Part):
    """Two project roles: who reads (the roster's accounts and the service's), and one that the service's is alone in."""

    def lacks(self) -> Iterator[Lack]:
        """One read, and one for each role that is there."""
        listed = self._admin.read(f"project/{self._plan.space.project}/role", what="read the project's roles")
        bot = {self._plan.bot_account}
        wanted = {TEAM_ROLE: set(self._plan.members.values()) | bot, BOT_ROLE: bot}
        for role in _ROLES:
            address = listed.get(role)
            role_id = address.rpartition("/")[2] if isinstance(address, str) else ""
            self._found.roles[role] = role_id
            if not role_id:
                make = partial(
                    self._admin.write, "role", {"name": role, "description": _ABOUT}, what="make a role"
                )
                yield Lack(f"role:{role}", f"make the project role {role!r}", make)
            yield from self._members(role, role_id, wanted[role])

    def _members(self, role: str, role_id: str, wanted: set[str]) -> Iterator[Lack]:
        path = f"project/{self._plan.space.project}/role/{role_id}"
        there: set[tuple[str, str]] = set()
        if role_id:
            actors = self._admin.read(path, what="read a project role").get("actors")
            there = {_actor(one) for one in self._admin.objects(actors or [], "read a project role")}
        if lacking := sorted(wanted - {actor for kind, actor in there if kind == "user"}):
            add = partial(self._admin.write, path, {"user": lacking}, what="put accounts into a role")
            yield Lack(
                f"members:{role}",
                f"put into the role {role!r}: {', '.join(lacking)}",
                add if role_id else later,
            )
        for kind, actor in sorted(there - {("user", account) for account in wanted}):
            remove = partial(
                self._admin.delete,
                f"{path}?{kind}={quote(actor, safe='')}",
                what="take somebody out of a role",
            )
            yield Lack(
                f"not-member:{role}:{actor}",
                f"take out of the role {role!r}: {actor}, who is not in the roster",
                remove,
            )


def _actor(actor: Json) -> tuple[str, str]:
    user, group = actor.get("actorUser"), actor.get("actorGroup")
    if isinstance(user, dict):
        return "user", str(user.get("accountId"))
    return "groupId", str(group.get("groupId") if isinstance(group, dict) else "")


class RightsPart(Part):
    """A permission scheme that gives the team's and the service's role what they need, and nobody else anything."""

    def __init__(self, admin: JiraAdmin, plan: Plan, found: Found) -> None:
        super().__init__(admin, plan, found)
        self._name = f"CoC: only the team ({plan.space.project})"

    def lacks(self) -> Iterator[Lack]:
        """One read; another one if the project uses a scheme that will not do."""
        what = "read the project's permission scheme"
        path = f"project/{self._plan.space.project}/permissionscheme"
        scheme = self._admin.read(path, what=what, query={"expand": "permissions"})
        ours = scheme.get("name") == self._name
        lacks = list(self._line_lacks(scheme, what))
        if ours or not lacks:
            yield from lacks
            return
        known = self._admin.read("permissionscheme", what="list the permission schemes")
        named = [
            one
            for one in self._admin.objects(known.get("permissionSchemes"), what)
            if one.get("name") == self._name
        ]
        if not named:
            yield Lack(
                "permission-scheme",
                f"make the permission scheme {self._name!r}: browsing for the role {TEAM_ROLE!r} alone, "
                f"comments and files for {BOT_ROLE!r} alone",
                self._make,
            )
        yield Lack(
            "permission-scheme-used",
            f"let the project use it, in place of {scheme.get('name')!r}",
            partial(self._use, named[0] if named else {}),
        )

    def _line_lacks(self, scheme: Json, what: str) -> Iterator[Lack]:
        lines = read_grants(scheme)
        if lines is None:
            raise self._admin.unreadable(what)
        team, bot = (self._found.roles.get(role, "") for role in _ROLES)
        path = f"permissionscheme/{scheme.get('id')}/permission"
        there = {(line.right, line.holder) for line in lines if line.kind == "projectRole"}
        for right, role in sorted(wanted_grants(team, bot) - there):
            name = TEAM_ROLE if role == team else BOT_ROLE
            yield Lack(
                f"grant:{right}:{name}",
                f"give the role {name!r} the right {right}",
                partial(self._admin.write, path, _line(right, role), what="give a right"),
            )
        for line in lines:
            if is_too_much(line, team, bot):
                yield Lack(
                    f"no-grant:{line.id}",
                    f"take a right away: {line}",
                    partial(self._admin.delete, f"{path}/{line.id}", what="take a right away"),
                )

    def _make(self) -> None:
        team, bot = (self._found.roles[role] for role in _ROLES)
        if not team or not bot:
            later()
            return
        lines = [_line(right, role) for right, role in sorted(wanted_grants(team, bot))]
        self._admin.write(
            "permissionscheme",
            {"name": self._name, "description": _ABOUT, "permissions": lines},
            what="make a permission scheme",
        )

    def _use(self, scheme: Json) -> None:
        if scheme:
            self._admin.change(
                f"project/{self._plan.space.project}/permissionscheme",
                {"id": scheme.get("id")},
                what="let the project use the permission scheme",
            )


def _line(right: str, role: str) -> Json:
    return {"permission": right, "holder": {"type": "projectRole", "parameter": role}}


class SecurityPart(Part):
    """An issue security scheme with one level for the team's role, which tickets get by themselves."""

    def __init__(self, admin: JiraAdmin, plan: Plan, found: Found) -> None:
        super().__init__(admin, plan, found)
        self._name = f"CoC: only the team ({plan.space.project})"[:60]

    def lacks(self) -> Iterator[Lack]:
        """Two reads: the project's scheme, and the members of its levels or the other schemes."""
        path = f"project/{self._plan.space.project}/issuesecuritylevelscheme"
        scheme = self._admin.read_or_none(path, what="read the project's security scheme")
        if scheme is None:
            yield from self._new()
            return
        name, scheme_id = scheme.get("name"), str(scheme.get("id"))
        levels = self._admin.objects(scheme.get("levels"), "read the project's security scheme")
        level = next((one for one in levels if one.get("name") == LEVEL), None)
        if level is None:
            self._found.level_id = ""
            yield Lack(
                "security-level",
                f"make the level {LEVEL!r} in the security scheme {name!r}",
                partial(self._add_level, scheme_id),
            )
            return
        self._found.level_id = str(level.get("id"))
        yield from self._members(scheme_id, str(name), self._found.level_id)
        if str(scheme.get("defaultSecurityLevelId")) != self._found.level_id:
            yield Lack(
                "security-default",
                f"make {LEVEL!r} the level that every ticket of the scheme {name!r} gets by itself",
                partial(self._make_default, scheme_id, self._found.level_id),
            )

    def _new(self) -> Iterator[Lack]:
        self._found.level_id = ""
        what = "list the security schemes"
        known = self._admin.read("issuesecurityschemes", what=what)
        named = [
            one
            for one in self._admin.objects(known.get("issueSecuritySchemes"), what)
            if one.get("name") == self._name
        ]
        if not named:
            yield Lack(
                "security-scheme",
                f"make the issue security scheme {self._name!r} with the level {LEVEL!r} for the role {TEAM_ROLE!r}",
                self._make,
            )
        yield Lack(
            "security-scheme-used",
            "let the project use it",
            partial(self._use, named[0].get("id") if named else None),
        )

    def _members(self, scheme_id: str, name: str, level_id: str) -> Iterator[Lack]:
        members = [
            (str(one.get("id")), *kind_and_id(one.get("holder")))
            for one in self._admin.level_members(scheme_id, level_id)
        ]
        team = self._found.roles.get(TEAM_ROLE, "")
        if ("projectRole", team) not in {(kind, holder) for _, kind, holder in members}:
            # Atlassian's description of the call that would add it contradicts itself, so a person does it.
            yield Lack(
                "level-member",
                f"the role {TEAM_ROLE!r} is not in the level {LEVEL!r}",
                by_hand=f"In Jira: Settings, Issues, Issue security schemes, {name!r}, Security levels; at "
                f"{LEVEL!r} choose Add, Project role, {TEAM_ROLE!r}.",
            )
        for member, kind, holder in members:
            if (kind, holder) != ("projectRole", team):
                path = f"issuesecurityschemes/{scheme_id}/level/{level_id}/member/{member}"
                yield Lack(
                    f"no-level-member:{kind}:{holder}",
                    f"take out of the level {LEVEL!r}: {kind} {holder}".rstrip(),
                    partial(self._admin.delete, path, what="take somebody out of a security level"),
                )

    def _level(self) -> Json:
        team = {"type": "projectRole", "parameter": self._found.roles[TEAM_ROLE]}
        return {"name": LEVEL, "description": _ABOUT, "isDefault": True, "members": [team]}

    def _make(self) -> None:
        if not self._found.roles[TEAM_ROLE]:
            later()
            return
        scheme = {"name": self._name, "description": _ABOUT, "levels": [self._level()]}
        self._admin.write("issuesecurityschemes", scheme, what="make an issue security scheme")

    def _add_level(self, scheme_id: str) -> None:
        path = f"issuesecurityschemes/{scheme_id}/level"
        self._admin.change(path, {"levels": [self._level()]}, what="make a security level")

    def _make_default(self, scheme_id: str, level_id: str) -> None:
        value = {"issueSecuritySchemeId": scheme_id, "defaultLevelId": level_id}
        path = "issuesecurityschemes/level/default"
        self._admin.change(path, {"defaultValues": [value]}, what="set the default security level")

    def _use(self, scheme_id: object) -> None:
        if scheme_id is not None:
            self._admin.change(
                f"project/{self._plan.space.project}",
                {"issueSecurityScheme": int(str(scheme_id))},
                what="let the project use the security scheme",
            )


class NoticesPart(Part):
    """A notification scheme without a single mail: https://support.atlassian.com/jira-cloud-administration/."""

    def lacks(self) -> Iterator[Lack]:
        """One read; another one if the project mails anybody."""
        path = f"project/{self._plan.space.project}/notificationscheme"
        what = "read the project's notification scheme"
        scheme = self._admin.read_or_none(path, what=what, query={"expand": "all"})
        if scheme is None or not mailing_events(scheme):
            return
        known = self._admin.read_pages("notificationscheme", what="list the notification schemes")
        named = [one for one in known if one.get("name") == QUIET]
        if not named:
            make = partial(
                self._admin.write,
                "notificationscheme",
                {"name": QUIET, "description": _ABOUT, "notificationSchemeEvents": []},
                what="make a notification scheme",
            )
            yield Lack("notification-scheme", f"make the notification scheme {QUIET!r}", make)
        yield Lack(
            "notification-scheme-used",
            f"let the project use it, in place of {scheme.get('name')!r}",
            partial(self._use, named[0].get("id") if named else None),
        )

    def _use(self, scheme_id: object) -> None:
        if scheme_id is not None:
            self._admin.change(
                f"project/{self._plan.space.project}",
                {"notificationScheme": int(str(scheme_id))},
                what="let the project use the notification scheme",
            )


def mailing_events(scheme: Json) -> int:
    """How many events of a notification scheme mail anybody; Jira lists events without recipients, too."""
    events = scheme.get("notificationSchemeEvents")
    return sum(
        bool(one.get("notifications"))
        for one in (events if isinstance(events, list) else [])
        if isinstance(one, dict)
    )
