"""The project side of the stand-in's REST API, version 3: who may read, and which fields there are.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-projects/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from sandbox.jira_access import has_global, holds_global, levels_for, may, sees_issue, sees_project
from sandbox.jira_api import Api, base, bean, listed, need_site_admin, need_somebody, on, page
from sandbox.jira_fields import SYSTEM_FIELDS, is_on_screen
from sandbox.jira_refusal import Refusal, no_issue, unauthenticated
from sandbox.jira_schemes_api import security_schemes
from sandbox.jira_shapes import jira_time
from sandbox.jira_state import GLOBAL_PERMISSIONS, PROJECT_PERMISSIONS

if TYPE_CHECKING:
    from sandbox.jira_state import Issue, Json, Project

_KNOWN = (*PROJECT_PERMISSIONS, *GLOBAL_PERMISSIONS)
_PAGE = 50
_PROJECT_PAGE = 100
_META_PAGE = 200
_MEMBER_PAGE = 100


class SiteApi(Api):
    """The site itself, people, fields and permissions."""

    @on("GET", "/serverInfo")
    def server_info(self) -> Response:
        """What runs here; anonymous callers get it too."""
        now = jira_time(self.cloud.now())
        return jsonify(
            baseUrl=base(),
            displayUrl=base(),
            version="1001.0.0-SNAPSHOT",
            versionNumbers=[1001, 0, 0],
            deploymentType="Cloud",
            buildNumber=100300,
            buildDate=now,
            serverTime=now,
            serverTimeZone="Etc/UTC",
            scmInfo="sandbox",
            serverTitle="Jira (stand-in)",
        )

    @on("GET", "/myself")
    def myself(self) -> Response:
        """Who asks."""
        if g.user is None:
            raise unauthenticated("OK")
        own = {"emailAddress": g.user.email, "locale": "en_GB"}
        return jsonify({**self.shapes().user(g.user.account_id), **own})

    @on("GET", "/field")
    def fields(self) -> Response:
        """Jira's own fields, and the custom fields of projects that are there for the person who asks."""
        need_somebody()
        seen = {one.key for one in self.site.projects.values() if sees_project(self.site, g.user, one)}
        custom = [
            one
            for one in self.site.fields.values()
            if has_global(g.user, "ADMINISTER") or any(one.context_for(key) for key in seen)
        ]
        shapes = self.shapes()
        return jsonify(
            [*(shapes.field(one) for one in SYSTEM_FIELDS), *(shapes.field(one) for one in custom)]
        )

    @on("GET", "/group/member")
    def group_members(self) -> Response:
        """The people in a group."""
        need_somebody()
        wanted = request.args.get("groupId") or request.args.get("groupname")
        if not wanted:
            raise Refusal(400, "Query parameter 'groupname' or 'groupId' is required.")
        group = next((one for one in self.site.groups.values() if wanted in {one.id, one.name}), None)
        if group is None:
            raise Refusal(404, f"The group named '{wanted}' does not exist.")
        return bean([self.shapes().user(one) for one in group.members], default=_PAGE, most=_PAGE)

    @on("GET", "/mypermissions")
    def my_permissions(self) -> Response:
        """Which of the named permissions the person who asks holds, in a project, for an issue, or anywhere."""
        wanted = listed("permissions")
        if not wanted:
            raise Refusal(400, "The 'permissions' query parameter is required.")
        if unknown := [key for key in wanted if key not in _KNOWN]:
            raise Refusal(400, f"Unrecognized permission: {unknown[0]}")
        projects, issue = self._asked_about()
        return jsonify(
            permissions={
                key: {
                    "id": str(_KNOWN.index(key)),
                    "key": key,
                    "name": key.replace("_", " ").capitalize(),
                    "type": "GLOBAL" if key in GLOBAL_PERMISSIONS else "PROJECT",
                    "description": "",
                    "havePermission": holds_global(self.site, g.user, key)
                    if key in GLOBAL_PERMISSIONS
                    else any(may(self.site, g.user, key, one, issue) for one in projects),
                }
                for key in wanted
            }
        )

    def _asked_about(self) -> tuple[list[Project], Issue | None]:
        if named := request.args.get("issueKey") or request.args.get("issueId"):
            issue = self.site.issue(named)
            if issue is None or not sees_issue(self.site, g.user, issue):
                raise no_issue()
            return [self.site.projects[issue.project]], issue
        if named := request.args.get("projectKey") or request.args.get("projectId"):
            return [self.visible_project(named)], None
        return list(self.site.projects.values()), None

    @on("GET", "/issuesecurityschemes/level/member")
    def level_members(self) -> Response:
        """Who is in the levels of the security schemes; for site admins only."""
        need_site_admin()
        schemes, levels = request.args.getlist("schemeId"), request.args.getlist("levelId")
        members: list[Json] = [
            {
                "id": f"{level.id}{place}",
                "issueSecurityLevelId": level.id,
                "issueSecuritySchemeId": scheme.id,
                "holder": self.shapes().holder(holder),
            }
            for scheme in security_schemes(self.site).values()
            if not schemes or scheme.id in schemes
            for level in scheme.levels
            if not levels or level.id in levels
            for place, holder in enumerate(level.holders)
        ]
        return bean(members, default=_MEMBER_PAGE, most=_MEMBER_PAGE)

    @on("GET", "/securitylevel/<level_id>")
    def security_level(self, level_id: str) -> Response:
        """One level, for those who may set it."""
        for project in self.site.projects.values():
            for level in levels_for(self.site, g.user, project):
                if level.id == level_id:
                    return jsonify(self.shapes().level(level))
        raise Refusal(404, f"The issue security level with id '{level_id}' does not exist.")


class ProjectApi(Api):
    """Everything under ``/project``, and what a project wants for a new issue."""

    @on("GET", "/project")
    def read_all(self) -> Response:
        """The projects that are there for the person who asks."""
        return jsonify(self._seen())

    @on("GET", "/project/search")
    def search(self) -> Response:
        """The same in pages."""
        return bean(self._seen(), default=_PAGE, most=_PROJECT_PAGE)

    def _seen(self) -> list[Json]:
        there = [one for one in self.site.projects.values() if sees_project(self.site, g.user, one)]
        return [self.shapes().project(one) for one in there]

    @on("GET", "/project/<name>")
    def read(self, name: str) -> Response:
        """One project, by id or key."""
        return jsonify(self.shapes().project(self.visible_project(name)))

    @on("GET", "/project/<name>/permissionscheme")
    def permission_scheme(self, name: str) -> Response:
        """The permission scheme; its grants if ``expand`` asks for anything."""
        project = self.administered_project(name, 403)
        return jsonify(self.shapes().permission_scheme(project, grants=bool(request.args.get("expand"))))

    @on("GET", "/project/<name>/role")
    def roles(self, name: str) -> Response:
        """Every role."""
        return jsonify(self.shapes().roles(self.administered_project(name, 404)))

    @on("GET", "/project/<name>/role/<role_id>")
    def role(self, name: str, role_id: str) -> Response:
        """A role with its actors in the project."""
        project = self.administered_project(name, 404)
        if role_id not in self.site.roles:
            raise Refusal(404, f"Can not retrieve a role actor for a null project role: {role_id}.")
        return jsonify(self.shapes().role(project, role_id))

    @on("GET", "/project/<name>/securitylevel")
    def levels(self, name: str) -> Response:
        """The levels that the person who asks may set."""
        levels = levels_for(self.site, g.user, self.visible_project(name))
        return jsonify(levels=[self.shapes().level(level) for level in levels])

    @on("GET", "/project/<name>/issuesecuritylevelscheme")
    def security_scheme(self, name: str) -> Response:
        """The issue security scheme; 404 if the project has none."""
        project = self.administered_project(name, 403)
        if project.security_scheme_id is None:
            raise Refusal(404, "No issue security scheme is associated with the project.")
        return jsonify(self.shapes().security_scheme(project))

    @on("GET", "/issue/createmeta/<name>/issuetypes")
    def issue_types(self, name: str) -> Response:
        """The types of issue that can be created."""
        kinds = [self.shapes().issue_type(kind) for kind in self._creatable(name).types]
        return jsonify(page("issueTypes", kinds, default=_PAGE, most=_META_PAGE))

    @on("GET", "/issue/createmeta/<name>/issuetypes/<type_id>")
    def create_fields(self, name: str, type_id: str) -> Response:
        """The fields that can be set when creating an issue of this type."""
        project = self._creatable(name)
        kind = next((one for one in project.types if one.id == type_id), None)
        if kind is None:
            raise Refusal(400, f"Issue type with id '{type_id}' not found.")
        levels = list(levels_for(self.site, g.user, project))
        secures = may(self.site, g.user, "SET_ISSUE_SECURITY", project)
        fields = [
            self.shapes().create_field(project, field, levels)
            for field in kind.screen
            if is_on_screen(self.site, project, kind, field) and (field != "security" or secures)
        ]
        return jsonify(page("fields", fields, default=_PAGE, most=_META_PAGE))

    def _creatable(self, name: str) -> Project:
        project = self.site.project(name)
        if project is None or not may(self.site, g.user, "CREATE_ISSUES", project):
            raise Refusal(400, "The project does not exist or you may not create issues in it.")
        return project
