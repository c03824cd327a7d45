"""What the calls of the stand-in's REST API share: finding things, reading bodies, paging, redirecting.

A hidden repository is 404 for every call; a former name redirects (301, and 307 where something was
sent), with the number of the repository in the new address, as GitHub does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, request

from sandbox.github_access import Caller, caller_of
from sandbox.github_refusal import Refused, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.github_actions import Actions
    from sandbox.github_json import Json, Show
    from sandbox.github_state import Comment, Issue, Repository, State

_MOST_A_PAGE = 100


@dataclass
class Reply:
    """JSON data, its status and headers."""

    data: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Calls:
    """Some of the API's calls: one method ``_call_…`` each, and two tables that say which path is which.

    A call in a repository gets the caller, the repository and what the path names; the others get the
    caller and what the path names.
    """

    in_a_repository: ClassVar[Mapping[str, str]] = {}
    elsewhere: ClassVar[Mapping[str, str]] = {}

    def __init__(self, state: State, *, show: Show, actions: Actions) -> None:
        self._state = state
        self._show = show
        self._do = actions

    def register(self, app: Flask) -> None:
        """Add all routes."""
        for call, name in self.in_a_repository.items():
            method, _, rest = call.partition(" ")
            view = self._in_repo(getattr(self, f"_call_{name}"))
            app.add_url_rule(f"/repos/<owner>/<repo>{rest}", name, view, methods=[method])
        for call, name in self.elsewhere.items():
            method, _, rest = call.partition(" ")
            view = self._plain(getattr(self, f"_call_{name}"))
            app.add_url_rule(rest, name, view, methods=[method])

    def _caller(self) -> Caller:
        return caller_of(self._state, request.headers.get("Authorization", ""))

    def _plain(self, call: Callable[..., Reply]) -> Callable[..., Response]:
        def view(**named: Any) -> Response:  # noqa: ANN401 - Flask passes what the path holds
            return respond(call(self._caller(), **named))

        return view

    def _in_repo(self, call: Callable[..., Reply]) -> Callable[..., Response]:
        def view(owner: str, repo: str, **named: Any) -> Response:  # noqa: ANN401 - as above
            caller = self._caller()
            found = self._state.repo(owner, repo)
            if found is None and (former := self._state.renamed.get(f"{owner}/{repo}".lower())):
                caller.require_sight(former)
                raise self._moved(former, request.path.split("/", 4)[4:])
            if found is None:
                raise Refused(404, "Not Found", kind="NOT_FOUND")
            caller.require_sight(found)
            return respond(call(caller, found, **named))

        return view

    def _moved(self, repo: Repository, rest: list[str]) -> Refused:
        location = "/".join([f"{self._show.root}/repositories/{repo.id}", *rest])
        if request.method == "GET":
            return Refused(301, "Moved Permanently", location=location)
        return Refused(307, "Temporary Redirect", location=location)

    def _issue(self, caller: Caller, repo: Repository, number: int) -> Issue:
        caller.require("issues")
        if number in repo.deleted:
            raise Refused(410, "This issue was deleted", kind="NOT_FOUND")
        if number in repo.moved:
            there = repo.moved[number]
            if not caller.sees(there.repo):
                raise Refused(404, "Not Found", kind="NOT_FOUND")
            end = request.path.partition(f"/issues/{number}")[2]
            raise self._moved(there.repo, [f"issues/{there.number}{end}"])
        if number not in repo.issues:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return repo.issues[number]

    def _comment(self, caller: Caller, repo: Repository, comment_id: int) -> Comment:
        caller.require("issues")
        comment = self._state.comments.get(comment_id)
        if comment is None or comment.issue.repo is not repo:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return comment


def respond(reply: Reply) -> Response:
    """A reply as HTTP."""
    response = Response(status=204) if reply.status == 204 else jsonify(reply.data)
    response.status_code = reply.status
    response.headers.update(reply.headers)
    return response


def paged(items: Sequence[Any], root: str, show: Callable[[Any], Json] | None = None) -> Reply:
    """One page of a list, with GitHub's Link header; only what is on the page is shown by ``show``.

    https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    size = min(max(request.args.get("per_page", 30, int), 1), _MOST_A_PAGE)
    page = max(request.args.get("page", 1, int), 1)
    last = max(1, -(-len(items) // size))

    def link(number: int, name: str) -> str:
        query = urlencode({**request.args.to_dict(), "page": number})
        return f'<{root}{request.path}?{query}>; rel="{name}"'

    links = []
    if page > 1:
        links += [link(page - 1, "prev"), link(1, "first")]
    if page < last:
        links += [link(page + 1, "next"), link(last, "last")]
    headers = {"Link": ", ".join(links)} if links else {}
    chosen = items[(page - 1) * size : page * size]
    return Reply(chosen if show is None else [show(one) for one in chosen], 200, headers)


def body() -> Json:
    """The JSON object that was sent; nothing counts as an empty one."""
    raw = request.get_data()
    if not raw:
        return {}
    sent = request.get_json(silent=True, force=True)
    if sent is None:
        raise Refused(400, "Problems parsing JSON")
    if not isinstance(sent, dict):
        raise Refused(400, "Body should be a JSON object")
    return sent


def text(sent: Json, name: str, resource: str) -> str:
    """A text that must be there."""
    value = sent.get(name)
    if value is None:
        raise invalid(resource, name, code="missing_field")
    if not isinstance(value, str):
        raise invalid(resource, name, code="invalid")
    return value


def optional_text(sent: Json, name: str) -> str | None:
    """A text that may be missing."""
    value = sent.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid("Issue", name, code="invalid")
    return value
