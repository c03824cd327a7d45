"""Custom fields of the Jira stand-in as its admins make them: contexts, options, and the screens they stand on.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-custom-field-contexts/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, jsonify

from sandbox.jira_api import Api, bean, body, listed, named, need_site_admin, nothing, on
from sandbox.jira_fields import CUSTOM_KINDS, SYSTEM_FIELDS
from sandbox.jira_refusal import Refusal
from sandbox.jira_state import CustomField, FieldContext, Option

if TYPE_CHECKING:
    from sandbox.jira_state import Json, Project

_PAGE = 50
_OPTION_PAGE = 100


class CustomFieldApi(Api):
    """Making custom fields, and saying for which projects and with which options they are."""

    @on("POST", "/field")
    def create_field(self) -> Response:
        """A new field. Jira gives it a context for all projects by itself."""
        need_site_admin()
        given = body()
        kind = CUSTOM_KINDS.get(str(given.get("type")))
        if kind is None:
            raise Refusal(400, errors={"type": "The custom field type is not valid."})
        made = self.cloud.add_field(named(given), kind)
        answer = jsonify(self.shapes().field(made))
        answer.status_code = 201
        return answer

    @on("GET", "/field/<field_id>/context")
    def contexts(self, field_id: str) -> Response:
        """The contexts of a field."""
        need_site_admin()
        return bean(
            [
                {
                    "id": one.id,
                    "name": one.name,
                    "description": "",
                    "isGlobalContext": not one.projects,
                    "isAnyIssueType": True,
                }
                for one in self._field(field_id).contexts
            ],
            default=_PAGE,
            most=_PAGE,
        )

    @on("GET", "/field/<field_id>/context/projectmapping")
    def context_projects(self, field_id: str) -> Response:
        """Which context is for which project."""
        need_site_admin()
        lines: list[Json] = []
        for one in self._field(field_id).contexts:
            ids = [self.site.projects[key].id for key in one.projects]
            lines += [{"contextId": one.id, "projectId": project} for project in ids]
            lines += [] if ids else [{"contextId": one.id, "isGlobalContext": True}]
        return bean(lines, default=_PAGE, most=_PAGE)

    @on("POST", "/field/<field_id>/context")
    def create_context(self, field_id: str) -> Response:
        """A context for some projects; a project can be in one context of a field only."""
        need_site_admin()
        field, given = self._field(field_id), body()
        projects = [self.site.project(one) for one in given.get("projectIds", [])]
        keys = [one.key for one in projects if one is not None]
        if len(keys) != len(projects):
            raise Refusal(404, "The project was not found.")
        if any(set(keys) & set(one.projects) or (not keys and not one.projects) for one in field.contexts):
            raise Refusal(409, "A project is in another context of the custom field already.")
        made = FieldContext(self.site.new_id(), named(given), keys, [])
        field.contexts.append(made)
        shown = {"id": made.id, "name": made.name, "description": "", "issueTypeIds": []}
        answer = jsonify({**shown, "projectIds": given.get("projectIds", [])})
        answer.status_code = 201
        return answer

    @on("DELETE", "/field/<field_id>/context/<context_id>")
    def delete_context(self, field_id: str, context_id: str) -> Response:
        """A field is not for these projects any more."""
        need_site_admin()
        self._field(field_id).contexts.remove(self._context(field_id, context_id))
        return nothing()

    @on("GET", "/field/<field_id>/context/<context_id>/option")
    def options(self, field_id: str, context_id: str) -> Response:
        """The options of a select field in a context."""
        need_site_admin()
        options = self._context(field_id, context_id).options
        return bean([_option(one) for one in options], default=_OPTION_PAGE, most=_OPTION_PAGE)

    @on("POST", "/field/<field_id>/context/<context_id>/option")
    def create_options(self, field_id: str, context_id: str) -> Response:
        """More options."""
        need_site_admin()
        context = self._context(field_id, context_id)
        if self._field(field_id).kind != "select":
            raise Refusal(400, "The custom field has no options.")
        values = [named(one, "value") for one in body().get("options", [])]
        known = {one.value for one in context.options}
        if known & set(values) or len(set(values)) != len(values):
            raise Refusal(400, "The option values must be unique.")
        made = [Option(self.site.new_id(), value) for value in values]
        context.options += made
        return jsonify(options=[_option(one) for one in made])

    def _field(self, field_id: str) -> CustomField:
        if field_id not in self.site.fields:
            raise Refusal(404, "The custom field was not found.")
        return self.site.fields[field_id]

    def _context(self, field_id: str, context_id: str) -> FieldContext:
        for one in self._field(field_id).contexts:
            if one.id == context_id:
                return one
        raise Refusal(404, "The custom field context was not found.")


class ScreenApi(Api):
    """Screens. Each has one tab, whose id is the screen's; ids of screens are those of their types or projects."""

    @on("GET", "/issuetypescreenscheme/project")
    def screen_schemes_of_projects(self) -> Response:
        """Which scheme of screens each project uses: here, one of its own."""
        need_site_admin()
        wanted = listed("projectId")
        found = [
            {
                "issueTypeScreenScheme": {"id": one.id, "name": f"{one.key} screens", "description": ""},
                "projectIds": [one.id],
            }
            for one in self.site.projects.values()
            if one.id in wanted and one.style == "classic"
        ]
        return bean(found, default=_PAGE, most=_PAGE)

    @on("GET", "/issuetypescreenscheme/mapping")
    def screen_mapping(self) -> Response:
        """Which type of issue has which scheme of screens; ``default`` is for all others."""
        need_site_admin()
        wanted = listed("issueTypeScreenSchemeId")
        found = []
        for project in self.site.projects.values():
            if not wanted or project.id in wanted:
                own = [kind.id for kind in project.types if kind.screen is not project.default_screen]
                found += [
                    {"issueTypeScreenSchemeId": project.id, "issueTypeId": kind, "screenSchemeId": scheme}
                    for kind, scheme in [("default", project.id), *((one, one) for one in own)]
                ]
        return bean(found, default=_PAGE, most=_PAGE)

    @on("GET", "/screenscheme")
    def screen_schemes(self) -> Response:
        """Which screen is shown when; here, one for everything."""
        need_site_admin()
        wanted = listed("id")
        found = [
            {"id": int(one), "name": f"Screens {one}", "description": "", "screens": {"default": int(one)}}
            for one in self._screens()
            if not wanted or one in wanted
        ]
        return bean(found, default=_PAGE, most=_PAGE)

    @on("GET", "/screens/<screen_id>/tabs")
    def tabs(self, screen_id: str) -> Response:
        """The tabs of a screen."""
        need_site_admin()
        self._screen(screen_id)
        return jsonify([{"id": int(screen_id), "name": "Field Tab"}])

    @on("GET", "/screens/<screen_id>/tabs/<tab_id>/fields")
    def tab_fields(self, screen_id: str, tab_id: str) -> Response:
        """The fields on a tab."""
        need_site_admin()
        return jsonify([self._field(one) for one in self._tab(screen_id, tab_id)])

    @on("POST", "/screens/<screen_id>/tabs/<tab_id>/fields")
    def add_to_tab(self, screen_id: str, tab_id: str) -> Response:
        """One more field on a tab."""
        need_site_admin()
        fields, wanted = self._tab(screen_id, tab_id), str(body().get("fieldId"))
        if wanted not in self.site.fields and wanted not in SYSTEM_FIELDS:
            raise Refusal(400, "The field does not exist.")
        if wanted in fields:
            raise Refusal(400, "The field is on the screen already.")
        fields.append(wanted)
        return jsonify(self._field(wanted))

    def _screens(self) -> dict[str, list[str]]:
        projects: list[Project] = list(self.site.projects.values())
        defaults = {one.id: one.default_screen for one in projects}
        return defaults | {
            kind.id: kind.screen
            for one in projects
            for kind in one.types
            if kind.screen is not one.default_screen
        }

    def _screen(self, screen_id: str) -> list[str]:
        if screen_id not in self._screens():
            raise Refusal(404, "The screen was not found.")
        return self._screens()[screen_id]

    def _tab(self, screen_id: str, tab_id: str) -> list[str]:
        if tab_id != screen_id:
            raise Refusal(404, "The screen tab was not found.")
        return self._screen(screen_id)

    def _field(self, field_id: str) -> Json:
        custom = self.site.fields.get(field_id)
        return {"id": field_id, "name": custom.name if custom else SYSTEM_FIELDS[field_id].name}


def _option(option: Option) -> Json:
    return {"id": option.id, "value": option.value, "disabled": False}
