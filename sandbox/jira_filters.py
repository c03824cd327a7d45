"""Saved queries of the Jira stand-in: only the owner changes one, names are unique for each owner.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-filters/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from sandbox.jira_access import sees_project
from sandbox.jira_api import base, bean, body, need_somebody, on
from sandbox.jira_jql import parse
from sandbox.jira_refusal import Refusal
from sandbox.jira_shares import Shared, owns, sees_filter
from sandbox.jira_state import Filter

if TYPE_CHECKING:
    from sandbox.jira_state import Json

_PAGE = 50
_MOST = 100
_SCOPES = {"GLOBAL": "AUTHENTICATED", "AUTHENTICATED": "AUTHENTICATED", "PRIVATE": "PRIVATE"}


class FilterApi(Shared):
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
        shares = self.new_shares(sent, "sharePermissions")
        edit = self.new_shares(sent, "editPermissions") or []
        made = Filter(
            self.site.new_id(), g.user.account_id, name, self._jql(sent), self.by_default() if shares is None else shares, edit
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
        if not owns(g.user, one):
            raise Refusal(400, "You must be the owner to edit this filter.")
        one.name = self._free_name(sent, one)
        if "jql" in sent:
            one.jql = self._jql(sent)
        shares, edit = (self.new_shares(sent, key) for key in ("sharePermissions", "editPermissions"))
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
            "sharePermissions": self.shown_shares(one.shares),
            "editPermissions": self.shown_shares(one.edit_shares),
        }
