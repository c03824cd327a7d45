"""Schemes of the Jira stand-in: permissions, issue security, notifications, and which of them a project uses.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permission-schemes/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from flask import Response, g, jsonify, request

from sandbox.jira_access import administers, has_global
from sandbox.jira_api import Api, base, body, named, need_site_admin, need_somebody, nothing, on
from sandbox.jira_refusal import Refusal
from sandbox.jira_state import (
    PROJECT_PERMISSIONS,
    Grant,
    Holder,
    HolderType,
    Level,
    NotificationScheme,
    PermissionScheme,
    SecurityScheme,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.jira_site import Site
    from sandbox.jira_state import Json, Project


class PermissionSchemeApi(Api):
    """Permission schemes and their grants."""

    @on("GET", "/permissionscheme")
    def permission_schemes(self) -> Response:
        """All of them; the grants if ``expand`` asks for anything."""
        need_somebody()
        shown = [self._shown(one) for one in _permission_schemes(self.site).values()]
        return jsonify(permissionSchemes=shown)

    @on("POST", "/permissionscheme")
    def create_scheme(self) -> Response:
        """A new scheme, with grants if they are sent along."""
        need_site_admin()
        given = body()
        name = named(given)
        if any(one.name == name for one in _permission_schemes(self.site).values()):
            raise Refusal(400, errors={"name": "A permission scheme with this name already exists."})
        scheme = PermissionScheme(int(self.site.new_id()), name, [])
        scheme.grants += [self._grant(one) for one in given.get("permissions", [])]
        self.site.permission_schemes[scheme.id] = scheme
        return _answer(self._shown(scheme), 201)

    @on("GET", "/permissionscheme/<int:scheme_id>")
    def read_scheme(self, scheme_id: int) -> Response:
        """One scheme."""
        need_somebody()
        return jsonify(self._shown(self._scheme(scheme_id)))

    @on("DELETE", "/permissionscheme/<int:scheme_id>")
    def delete_scheme(self, scheme_id: int) -> Response:
        """A scheme that no project uses is deleted."""
        need_site_admin()
        self._scheme(scheme_id)
        if any(one.scheme_id == scheme_id for one in self.site.projects.values()):
            raise Refusal(403, "The permission scheme is used by a project.")
        del self.site.permission_schemes[scheme_id]
        return nothing()

    @on("POST", "/permissionscheme/<int:scheme_id>/permission")
    def add_grant(self, scheme_id: int) -> Response:
        """One more grant."""
        need_site_admin()
        scheme = self._scheme(scheme_id)
        grant = self._grant(body())
        scheme.grants.append(grant)
        return _answer(self.shapes().grant(scheme_id, grant), 201)

    @on("DELETE", "/permissionscheme/<int:scheme_id>/permission/<int:grant_id>")
    def delete_grant(self, scheme_id: int, grant_id: int) -> Response:
        """One grant less."""
        need_site_admin()
        grants = self._scheme(scheme_id).grants
        for grant in grants:
            if grant.id == grant_id:
                grants.remove(grant)
                return nothing()
        raise Refusal(400, "The permission grant does not exist.")

    @on("PUT", "/project/<name>/permissionscheme")
    def assign_scheme(self, name: str) -> Response:
        """The project uses this scheme from now on."""
        need_site_admin()
        project = self.visible_project(name)
        _use_permissions(self.site, project, body().get("id"))
        return jsonify(self.shapes().permission_scheme(project, grants=False))

    def _scheme(self, scheme_id: int) -> PermissionScheme:
        found = _permission_schemes(self.site).get(scheme_id)
        if found is None:
            raise Refusal(404, "The permission scheme was not found.")
        return found

    def _shown(self, scheme: PermissionScheme) -> Json:
        grants = scheme.grants if request.args.get("expand") else None
        return self.shapes().scheme(scheme.id, scheme.name, grants)

    def _grant(self, given: Json) -> Grant:
        if given.get("permission") not in PROJECT_PERMISSIONS:
            raise Refusal(400, "The permission is not valid.")
        return Grant(int(self.site.new_id()), given["permission"], holder_of(self.site, given.get("holder")))


class SecuritySchemeApi(Api):
    """Issue security schemes; who may look is decided in Jira, who may change only by its admins."""

    @on("GET", "/issuesecurityschemes")
    def all_security(self) -> Response:
        """All of them, without levels."""
        need_site_admin()
        schemes = security_schemes(self.site).values()
        return jsonify(issueSecuritySchemes=[self.shapes().security(one, levels=False) for one in schemes])

    @on("POST", "/issuesecurityschemes")
    def create_security(self) -> Response:
        """A new scheme with its levels and their members."""
        need_site_admin()
        given = body()
        name = named(given, longest=60)
        if any(one.name == name for one in security_schemes(self.site).values()):
            raise Refusal(400, "The name of the issue security scheme is already in use.")
        scheme = SecurityScheme(self.site.new_id(), name, [], None)
        self._add_levels(scheme, given.get("levels", []))
        self.site.security_schemes[scheme.id] = scheme
        return _answer({"id": scheme.id}, 201)

    @on("GET", "/issuesecurityschemes/<int:scheme_id>")
    def read_security(self, scheme_id: int) -> Response:
        """One scheme with its levels, for admins of the site or of a project that uses it."""
        need_somebody()
        using = [p for p in self.site.projects.values() if p.security_scheme_id == str(scheme_id)]
        if not has_global(g.user, "ADMINISTER") and not any(administers(self.site, g.user, p) for p in using):
            raise Refusal(403, "You may not view this issue security scheme.")
        return jsonify(self.shapes().security(self._scheme(str(scheme_id)), levels=True))

    @on("PUT", "/issuesecurityschemes/<scheme_id>/level")
    def add_levels(self, scheme_id: str) -> Response:
        """More levels."""
        need_site_admin()
        self._add_levels(self._scheme(scheme_id), body().get("levels", []))
        return nothing()

    @on("PUT", "/issuesecurityschemes/level/default")
    def set_default(self) -> Response:
        """Which level an issue gets by itself."""
        need_site_admin()
        for one in body().get("defaultValues", []):
            scheme = self._scheme(str(one.get("issueSecuritySchemeId")))
            if all(level.id != one.get("defaultLevelId") for level in scheme.levels):
                raise Refusal(400, "The issue security level is not in the scheme.")
            self._default(scheme, one["defaultLevelId"])
        return nothing()

    @on("DELETE", "/issuesecurityschemes/<scheme_id>/level/<level_id>/member/<member_id>")
    def remove_member(self, scheme_id: str, level_id: str, member_id: str) -> Response:
        """One member of a level less."""
        need_site_admin()
        for level in self._scheme(scheme_id).levels:
            place = member_id.removeprefix(level.id)
            if level.id == level_id and place.isdecimal() and int(place) < len(level.holders):
                del level.holders[int(place)]
                return nothing()
        raise Refusal(404, "The issue security level member was not found.")

    def _scheme(self, scheme_id: str) -> SecurityScheme:
        found = security_schemes(self.site).get(scheme_id)
        if found is None:
            raise Refusal(404, "The issue security scheme was not found.")
        return found

    def _add_levels(self, scheme: SecurityScheme, levels: list[Json]) -> None:
        for one in levels:
            holders = [holder_of(self.site, member) for member in one.get("members", [])]
            level = Level(self.site.new_id(), named(one, longest=60), holders)
            scheme.levels.append(level)
            if one.get("isDefault"):
                self._default(scheme, level.id)

    def _default(self, scheme: SecurityScheme, level_id: str) -> None:
        scheme.default_level = level_id
        for project in self.site.projects.values():
            if project.security_scheme_id == scheme.id:
                project.default_level = level_id


class NotificationSchemeApi(Api):
    """Notification schemes: the stand-in keeps which events mail anybody."""

    @on("GET", "/project/<name>/notificationscheme")
    def notification_scheme(self, name: str) -> Response:
        """The project's scheme."""
        project = self.administered_project(name, 404)
        scheme = self.site.notification_schemes.get(project.notification_scheme or "")
        if scheme is None:
            raise Refusal(404, "The project has no notification scheme.")
        return jsonify(self._shown(scheme))

    @on("GET", "/notificationscheme")
    def notification_schemes(self) -> Response:
        """All of them, in one page."""
        need_somebody()
        schemes = [self._shown(one) for one in self.site.notification_schemes.values()]
        return jsonify(startAt=0, maxResults=50, total=len(schemes), isLast=True, values=schemes)

    @on("POST", "/notificationscheme")
    def create_notifications(self) -> Response:
        """A new scheme; without events it mails nobody."""
        need_site_admin()
        given = body()
        name = named(given)
        if any(one.name.casefold() == name.casefold() for one in self.site.notification_schemes.values()):
            raise Refusal(400, "The name of the notification scheme is already in use.")
        events = [one["event"]["id"] for one in given.get("notificationSchemeEvents", [])]
        scheme = NotificationScheme(self.site.new_id(), name, events)
        self.site.notification_schemes[scheme.id] = scheme
        return _answer({"id": scheme.id}, 201)

    @on("PUT", "/project/<name>")
    def edit_project(self, name: str) -> Response:
        """Which schemes the project uses; the site's admins only."""
        need_site_admin()
        project = self.visible_project(name)
        given = body()
        if "permissionScheme" in given:
            _use_permissions(self.site, project, given["permissionScheme"])
        if "notificationScheme" in given:
            if str(given["notificationScheme"]) not in self.site.notification_schemes:
                raise Refusal(400, "The notification scheme does not exist.")
            project.notification_scheme = str(given["notificationScheme"])
        if "issueSecurityScheme" in given:
            scheme = security_schemes(self.site).get(str(given["issueSecurityScheme"]))
            if scheme is None:
                raise Refusal(400, "The issue security scheme does not exist.")
            project.security_scheme_id = scheme.id
            project.levels, project.default_level = scheme.levels, scheme.default_level
        self.cloud.announcer.project("project_updated", project, self.cloud.now(), base())
        return jsonify(self.shapes().project(project))

    def _shown(self, scheme: NotificationScheme) -> Json:
        events = [
            {
                "event": {"id": 1, "name": event, "description": ""},
                "notifications": [{"id": number, "notificationType": "AllWatchers"}],
            }
            for number, event in enumerate(scheme.events, 1)
        ]
        shown: Json = {"id": int(scheme.id), "name": scheme.name, "description": ""}
        return shown | ({"notificationSchemeEvents": events} if request.args.get("expand") else {})


def holder_of(site: Site, given: object) -> Holder:
    """A holder as a request names it: roles and groups by id, people by account."""
    found = given if isinstance(given, dict) else {}
    kinds: dict[object, HolderType] = {one: one for one in get_args(HolderType)}
    kind, named_by = kinds.get(found.get("type")), str(found.get("value") or found.get("parameter") or "")
    if kind is None:
        raise Refusal(400, "The holder type is not valid.")
    if kind == "projectRole":
        if named_by not in site.roles:
            raise Refusal(400, "The project role does not exist.")
        named_by = site.roles[named_by].name
    elif kind == "group":
        groups = [one.name for one in site.groups.values() if named_by in {one.id, one.name}]
        if not groups:
            raise Refusal(400, "The group does not exist.")
        named_by = groups[0]
    return Holder(kind, named_by)


def _permission_schemes(site: Site) -> dict[int, PermissionScheme]:
    used = {
        one.scheme_id: PermissionScheme(one.scheme_id, one.scheme_name, one.grants)
        for one in site.projects.values()
    }
    return used | site.permission_schemes


def _use_permissions(site: Site, project: Project, scheme_id: object) -> None:
    scheme = _permission_schemes(site).get(scheme_id if isinstance(scheme_id, int) else 0)
    if scheme is None:
        raise Refusal(404, "The permission scheme was not found.")
    site.permission_schemes[project.scheme_id] = _permission_schemes(site)[project.scheme_id]
    project.scheme_id, project.scheme_name, project.grants = scheme.id, scheme.name, scheme.grants


def security_schemes(site: Site) -> dict[str, SecurityScheme]:
    """All issue security schemes by id."""
    return dict(_used_security(site)) | site.security_schemes


def _used_security(site: Site) -> Iterator[tuple[str, SecurityScheme]]:
    for one in site.projects.values():
        if one.security_scheme_id is not None:
            scheme = SecurityScheme(
                one.security_scheme_id, f"{one.key} security", one.levels, one.default_level
            )
            yield scheme.id, scheme


def _answer(shown: Json, status: int) -> Response:
    answer = jsonify(shown)
    answer.status_code = status
    return answer
