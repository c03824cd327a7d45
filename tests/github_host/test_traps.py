"""The traps of GitHub and PyGithub that were measured before this host was written, one test for each."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import (
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.github.client import Client
from integration.github.credential import AppCredential, AppJwt, TokenCredential
from integration.github.host import GitHubHost
from integration.github.space import GitHubSpace
from integration.incident import SpaceName
from integration.mirror import Difference
from integration.text import SealedText
from sandbox.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef

Played = Any  # the played GitHub of conftest.py, which tests cannot import by name
World = Any  # the stand-in of conftest.py

ISSUES = "/repos/acme/conduct/issues"
FIELDS = Difference(fields=True, steps=(), comments=())


def rest_lacking(comments: list[SealedComment]) -> Difference:
    return Difference(fields=False, steps=(), comments=tuple(comments))


def place(github: Played, view: MirrorView) -> None:
    """What is read before a write."""
    github.no_issue_fields()
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view))


def test_an_issue_without_a_number_is_never_taken_for_ours(
    github: Played, host: GitHubHost, view: MirrorView
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, github.issue(view, number=None), status=201)
    with pytest.raises(HostUnknownOutcome):
        host.open_ticket(view)


def test_a_ticket_that_came_to_be_in_another_repository_is_never_taken_for_ours(
    github: Played, host: GitHubHost, view: MirrorView
) -> None:
    github.no_issue_fields()
    elsewhere = github.issue(view, repository_url="https://api.github.com/repos/acme/public")
    github.answers("POST", ISSUES, elsewhere, status=201)
    with pytest.raises(HostUnknownOutcome):
        host.open_ticket(view)


def test_a_transferred_ticket_gets_nothing(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
) -> None:
    github.repository()
    location = {"Location": "https://api.github.com/repositories/99/issues/3"}
    github.answers("GET", f"{ISSUES}/17", {"message": "Moved"}, status=301, headers=location)
    with pytest.raises(HostNotRestricted):
        host.write(ref, view, rest_lacking(comments))
    with pytest.raises(HostGone):
        host.read(ref, view)
    assert github.writes() == []
    assert {call.request.path_url for call in github.wire.calls} == {"/repos/acme/conduct", f"{ISSUES}/17"}


def test_a_transferred_ticket_gets_nothing_even_if_the_redirect_was_followed_on_the_way(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
) -> None:
    github.repository()
    elsewhere = github.issue(view, repository_url="https://api.github.com/repos/acme/public", number=3)
    github.answers("GET", f"{ISSUES}/17", elsewhere)
    with pytest.raises(HostNotRestricted):
        host.write(ref, view, rest_lacking(comments))
    assert github.writes() == []


@pytest.mark.parametrize(
    "change",
    [
        {"private": False, "visibility": "public"},
        {"visibility": "internal"},
        {"visibility": None},
        {"full_name": "acme/renamed"},
        {"archived": True},
    ],
)
def test_a_repository_that_is_not_restricted_any_more_gets_nothing(
    change: dict[str, object],
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    comments: list[SealedComment],
) -> None:
    github.repository(**change)
    with pytest.raises(HostNotRestricted):
        host.write(ref, view, rest_lacking(comments))
    assert github.writes() == []


def test_another_repository_under_the_same_name_gets_nothing(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
) -> None:
    place(github, view)
    github.answers("GET", "/repos/acme/conduct/collaborators", [])
    github.answers("GET", "/repos/acme/conduct/invitations", [])
    assert host.audience().open_doors == ()
    github.wire.reset()
    github.repository(id=4712)
    with pytest.raises(HostNotRestricted, match="another repository"):
        host.write(ref, view, rest_lacking(comments))
    assert github.writes() == []


def test_graphql_is_told_not_to_follow_a_renamed_repository(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("POST", "/graphql", {"errors": [{"type": "NOT_FOUND"}], "data": {"repository": None}})
    github.answers("GET", f"{ISSUES}/17/sub_issues", [])
    github.answers("GET", f"{ISSUES}/17/comments", [])
    assert host.read(ref, view).steps == {}
    assert "followRenames: false" in github.sent()["query"]


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
    github: Played,
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
    github: Played,
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
    assert comments[1].text in json.loads(rest[0].request.body)["body"]


def test_by_rest_a_step_that_was_left_beside_the_ticket_is_put_under_it(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
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
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
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
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("GET", ISSUES, [])
    made = {"number": 18, "fullDatabaseId": "9000000018", "repository": {"nameWithOwner": "Acme/conduct"}}
    github.answers("POST", "/graphql", {"data": {"w0": {"issue": {**made, "parent": None}}}})
    github.answers("POST", f"{ISSUES}/17/sub_issues", github.issue(view), status=201)
    host.write(ref, view, Difference(fields=False, steps=view.steps[:1], comments=()))
    assert github.sent() == {"sub_issue_id": 9_000_000_018}


def test_a_field_value_that_is_not_true_any_more_is_taken_away(
    github: Played, host: GitHubHost, unassessed: MirrorView, ref: TicketRef
) -> None:
    listed = [{"id": 3, "name": "CoC impact", "data_type": "number"}]
    github.answers("GET", "/orgs/acme/issue-fields", listed)
    github.repository()
    stale = [{"issue_field_id": 3, "value": 2}]
    other = [{"name": "coc"}, {"name": "their own"}]
    github.answers("GET", f"{ISSUES}/17", github.issue(unassessed, issue_field_values=stale, labels=other))
    github.answers("DELETE", f"{ISSUES}/17/issue-field-values/3", "", status=204)
    github.answers("PATCH", f"{ISSUES}/17", github.issue(unassessed))
    host.write(ref, unassessed, Difference(fields=True, steps=(), comments=()))
    assert [call.request.method for call in github.writes()] == ["DELETE", "PATCH"]
    assert "impact: not yet assessed" in github.sent()["labels"]


def test_a_body_over_githubs_limit_is_refused_before_anything_is_sent(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
) -> None:

    huge = replace(comments[0], text=SealedText("A" * 65_536))
    with pytest.raises(HostRejected):
        host.write(ref, view, rest_lacking([huge]))
    assert len(github.wire.calls) == 0


def test_debug_logging_of_the_library_shows_no_body(
    github: Played, host: GitHubHost, view: MirrorView, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "github.Requester")
    github.no_issue_fields()
    github.answers("POST", ISSUES, github.issue(view), status=201)
    host.open_ticket(view)
    assert view.code_name not in caplog.text


def test_each_thread_has_a_library_object_of_its_own(host: GitHubHost) -> None:
    client = host._client
    lines = [client._line(), client._line()]
    thread = threading.Thread(target=lambda: lines.append(client._line()))
    thread.start()
    thread.join()
    assert lines[0] is lines[1]
    assert lines[2] is not lines[0]


def test_the_api_version_is_pinned_and_the_token_is_in_the_header_only(
    github: Played, host: GitHubHost
) -> None:
    github.answers("GET", "/repos/acme/conduct", {"message": "no"}, status=404)
    with pytest.raises(HostGone):
        host.audience()
    request: requests.PreparedRequest = github.wire.calls[0].request
    assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert request.headers["Authorization"] == f"token {github.token}"
    assert github.token not in str(request.url)


def test_writes_wait_for_their_turn_and_reads_do_not(github: Played) -> None:
    waits: list[float] = []
    client = Client(
        base_url="https://api.github.com",
        owner="only-here",  # writes for one owner stand in one line, those of other tests too
        repository="conduct",
        credential=TokenCredential("ghp_x"),
        sleep=waits.append,
    )
    github.answers("GET", client.path, {"id": 1})
    github.answers("POST", f"{client.path}/issues", {"number": 1}, status=201)
    for _ in range(3):
        client.get_object(client.path, "look")
    assert waits == []
    for _ in range(3):
        client.write("POST", f"{client.path}/issues", {"title": "x"}, "write")
    assert len(waits) == 2
    assert all(0 < wait <= 1 for wait in waits)


@pytest.mark.parametrize("address", ["http://github.example", "ftp://127.0.0.1", "api.github.com", ""])
def test_a_token_is_sent_in_clear_only_on_loopback(address: str) -> None:
    with pytest.raises(Exception, match="base_url"):
        Client(base_url=address, owner="a", repository="b", credential=TokenCredential("ghp_x"))


def test_no_name_can_change_the_address() -> None:
    for owner, repository in [
        ("a/b", "c"),
        ("a", "../c"),
        ("a", ".."),
        ("", "c"),
        ("a", "c?x=1"),
        ("a", "c\n"),
    ]:
        with pytest.raises(Exception, match="mistake"):
            GitHubSpace(SpaceName("hub"), owner, repository)


def test_credentials_print_without_their_secret() -> None:
    secret = "-----BEGIN RSA PRIVATE KEY-----"
    assert secret not in repr(AppCredential("12", secret, 7))
    assert "ghp_x" not in repr(TokenCredential("ghp_x"))


def test_a_private_key_that_is_none_is_refused_without_quoting_it(
    github: Played, view: MirrorView, leaks_nothing: Callable[[BaseException], None]
) -> None:
    space = GitHubSpace(SpaceName("hub"), "acme", "conduct")
    with pytest.raises(HostRefused) as caught:
        GitHubHost(space, AppCredential("12", github.canary, 7)).open_ticket(view)
    assert github.writes() == []
    leaks_nothing(caught.value)


STRANGE = [
    {"data": {"repository": None}},
    {"data": {"repository": {"issue": None}}},
    {"data": {"repository": {"issue": {"subIssues": None, "comments": {"nodes": []}}}}},
    {"data": {}},
]


@pytest.mark.parametrize("answer", STRANGE)
def test_when_graphql_shows_nothing_usable_rest_is_read(
    answer: object, github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
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


@pytest.mark.parametrize("mark", ["inc_" + 26 * "a", "inc_" + 26 * "a" + " step=alert"])
def test_the_ticket_of_another_incident_gets_nothing(
    mark: str,
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    comments: list[SealedComment],
) -> None:
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view, body=f"<!-- coc:v1 {mark} -->"))
    with pytest.raises(HostGone):
        host.write(ref, view, rest_lacking(comments))
    assert github.writes() == []


def test_a_lost_marker_is_put_back_with_title_and_fields(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    github.answers("GET", "/orgs/acme/issue-fields", [{"id": 3, "name": "CoC lead", "data_type": "text"}])
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view, body="wiped", labels=[]))
    put_right = github.issue(view, issue_field_values=[{"issue_field_id": 3, "value": "wren"}])
    github.answers("PATCH", f"{ISSUES}/17", put_right)
    host.write(ref, view, Difference(fields=True, steps=(), comments=()))
    sent = github.sent()
    assert sent["title"] == view.code_name
    assert view.incident in sent["body"]
    assert sent["issue_field_values"] == [{"field_id": 3, "value": "wren"}]
    assert "lead: wren" not in sent["labels"]
    assert len(github.writes()) == 1


def test_an_issue_without_our_marker_and_title_is_never_taken_over(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view, body="our own notes", title="Budget 2027"))
    for work in (lambda: host.read(ref, view), lambda: host.write(ref, view, FIELDS)):
        with pytest.raises(HostRejected, match="neither the title nor the marker"):
            work()
    assert github.writes() == []


def test_after_a_restart_another_issue_under_the_tickets_number_is_refused(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    """As after the repository was made again under its old name; even if somebody copied our marker there."""
    known = replace(ref, stable="9000000017")
    place(github, view)
    github.wire.replace("GET", "https://api.github.com:443" + f"{ISSUES}/17", json=github.issue(view, id=44))
    for work in (lambda: host.read(known, view), lambda: host.write(known, view, FIELDS)):
        with pytest.raises(HostGone, match="another issue now"):
            work()
    assert github.writes() == []


def test_the_tickets_own_id_is_kept_with_its_number(
    github: Played, host: GitHubHost, view: MirrorView
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, github.issue(view), status=201)
    opened = host.open_ticket(view)
    assert (opened.id, opened.stable) == ("17", "9000000017")


def test_a_body_that_a_person_edited_around_the_marker_stays(
    github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("PATCH", f"{ISSUES}/17", github.issue(view))
    host.write(ref, view, Difference(fields=True, steps=(), comments=()))
    assert "body" not in github.sent()


@pytest.mark.parametrize("where", ["acme/public", ""])
def test_a_step_that_came_to_be_elsewhere_is_an_unknown_outcome(
    where: str, github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("GET", ISSUES, [])
    made = {
        "number": 18,
        "fullDatabaseId": "18",
        "repository": {"nameWithOwner": where},
        "parent": {"number": 17},
    }
    github.answers("POST", "/graphql", {"data": {"w0": {"issue": made}}})
    with pytest.raises(HostUnknownOutcome):
        host.write(ref, view, Difference(fields=False, steps=view.steps[:1], comments=()))


@pytest.mark.parametrize(
    ("where", "number"), [("acme/public", 17), ("acme/conduct", 3), ("", 17), ("acme/conduct", None)]
)
def test_a_comment_that_followed_a_ticket_elsewhere_is_noticed_and_no_other_is_written(
    where: str,
    number: int | None,
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    diary: Callable[[int], list[SealedComment]],
) -> None:
    """The ticket was transferred between our look and our write, and GitHub let the comment follow."""
    place(github, view)
    node = {
        "fullDatabaseId": "1",
        "issue": {"number": number},
        "repository": {"nameWithOwner": where},
    }
    github.answers("POST", "/graphql", {"data": {f"w{n}": {"commentEdge": {"node": node}} for n in range(6)}})
    with pytest.raises(HostUnknownOutcome):
        host.write(ref, view, rest_lacking(diary(12)))
    assert len(github.writes()) == 1


@pytest.mark.parametrize("issue_url", ["https://api.github.com/repos/acme/public/issues/17", None])
def test_by_rest_a_comment_that_followed_its_ticket_elsewhere_is_noticed_too(
    issue_url: str | None,
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    comments: list[SealedComment],
) -> None:
    place(github, view)
    github.answers("POST", "/graphql", {"errors": [{"type": "FORBIDDEN"}]})
    for listed in ("sub_issues", "comments"):
        github.answers("GET", f"{ISSUES}/17/{listed}", [])
    github.answers("POST", f"{ISSUES}/17/comments", {"id": 1, "issue_url": issue_url}, status=201)
    with pytest.raises(HostUnknownOutcome):
        host.write(ref, view, rest_lacking(comments))
    rest = [call.request.path_url for call in github.writes() if "/graphql" not in call.request.path_url]
    assert rest == [f"{ISSUES}/17/comments"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("call", ["sub_issues", "comments", "graphql", "PATCH"])
def test_no_write_follows_a_redirect(
    call: str,
    status: int,
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    comments: list[SealedComment],
) -> None:
    """As of a ticket or repository that was moved after our look. PyGithub would go on, in silence."""
    place(github, view)
    moved: dict[str, Any] = {
        "status": status,
        "headers": {"Location": "https://api.github.com:443/repos/acme/public/issues/3"},
    }
    steps = view.steps[:1] if call == "sub_issues" else ()
    lacking = Difference(
        fields=call == "PATCH",
        steps=steps,
        comments=tuple(comments) if call in {"comments", "graphql"} else (),
    )
    if call == "PATCH":
        github.answers("PATCH", f"{ISSUES}/17", {}, **moved)
    elif call == "graphql":
        github.answers("POST", "/graphql", {}, **moved)
    else:
        github.answers("POST", "/graphql", {"errors": [{"type": "FORBIDDEN"}]})
        for listed in ("sub_issues", "comments"):
            github.answers("GET", f"{ISSUES}/17/{listed}", [])
        github.answers("GET", ISSUES, [])
        github.answers("POST", ISSUES, github.issue(view, number=21, id=5), status=201)
        github.answers("POST", f"{ISSUES}/17/{call}", {}, **moved)
    with pytest.raises(HostNotRestricted):
        host.write(ref, view, lacking)
    assert not [one for one in github.wire.calls if "/public" in str(one.request.url)]
    assert github.writes()[-1].response.status_code == status, "nothing is written after it"


@pytest.mark.parametrize("status", [403, 502])
def test_a_change_of_fields_is_not_repeated_either(
    status: int, github: Played, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("PATCH", f"{ISSUES}/17", {}, status=status, headers={"Retry-After": "9"})
    with pytest.raises(HostLimited if status == 403 else HostUnknownOutcome):
        host.write(ref, view, FIELDS)
    assert len(github.writes()) == 1


@pytest.mark.parametrize("status", [403, 429, 500, 502, 503])
def test_whatever_wait_an_answer_names_no_thread_sleeps_for_it(
    status: int, world: World, view: MirrorView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real connection, where urllib3 and GithubRetry would sleep for an hour: reads and writes."""
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    headers = (
        ("Retry-After", "3600"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", str(int(time.time()) + 3600)),
    )
    world.hub.wire.every = Fault("status", status=status, headers=headers)
    host = world.with_token()
    host._fields.definitions = ()
    for work in (host.audience, lambda: host.open_ticket(view)):
        with pytest.raises((HostLimited, HostUnavailable, HostUnknownOutcome)):
            work()
    assert sum(naps) < 2, "a read is tried again at once; for a limit nobody stands still"
    assert len(world.writes()) == 1


def test_turned_up_logging_after_the_start_shows_no_body_and_no_token(
    github: Played, host: GitHubHost, view: MirrorView, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("github", "urllib3", "requests")):
            caplog.set_level(logging.DEBUG, name)
    github.no_issue_fields()
    github.answers("POST", ISSUES, github.issue(view), status=201)
    host.open_ticket(view)
    said = caplog.text + repr([vars(one) for one in caplog.records])
    assert view.code_name not in said
    assert github.token not in said


def test_an_app_signs_for_a_clock_that_is_a_little_behind(app_key: str) -> None:
    """GitHub refuses a signature from the future, and one that is good for more than ten minutes."""
    coded = AppJwt(AppCredential("31", app_key, 7)).token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(coded + "=="))
    now = time.time()
    assert claims["iat"] <= now - 50
    assert now < claims["exp"] <= claims["iat"] + 600


def test_when_only_the_key_is_refused_the_fields_are_asked_for_again(
    github: Played, host: GitHubHost, view: MirrorView
) -> None:
    github.answers("GET", "/orgs/acme/issue-fields", {"message": "Bad credentials"}, status=401)
    for _ in range(2):
        with pytest.raises(HostRefused):
            host.open_ticket(view)
    assert len(github.wire.calls) == 2
    assert github.writes() == []
