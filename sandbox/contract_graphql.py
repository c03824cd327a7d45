"""Checks every GraphQL exchange against the vendor's own schema: the document, its variables, the reply.

A document is what our host sent, so it must be valid for the real GitHub; a reply is what our stand-in
made, so it must have exactly the shape that the real GitHub would give to that document.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from graphql import (
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    OperationDefinitionNode,
    build_schema,
    extend_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from graphql.language import (
    BooleanValueNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
    VariableNode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from graphql import DocumentNode, GraphQLSchema, SelectionSetNode

    from sandbox.wire import Exchange

_GRAPHQL = "/graphql"
_Path = tuple[str | int, ...]


class GraphQLContract:
    """A vendor's schema and what its stored copy lacks, ready to judge exchanges.

    Building it takes about a second: share one between tests.
    """

    def __init__(self, schema: Path, overlay: Path) -> None:
        stored = build_schema(schema.read_text(), assume_valid=True, assume_valid_sdl=True)
        self.schema = extend_schema(stored, parse(overlay.read_text()), assume_valid=True)

    def check(self, exchange: Exchange) -> list[str]:
        """What is wrong with this request and its answer, one sentence each; other calls are not judged."""
        if not exchange.path.endswith(_GRAPHQL) or exchange.method != "POST":
            return []
        try:
            sent = json.loads(exchange.request_body)
            document = parse(sent["query"])
        except (ValueError, KeyError, TypeError, GraphQLError) as error:
            return [f"GraphQL: the request is no document: {type(error).__name__}"]
        mistakes = [*validate(self.schema, document)]
        if mistakes:
            return [f"GraphQL document: {mistake.message}" for mistake in mistakes]
        operation = _operation(document, sent.get("operationName"))
        if operation is None:
            return ["GraphQL document: it does not say which operation to run"]
        variables = sent.get("variables") or {}
        problems = [f"GraphQL variables: {problem}" for problem in self._variables(operation, variables)]
        if exchange.status == 200:
            problems += [
                f"GraphQL reply: {problem}"
                for problem in self._reply(document, operation, variables, exchange)
            ]
        return problems

    def _variables(
        self, operation: OperationDefinitionNode, variables: Mapping[str, object]
    ) -> Iterator[str]:
        known = {definition.variable.name.value for definition in operation.variable_definitions or ()}
        yield from (f"${name} is not declared" for name in variables if name not in known)
        values = get_variable_values(self.schema, operation.variable_definitions or (), dict(variables))
        if isinstance(values, list):
            yield from (error.message for error in values)

    def _reply(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
        exchange: Exchange,
    ) -> Iterator[str]:
        try:
            reply = json.loads(exchange.response_body)
        except ValueError:
            yield "the body is not JSON"
            return
        errors = reply.get("errors", [])
        yield from (
            f"{name!r} is not part of a reply"
            for name in reply
            if name not in {"data", "errors", "extensions"}
        )
        yield from (
            "an error has no message" for error in errors if not isinstance(error.get("message"), str)
        )
        if reply.get("data") is None:
            if not errors:
                yield "there are neither data nor errors"
            return
        root = self.schema.get_root_type(operation.operation)
        if root is not None:
            shape = _Shape(self.schema, document, variables)
            yield from shape.compare(root, [operation.selection_set], reply["data"], ())


class _Shape:
    """Compares data with what a document asked for."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, object]
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
        }

    def compare(
        self, kind: object, selections: Sequence[SelectionSetNode], data: object, path: _Path
    ) -> Iterator[str]:
        """What is wrong with an object."""
        if not isinstance(data, dict):
            yield f"{_at(path)} should be an object"
        elif isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            yield from self._abstract(kind, selections, data, path)
        elif isinstance(kind, GraphQLObjectType):
            yield from self._object(kind, selections, data, path)

    def _object(
        self,
        kind: GraphQLObjectType,
        selections: Sequence[SelectionSetNode],
        data: Mapping[str, object],
        path: _Path,
    ) -> Iterator[str]:
        asked: dict[str, list[FieldNode]] = {}
        for selection in selections:
            self._collect(kind, selection, asked)
        yield from (f"{_at((*path, name))} was not asked for" for name in data if name not in asked)
        for name, nodes in asked.items():
            here, field = (*path, name), nodes[0].name.value
            if name not in data:
                yield f"{_at(here)} is missing"
            elif field == "__typename":
                if data[name] != kind.name:
                    yield f"{_at(here)} should be {kind.name}"
            else:
                inner = [node.selection_set for node in nodes if node.selection_set]
                yield from self._value(kind.fields[field].type, inner, data[name], here)

    def _abstract(
        self,
        kind: GraphQLInterfaceType | GraphQLUnionType,
        selections: Sequence[SelectionSetNode],
        data: Mapping[str, object],
        path: _Path,
    ) -> Iterator[str]:
        """An interface or union: the data must fit one of its types."""
        possible = list(self._schema.get_possible_types(kind))
        if "__typename" in data:
            possible = [one for one in possible if one.name == data["__typename"]]
        tries = [list(self.compare(one, selections, data, path)) for one in possible]
        if not tries:
            yield f"{_at(path)} is of a type that {kind.name} does not have"
        elif all(tries):
            yield from min(tries, key=len)

    def _value(
        self, kind: object, selections: Sequence[SelectionSetNode], value: object, path: _Path
    ) -> Iterator[str]:
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                yield f"{_at(path)} is null and must not be"
            kind = kind.of_type
        if value is None:
            return
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                yield f"{_at(path)} should be a list"
                return
            for place, one in enumerate(value):
                yield from self._value(kind.of_type, selections, one, (*path, place))
        elif selections:
            yield from self.compare(kind, selections, value, path)
        elif isinstance(kind, GraphQLEnumType | GraphQLScalarType) and not _leaf_fits(kind, value):
            yield f"{_at(path)} is no {kind.name}"

    def _collect(
        self, kind: GraphQLObjectType, selection: SelectionSetNode, asked: dict[str, list[FieldNode]]
    ) -> None:
        for node in selection.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                asked.setdefault((node.alias or node.name).value, []).append(node)
                continue
            part = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            if isinstance(part, FragmentDefinitionNode | InlineFragmentNode) and self._applies(part, kind):
                self._collect(kind, part.selection_set, asked)

    def _applies(self, part: FragmentDefinitionNode | InlineFragmentNode, kind: GraphQLObjectType) -> bool:
        if part.type_condition is None or part.type_condition.name.value == kind.name:
            return True
        condition = self._schema.type_map[part.type_condition.name.value]
        if not isinstance(condition, GraphQLInterfaceType | GraphQLUnionType):
            return False
        return self._schema.is_sub_type(condition, kind)

    def _included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            for argument in directive.arguments or ():
                value = argument.value
                if isinstance(value, VariableNode):
                    chosen = bool(self._variables.get(value.name.value))
                else:
                    chosen = isinstance(value, BooleanValueNode) and value.value
                if (directive.name.value == "skip") == chosen:
                    return False
        return True


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    found = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    if name is not None:
        found = [part for part in found if part.name is not None and part.name.value == name]
    return found[0] if len(found) == 1 else None


def _at(path: _Path) -> str:
    return ".".join(str(part) for part in path) or "data"


def _date_time(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_LEAVES: dict[str, Callable[[object], bool]] = {
    "ID": lambda value: isinstance(value, str),
    "String": lambda value: isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
    "Int": lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31,
    "Float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "BigInt": lambda value: isinstance(value, str) and value.lstrip("-").isdigit(),
    "URI": lambda value: isinstance(value, str) and bool(urlsplit(value).path),
    "DateTime": _date_time,
}


def _leaf_fits(kind: GraphQLEnumType | GraphQLScalarType, value: object) -> bool:
    if isinstance(kind, GraphQLEnumType):
        return value in kind.values
    return _LEAVES.get(kind.name, _anything)(value)


def _anything(_value: object) -> bool:
    return True
