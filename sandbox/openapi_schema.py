"""From OpenAPI 3.0's dialect of JSON Schema to the real one, with everything closed that lists properties.

Used by :mod:`sandbox.contract` only.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from jsonschema import FormatChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Schema = dict[str, Any]
"""In the vendor's dialect or in ours."""

_COPIED = [
    "type",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
]


class Conversion:
    """From OpenAPI 3.0's dialect to JSON Schema 2020-12, with everything closed that lists properties.

    A schema is converted ``closed`` where a value stands, and open where it is one of several that
    describe the same value together (``allOf``): there the whole is closed by ``unevaluatedProperties``.
    ``oneOf`` becomes ``anyOf``, since both vendors' alternatives overlap. In a request, properties that
    only the vendor sets (``readOnly``) count as not listed.
    """

    def __init__(self, components: Mapping[str, Schema], *, for_request: bool) -> None:
        self._components = components
        self._for_request = for_request
        self._definitions: dict[str, Schema] = {}

    def whole(self, schema: Schema) -> Schema:
        """The schema with all that it refers to."""
        root = self._convert(schema, closed=True)
        return {**root, "$defs": self._definitions}

    def _convert(self, schema: Schema, *, closed: bool) -> Schema:
        if "$ref" in schema:
            return self._reference(schema["$ref"], closed=closed)
        made = {keyword: schema[keyword] for keyword in _COPIED if keyword in schema}
        if schema.get("format") in FORMATS.checkers:
            made["format"] = schema["format"]
        if schema.get("exclusiveMinimum") is True:
            made["exclusiveMinimum"] = made.pop("minimum")
        if "items" in schema:
            made["items"] = self._convert(schema["items"], closed=True)
        properties = self._listed(schema)
        if properties:
            made["properties"] = {name: self._convert(node, closed=True) for name, node in properties.items()}
        if "required" in schema:
            unlisted = set(schema.get("properties", {})) - set(properties)
            made["required"] = [name for name in schema["required"] if name not in unlisted]
        self._compose(schema, made, closed=closed)
        if schema.get("nullable"):
            return _or_null(made)
        return made

    def _compose(self, schema: Schema, made: Schema, *, closed: bool) -> None:
        branches = [("allOf", "allOf"), ("anyOf", "anyOf"), ("oneOf", "anyOf")]
        present = [(theirs, ours) for theirs, ours in branches if schema.get(theirs)]
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            made["additionalProperties"] = self._convert(extra, closed=True) if extra else True
            closed = False
        alone = len(present) == 1 and not schema.get("properties")
        apart = closed and alone and (present[0][0] != "allOf" or len(schema["allOf"]) == 1)
        for theirs, ours in present:
            made.setdefault(ours, []).extend(self._convert(one, closed=apart) for one in schema[theirs])
        if not closed or apart:
            return
        if present:
            if not self._is_free(schema):
                made["unevaluatedProperties"] = False
        elif schema.get("properties") or extra is False:
            made["additionalProperties"] = False

    def _listed(self, schema: Schema) -> dict[str, Schema]:
        properties: dict[str, Schema] = schema.get("properties", {})
        if not self._for_request:
            return properties
        return {name: node for name, node in properties.items() if not node.get("readOnly")}

    def _reference(self, ref: str, *, closed: bool) -> Schema:
        name = f"{ref.rpartition('/')[2]}.{'closed' if closed else 'open'}".replace("~", "-")
        if name not in self._definitions:
            self._definitions[name] = {}  # stands for itself while it is being converted: schemas recur
            self._definitions[name] = self._convert(self._components[ref], closed=closed)
        return {"$ref": f"#/$defs/{name}"}

    def _is_free(self, schema: Schema) -> bool:
        """Whether some branch means any object at all."""
        if "$ref" in schema:
            return self._is_free(self._components[schema["$ref"]])
        branches = [*schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", [])]
        if branches:
            return any(self._is_free(branch) for branch in branches)
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) or not schema:
            return True
        return schema.get("type") == "object" and not schema.get("properties") and extra is not False


def _or_null(schema: Schema) -> Schema:
    kind = schema.get("type")
    if not isinstance(kind, str) or "allOf" in schema or "anyOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    widened = {**schema, "type": [kind, "null"]}
    if "enum" in schema:
        widened["enum"] = [*schema["enum"], None]
    return widened


FORMATS = FormatChecker(formats=())
"""The formats both vendors use. Jira's date-times lack the colon that RFC 3339 wants in the offset."""


def _format(name: str) -> Callable[[Callable[[str], object]], Callable[[str], object]]:
    def register(check: Callable[[str], object]) -> Callable[[str], object]:
        def checker(value: object) -> bool:
            if isinstance(value, str):
                check(value)
            return True

        FORMATS.checks(name, raises=ValueError)(checker)
        return check

    return register


@_format("date-time")
def _date_time(text: str) -> object:
    """Jira writes ``+0000`` where RFC 3339 wants ``+00:00``, and its own description calls that a date-time."""
    return datetime.strptime(re.sub(r"\.\d+", "", text), "%Y-%m-%dT%H:%M:%S%z")


@_format("date")
def _date(text: str) -> object:
    return date.fromisoformat(text)


@_format("uri")
def _uri(text: str) -> object:
    parts = urlsplit(text)
    if not parts.scheme or not (parts.netloc or parts.path):
        raise ValueError(text)
    return parts


@_format("uuid")
def _uuid(text: str) -> object:
    return UUID(text)


def _whole_number(bits: int) -> Callable[[object], bool]:
    def checker(value: object) -> bool:
        return (
            not isinstance(value, int)
            or isinstance(value, bool)
            or -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)
        )

    return checker


for _bits in (32, 64):
    FORMATS.checks(f"int{_bits}")(_whole_number(_bits))
