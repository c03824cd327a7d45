"""Checks every exchange with a stand-in against the vendor's own API description, more strictly than it asks.

What a description leaves open by habit is closed here: a property that is not listed, in a request or in
a reply, is a problem, and so is a query parameter that is not listed. Maps, entity property values and
other places that a description means to be free stay free.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft202012Validator

from sandbox.adf import adf_problems
from sandbox.openapi_schema import FORMATS, Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from jsonschema.exceptions import ValidationError

    from sandbox.openapi_schema import Schema
    from sandbox.wire import Exchange

_ANYWHERE = frozenset({401, 429, 502, 503, 504})
"""Any call can be answered so, whether or not its entry lists it, and with a gateway's 502 to 504. A 500 is
tolerated nowhere: injected ones are not shown to an observer, so it is a mistake of the stand-in."""

_LONGEST_COMPLAINT = 300
_TEXT_FIELDS = frozenset({"description", "environment"})
_NUMBER = re.compile(r"-?\d+\Z")


_UNDESCRIBED = "/rest/webhooks/"
"""Atlassian describes an admin's webhooks on a page only: https://developer.atlassian.com/cloud/jira/platform/webhooks/."""


def observer(contract: OpenApiContract, problems: list[str]) -> Callable[[Exchange], None]:
    """A function for :attr:`sandbox.wire.Wire.observer` that collects what is wrong into ``problems``."""

    def observe(exchange: Exchange) -> None:
        problems.extend(contract.check(exchange))

    return observe


class OpenApiContract:
    """An OpenAPI 3.0 description, ready to judge exchanges.

    Args:
        description: the vendor's file, JSON.
        base_path: what stands before the description's paths on the wire, such as ``/api/v3``.
    """

    def __init__(self, description: Path, *, base_path: str = "") -> None:
        self._document: dict[str, Any] = json.loads(description.read_bytes())
        self._base = base_path
        self._validators: dict[tuple[str, str, str], Draft202012Validator] = {}
        self._by_length: dict[int, list[_Path]] = {}
        self._wide: list[_Path] = []
        for template, entry in self._document["paths"].items():
            path = _Path.read(template, entry)
            if path.is_wide:
                self._wide.append(path)
            else:
                self._by_length.setdefault(template.count("/"), []).append(path)

    def check(self, exchange: Exchange) -> list[str]:
        """What is wrong with this request and its answer, one sentence each; nothing if both are fine."""
        place = f"{exchange.method} {exchange.path}"
        if exchange.path.startswith(_UNDESCRIBED):
            return []
        found = self._find(exchange.method.lower(), exchange.path)
        if isinstance(found, str):
            return [f"{place}: {found}"]
        operation, names = found
        problems = [
            *self._check_parameters(operation, names, exchange.query),
            *self._check_request(operation, exchange),
            *self._check_reply(operation, exchange),
        ]
        return [f"{place}: {problem}" for problem in problems]

    def _find(self, method: str, path: str) -> tuple[_Operation, Mapping[str, str]] | str:
        if not path.startswith(self._base):
            return f"the path does not begin with {self._base}"
        path = path.removeprefix(self._base)
        candidates = [*self._by_length.get(path.count("/"), []), *self._wide]
        fitting = [(entry, match) for entry in candidates if (match := entry.pattern.match(path))]
        if not fitting:
            return "the description has no such path"
        for entry, match in sorted(fitting, key=lambda pair: len(pair[0].names)):
            if method in entry.entry:
                names = {name: unquote(match.group(n)) for n, name in enumerate(entry.names, 1)}
                return self._operation(entry, method), names
        return "the description does not have this method for the path"

    def _operation(self, path: _Path, method: str) -> _Operation:
        raw = path.entry[method]
        parameters = [
            self._resolve(p) for p in [*path.entry.get("parameters", []), *raw.get("parameters", [])]
        ]
        return _Operation(
            name=f"{method} {path.template}",
            parameters={(p["in"], p["name"]): p for p in parameters},
            body=self._resolve(raw["requestBody"]) if "requestBody" in raw else None,
            replies={status: self._resolve(reply) for status, reply in raw["responses"].items()},
        )

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            node = self._components[node["$ref"]]
        return node

    @cached_property
    def _components(self) -> dict[str, dict[str, Any]]:
        return {
            f"#/components/{kind}/{name}": node
            for kind, nodes in self._document["components"].items()
            for name, node in nodes.items()
        }

    def _check_parameters(self, operation: _Operation, names: Mapping[str, str], query: str) -> Iterator[str]:
        given: dict[str, list[str]] = {}
        for name, text in parse_qsl(query, keep_blank_values=True):
            given.setdefault(name.removesuffix("[]"), []).append(text)
        for name in given:
            if ("query", name) not in operation.parameters:
                yield f"the query parameter {name!r} is not in the description"
        for (where, name), parameter in operation.parameters.items():
            texts = {"path": [names[name]] if name in names else [], "query": given.get(name, [])}.get(
                where, []
            )
            if where == "query" and not texts and parameter.get("required"):
                yield f"the query parameter {name!r} is required"
            if texts:
                schema = self._resolve(parameter.get("schema", {}))
                is_array = schema.get("type") == "array"
                value: object = (
                    [_typed(text, self._resolve(schema.get("items", {}))) for text in texts]
                    if is_array
                    else _typed(texts[-1], schema)
                )
                if len(texts) > 1 and not is_array:
                    yield f"the {where} parameter {name!r} is given more than once"
                validator = self._validator(operation.name, f"{where} {name}", "request", schema)
                yield from _complaints(validator, value, f"the {where} parameter {name!r}")

    def _check_request(self, operation: _Operation, exchange: Exchange) -> Iterator[str]:
        raw = exchange.request_body
        if operation.body is None:
            if raw:
                yield "a body is sent, but the description has none"
            return
        if not raw:
            if operation.body.get("required"):
                yield "the body is missing"
            return
        kind = exchange.request_headers.get("content-type", "")
        yield from self._check_body(operation, "request", operation.body.get("content", {}), kind, raw)

    def _check_reply(self, operation: _Operation, exchange: Exchange) -> Iterator[str]:
        status = exchange.status
        reply = operation.replies.get(
            str(status), operation.replies.get(f"{status // 100}XX", operation.replies.get("default"))
        )
        if reply is None:
            if status not in _ANYWHERE:
                yield f"the description does not have the status {status} here"
            return
        raw = exchange.response_body
        if status in {204, 304}:
            if raw:
                yield f"an answer with status {status} has no body"
            return
        media = reply.get("content", {})
        if not media or (not raw and not any(kind.get("schema") for kind in media.values())):
            return
        kind = exchange.response_headers.get("Content-Type", "")
        yield from self._check_body(operation, f"reply {status}", media, kind, raw)

    def _check_body(
        self, operation: _Operation, what: str, media: Mapping[str, Any], content_type: str, raw: bytes
    ) -> Iterator[str]:
        kind = content_type.partition(";")[0]
        if kind not in media:
            yield f"{what} is {kind or 'of no kind'}, the description wants {', '.join(media)}"
            return
        if not kind.endswith("json"):
            return
        try:
            body = json.loads(raw)
        except ValueError:
            yield f"{what} is not JSON"
            return
        direction = "request" if what == "request" else "reply"
        if direction == "request" and _is_bare_label_list(operation.name, body):
            return
        if "schema" in media[kind]:
            validator = self._validator(operation.name, what, direction, media[kind]["schema"])
            yield from _complaints(validator, body, what)
        if "/rest/api/3/" in operation.name:
            yield from (f"{what}{place}: {problem}" for place, problem in _documents(body, operation.name))

    def _validator(self, operation: str, part: str, direction: str, schema: Schema) -> Draft202012Validator:
        key = (operation, part, direction)
        if key not in self._validators:
            conversion = Conversion(self._components, for_request=direction == "request")
            self._validators[key] = Draft202012Validator(conversion.whole(schema), format_checker=FORMATS)
        return self._validators[key]


@dataclass(frozen=True, slots=True)
class _Path:
    """A path template. ``is_wide``: its last parameter may hold slashes, as a file's path does."""

    template: str
    names: tuple[str, ...]
    pattern: re.Pattern[str]
    entry: dict[str, Any]
    is_wide: bool

    @classmethod
    def read(cls, template: str, entry: dict[str, Any]) -> _Path:
        parts = [re.escape(part) for part in re.split(r"\{[^}]+\}", template)]
        is_wide = not parts[-1] and '"x-multi-segment": true' in json.dumps(entry)
        last = "(.+)" if is_wide else "([^/]+)"
        pattern = "([^/]+)".join(parts[:-1]) + last + parts[-1] if len(parts) > 1 else parts[0]
        names = tuple(re.findall(r"\{([^}]+)\}", template))
        return cls(template, names, re.compile(pattern + r"\Z"), entry, is_wide)


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    parameters: dict[tuple[str, str], dict[str, Any]]
    body: dict[str, Any] | None
    replies: dict[str, dict[str, Any]]


def _typed(text: str, schema: Schema) -> object:
    """The value a parameter's text stands for; the text itself if it does not fit, so that it is refused."""
    kind = schema.get("type")
    if kind == "integer" and _NUMBER.match(text):
        return int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    if kind is None and _NUMBER.match(text):
        return int(text)  # "any of a number and a text": both vendors take the number so
    return text


def _is_bare_label_list(operation: str, body: object) -> bool:
    """PyGithub sends labels as a bare list; the description's text allows it, its schema forgot it.

    https://docs.github.com/rest/issues/labels#add-labels-to-an-issue
    """
    return (
        operation.endswith("/issues/{issue_number}/labels")
        and isinstance(body, list)
        and all(isinstance(label, str) for label in body)
    )


def _documents(node: object, operation: str, place: str = "") -> Iterator[tuple[str, str]]:
    """What is wrong with the Atlassian documents in a body: the description leaves them untyped."""
    if isinstance(node, list):
        for number, one in enumerate(node):
            yield from _documents(one, operation, f"{place}/{number}")
    if not isinstance(node, dict):
        return
    if node.get("type") == "doc":
        for problem in adf_problems(node):
            yield place, problem
        return
    must_be_documents = _TEXT_FIELDS if place.endswith("/fields") else frozenset()
    if "/comment" in operation and "/properties" not in operation and not place.count("/properties"):
        must_be_documents = must_be_documents | {"body"}
    for key, value in node.items():
        where = f"{place}/{key}"
        if key in must_be_documents and value is not None and not _looks_like_document(value):
            yield where, "in API version 3 this must be an Atlassian document"
        else:
            yield from _documents(value, operation, where)


def _looks_like_document(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "doc"


def _complaints(validator: Draft202012Validator, value: object, what: str) -> Iterator[str]:
    for error in validator.iter_errors(value):
        leaf = _leaf(error)
        place = "".join(f"/{part}" for part in leaf.absolute_path)
        yield f"{what}{place}: {leaf.message[:_LONGEST_COMPLAINT]}"


def _leaf(error: ValidationError) -> ValidationError:
    """The complaint that says most: the deepest one of the alternative that came nearest."""
    while error.context:
        error = max(error.context, key=lambda one: (len(one.absolute_path), len(one.message)))
    return error
