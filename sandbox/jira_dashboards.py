"""Dashboards of the Jira stand-in: whom they are shared with, what stands on them, and the gadgets' properties.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-dashboards/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from sandbox.jira_access import has_global
from sandbox.jira_api import (
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
from sandbox.jira_refusal import Refusal
from sandbox.jira_shares import Shared, is_shared_with, owns, sees_dashboard
from sandbox.jira_state import Dashboard, Gadget

if TYPE_CHECKING:
    from sandbox.jira_state import Json

_PAGE = 50
_MOST = 100
_MOST_GADGETS = 20
_COLORS = {"blue", "red", "yellow", "green", "cyan", "purple", "gray", "white"}
_OFFERED = {
    "pie-chart-gadget/gadgets/piechart-gadget.xml": "Pie Chart",
    "two-dimensional-stats-gadget/gadgets/two-dimensional-stats-gadget.xml": "Two Dimensional Filter Statistics",
    "created-vs-resolved-issues-chart-gadget/gadgets/createdvsresolved-gadget.xml": "Created vs. Resolved Chart",
    "filter-results-gadget/gadgets/filter-results-gadget.xml": "Filter Results",
}
_GADGET_ROOT = "rest/gadgets/1.0/g/com.atlassian.jira.gadgets:"


class DashboardApi(Shared):
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
            self.site.new_id(), g.user.account_id, self._name(sent), self.new_shares(sent, "sharePermissions") or [],
            self.new_shares(sent, "editPermissions") or [],
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
        one.shares = self.new_shares(sent, "sharePermissions") or []
        one.edit_shares = self.new_shares(sent, "editPermissions") or []
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
        if not owns(g.user, one) and not edits:
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
            "sharePermissions": self.shown_shares(one.shares),
            "editPermissions": self.shown_shares(one.edit_shares),
            "view": f"{base()}/jira/dashboards/{one.id}",
            "isWritable": owns(g.user, one) or has_global(g.user, "ADMINISTER"),
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
