"""Who can read the Jira project, as only a Jira admin's credential shows it: the whole list, with each path.

Beyond what the service's own account sees (:mod:`integration.jira.audience`): members of the security level, whoever
administers the project or the site and so could let themselves in, and webhooks that carry its events elsewhere. What no
call of Jira's shows (installed apps, automation rules) is a matter of ``doctor``, which says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from integration.audience import Audience, Principal
from integration.jira.admin import HOOKS, JiraAdmin
from integration.jira.audience import (
    BROWSE,
    LARGEST_GROUP,
    OPEN_TO,
    kind_and_id,
    project_doors,
    usable,
)
from integration.jira.setup_hook import JQL_SECTION, jql_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from integration.jira.admin import Credential
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace

_OTHER_PROJECT = re.compile(
    r'\s*project\s*=\s*"?([A-Za-z][A-Za-z0-9_]+)"?(\s+AND\s.*)?\Z', re.IGNORECASE | re.DOTALL
)
_ADMINS = ("site-admin", "admin")
"""Kinds of access by which a group makes its members admins of the site or of Jira."""


def read_admin_audience(
    space: JiraSpace, *, admin: Credential, bot: Credential, hook_url: str | None = None
) -> Audience:
    """Read it: about ten calls, one more for each role and one or more for each group.

    Args:
        space: which project.
        admin: a Jira admin's credential.
        bot: the service's own, only to know which account must be in the list.
        hook_url: where our own webhook goes; without it, our webhook is known by its name.

    Raises:
        HostError: a part could not be read; then nothing is known.
    """
    client = JiraAdmin(space, admin)
    client.must_be_admin()
    own = JiraAdmin(space, bot).account()
    project = client.read(f"project/{space.project}", what="read the project")
    doors = list(project_doors(project))
    if project.get("simplified") is not False or project.get("style") != "classic":
        doors.append("the project is team-managed, where permission and security schemes do not apply")
        return Audience(space.name, (), tuple(doors), complete=False)
    reading = _Reading(client, space, project)
    browsing, leveled = reading.browsers(), reading.in_level()
    reading.admins()
    reading.hooks(hook_url)
    principals = tuple(
        Principal(account, " and by ".join(dict.fromkeys(paths))) for account, paths in reading.people.items()
    )
    return Audience(
        space.name,
        principals,
        (*doors, *reading.doors),
        complete=own in browsing and own in leveled,
        space_id=usable(project.get("id")),
    )


class _Reading:
    """Follows each holder to accounts; ``people`` keeps every path by which an account was found."""

    def __init__(self, client: JiraAdmin, space: JiraSpace, project: Json) -> None:
        self._client = client
        self._space = space
        lead = project.get("lead")
        self._lead = usable(lead.get("accountId")) if isinstance(lead, dict) else ""
        self._groups: dict[str, list[str]] = {}
        self._roles: dict[str, dict[str, str]] = {}
        self.people: dict[str, list[str]] = {}
        self.doors: list[str] = []

    def browsers(self) -> set[str]:
        """Whoever may browse the project; and whoever administers it, and could give themselves that right."""
        what = "read the project's permission scheme"
        path = f"project/{self._space.project}/permissionscheme"
        scheme = self._client.read(path, what=what, query={"expand": "permissions,group"})
        lines = self._client.objects(scheme.get("permissions"), what)
        found: set[str] = set()
        for holder in _holders(lines, BROWSE):
            kind, named = holder
            if kind in OPEN_TO and kind != "projectLead":
                self.doors.append(f"the right to browse the project is granted to {OPEN_TO[kind]}")
            elif (kind == "projectRole" and named not in self._space.browse_roles) or (
                kind == "group" and named not in self._space.browse_groups
            ):
                word = "role" if kind == "projectRole" else "group"
                self.doors.append(f"the {word} {named} may browse the project and is not configured")
            found |= self._follow(kind, named, "")
        for kind, named in _holders(lines, "ADMINISTER_PROJECTS"):
            if kind in OPEN_TO and kind not in {"user", "projectLead"}:
                self.doors.append(f"the right to administer the project is granted to {OPEN_TO[kind]}")
            self._follow(kind, named, "administering the project, which lets them in: ")
        return found

    def in_level(self) -> set[str]:
        """Whoever is in the security level."""
        path = f"project/{self._space.project}/issuesecuritylevelscheme"
        scheme = self._client.read_or_none(path, what="read the project's security scheme")
        listed = scheme.get("levels") if scheme is not None else None
        levels = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict)]
        if scheme is None or all(one.get("id") != self._space.security_level_id for one in levels):
            self.doors.append(
                f"the security level {self._space.security_level_id} is not in the project's security scheme"
            )
            return set()
        found: set[str] = set()
        for one in self._client.level_members(str(scheme.get("id")), self._space.security_level_id):
            kind, named = kind_and_id(one.get("holder"))
            if kind in OPEN_TO and kind not in {"user", "projectLead"}:
                self.doors.append(f"the security level lets in {OPEN_TO[kind]}")
            found |= self._follow(kind, named, "the security level: ")
        return found

    def admins(self) -> None:
        """The site's admins: they see no ticket by that alone, and can change everything that keeps them out."""
        for access in _ADMINS:
            groups = self._client.read_pages(
                "group/bulk", what="list the groups of admins", query={"accessType": access}
            )
            for group in groups:
                named = usable(group.get("groupId"))
                self._add(self._group(named), f"being an admin of the site (group {named})")

    def hooks(self, hook_url: str | None) -> None:
        """Webhooks of others that get the project's events."""
        for hook in other_hooks(self._client, self._space.project, hook_url):
            number = str(hook.get("self", "")).rpartition("/")[2]
            self._add({f"webhook:{usable(number)}"}, "a webhook of the site that gets the project's events")

    def _follow(self, kind: str, named: str, why: str) -> set[str]:
        """Down to accounts. Of the kinds that cannot be followed, the caller has said that they are open doors."""
        if kind == "projectRole":
            people = self._role(named)
            for account, path in people.items():
                self._add({account}, why + path)
            return set(people)
        if kind == "group":
            members = self._group(named)
            self._add(members, f"{why}the group {named}")
            return members
        if kind in {"user", "projectLead"}:
            account = self._lead if kind == "projectLead" else named
            self._add({account}, why + ("leading the project" if kind == "projectLead" else "being named"))
            return {account}
        if kind not in OPEN_TO:
            self.doors.append("something is granted to a kind of holder that this version does not know")
        return set()

    def _role(self, role: str) -> dict[str, str]:
        if role not in self._roles:
            what = "read a project role"
            found = self._client.read(f"project/{self._space.project}/role/{role}", what=what)
            people: dict[str, str] = {}
            for actor in self._client.objects(found.get("actors"), what):
                user, group = actor.get("actorUser"), actor.get("actorGroup")
                account = usable(user.get("accountId")) if isinstance(user, dict) else ""
                named = usable(group.get("groupId")) if isinstance(group, dict) else ""
                if account:
                    people.setdefault(account, f"the role {role}")
                elif named:
                    path = f"the group {named} in the role {role}"
                    people = dict.fromkeys(self._group(named), path) | people
                else:
                    self.doors.append(
                        f"the role {role} has a member that is neither a user nor a group with an id"
                    )
            self._roles[role] = people
        return self._roles[role]

    def _group(self, group: str) -> set[str]:
        if group not in self._groups:
            listed = self._client.read_pages(
                "group/member", what="read the members of a group", query={"groupId": group}
            )
            if len(listed) > LARGEST_GROUP:
                self.doors.append(
                    f"the group {group} has {len(listed)} members, which is no Code of Conduct team"
                )
                listed = []
            accounts = [usable(one.get("accountId")) for one in listed]
            if not all(accounts):
                raise self._client.unreadable("read the members of a group")
            self._groups[group] = accounts
        return set(self._groups[group])

    def _add(self, accounts: Iterable[str], path: str) -> None:
        for account in sorted(accounts):
            self.people.setdefault(account, []).append(path)


def other_hooks(client: JiraAdmin, project: str, hook_url: str | None) -> Iterator[Json]:
    """Webhooks that are on, not ours, and not surely about another project."""
    for hook in client.read_list(HOOKS, what="list the webhooks"):
        jql = str((hook.get("filters") or {}).get(JQL_SECTION, ""))
        ours = (
            hook.get("url") == hook_url
            if hook_url is not None
            else hook.get("name") == f"coc-mirror {project}" and jql == jql_of(project)
        )
        if hook.get("enabled") is not False and not ours and not _is_elsewhere(jql, project):
            yield hook


def _is_elsewhere(jql: str, project: str) -> bool:
    named = _OTHER_PROJECT.match(jql)
    joined = re.search(r"\bOR\b", jql, re.IGNORECASE) is not None
    return named is not None and not joined and named.group(1).upper() != project


def _holders(lines: list[Json], right: str) -> list[tuple[str, str]]:
    """Who holds a right, each once."""
    return list(
        dict.fromkeys(kind_and_id(line.get("holder")) for line in lines if line.get("permission") == right)
    )
