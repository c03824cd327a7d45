"""GraphQL answers errors with status 200: each means what its type says, and where it does nothing REST goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostLimited, HostUnavailable, HostUnknownOutcome
from integration.mirror import Difference
from tests.github_host.played import ISSUES, place, rest_lacking

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef
    from tests.github_host.conftest import PlayedGitHub

GRAPHQL_ANSWERS = [
    ({"errors": [{"type": "RATE_LIMITED"}]}, HostLimited),
    ({"data": {"w0": None}, "errors": [{"type": "RATE_LIMITED"}]}, HostLimited),
    ({"data": {"w0": None}, "errors": [{"message": "was submitted too quickly"}]}, HostLimited),
    ({"data": {"w0": {}, "w1": None}, "errors": [{"type": "FORBIDDEN"}]}, HostUnknownOutcome),
    ({"data": {"w0": {}, "w1": None}, "errors": [{"type": "RATE_LIMITED"}]}, HostUnknownOutcome),
    ({"data": {"w0": None}, "errors": [{"message": "Something went wrong (timeout)"}]}, HostUnknownOutcome),
    ({"data": None, "errors": [{"message": "Something went wrong"}]}, HostUnknownOutcome),
    ({"data": {"w0": None}, "errors": ["strange"]}, HostUnknownOutcome),
    ({"errors": [{"message": "Something went wrong while executing your query"}]}, HostUnknownOutcome),
    ({"errors": "strange"}, HostUnknownOutcome),
    ({"data": {"w0": None, "w1": None}}, HostUnknownOutcome),
    ({"data": {"w0": {"commentEdge": {"node": {"fullDatabaseId": None}}}}}, HostUnknownOutcome),
    ({"data": []}, HostUnknownOutcome),
    ([], HostUnknownOutcome),
]


@pytest.mark.parametrize(("answer", "meaning"), GRAPHQL_ANSWERS)
def test_graphql_errors_come_with_status_200_and_mean_what_their_type_says(
    answer: object,
    meaning: type[Exception],
    github: PlayedGitHub,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    comments: list[SealedComment],
    leaks_nothing: Callable[[BaseException], None],
) -> None:
    place(github, view)
    told = json.loads(json.dumps(answer).replace("Something", github.canary + " something"))
    github.answers("POST", "/graphql", told)
    with pytest.raises(meaning) as caught:
        host.write(ref, view, rest_lacking(comments))
    assert len(github.writes()) == 1
    leaks_nothing(caught.value)


REFUSALS = [
    (
        {
            "errors": [
                {"message": "Field 'subIssues' doesn't exist", "extensions": {"code": "undefinedField"}}
            ]
        },
        200,
    ),
    ({"errors": [{"message": "Parse error", "locations": [{"line": 1, "column": 2}]}]}, 200),
    ({"data": None, "errors": [{"type": "FORBIDDEN"}]}, 200),
    ({"data": {"w0": None, "w1": None}, "errors": [{"type": "FORBIDDEN"}, {"type": "NOT_FOUND"}]}, 200),
    ({"message": "Resource not accessible by integration"}, 403),
    ({"message": "Not Found"}, 404),
    ({"message": "Problems parsing JSON"}, 400),
]


@pytest.mark.parametrize(("answer", "status"), REFUSALS)
def test_when_graphql_does_nothing_rest_writes_after_a_fresh_read(
    answer: object,
    status: int,
    github: PlayedGitHub,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    comments: list[SealedComment],
) -> None:
    place(github, view)
    github.answers("POST", "/graphql", answer, status=status)
    github.answers("GET", f"{ISSUES}/17/sub_issues", [])
    ours = {"user": {"login": "coc-bot"}, "created_at": "2026-11-22T14:00:05Z"}
    there = [{"id": 8_000_000_001, "body": f"before\n{comments[0].text}\nafter", **ours}]
    github.answers("GET", f"{ISSUES}/17/comments", there)
    made = {"id": 8_000_000_002, "issue_url": "https://api.github.com/repos/Acme/conduct/issues/17"}
    github.answers("POST", f"{ISSUES}/17/comments", made, status=201)
    assert host.write(ref, view, rest_lacking(comments)) == {comments[1].id: "8000000002"}
    rest = [call for call in github.writes() if not call.request.path_url.endswith("/graphql")]
    assert len(rest) == 1
    assert comments[1].text in json.loads(rest[0].request.body or b"")["body"]


def test_by_rest_a_step_that_was_left_beside_the_ticket_is_put_under_it(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    step = view.steps[0]
    github.answers("POST", "/graphql", {"errors": [{"type": "FORBIDDEN"}]})
    github.answers("GET", f"{ISSUES}/17/sub_issues", [])
    github.answers("GET", f"{ISSUES}/17/comments", [])
    left = github.issue(
        view, id=9_000_000_021, number=21, body=f"x\n<!-- coc:v1 {view.incident} step={step.key} -->"
    )
    github.answers("GET", ISSUES, [left, github.issue(view)])
    github.answers("POST", f"{ISSUES}/17/sub_issues", github.issue(view), status=201)
    host.write(ref, view, Difference(fields=False, steps=(step,), comments=()))
    rest = [call.request.path_url for call in github.writes() if "/graphql" not in call.request.path_url]
    assert rest == [f"{ISSUES}/17/sub_issues"]
    assert github.sent() == {"sub_issue_id": 9_000_000_021}


def test_sub_issues_added_by_others_at_the_same_moment_are_no_mistake_of_ours(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("POST", "/graphql", {"errors": [{"type": "FORBIDDEN"}]})
    github.answers("GET", f"{ISSUES}/17/sub_issues", [])
    github.answers("GET", f"{ISSUES}/17/comments", [])
    github.answers("GET", ISSUES, [])
    github.answers("POST", ISSUES, github.issue(view, number=21, id=5), status=201)
    said = {"message": "Priority has already been taken"}
    github.answers("POST", f"{ISSUES}/17/sub_issues", said, status=422)
    with pytest.raises(HostUnavailable):
        host.write(ref, view, Difference(fields=False, steps=view.steps, comments=()))


def test_a_step_that_graphql_made_beside_its_ticket_is_put_under_it(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("GET", ISSUES, [])
    made = {"number": 18, "fullDatabaseId": "9000000018", "repository": {"nameWithOwner": "Acme/conduct"}}
    github.answers("POST", "/graphql", {"data": {"w0": {"issue": {**made, "parent": None}}}})
    github.answers("POST", f"{ISSUES}/17/sub_issues", github.issue(view), status=201)
    host.write(ref, view, Difference(fields=False, steps=view.steps[:1], comments=()))
    assert github.sent() == {"sub_issue_id": 9_000_000_018}


STRANGE = [
    {"data": {"repository": None}},
    {"data": {"repository": {"issue": None}}},
    {"data": {"repository": {"issue": {"subIssues": None, "comments": {"nodes": []}}}}},
    {"data": {}},
]


ENDLESS: dict[str, list[tuple[str, str | None]]] = {
    "without-a-cursor": [("1", None)],
    "empty": [("", "A")],
    "the-same-cursor": [("1", "A"), ("2", "A")],
    "in-a-circle": [("1", "A"), ("2", "B"), ("3", "A")],
    "the-same-page": [("1", "A"), ("1", "B")],
}


@pytest.mark.parametrize("pages", ENDLESS.values(), ids=ENDLESS.keys())
def test_graphql_pages_that_never_end_are_left_and_rest_is_read(
    pages: list[tuple[str, str | None]],
    github: PlayedGitHub,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
) -> None:
    place(github, view)
    said = {"body": "x", "createdAt": "2026-11-22T14:00:00Z", "author": None}
    steps = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    for ids, cursor in [*pages, ("9", "end")]:
        page = {
            "nodes": [{**said, "fullDatabaseId": one} for one in ids],
            "pageInfo": {"hasNextPage": cursor != "end", "endCursor": cursor},
        }
        issue = {"id": "I", "number": 17, "subIssues": steps, "comments": page}
        github.answers("POST", "/graphql", {"data": {"repository": {"issue": issue}}})
    for kind in ("sub_issues", "comments"):
        github.answers("GET", f"{ISSUES}/17/{kind}", [])
    assert host.read(ref, view).steps == {}
    asked = [one for one in github.wire.calls if str(one.request.url).endswith("/graphql")]
    assert len(asked) == len(pages)


@pytest.mark.parametrize("answer", STRANGE)
def test_when_graphql_shows_nothing_usable_rest_is_read(
    answer: object, github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("POST", "/graphql", answer)
    step = view.steps[3]
    body = f"words\n<!-- coc:v1 {view.incident} step={step.key} -->"
    github.answers(
        "GET", f"{ISSUES}/17/sub_issues", [github.issue(view, number=20, body=body, state="closed")]
    )
    github.answers("GET", f"{ISSUES}/17/comments", [])
    found = host.read(ref, view)
    assert {key: (state.id, state.done) for key, state in found.steps.items()} == {step.key: ("20", True)}
