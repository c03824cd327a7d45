"""The dashboard of a Jira project: filters and gadgets of the service's own account, shared with the team's roles only.

The service's account owns them, not the admin who sets Jira up: an admin's credential is never kept, so nobody could look at
the shares each night, and an admin outside the team would own what the team looks at. It needs one global permission,
"Share dashboards and filters". What is shared otherwise than with exactly these roles is unshared first and reported.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-dashboards/
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-filters/
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Final

from integration.board import BoardRecord, Renewed
from integration.errors import HostGone, HostNotRestricted, HostRefused, HostRejected, HostUnknownOutcome
from integration.jira.board_plan import dashboard_name, filters, gadgets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integration.board import Board
    from integration.incident import SpaceName
    from integration.jira.board_plan import PlannedFilter, PlannedGadget
    from integration.jira.client import JiraClient
    from integration.jira.fields import Json
    from integration.jira.space import JiraSpace

MARKER: Final = "coc.board"
"""The property of a gadget by which it is known to be ours."""
SHARE_RIGHT: Final = "CREATE_SHARED_OBJECTS"
_NUMBER = re.compile(r"[1-9][0-9]{0,18}\Z")
_SCOPE = "filter/defaultShareScope"
_PAGE = 50


class JiraBoard:
    """An :class:`integration.board.HostBoard` on Jira Cloud.

    Args:
        client: the calls.
        space: the project.
        own_account: gives the id of the service's account.
    """

    def __init__(self, client: JiraClient, space: JiraSpace, own_account: Callable[[], str]) -> None:
        self._client = client
        self._space = space
        self._own_account = own_account

    @property
    def space(self) -> SpaceName:
        """The ticket space."""
        return self._space.name

    def digest(self, board: Board) -> str:
        """A digest of the plan. Jira counts by itself, so the incidents make no difference."""
        del board
        planned = [
            [(one.name, one.jql) for one in filters(self._space)],
            [(one.title, one.uri, one.column, one.row, dict(one.config)) for one in gadgets(self._space)],
            sorted(self._space.browse_roles),
        ]
        return hashlib.sha256(json.dumps(planned).encode()).hexdigest()

    def show(self, board: Board, known: BoardRecord | None) -> Renewed:
        """Make the filters and the dashboard, or put them right. About twenty reads; a second time no write.

        Raises:
            HostRefused: the service's account may not share.
            HostNotRestricted: something was shared with others. It was unshared, or could not be.
        """
        deeds: list[str] = []
        share = self._share()
        self._scope_is_private(deeds)
        ids = {one.key: self._filter(one, share, deeds) for one in filters(self._space)}
        dashboard = self._dashboard(known, share, deeds)
        self._gadgets(dashboard, ids, deeds)
        self._only_team(
            f"dashboard/{dashboard}", dashboard_name(self._space), share, "read the dashboard back"
        )
        return Renewed(BoardRecord(dashboard, self.digest(board)), deeds)

    # Who it is for --------------------------------------------------------------------------------------

    def _share(self) -> list[Json]:
        """The only share that there may be: with the roles that may browse the project."""
        if not self._space.browse_roles:
            raise HostRejected(
                f"The ticket space {self._space.name!r} names no role in browse_roles.",
                fields=("share",),
                meaning="A dashboard is shared with the team's role in the project, and with nobody else. Nothing was made.",
                next_step="Let a project role browse the project, and name its number in browse_roles.",
            )
        what = "read what the service's account may do"
        held = self._client.read("mypermissions", what=what, query={"permissions": SHARE_RIGHT})
        right = _table(_table(held, "permissions"), SHARE_RIGHT)
        if right.get("havePermission") is not True:
            raise HostRefused(
                "The service's account may not share filters and dashboards in Jira.",
                meaning="Nothing was made or shared. Tickets are not touched by this.",
                next_step="Give it the global permission 'Share dashboards and filters', through a group of its own.",
            )
        what = "read the project"
        project = self._client.read(f"project/{self._space.project}", what=what).get("id")
        if not isinstance(project, str):
            raise self._client.unreadable(what)
        return [
            {"type": "project", "project": {"id": project}, "role": {"id": int(role)}}
            for role in sorted(self._space.browse_roles, key=int)
        ]

    def _scope_is_private(self, deeds: list[str]) -> None:
        """Before anything is made: else Jira shares what the account makes with all who are logged in."""
        if self._client.read(_SCOPE, what="read the default share scope").get("scope") == "PRIVATE":
            return
        self._client.put(_SCOPE, {"scope": "PRIVATE"}, what="make new filters private", ticket=None)
        if self._client.read(_SCOPE, what="read the default share scope back").get("scope") != "PRIVATE":
            raise HostNotRestricted(
                "Jira shares what the service's account makes with others by default, and did not let us change that.",
                meaning="Nothing was made.",
                next_step="Log in as that account and set the default sharing of filters and dashboards to private.",
            )
        deeds.append("what the service's account makes is private by default now")

    def _only_team(self, path: str, name: str, share: list[Json], what: str) -> Json:
        """What stands there, shared with exactly the team. Anything else is unshared first, then reported."""
        found = self._client.read(path, what=what)
        if not _others(found, share):
            return found
        body: Json = {"name": name, "sharePermissions": [], "editPermissions": []}
        if isinstance(found.get("jql"), str):
            body["jql"] = found["jql"]
        self._client.put(path, body, what=f"unshare {name}", ticket=None)
        left = _others(self._client.read(path, what="read the shares back"), share)
        raise HostNotRestricted(
            f"In Jira, {name!r} was shared with others than the team's roles.",
            meaning="It is not private still: others can see its name and query, though no ticket they may not see."
            if left
            else "It was made private. Others may have seen its name and query, though no ticket they may not see.",
            next_step="Take its shares away by hand; its owner is the service's account."
            if left
            else "Find out who shared it. Then say: coc-server board",
        )

    # Filters and dashboard ------------------------------------------------------------------------------

    def _filter(self, planned: PlannedFilter, share: list[Json], deeds: list[str]) -> str:
        body: Json = {"name": planned.name, "jql": planned.jql, "sharePermissions": share}
        found = self._own("filter/search", "filterName", planned.name)
        if found is None:
            made = self._client.write("filter", body, what="make a filter")
            found = self._id(made, "make a filter", wrote=True)
            deeds.append(f"the filter {planned.name!r} was made")
        path = f"filter/{found}"
        there = self._only_team(path, planned.name, share, "read a filter")
        if there.get("jql") != planned.jql or not _exact(there, share):
            self._client.put(path, {**body, "editPermissions": []}, what="put a filter right", ticket=None)
            there = self._only_team(path, planned.name, share, "read a filter back")
            self._must_be(there.get("jql") == planned.jql and _exact(there, share), planned.name)
            deeds.append(f"the filter {planned.name!r} was put right")
        return found

    def _dashboard(self, known: BoardRecord | None, share: list[Json], deeds: list[str]) -> str:
        name = dashboard_name(self._space)
        body: Json = {"name": name, "sharePermissions": share, "editPermissions": []}
        found = self._own("dashboard/search", "dashboardName", name, known)
        if found is None:
            made = self._client.write("dashboard", body, what="make the dashboard")
            found = self._id(made, "make the dashboard", wrote=True)
            deeds.append(f"the dashboard {name!r} was made: {self._space.address}/jira/dashboards/{found}")
        there = self._only_team(f"dashboard/{found}", name, share, "read the dashboard")
        if not _exact(there, share):
            self._client.put(f"dashboard/{found}", body, what="put the dashboard right", ticket=None)
            there = self._only_team(f"dashboard/{found}", name, share, "read the dashboard back")
            self._must_be(_exact(there, share), name)
            deeds.append("the dashboard was put right")
        return found

    def _own(self, path: str, parameter: str, name: str, known: BoardRecord | None = None) -> str | None:
        """The id of what our own account has under exactly this name: the one we know, else the oldest."""
        what = "look for what the service's account made"
        page = self._client.read(
            path,
            what=what,
            query={parameter: name, "accountId": self._own_account(), "maxResults": _PAGE, "expand": "owner"},
        )
        found = [
            self._id(one, what)
            for one in self._client.objects(page.get("values"), what)
            if one.get("name") == name and _table(one, "owner").get("accountId") == self._own_account()
        ]
        if known is not None and known.host_id in found:
            return known.host_id
        return min(found, key=int) if found else None

    # Gadgets --------------------------------------------------------------------------------------------

    def _gadgets(self, dashboard: str, ids: Mapping[str, str], deeds: list[str]) -> None:
        what = "list the gadgets that this site offers"
        offered = self._client.objects(self._client.read("dashboard/gadgets", what=what).get("gadgets"), what)
        uris = {str(one.get("uri")).rpartition("/")[2]: str(one.get("uri")) for one in offered}
        there = self._there(dashboard)
        for planned in gadgets(self._space):
            uri = uris.get(planned.uri.rpartition("/")[2])
            if uri is None:
                deeds.append(f"the gadget {planned.title!r} is left out: this site does not offer its kind")
                continue
            gadget = there.get(planned.key) or self._add(dashboard, planned, uri, deeds)
            at = f"dashboard/{dashboard}/items/{gadget}/properties"
            marker: Json = {"gadget": planned.key, "schema": "1"}
            wrote = [self._property(f"{at}/config", planned.configured(ids[planned.filter]))]
            wrote.append(self._property(f"{at}/{MARKER}", marker))
            if any(wrote):
                deeds.append(f"the gadget {planned.title!r} was set up")

    def _there(self, dashboard: str) -> dict[str, str]:
        """The gadgets of ours by their keys: by their marker, or by their title where an earlier try wrote no marker."""
        what = "list the dashboard's gadgets"
        listed = self._client.objects(
            self._client.read(f"dashboard/{dashboard}/gadget", what=what).get("gadgets"), what
        )
        titles = {one.title: one.key for one in gadgets(self._space)}
        found: dict[str, str] = {}
        for one in listed:
            gadget = self._id(one, what)
            marked = self._read_property(f"dashboard/{dashboard}/items/{gadget}/properties/{MARKER}")
            key = marked.get("gadget") if marked else titles.get(str(one.get("title")))
            if isinstance(key, str):
                found.setdefault(key, gadget)
        return found

    def _add(self, dashboard: str, planned: PlannedGadget, uri: str, deeds: list[str]) -> str:
        """By its URI: the library's own call sends the module's key under a name that Jira does not take."""
        what = "add a gadget"
        made = self._client.write(
            f"dashboard/{dashboard}/gadget",
            {
                "uri": uri,
                "title": planned.title,
                "color": planned.color,
                "position": {"column": planned.column, "row": planned.row},
            },
            what=what,
        )
        deeds.append(f"the gadget {planned.title!r} was added")
        return self._id(made, what, wrote=True)

    def _property(self, path: str, wanted: Mapping[str, object]) -> bool:
        """Set a property if it is another one; whether it was set."""
        if self._read_property(path) == wanted:
            return False
        self._client.put(path, dict(wanted), what="set up a gadget", ticket=None)
        if self._read_property(path) != wanted:
            raise HostUnknownOutcome(
                "Jira took a gadget's settings but does not show them.",
                meaning="The gadget may show something else, or nothing.",
                next_step="Say it again: coc-server board. If this stays, set the gadget up by hand.",
            )
        return True

    def _read_property(self, path: str) -> Json:
        try:
            return _table(self._client.read(path, what="read a gadget's settings"), "value")
        except HostGone:
            return {}

    # Small things ---------------------------------------------------------------------------------------

    def _id(self, one: Json, what: str, *, wrote: bool = False) -> str:
        found = str(one.get("id"))
        if not _NUMBER.match(found):  # it becomes a part of an address
            raise self._client.unreadable(what, "write" if wrote else "read")
        return found

    def _must_be(self, holds: bool, name: str) -> None:  # noqa: FBT001 - the condition itself
        if not holds:
            raise HostRejected(
                f"Jira took {name!r} but does not show it as it was sent.",
                fields=("share",),
                meaning="It is shared with nobody outside the team's roles.",
                next_step="See that the service's account is in the role and may share dashboards and filters.",
            )


def _shares(found: Json, key: str) -> list[tuple[str, str, str]]:
    """Shares as (kind, project's id, role's id); for all kinds but a role's, the ids are empty or of no matter."""
    listed = found.get(key)
    if not isinstance(listed, list):
        return [("unknown", "", "")]
    return [
        (
            str(one.get("type")) if isinstance(one, dict) else "unknown",
            str(_table(one, "project").get("id", "")),
            str(_table(one, "role").get("id", "")),
        )
        for one in listed
    ]


def _others(found: Json, share: list[Json]) -> bool:
    """Whether others than the team can see or change it."""
    team = set(_shares({"share": share}, "share"))
    return not set(_shares(found, "sharePermissions")) <= team or bool(_shares(found, "editPermissions"))


def _exact(found: Json, share: list[Json]) -> bool:
    return set(_shares(found, "sharePermissions")) == set(_shares({"share": share}, "share"))


def _table(value: object, key: str) -> Json:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
