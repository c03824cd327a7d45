"""Whom filters and dashboards of the Jira stand-in are shared with, and who may share them.

A new filter is shared by its owner's default scope unless it says otherwise; a global share takes the place of all others.
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-filters/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import g

from sandbox.jira_access import in_role, may_share, sees_project
from sandbox.jira_api import Api, base
from sandbox.jira_refusal import Refusal

if TYPE_CHECKING:
    from sandbox.jira_site import Site
    from sandbox.jira_state import Dashboard, Filter, Json, User

_KINDS = {"user", "group", "project", "projectRole", "global", "loggedin", "authenticated"}


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
    return owns(user, one) or is_shared_with(site, user, one.shares)


def sees_dashboard(site: Site, user: User | None, one: Dashboard) -> bool:
    """Whether a dashboard is there for somebody."""
    return owns(user, one) or is_shared_with(site, user, [*one.shares, *one.edit_shares])


def owns(user: User | None, one: Filter | Dashboard) -> bool:
    """Whether it is somebody's own."""
    return user is not None and one.owner == user.account_id


class Shared(Api):
    """What filters and dashboards have in common."""

    def new_shares(self, sent: Json, key: str) -> list[Json] | None:
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

    def shown_shares(self, shares: list[Json]) -> list[Json]:
        """Shares as the person who asks gets to see them: of a project that is not there for them, nothing."""
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

    def by_default(self) -> list[Json]:
        """What something new of the caller's is shared with, unless it says otherwise."""
        scope = self.site.share_scopes.get(g.user.account_id, "PRIVATE")
        return [] if scope == "PRIVATE" else [{"id": int(self.site.new_id()), "type": "loggedin"}]
