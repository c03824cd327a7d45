"""People, groups, roles and types of issue on the Jira stand-in, as its admins set them up.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-project-role-actors/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, g, jsonify, request

from sandbox.jira_access import has_global, sees_project
from sandbox.jira_api import Api, bean, body, listed, named, need_site_admin, need_somebody, nothing, on
from sandbox.jira_refusal import Refusal
from sandbox.jira_state import IssueType, Role

if TYPE_CHECKING:
    from sandbox.jira_state import Json, Project

_PAGE = 50


class RoleApi(Api):
    """Roles are site-wide, their actors are per project."""

    @on("GET", "/role")
    def all_roles(self) -> Response:
        """Every role of the site."""
        need_site_admin()
        return jsonify([self._role(role) for role in self.site.roles.values()])

    @on("POST", "/role")
    def create_role(self) -> Response:
        """A new role, in every project, without actors."""
        need_site_admin()
        name = named(body())
        if self.site.role_named(name) is not None:
            raise Refusal(409, f"A project role with name '{name}' already exists.")
        role = Role(self.site.new_id(), name)
        self.site.roles[role.id] = role
        return jsonify(self._role(role))

    def _role(self, role: Role) -> Json:
        api = f"{request.host_url}rest/api/3/role/{role.id}"
        return {"self": api, "name": role.name, "id": int(role.id), "description": ""}

    @on("POST", "/project/<name>/role/<role_id>")
    def add_actors(self, name: str, role_id: str) -> Response:
        """Users and groups get a role in the project."""
        project, actors = self._actors(name, role_id)
        given = body()
        for account in given.get("user", []):
            if account not in self.site.users:
                raise Refusal(400, f"We can't find '{account}' in any accessible user directory.")
            self._add(actors, account)
        for wanted in [*given.get("groupId", []), *given.get("group", [])]:
            self._add(actors, f"group:{self._group(wanted)}")
        return jsonify(self.shapes().role(project, role_id))

    @on("DELETE", "/project/<name>/role/<role_id>")
    def remove_actor(self, name: str, role_id: str) -> Response:
        """One user or group loses a role in the project."""
        _, actors = self._actors(name, role_id)
        group = request.args.get("groupId") or request.args.get("group")
        actor = request.args.get("user") or f"group:{self._group(group or '')}"
        if actor not in actors:
            raise Refusal(404, "The actor does not have the role in this project.")
        actors.remove(actor)
        return nothing()

    def _actors(self, name: str, role_id: str) -> tuple[Project, list[str]]:
        project = self.administered_project(name, 404)
        if role_id not in self.site.roles:
            raise Refusal(404, f"Can not retrieve a role actor for a null project role: {role_id}.")
        return project, project.actors.setdefault(role_id, [])

    @staticmethod
    def _add(actors: list[str], actor: str) -> None:
        if actor in actors:
            raise Refusal(400, "The actor is already a member of the project role.")
        actors.append(actor)

    def _group(self, wanted: str) -> str:
        for group in self.site.groups.values():
            if wanted in {group.id, group.name}:
                return group.name
        raise Refusal(404, f"We can't find the group '{wanted}'.")


class DirectoryApi(Api):
    """Finding people and groups."""

    @on("GET", "/user/search")
    def find_users(self) -> Response:
        """People by name or mail address; nobody, as far as anonymous callers are told."""
        text, account = request.args.get("query"), request.args.get("accountId")
        if text is None and account is None:
            raise Refusal(400, "The query or accountId must be given.")
        found = [
            user.account_id
            for user in (self.site.users.values() if g.user is not None else ())
            if user.account_id == account
            or (text is not None and text.casefold() in f"{user.name} {user.email}".casefold())
        ]
        return jsonify([self.shapes().user(one) for one in found])

    @on("GET", "/group/bulk")
    def groups(self) -> Response:
        """The groups of the site; ``accessType`` keeps those that make their members admins, or users."""
        need_somebody()
        access, names, ids = request.args.get("accessType"), listed("groupName"), listed("groupId")
        if access not in {None, "site-admin", "admin", "user"}:
            raise Refusal(400, "The accessType is not valid.")
        if access is not None and not has_global(g.user, "ADMINISTER"):
            raise Refusal(403, "Only administrators may filter by accessType.")
        found = [
            {"groupId": group.id, "name": group.name}
            for group in self.site.groups.values()
            if (access is None or group.access == access)
            and (not names or group.name in names)
            and (not ids or group.id in ids)
        ]
        return bean(found, default=_PAGE, most=_PAGE)


class IssueTypeApi(Api):
    """Types of issue, and which of them a project uses."""

    @on("GET", "/issuetype")
    def types(self) -> Response:
        """Every type of the site, for its admins; for other people those of the projects they see."""
        seen = [one for one in self.site.projects.values() if sees_project(self.site, g.user, one)]
        kinds = {kind.id: kind for one in seen for kind in one.types}
        shown = self._all() if has_global(g.user, "ADMINISTER") else kinds
        return jsonify([self.shapes().issue_type(kind) for kind in shown.values()])

    @on("POST", "/issuetype")
    def create_type(self) -> Response:
        """A new type. It is in the default scheme, which the stand-in's projects do not use."""
        need_site_admin()
        given = body()
        name = named(given, longest=60)
        if any(kind.name.casefold() == name.casefold() for kind in self._all().values()):
            raise Refusal(409, "An issue type with this name already exists.")
        kind = IssueType(self.site.new_id(), name, subtask=given.get("type") == "subtask", screen=[])
        self.site.types.append(kind)
        return _created(self.shapes().issue_type(kind))

    @on("GET", "/issuetypescheme/project")
    def schemes(self) -> Response:
        """Which scheme of types each project uses: here, one of its own."""
        need_site_admin()
        wanted = listed("projectId")
        return bean(
            [
                {
                    "issueTypeScheme": {
                        "id": one.id,
                        "name": f"{one.key} issue type scheme",
                        "isDefault": False,
                    },
                    "projectIds": [one.id],
                }
                for one in self.site.projects.values()
                if one.id in wanted and one.style == "classic"
            ],
            default=_PAGE,
            most=_PAGE,
        )

    @on("PUT", "/issuetypescheme/<scheme_id>/issuetype")
    def add_types(self, scheme_id: str) -> Response:
        """The projects of a scheme use these types too, with the project's default screen."""
        need_site_admin()
        project = self.site.project(scheme_id)
        if project is None:
            raise Refusal(404, "The issue type scheme was not found.")
        known = self._all()
        for type_id in body().get("issueTypeIds", []):
            if type_id not in known or any(kind.id == type_id for kind in project.types):
                raise Refusal(400, "An issue type does not exist, or is in the scheme already.")
            kind = known[type_id]
            project.types.append(IssueType(kind.id, kind.name, kind.subtask, project.default_screen))
        return nothing()

    def _all(self) -> dict[str, IssueType]:
        used = [kind for project in self.site.projects.values() for kind in project.types]
        return {kind.id: kind for kind in [*used, *self.site.types]}


def _created(shown: Json) -> Response:
    answer = jsonify(shown)
    answer.status_code = 201
    return answer
