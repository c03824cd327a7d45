"""Who can read the Jira project, as far as the service's own account can see it.

The right to browse may be held only by the roles and groups the configuration names, and each of these is
read down to accounts. Every other kind of holder lets in people who cannot be listed, some of them
everybody: https://support.atlassian.com/jira/kb/ (article 586056400). Members of the security level can be
read by site admins only; that part belongs to setup and doctor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from integration.audience import Audience, Principal
from integration.errors import HostError, HostGone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.jira.client import JiraClient
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace

BROWSE = "BROWSE_PROJECTS"
LARGEST_GROUP = 200
"""Accounts. A Code of Conduct team is smaller; a larger group is reported as a whole instead of read."""

_PAGE = 50
_ID = re.compile(r"[A-Za-z0-9:_-]{1,128}\Z")
"""Ids of accounts, groups and roles stand in our sentences; whatever else an answer holds does not."""
OPEN_TO = {
    "anyone": "everybody on the internet",
    "applicationRole": "every user of the site's products",
    "reporter": "the Reporter of a ticket, by which Jira shows the project to everybody",
    "assignee": "the assignee of a ticket, by which Jira shows the project to everybody",
    "user": "a single user, by which Jira shows the project to everybody",
    "userCustomField": "a user field, by which Jira shows the project to everybody",
    "groupCustomField": "a group field, by which Jira shows the project to everybody",
    "projectLead": "the project lead, whoever that is",
    "sd.customer.portal.only": "customers of a service desk",
}


def read_audience(client: JiraClient, space: JiraSpace, own_account: str) -> Audience:
    """Read it: one call for the project, one for its permissions, one for each role, one or more for each group, one for the security level.

    Whoever opens the project may take our right to read the rest away as well: a read that fails takes back nothing that
    was found before it.

    Raises:
        HostError: the project itself could not be read.
    """
    project = client.read(f"project/{space.project}", what="read the project")
    doors = list(project_doors(project))
    if project.get("simplified") is not False or project.get("style") != "classic":
        # Such a project has no permission scheme to read; it is open to whoever its own settings name.
        doors.append("the project is team-managed, where permission and security schemes do not apply")
        return Audience(space.name, (), tuple(doors), complete=False)
    reading = _Reading(client, space, doors)
    unread = None
    try:
        reading.grants()
        doors += _level_doors(client, space)
    except HostError as trouble:
        unread = trouble
    principals = tuple(Principal(account, path) for account, path in reading.people.items())
    return Audience(
        space.name,
        principals,
        tuple(doors),
        complete=unread is None and own_account in reading.people,
        space_id=usable(project.get("id")),
        unread=unread,
    )


def project_doors(project: Json) -> Iterator[str]:
    """What is wrong with the project itself."""
    if project.get("archived") is True:
        yield "the project is archived"
    if project.get("deleted") is True:
        yield "the project is in the trash"
    if not usable(project.get("id")):
        yield "Jira does not say which project it is"


def _level_doors(client: JiraClient, space: JiraSpace) -> Iterator[str]:
    what = "read the project's security levels"
    try:
        levels = client.read(f"project/{space.project}/securitylevel", what=what).get("levels")
    except HostGone:
        levels = []
    if not isinstance(levels, list):
        raise client.unreadable(what)
    if not any(isinstance(level, dict) and level.get("id") == space.security_level_id for level in levels):
        yield (
            f"the security level {space.security_level_id} is not in the project's security scheme, "
            "or the service's account may not set it"
        )


class _Reading:
    """Follows each grant to accounts; ``people`` keeps the first path by which an account was found."""

    def __init__(self, client: JiraClient, space: JiraSpace, doors: list[str]) -> None:
        self._client = client
        self._space = space
        self._groups_read: set[str] = set()
        self.people: dict[str, str] = {}
        self.doors = doors

    def grants(self) -> None:
        what = "read the project's permission scheme"
        scheme = self._client.read(
            f"project/{self._space.project}/permissionscheme",
            what=what,
            query={"expand": "permissions,group"},
        )
        grants = scheme.get("permissions")
        if not isinstance(grants, list):
            raise self._client.unreadable(what)
        holders = [
            grant.get("holder")
            for grant in grants
            if isinstance(grant, dict) and grant.get("permission") == BROWSE
        ]
        to_follow = [one for one in dict.fromkeys(map(kind_and_id, holders)) if not self._is_open(*one)]
        for kind, holder in to_follow:  # after all doors were found: these are the reads that can fail
            if kind == "group":
                self._group(holder, f"the group {holder}")
            else:
                self._role(holder)

    def _is_open(self, kind: str, holder: str) -> bool:
        """Whether this holder lets in people who are not listed by what is configured; if so, that is noted."""
        roles, groups = self._space.browse_roles, self._space.browse_groups
        if holder in {"projectRole": roles, "group": groups}.get(kind, ()):
            return False
        if kind == "projectRole":
            self.doors.append(
                f"the role {holder or 'without an id'} may browse the project and is not configured"
            )
        elif kind == "group":
            self.doors.append(
                f"the group {holder or 'without an id'} may browse the project and is not configured"
            )
        else:
            who = OPEN_TO.get(kind, "a kind of holder this version does not know")
            self.doors.append(f"the right to browse the project is granted to {who}")
        return True

    def _role(self, role: str) -> None:
        what = "read a project role"
        found = self._client.read(f"project/{self._space.project}/role/{role}", what=what)
        actors = found.get("actors")
        if not isinstance(actors, list):
            raise self._client.unreadable(what)
        path = f"the role {role}"
        for actor in actors:
            account, group = _id(actor, "actorUser", "accountId"), _id(actor, "actorGroup", "groupId")
            if account:
                self.people.setdefault(account, path)
            elif group:
                self._group(group, f"the group {group} in {path}")
            else:
                self.doors.append(f"{path} has a member that is neither a user nor a group with an id")

    def _group(self, group: str, path: str) -> None:
        if group in self._groups_read:
            return
        self._groups_read.add(group)
        what = "read the members of a group"
        start, expected = 0, None
        while expected is None or start < expected:
            page = self._client.read(
                "group/member", what=what, query={"groupId": group, "startAt": start, "maxResults": _PAGE}
            )
            members, total = page.get("values"), page.get("total")
            if not isinstance(members, list) or not isinstance(total, int) or expected not in {None, total}:
                raise self._client.unreadable(what)
            expected, is_last = total, page.get("isLast")
            if total > LARGEST_GROUP:
                self.doors.append(f"{path} has {total} members, which is no Code of Conduct team")
                return
            for member in members:
                account = _id({"member": member}, "member", "accountId")
                if not account:
                    raise self._client.unreadable(what)
                self.people.setdefault(account, path)
            start += len(members)
            if (not members and start < total) or (isinstance(is_last, bool) and is_last != (start >= total)):
                # Its two ways to say where the list ends do not agree: somebody may be missing.
                raise self._client.unreadable(what)


def kind_and_id(holder: object) -> tuple[str, str]:
    """A holder's kind and id. For a group the id is in ``value``; ``parameter`` is its name, which can change."""
    if not isinstance(holder, dict):
        return "", ""
    kind = str(holder.get("type"))
    found = holder.get("value") or (holder.get("parameter") if kind != "group" else None)
    return kind, usable(found)


def _id(owner: object, part: str, key: str) -> str:
    """The id under ``key`` in a part of a JSON object; empty if there is none that can be used."""
    inner = owner.get(part) if isinstance(owner, dict) else None
    return usable(inner.get(key)) if isinstance(inner, dict) else ""


def usable(value: object) -> str:
    """An id of Jira's that may stand in our sentences; empty if it is anything else."""
    return value if isinstance(value, str) and _ID.match(value) else ""
