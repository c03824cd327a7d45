"""Filters and dashboards of the Jira stand-in: who owns them, whom they are shared with, what stands on them.

Enforced as Atlassian documents it: only the owner changes one, sharing needs a global permission, a new one is shared by the
owner's default scope unless it says otherwise, a global share takes the place of all others.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-filters/
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-dashboards/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from sandbox.jira_access import has_global, in_role, may_share, sees_project
from sandbox.jira_api import (
    Api,
    any_body,
    base,
    bean,
    body,
    need_somebody,
    nothing,
    on,
    property_keys,
    property_set,
    read_property,
)
from sandbox.jira_jql import parse
from sandbox.jira_refusal import Refusal
from sandbox.jira_state import Dashboard, Filter, Gadget

if TYPE_CHECKING:
    from sandbox.jira_state import Json, Site, User

_PAGE = 50
_MOST = 100
_MOST_GADGETS = 20
_COLORS = {"blue", "red", "yellow", "green", "cyan", "purple", "gray", "white"}
_KINDS = {"user", "group", "project", "projectRole", "global", "loggedin", "authenticated"}
_SCOPES = {"GLOBAL": "AUTHENTICATED", "AUTHENTICATED": "AUTHENTICATED", "PRIVATE": "PRIVATE"}
_OFFERED = {
    "pie-chart-gadget/gadgets/piechart-gadget.xml": "Pie Chart",
    "two-dimensional-stats-gadget/gadgets/two-dimensional-stats-gadget.xml": "Two Dimensional Filter Statistics",
    "created-vs-resolved-issues-chart-gadget/gadgets/createdvsresolved-gadget.xml": "Created vs. Resolved Chart",
    "filter-results-gadget/gadgets/filter-results-gadget.xml": "Filter Results",
}
_GADGET_ROOT = "rest/gadgets/1.0/g/com.atlassian.jira.gadgets:"


def is_shared_with(site: Site, user: User | None, shares: list[Json]) -> bool:
    """Whether one of these shares lets somebody in."""
    return any(_lets_in(site, user, one) for one in shares)


def _lets_in(site: Site, user: User | None, share: Json) -> bool:
    kind = share["type"]
    if kind == "global" or user is None:
        return bool(kind == "global")
    if kind == "project":
        return _in_project(site, user, share)
    if kind == "user":
        return bool(share["user"]["accountId"] == user.account_id)
    if kind == "group":
        groups = (one for one in site.groups.values() if one.id == share["group"]["groupId"])
        return any(user.account_id in group.members for group in groups)
    return bool(kind == "loggedin")


def _in_project(site: Site, user: User, share: Json) -> bool:
    project, role = site.project(str(share["project"]["id"])), share.get("role")
    if project is None:
        return False
    return (
        sees_project(site, user, project)
        if role is None
        else in_role(site, user.account_id, str(role["id"]), project)
    )


def sees_filter(site: Site, user: User | None, one: Filter) -> bool:
    """Whether a filter is there for somebody."""
    return _owns(user, one) or is_shared_with(site, user, one.shares)


def sees_dashboard(site: Site, user: User | None, one: Dashboard) -> bool:
    """Whether a dashboard is there for somebody."""
    return _owns(user, one) or is_shared_with(site, user, [*one.shares, *one.edit_shares])


def _owns(user: User | None, one: Filter | Dashboard) -> bool:
    return user is not None and one.owner == user.account_id


class _Shared(Api):
    """What filters and dashboards have in common."""

    def _new_shares(self, sent: Json, key: str) -> list[Json] | None:
        """The shares that were sent, as Jira keeps them; None if none were."""
        listed = sent.get(key)
        if listed is None:
            return None
        kept = [self._share(one) for one in listed]
        for one in kept:
            if one["type"] in {"global", "loggedin"}:
                kept = [one]
                break
        if kept and not may_share(self.site, g.user):
            raise Refusal(400, "You do not have permission to share.")
        return kept

    def _share(self, sent: Json) -> Json:
        kind = sent.get("type")
        if kind not in _KINDS:
            raise Refusal(400, f"Invalid share type '{kind}'.")
        if kind == "authenticated":
            kind = "loggedin"
        share: Json = {"id": int(self.site.new_id()), "type": "project" if kind == "projectRole" else kind}
        if share["type"] == "project":
            project = self.site.project(str((sent.get("project") or {}).get("id")))
            if project is None or not sees_project(self.site, g.user, project):
                raise Refusal(400, "The project does not exist, or you cannot see it.")
            share["project"] = {"id": project.id}
            if "role" in sent:
                role = self.site.roles.get(str(sent["role"].get("id")))
                if role is None:
                    raise Refusal(400, "The role does not exist.")
                share["role"] = {"id": int(role.id)}
        for part in ("user", "group"):
            if kind == part:
                share[part] = sent.get(part) or {}
        return share

    def _shown_shares(self, shares: list[Json]) -> list[Json]:
        shown = []
        for one in shares:
            share = dict(one)
            if "project" in share:
                project = self.site.project(str(share["project"]["id"]))
                if project is None or not sees_project(self.site, g.user, project):
                    shown.append({"id": share["id"], "type": "project-unknown"})
                    continue
                share["project"] = {
                    "self": f"{base()}/rest/api/3/project/{project.id}",
                    "id": project.id,
                    "key": project.key,
                    "name": project.name,
                }
            if "role" in share:
                role = self.site.roles[str(share["role"]["id"])]
                share["role"] = {
                    "self": f"{base()}/rest/api/3/project/{share['project']['id']}/role/{role.id}",
                    "id": int(role.id),
                    "name": role.name,
                }
            shown.append(share)
        return shown

    def _by_default(self) -> list[Json]:
        scope = self.site.share_scopes.get(g.user.account_id, "PRIVATE")
        return [] if scope == "PRIVATE" else [{"id": int(self.site.new_id()), "type": "loggedin"}]


class FilterApi(_Shared):
    """Saved queries."""

    @on("GET", "/filter/defaultShareScope")
    def scope(self) -> Response:
        """With whom the caller's new filters and dashboards are shared."""
        need_somebody()
        return jsonify(scope=self.site.share_scopes.get(g.user.account_id, "PRIVATE"))

    @on("PUT", "/filter/defaultShareScope")
    def set_scope(self) -> Response:
        """Another default."""
        need_somebody()
        scope = _SCOPES.get(str(body().get("scope")))
        if scope is None:
            raise Refusal(400, "Invalid scope.")
        self.site.share_scopes[g.user.account_id] = scope
        return jsonify(scope=scope)

    @on("POST", "/filter")
    def make(self) -> Response:
        """A new filter of the caller's."""
        need_somebody()
        sent = body()
        name = self._free_name(sent, None)
        shares = self._new_shares(sent, "sharePermissions")
        edit = self._new_shares(sent, "editPermissions") or []
        made = Filter(
            self.site.new_id(), g.user.account_id, name, self._jql(sent), self._by_default() if shares is None else shares, edit
        )  # fmt: skip
        self.site.filters[made.id] = made
        return jsonify(self._shown(made))

    @on("GET", "/filter/search")
    def search(self) -> Response:
        """Filters that the caller may see."""
        name, account = request.args.get("filterName", ""), request.args.get("accountId")
        found = [
            one
            for one in self.site.filters.values()
            if sees_filter(self.site, g.user, one)
            and name.casefold() in one.name.casefold()
            and account in {None, one.owner}
        ]
        expand = set(request.args.get("expand", "").split(","))
        kept = {"self", "id", "name", "expand"} | expand
        return bean(
            [{key: value for key, value in self._shown(one).items() if key in kept} for one in found],
            default=_PAGE, most=_MOST,
        )  # fmt: skip

    @on("GET", "/filter/<filter_id>")
    def read(self, filter_id: str) -> Response:
        """One filter."""
        return jsonify(self._shown(self._filter(filter_id)))

    @on("PUT", "/filter/<filter_id>")
    def change(self, filter_id: str) -> Response:
        """Another name, query or other shares; by its owner."""
        one, sent = self._filter(filter_id), body()
        if not _owns(g.user, one):
            raise Refusal(400, "You must be the owner to edit this filter.")
        one.name = self._free_name(sent, one)
        if "jql" in sent:
            one.jql = self._jql(sent)
        shares, edit = (self._new_shares(sent, key) for key in ("sharePermissions", "editPermissions"))
        one.shares = one.shares if shares is None else shares
        one.edit_shares = one.edit_shares if edit is None else edit
        return jsonify(self._shown(one))

    def _filter(self, filter_id: str) -> Filter:
        one = self.site.filters.get(filter_id)
        if one is None or not sees_filter(self.site, g.user, one):
            raise Refusal(400, "The selected filter is not available to you, perhaps it has been deleted.")
        return one

    def _free_name(self, sent: Json, own: Filter | None) -> str:
        name = str(sent.get("name") or "").strip()
        if not name:
            raise Refusal(400, errors={"filterName": "You must specify a name to save this filter as."})
        if any(
            one.name == name and one.owner == g.user.account_id and one is not own
            for one in self.site.filters.values()
        ):
            raise Refusal(400, errors={"filterName": "Filter with same name already exists."})
        return name

    def _jql(self, sent: Json) -> str:
        jql = str(sent.get("jql") or "")
        parse(
            self.site,
            jql,
            now=self.cloud.now(),
            visible=lambda key: sees_project(self.site, g.user, self.site.projects[key]),
        )
        return jql

    def _shown(self, one: Filter) -> Json:
        return {
            "self": f"{base()}/rest/api/3/filter/{one.id}",
            "id": one.id,
            "name": one.name,
            "owner": self.shapes().user(one.owner),
            "jql": one.jql,
            "viewUrl": f"{base()}/issues/?filter={one.id}",
            "searchUrl": f"{base()}/rest/api/3/search/jql",
            "favourite": False,
            "favouritedCount": 0,
            "sharePermissions": self._shown_shares(one.shares),
            "editPermissions": self._shown_shares(one.edit_shares),
        }


class DashboardApi(_Shared):
    """Dashboards, their gadgets, and the gadgets' properties."""

    @on("GET", "/dashboard/gadgets")
    def offered(self) -> Response:
        """The kinds of gadgets that this site has."""
        need_somebody()
        return jsonify(
            gadgets=[{"uri": _GADGET_ROOT + uri, "title": title} for uri, title in _OFFERED.items()]
        )

    @on("POST", "/dashboard")
    def make(self) -> Response:
        """A new dashboard of the caller's."""
        need_somebody()
        sent = body()
        made = Dashboard(
            self.site.new_id(), g.user.account_id, self._name(sent), self._new_shares(sent, "sharePermissions") or [],
            self._new_shares(sent, "editPermissions") or [],
        )  # fmt: skip
        self.site.dashboards[made.id] = made
        return jsonify(self._shown(made))

    @on("GET", "/dashboard/search")
    def search(self) -> Response:
        """Dashboards that the caller may see."""
        name, account = request.args.get("dashboardName", ""), request.args.get("accountId")
        found = [
            self._shown(one)
            for one in self.site.dashboards.values()
            if sees_dashboard(self.site, g.user, one)
            and name.casefold() in one.name.casefold()
            and account in {None, one.owner}
        ]
        return bean(found, default=_PAGE, most=_MOST)

    @on("GET", "/dashboard/<board_id>")
    def read(self, board_id: str) -> Response:
        """One dashboard."""
        return jsonify(self._shown(self._dashboard(board_id)))

    @on("PUT", "/dashboard/<board_id>")
    def change(self, board_id: str) -> Response:
        """All details anew; by its owner."""
        one, sent = self._own(board_id), body()
        one.name = self._name(sent)
        one.shares = self._new_shares(sent, "sharePermissions") or []
        one.edit_shares = self._new_shares(sent, "editPermissions") or []
        return jsonify(self._shown(one))

    @on("DELETE", "/dashboard/<board_id>")
    def delete(self, board_id: str) -> Response:
        """Gone, with its gadgets."""
        del self.site.dashboards[self._own(board_id).id]
        return nothing()

    @on("GET", "/dashboard/<board_id>/gadget")
    def gadgets(self, board_id: str) -> Response:
        """What stands on it."""
        return jsonify(gadgets=[_gadget(one) for one in self._dashboard(board_id).gadgets])

    @on("POST", "/dashboard/<board_id>/gadget")
    def add(self, board_id: str) -> Response:
        """One more gadget; others in its column move down."""
        one, sent = self._own(board_id), body()
        uri, module = sent.get("uri"), sent.get("moduleKey")
        if (uri is None) == (module is None) or (uri or "").removeprefix(_GADGET_ROOT) not in _OFFERED:
            raise Refusal(400, "The gadget is not available.")
        if sent.get("color", "blue") not in _COLORS:
            raise Refusal(400, "The color is not valid.")
        if len(one.gadgets) >= _MOST_GADGETS:
            raise Refusal(
                400,
                "Cannot add another gadget. The maximum number of gadgets the dashboard can hold has been reached.",
            )
        place = sent.get("position") or {"row": 0, "column": 0}
        for other in one.gadgets:
            if other.column == place["column"] and other.row >= place["row"]:
                other.row += 1
        made = Gadget(
            self.site.new_id(), str(uri), str(sent.get("title") or ""), str(sent.get("color") or "blue"), place["column"],
            place["row"],
        )  # fmt: skip
        one.gadgets.append(made)
        return jsonify(_gadget(made))

    @on("GET", "/dashboard/<board_id>/items/<item>/properties")
    def properties(self, board_id: str, item: str) -> Response:
        """Keys of a gadget's properties."""
        return property_keys(
            self._gadget(self._dashboard(board_id), item).properties, f"dashboard/{board_id}/items/{item}"
        )

    @on("GET", "/dashboard/<board_id>/items/<item>/properties/<key>")
    def one_property(self, board_id: str, item: str, key: str) -> Response:
        """One property of a gadget."""
        return read_property(self._gadget(self._dashboard(board_id), item).properties, key)

    @on("PUT", "/dashboard/<board_id>/items/<item>/properties/<key>")
    def set_property(self, board_id: str, item: str, key: str) -> Response:
        """Set one: an object of texts."""
        gadget, value = self._gadget(self._own(board_id), item), any_body()
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise Refusal(400, "The JSON data provided for the property has too many levels.")
        is_new = key not in gadget.properties
        gadget.properties[key] = value
        return property_set(is_new=is_new)

    def _dashboard(self, board_id: str) -> Dashboard:
        one = self.site.dashboards.get(board_id)
        if one is None or not sees_dashboard(self.site, g.user, one):
            raise Refusal(404, f"The dashboard with id '{board_id}' does not exist.")
        return one

    def _own(self, board_id: str) -> Dashboard:
        one = self._dashboard(board_id)
        edits = g.user is not None and is_shared_with(self.site, g.user, one.edit_shares)
        if not _owns(g.user, one) and not edits:
            raise Refusal(404, f"You cannot edit the dashboard with id '{board_id}'.")
        return one

    def _gadget(self, dashboard: Dashboard, item: str) -> Gadget:
        found = next((one for one in dashboard.gadgets if one.id == item), None)
        if found is None:
            raise Refusal(404, "The dashboard item was not found.")
        return found

    @staticmethod
    def _name(sent: Json) -> str:
        name = str(sent.get("name") or "").strip()
        if not name:
            raise Refusal(400, errors={"portalPageName": "You must specify a name for the dashboard."})
        return name

    def _shown(self, one: Dashboard) -> Json:
        owner = self.shapes().user(one.owner)
        kept = {"self", "accountId", "displayName", "active"}
        return {
            "id": one.id,
            "isFavourite": False,
            "name": one.name,
            "owner": {key: value for key, value in owner.items() if key in kept},
            "popularity": 0,
            "rank": 0,
            "self": f"{base()}/rest/api/3/dashboard/{one.id}",
            "sharePermissions": self._shown_shares(one.shares),
            "editPermissions": self._shown_shares(one.edit_shares),
            "view": f"{base()}/jira/dashboards/{one.id}",
            "isWritable": _owns(g.user, one) or has_global(g.user, "ADMINISTER"),
            "systemDashboard": False,
        }


def _gadget(one: Gadget) -> Json:
    return {
        "id": int(one.id),
        "uri": one.uri,
        "color": one.color,
        "position": {"row": one.row, "column": one.column},
        "title": one.title,
    }
