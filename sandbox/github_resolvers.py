"""What each field of the GitHub stand-in's GraphQL types shows, and to whom.

Every resolver gets an :class:`Asking` (who asks, and what there is), the thing, and the field's
arguments by GitHub's names.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.github_json import role, stamp
from sandbox.github_refusal import Refused
from sandbox.github_state import Comment, Issue, IssueField, Label, Organization, Repository, Thing

if TYPE_CHECKING:
    from sandbox.github_access import Caller
    from sandbox.github_actions import Actions
    from sandbox.github_json import Json, Show
    from sandbox.github_state import FieldValue, State

Resolvers = Mapping[str, Callable[..., object]]

_MOST_A_PAGE = 100
_EVER = datetime.min.replace(tzinfo=UTC)
_T = TypeVar("_T", bound=Thing)


@dataclass(frozen=True)
class Asking:
    """One caller's view of the state, as the resolvers need it."""

    caller: Caller
    state: State
    show: Show
    do: Actions

    def node(self, node_id: str) -> Thing:
        """The thing with this node id, if the caller may see it."""
        thing = self.state.nodes.get(node_id)
        repo = _repo_of(thing)
        if thing is None or (repo is not None and not self.caller.sees(repo)):
            raise _no_node(node_id)
        if isinstance(thing, Issue | Comment | Label):
            self.caller.require("issues")
        return thing

    def node_or_refusal(self, node_id: str) -> Thing | Refused:
        """The same for one of several: a refusal is an answer, which becomes null and an error."""
        try:
            return self.node(node_id)
        except Refused as refused:
            return refused

    def get(self, kind: type[_T], node_id: str) -> _T:
        """The thing with this node id, which must be of a kind."""
        thing = self.node(node_id)
        if not isinstance(thing, kind):
            raise _no_node(node_id)
        return thing

    def label_names(self, ids: Sequence[str] | None) -> list[str]:
        """Names of the labels with these ids."""
        return [self.get(Label, node_id).name for node_id in ids or ()]

    def values(self, sent: Sequence[Json] | None) -> tuple[dict[int, FieldValue], set[int]]:
        """Field values as the state keeps them, and the ids of fields to clear."""
        given: dict[int, FieldValue] = {}
        cleared: set[int] = set()
        for entry in sent or ():
            field = self.get(IssueField, entry["fieldId"])
            options = {option.node_id: option.name for option in field.options}
            if entry.get("delete"):
                cleared.add(field.id)
            elif entry.get("singleSelectOptionId") is not None:
                given[field.id] = _option(options, entry["singleSelectOptionId"])
            elif entry.get("multiSelectOptionIds") is not None:
                given[field.id] = tuple(_option(options, one) for one in entry["multiSelectOptionIds"])
            else:
                plain = (entry.get(name) for name in ("textValue", "numberValue", "dateValue"))
                given[field.id] = next((value for value in plain if value is not None), "")
        return given, cleared


def _page(
    name: str,
    things: Sequence[_T],
    *,
    first: int | None,
    last: int | None,
    after: str | None,
    before: str | None,
) -> Json:
    """One page of a connection. One of first and last must be given, at most 100."""
    size = first if first is not None else last
    if size is None:
        message = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise Refused(422, message, kind="MISSING_PAGINATION_BOUNDARIES")
    if not 0 <= size <= _MOST_A_PAGE:
        which = "first" if first is not None else "last"
        message = f"Requesting {size} records on the `{name}` connection exceeds the `{which}` limit of {_MOST_A_PAGE} records."
        raise Refused(422, message, kind="EXCESSIVE_PAGINATION")
    start = _place(after) if after else 0
    stop = _place(before) - 1 if before else len(things)
    begin, end = (start, min(start + size, stop)) if first is not None else (max(start, stop - size), stop)
    edges = [{"cursor": cursor(n), "node": thing} for n, thing in enumerate(things, 1)][begin:end]
    return {
        "edges": edges,
        "nodes": [edge["node"] for edge in edges],
        "totalCount": len(things),
        "pageInfo": {
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
            "hasNextPage": end < len(things),
            "hasPreviousPage": begin > 0,
        },
    }


def _connection(name: str, things: Callable[[Asking, Any], Sequence[Thing]]) -> Callable[..., object]:
    def resolve(
        ask: Asking,
        thing: object,
        *,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
        **_: object,
    ) -> Json:
        return _page(name, things(ask, thing), first=first, last=last, after=after, before=before)

    return resolve


def _repository(ask: Asking, _root: object, **args: Any) -> Repository:  # noqa: ANN401 - the document's arguments
    owner, name = args["owner"], args["name"]
    found = ask.state.repo(owner, name)
    if found is None and args.get("followRenames", True):
        found = ask.state.renamed.get(f"{owner}/{name}".lower())
    if found is None or not ask.caller.sees(found):
        message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
        raise Refused(404, message, kind="NOT_FOUND")
    return found


def _organization(ask: Asking, _root: object, *, login: str) -> Organization:
    found = ask.state.accounts.get(login.lower())
    if not isinstance(found, Organization):
        raise Refused(
            404, f"Could not resolve to an Organization with the login of '{login}'.", kind="NOT_FOUND"
        )
    return found


def _rate_limit(ask: Asking, _root: object, **_: object) -> Json:
    used = ask.caller.token.used if ask.caller.token else 0
    limits = {"cost": 1, "limit": 5000, "nodeCount": 0, "used": used, "remaining": max(5000 - used, 0)}
    return {**limits, "resetAt": "2100-01-01T00:00:00Z"}


def _issue(ask: Asking, repo: Repository, *, number: int) -> Issue:
    ask.caller.require("issues")
    if number not in repo.issues:
        raise Refused(404, f"Could not resolve to an Issue with the number of {number}.", kind="NOT_FOUND")
    return repo.issues[number]


def _issues(ask: Asking, repo: Repository, **args: Any) -> Json:  # noqa: ANN401 - the document's arguments
    ask.caller.require("issues")
    wanted: Json = args.get("filterBy") or {}
    allowed = set(args.get("states") or wanted.get("states") or ("OPEN", "CLOSED"))
    names = {name.lower() for name in [*(args.get("labels") or ()), *(wanted.get("labels") or ())]}
    since = datetime.fromisoformat(wanted["since"]) if wanted.get("since") else _EVER
    found = [
        issue
        for issue in repo.issues.values()
        if issue.state.upper() in allowed
        and (not names or names & {label.name.lower() for label in issue.labels})
        and issue.updated_at >= since
        and wanted.get("createdBy") in {None, issue.author.login}
    ]
    order = args.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    key = {"CREATED_AT": "created_at", "UPDATED_AT": "updated_at"}.get(order["field"], "number")
    found.sort(key=lambda issue: (getattr(issue, key), issue.number), reverse=order["direction"] == "DESC")
    sizes = {name: args.get(name) for name in ("first", "last", "after", "before")}
    return _page("issues", found, **sizes)


def _parent(ask: Asking, issue: Issue) -> Issue | None:
    return issue.parent if issue.parent is not None and ask.caller.sees(issue.parent.repo) else None


def _permission(ask: Asking, repo: Repository) -> str:
    return role(ask.caller.level(repo)).upper()


def _summary(_ask: Asking, issue: Issue) -> Json:
    done, total = sum(child.state == "closed" for child in issue.children), len(issue.children)
    return {"completed": done, "total": total, "percentCompleted": 100 * done // total if total else 0}


def _issue_url(ask: Asking, issue: Issue) -> str:
    return f"{ask.show.root}/{issue.repo.full_name}/issues/{issue.number}"


def _label_url(ask: Asking, label: Label) -> str:
    return f"{ask.show.root}/{label.repo.full_name if label.repo else ''}/labels/{label.name}"


def _upper(value: str | None) -> str | None:
    return value.upper().replace(" ", "_").replace("-", "_") if value else None


_NODE: Resolvers = {
    "id": lambda _, thing: thing.node_id,
    "databaseId": lambda _, thing: thing.id,
}
_DATED: Resolvers = {
    **_NODE,
    "fullDatabaseId": lambda _, thing: str(thing.id),
    "createdAt": lambda _, thing: stamp(thing.created_at),
    "updatedAt": lambda _, thing: stamp(thing.updated_at),
    "body": lambda _, thing: thing.body or "",
}
QUERIES: Resolvers = {
    "repository": _repository,
    "organization": _organization,
    "viewer": lambda ask, _root: ask.caller.account,
    "node": lambda ask, _root, **args: ask.node(args["id"]),
    "nodes": lambda ask, _root, **args: [ask.node_or_refusal(one) for one in args["ids"]],
    "rateLimit": _rate_limit,
}
ACCOUNT: Resolvers = {
    **_NODE,
    "url": lambda ask, account: f"{ask.show.root}/{account.login}",
    "resourcePath": lambda _, account: f"/{account.login}",
}
BOT: Resolvers = {
    **ACCOUNT,
    "login": lambda _, account: account.login.removesuffix("[bot]"),  # as GitHub: REST alone has the ending
}
REPOSITORY: Resolvers = {
    **_NODE,
    "hasIssuesEnabled": lambda _, repo: repo.flags["has_issues"],
    "isArchived": lambda _, repo: repo.archived,
    "isPrivate": lambda _, repo: repo.private,
    "issue": _issue,
    "issues": _issues,
    "label": lambda _, repo, **args: repo.label(args["name"]),
    "labels": _connection("labels", lambda _, repo: repo.labels),
    "nameWithOwner": lambda _, repo: repo.full_name,
    "pinnedIssues": _connection("pinnedIssues", lambda _, repo: repo.pinned),
    "url": lambda ask, repo: f"{ask.show.root}/{repo.full_name}",
    "viewerPermission": _permission,
    "visibility": lambda _, repo: repo.visibility.upper(),
}
LABEL: Resolvers = {
    "id": _NODE["id"],
    "isDefault": lambda _ask, _label: False,
    "repository": lambda _, label: label.repo,
    "url": _label_url,
}
ISSUE: Resolvers = {
    **_DATED,
    "activeLockReason": lambda _, issue: _upper(issue.lock_reason),
    "closed": lambda _, issue: issue.state == "closed",
    "closedAt": lambda _, issue: stamp(issue.closed_at),
    "isPinned": lambda _, issue: any(pin.issue is issue for pin in issue.repo.pinned),
    "comments": _connection("comments", lambda _, issue: issue.comments),
    "labels": _connection("labels", lambda _, issue: issue.labels),
    "parent": _parent,
    "repository": lambda _, issue: issue.repo,
    "resourcePath": lambda _, issue: f"/{issue.repo.full_name}/issues/{issue.number}",
    "state": lambda _, issue: issue.state.upper(),
    "stateReason": lambda _, issue, **_args: _upper(issue.state_reason),
    "subIssues": _connection(
        "subIssues", lambda ask, issue: [child for child in issue.children if ask.caller.sees(child.repo)]
    ),
    "subIssuesSummary": _summary,
    "url": _issue_url,
}
PINNED_ISSUE: Resolvers = {
    **_NODE,
    "pinnedBy": lambda _, pin: pin.pinned_by,
    "repository": lambda _, pin: pin.issue.repo,
}
COMMENT: Resolvers = {
    **_DATED,
    "lastEditedAt": lambda _, comment: stamp(comment.edited_at),
    "isMinimized": lambda _, comment: comment.minimized is not None,
    "minimizedReason": lambda _, comment: comment.minimized,
    "repository": lambda _, comment: comment.issue.repo,
    "url": lambda ask, comment: ask.show.comment_page(comment),
}


def _repo_of(thing: Thing | None) -> Repository | None:
    match thing:
        case Repository():
            return thing
        case Issue() | Label():
            return thing.repo
        case Comment():
            return thing.issue.repo
    return None


def _option(options: dict[str, str], node_id: str) -> str:
    if node_id not in options:
        raise _no_node(node_id)
    return options[node_id]


def _no_node(node_id: str) -> Refused:
    return Refused(404, f"Could not resolve to a node with the global id of '{node_id}'", kind="NOT_FOUND")


def cursor(place: int) -> str:
    """The cursor of a connection's entry, counted from 1."""
    return base64.b64encode(f"cursor:{place}".encode()).decode()


def _place(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("cursor:"))
    except (binascii.Error, ValueError):
        message = f"`{cursor}` does not appear to be a valid cursor."
        raise Refused(422, message, kind="INVALID_CURSOR_ARGUMENTS") from None
