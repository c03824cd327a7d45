"""What is closed, what stays free, and what direction changes, on small schemas of our own."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sandbox.openapi_schema import FORMATS, Conversion

NAMED = {"type": "object", "properties": {"name": {"type": "string"}}}
SIZED = {"type": "object", "properties": {"size": {"type": "integer"}}}
COMPONENTS: dict[str, dict[str, Any]] = {
    "#/components/schemas/named": NAMED,
    "#/components/schemas/sized": SIZED,
    "#/components/schemas/node": {
        "type": "object",
        "properties": {"next": {"$ref": "#/components/schemas/node"}},
    },
}
BOTH = {"allOf": [{"$ref": "#/components/schemas/named"}, {"$ref": "#/components/schemas/sized"}]}


def takes(schema: dict[str, Any], value: object, *, for_request: bool = False) -> bool:
    whole = Conversion(COMPONENTS, for_request=for_request).whole(schema)
    return Draft202012Validator(whole, format_checker=FORMATS).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        (NAMED, {"name": "x"}, {"name": "x", "more": 1}),
        ({**NAMED, "additionalProperties": True}, {"name": "x"}, {"more": 1}),
        (BOTH, {"name": "x", "size": 1}, {"name": "x", "more": 1}),
        ({**BOTH, "properties": {"own": {}}}, {"own": 1, "size": 1}, {"more": 1}),
        ({"oneOf": [NAMED, SIZED]}, {"size": 1}, {"name": "x", "size": 1}),
        ({"anyOf": [NAMED, {"type": "string"}]}, "x", {"more": 1}),
        ({"allOf": [{"$ref": "#/components/schemas/named"}]}, {"name": "x"}, {"more": 1}),
        ({"type": "array", "items": NAMED}, [{"name": "x"}], [{"more": 1}]),
        ({"$ref": "#/components/schemas/node"}, {"next": {"next": {}}}, {"next": {"more": 1}}),
    ],
)
def test_what_lists_properties_is_closed_at_every_level(
    schema: dict[str, Any], right: object, wrong: object
) -> None:
    assert takes(schema, right)
    assert not takes(schema, wrong)


@pytest.mark.parametrize(
    "free",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": {}},
        {"type": "object", "additionalProperties": True},
        {"allOf": [NAMED, {"type": "object"}]},
    ],
)
def test_what_lists_none_stays_free(free: dict[str, Any]) -> None:
    assert takes(free, {"anything": [1, "x"]})


def test_the_values_of_a_map_are_checked() -> None:
    of_texts = {"type": "object", "additionalProperties": {"type": "string"}}
    assert takes(of_texts, {"a": "x"})
    assert not takes(of_texts, {"a": 1})


def test_overlapping_alternatives_are_no_mistake() -> None:
    assert takes({"oneOf": [{"type": "number"}, {"type": "integer"}]}, 1)


def test_what_only_the_vendor_sets_is_not_listed_in_requests() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string", "readOnly": True}},
        "required": ["id"],
    }
    assert takes(schema, {"id": "1"})
    assert not takes(schema, {})
    assert takes(schema, {}, for_request=True)
    assert not takes(schema, {"id": "1"}, for_request=True)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "nullable": True, "enum": ["x"]},
        {"nullable": True, "allOf": [{"$ref": "#/components/schemas/named"}]},
        {**NAMED, "nullable": True},
    ],
)
def test_null_is_taken_where_it_says_so(schema: dict[str, Any]) -> None:
    assert takes(schema, None)
    assert not takes({**schema, "nullable": False}, None)


@pytest.mark.parametrize(
    ("format_name", "right", "wrong"),
    [
        ("date-time", "2026-11-22T14:00:00.000+0000", "2026-11-22 14:00"),
        ("date-time", "2026-11-22T14:00:00Z", "yesterday"),
        ("date", "2026-11-22", "22.11.2026"),
        ("uri", "https://acme.example/x", "/x"),
        ("uuid", "6f1a6e80-0000-4000-8000-000000000000", "6f1a"),
        ("int32", 2**31 - 1, 2**31),
        ("int64", -(2**63), 2**63),
    ],
)
def test_formats(format_name: str, right: object, wrong: object) -> None:
    kind = "integer" if format_name.startswith("int") else "string"
    assert takes({"type": kind, "format": format_name}, right)
    assert not takes({"type": kind, "format": format_name}, wrong)
