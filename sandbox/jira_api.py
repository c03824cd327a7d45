"""What the parts of the Jira stand-in's REST API share: how a method becomes a route, and how requests are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Blueprint, Response, g, jsonify, request

from sandbox.jira_access import administers, has_global, sees_project
from sandbox.jira_issues import INVALID_PAYLOAD
from sandbox.jira_refusal import Refusal, no_project, unauthenticated
from sandbox.jira_shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.jira_cloud import JiraCloud
    from sandbox.jira_state import Json, Project

_Method = TypeVar("_Method", bound="Callable[..., object]")


def on(method: str, path: str) -> Callable[[_Method], _Method]:
    """Let a method of an :class:`Api` answer this call."""

    def register(function: _Method) -> _Method:
        calls = [*getattr(function, "calls", ()), (method, path)]
        function.calls = calls  # type: ignore[attr-defined]  # read by Api.blueprint below
        return function

    return register


class Api:
    """Some calls of the REST API, for whoever :data:`flask.g` says is asking."""

    prefix = "/rest/api/3"

    def __init__(self, cloud: JiraCloud) -> None:
        self.cloud = cloud
        self.site = cloud.site
        self.issues = cloud.issues
        self.comments = cloud.comments

    def blueprint(self) -> Blueprint:
        """All methods marked with :func:`on`, as routes."""
        name = type(self).__name__
        routes = Blueprint(name, __name__, url_prefix=self.prefix)
        for attribute in dir(self):
            function = getattr(self, attribute)
            for method, path in getattr(function, "calls", ()):
                routes.add_url_rule(path, f"{attribute} {method}", function, methods=[method])
        return routes

    def shapes(self) -> Shapes:
        """What the person who asks gets to see."""
        return Shapes(self.site, base(), g.user)

    def visible_project(self, name: str) -> Project:
        """The project, if it is there for the person who asks."""
        project = self.site.project(name)
        if project is None or not sees_project(self.site, g.user, project):
            raise no_project(name)
        return project

    def administered_project(self, name: str, otherwise: int) -> Project:
        """The project, if the person who asks administers it; else the status ``otherwise``."""
        project = self.visible_project(name)
        if not administers(self.site, g.user, project):
            raise Refusal(otherwise, "You do not have permission to administer this project.")
        return project


def need_somebody() -> None:
    """Refuse anonymous callers."""
    if g.user is None:
        raise unauthenticated("OK")


def need_site_admin() -> None:
    """Refuse everybody who does not hold the global permission *Administer Jira*."""
    need_somebody()
    if not has_global(g.user, "ADMINISTER"):
        raise Refusal(
            403, "You are not authorized to perform this action. Administrator privileges are required."
        )


def named(given: Json, key: str = "name", *, longest: int = 255) -> str:
    """A text that must be there."""
    text = given.get(key)
    if not isinstance(text, str) or not text.strip() or len(text) > longest:
        raise Refusal(400, errors={key: f"The {key} must be a text of 1 to {longest} characters."})
    return text


def body() -> Json:
    """The request's body as a JSON object."""
    found = any_body()
    if not isinstance(found, dict):
        raise Refusal(400, INVALID_PAYLOAD)
    return found


def any_body() -> object:
    """The request's body as any JSON value."""
    try:
        return json.loads(request.get_data())
    except ValueError:
        raise Refusal(
            400, "There was an error parsing JSON. Check that your request body is valid."
        ) from None


def number(name: str, default: int, most: int) -> int:
    """A whole number among the query parameters, within limits."""
    try:
        return max(0, min(int(request.args.get(name, default)), most))
    except ValueError:
        raise Refusal(400, f"The value of '{name}' is not a number.") from None


def listed(name: str) -> list[str]:
    """A list among the query parameters: repeated, or separated by commas."""
    return [part for text in request.args.getlist(name) for part in text.split(",") if part]


def base() -> str:
    """The address people reach the site at."""
    return request.host_url.rstrip("/")


def nothing() -> Response:
    """204."""
    return Response(status=204)


def page(key: str, values: list[Json], *, default: int, most: int) -> Json:
    """One page of a list: ``startAt`` and ``maxResults`` as asked."""
    start, size = number("startAt", 0, len(values)), number("maxResults", default, most)
    return {"startAt": start, "maxResults": size, "total": len(values), key: values[start : start + size]}


def bean(values: list[Json], *, default: int, most: int) -> Response:
    """One page of a list in the newer shape, which says whether it is the last."""
    shown = page("values", values, default=default, most=most)
    return jsonify({**shown, "isLast": shown["startAt"] + shown["maxResults"] >= len(values)})


def read_property(properties: dict[str, Any], key: str) -> Response:
    """One entity property."""
    if key not in properties:
        raise Refusal(404, f"The property with key '{key}' does not exist.")
    return jsonify(key=key, value=properties[key])


def property_keys(properties: dict[str, Any], owner: str) -> Response:
    """The keys of the entity properties of ``issue/<id>`` or ``comment/<id>``."""
    here = f"{base()}/rest/api/3/{owner}/properties"
    return jsonify(keys=[{"self": f"{here}/{key}", "key": key} for key in properties])


def property_set(*, is_new: bool) -> Response:
    """The answer to setting an entity property: an empty body."""
    return Response("", status=201 if is_new else 200, content_type="application/json")
