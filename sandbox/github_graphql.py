"""GitHub's GraphQL API: our own small schema, executed by graphql-core over the stand-in's state.

Mutations of one request run in order, and one that fails leaves the others done: then the answer has
both data and errors, with status 200.
https://docs.github.com/en/graphql
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, build_schema, execute_sync, parse, validate

from sandbox.github_mutations import mutation
from sandbox.github_refusal import Refused
from sandbox.github_resolvers import (
    ACCOUNT,
    BOT,
    COMMENT,
    ISSUE,
    LABEL,
    PINNED_ISSUE,
    QUERIES,
    REPOSITORY,
    Asking,
)
from sandbox.github_state import Account, Comment

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import DocumentNode, ExecutionResult, GraphQLSchema

    from sandbox.github_access import Caller
    from sandbox.github_actions import Actions
    from sandbox.github_json import Json, Show
    from sandbox.github_resolvers import Resolvers
    from sandbox.github_state import State


class GraphQL:
    """The endpoint: takes the posted document, gives the answer's JSON."""

    def __init__(self, state: State, *, show: Show, actions: Actions) -> None:
        self._state = state
        self._show = show
        self._do = actions

    def answer(self, caller: Caller, sent: Json) -> Json:
        """Run one request. Never raises for what the document does."""
        _ = caller.account
        query = sent.get("query")
        if not isinstance(query, str) or not query.strip():
            return {"errors": [{"message": "A query attribute must be specified and must be a string."}]}
        document, mistakes = _read(query)
        if document is None:
            return {"errors": [_plain(mistake) for mistake in mistakes]}
        result = execute_sync(
            _schema(),
            document,
            context_value=Asking(caller, self._state, self._show, self._do),
            variable_values=sent.get("variables") or {},
            operation_name=sent.get("operationName"),
        )
        return _shown(result)


@lru_cache(maxsize=64)
def _read(query: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """A document, or what is wrong with it. Callers send the same few again and again, with other variables."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, (error,)
    mistakes = tuple(validate(_schema(), document))
    return (None if mistakes else document), mistakes


@cache
def _schema() -> GraphQLSchema:
    """Our schema with its resolvers, which take all they need from who is asking."""
    schema = build_schema((Path(__file__).parent / "github.graphql").read_text(encoding="utf-8"))
    resolvers: dict[str, Resolvers] = {
        "Query": QUERIES,
        "Mutation": {name: mutation(name) for name in _fields(schema, "Mutation")},
        "Repository": REPOSITORY,
        "Issue": ISSUE,
        "IssueComment": COMMENT,
        "Label": LABEL,
        "PinnedIssue": PINNED_ISSUE,
        **dict.fromkeys(("User", "Organization"), ACCOUNT),
        "Bot": BOT,
    }
    for kind, named in resolvers.items():
        for name, resolve in named.items():
            _fields(schema, kind)[name].resolve = _resolver(resolve)
    for name in ("Node", "Actor", "RepositoryOwner", "Labelable", "Lockable", "Minimizable"):
        interface: Any = schema.type_map[name]
        interface.resolve_type = lambda value, _info, _kind: _type_name(value)
    return schema


def _resolver(resolve: Callable[..., object]) -> Callable[..., object]:
    def run(thing: object, info: Any, **args: Any) -> object:  # noqa: ANN401 - the document's arguments
        return resolve(info.context, thing, **args)

    return run


def _fields(schema: GraphQLSchema, kind: str) -> dict[str, Any]:
    object_type: Any = schema.type_map[kind]
    fields: dict[str, Any] = object_type.fields
    return fields


def _type_name(value: object) -> str:
    if isinstance(value, Comment):
        return "IssueComment"
    return value.kind if isinstance(value, Account) else type(value).__name__


def _shown(result: ExecutionResult) -> Json:
    answer: Json = {"data": result.data}
    if result.errors:
        answer["errors"] = [_plain(error) for error in result.errors]
        if result.data is None and not any(error.path for error in result.errors):
            del answer["data"]
    return answer


def _plain(error: GraphQLError) -> Json:
    shown: Json = {}
    words, cause = error.message, error.original_error
    if isinstance(cause, Refused):
        shown["type"], words = _named(cause)
    elif cause is not None and not isinstance(cause, GraphQLError):
        raise cause  # a mistake of ours, not of the caller
    if error.path:
        shown["path"] = list(error.path)
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return {**shown, "message": words}


def _named(refused: Refused) -> tuple[str, str]:
    """An error's type and message; GraphQL words the limit on creating content in its own way."""
    if refused.kind == "TOO_QUICK":
        return "UNPROCESSABLE", "was submitted too quickly"
    details = [str(entry["message"]) for entry in refused.errors or () if "message" in entry]
    return refused.kind, ", ".join(details) or refused.message
