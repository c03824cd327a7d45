"""What was moved, renamed or is not ours gets nothing, and nothing that came to be there counts as written."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import HostGone, HostNotRestricted, HostRejected, HostUnknownOutcome
from integration.host_events import Touched
from integration.mirror import Difference, TicketState
from tests.github_host.played import FIELDS, ISSUES, place, rest_lacking

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef
    from tests.github_host.conftest import PlayedGitHub


def test_an_issue_without_a_number_is_never_taken_for_ours(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, github.issue(view, number=None), status=201)
    with pytest.raises(HostUnknownOutcome):
        host.open_ticket(view)


def test_a_ticket_that_came_to_be_in_another_repository_is_never_taken_for_ours(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView
) -> None:
    github.no_issue_fields()
    elsewhere = github.issue(view, repository_url="https://api.github.com/repos/acme/public")
    github.answers("POST", ISSUES, elsewhere, status=201)
    with pytest.raises(HostUnknownOutcome):
        host.open_ticket(view)


def test_a_transferred_ticket_gets_nothing(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
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
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
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
    github: PlayedGitHub,
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
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
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
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("POST", "/graphql", {"errors": [{"type": "NOT_FOUND"}], "data": {"repository": None}})
    github.answers("GET", f"{ISSUES}/17/sub_issues", [])
    github.answers("GET", f"{ISSUES}/17/comments", [])
    assert host.read(ref, view).steps == {}
    assert "followRenames: false" in github.sent()["query"]


@pytest.mark.parametrize("mark", ["inc_" + 26 * "a", "inc_" + 26 * "a" + " step=alert"])
def test_the_ticket_of_another_incident_gets_nothing(
    mark: str,
    github: PlayedGitHub,
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


def test_an_issue_without_our_marker_and_title_is_never_taken_over(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view, body="our own notes", title="Budget 2027"))
    for work in (lambda: host.read(ref, view), lambda: host.write(ref, view, FIELDS)):
        with pytest.raises(HostRejected, match="neither the title nor the marker"):
            work()
    assert github.writes() == []


def test_after_a_restart_another_issue_under_the_tickets_number_is_refused(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
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
    github: PlayedGitHub, host: GitHubHost, view: MirrorView
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, github.issue(view), status=201)
    opened = host.open_ticket(view)
    assert (opened.id, opened.stable) == ("17", "9000000017")


@pytest.mark.parametrize("where", ["acme/public", ""])
def test_a_step_that_came_to_be_elsewhere_is_an_unknown_outcome(
    where: str, github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
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
    ("above", "status", "trouble"),
    [
        ("https://api.github.com/repos/acme/conduct/issues/17", 200, None),
        ("https://api.github.com/repos/acme/conduct/issues/117", 200, HostRejected),
        ("https://api.github.com/repos/acme/public/issues/17", 200, HostRejected),
        (None, 200, HostRejected),
        (None, 500, HostUnknownOutcome),
        (None, 404, HostUnknownOutcome),
    ],
)
def test_a_new_step_that_answers_without_a_parent_is_looked_at_before_its_refusal_counts(
    above: str | None,
    status: int,
    trouble: type[Exception] | None,
    github: PlayedGitHub,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
) -> None:
    """GitHub's answer came before it showed where it had put it."""
    place(github, view)
    github.answers("GET", ISSUES, [])
    made = {"number": 18, "fullDatabaseId": "18", "repository": {"nameWithOwner": "acme/conduct"}}
    github.answers("POST", "/graphql", {"data": {"w0": {"issue": {**made, "parent": None}}}})
    refused = {"message": "Validation Failed", "errors": ["Sub issue may only have one parent"]}
    github.answers("POST", f"{ISSUES}/17/sub_issues", refused, status=422)
    github.answers("GET", f"{ISSUES}/18", {"number": 18, "parent_issue_url": above}, status=status)
    with pytest.raises(trouble) if trouble else nullcontext():
        host.write(ref, view, Difference(fields=False, steps=view.steps[:1], comments=()))
    assert len(github.writes()) == 2


@pytest.mark.parametrize(
    ("where", "number"), [("acme/public", 17), ("acme/conduct", 3), ("", 17), ("acme/conduct", None)]
)
def test_a_comment_that_followed_a_ticket_elsewhere_is_noticed_and_no_other_is_written(
    where: str,
    number: int | None,
    github: PlayedGitHub,
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
    github: PlayedGitHub,
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


@pytest.mark.parametrize(
    "reply", [{"number": None}, {"repository_url": "https://api.github.com/repos/acme/public"}]
)
def test_by_rest_a_step_that_came_to_be_elsewhere_is_not_put_under_the_ticket(
    reply: dict[str, object], github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("POST", "/graphql", {"errors": [{"type": "FORBIDDEN"}]})
    for listed in ("sub_issues", "comments"):
        github.answers("GET", f"{ISSUES}/17/{listed}", [])
    github.answers("GET", ISSUES, [])
    github.answers("POST", ISSUES, {**github.issue(view, number=21, id=5), **reply}, status=201)
    github.answers("POST", f"{ISSUES}/17/sub_issues", {}, status=201)
    with pytest.raises(HostUnknownOutcome):
        host.write(ref, view, Difference(fields=False, steps=view.steps[:1], comments=()))
    assert github.writes()[-1].request.path_url == ISSUES


def test_a_ticket_that_graphql_shows_from_another_repository_is_gone(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    """What hangs on it there, others may have written; title and marker came with it."""
    issue = {
        **{key: github.issue(view)[key] for key in ("number", "title", "body")},
        "id": "I_kwDO17",
        "fullDatabaseId": "9000000017",
        "repository": {"nameWithOwner": "acme/public"},
        "subIssues": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
    }
    github.answers("POST", "/graphql", {"data": {"repository": {"issue": issue}}})
    location = {"Location": "https://api.github.com/repositories/99/issues/3"}
    github.answers("GET", f"{ISSUES}/17", {"message": "Moved"}, status=301, headers=location)
    with pytest.raises(HostGone, match="not in its place"):
        host.read(ref, view, {Touched.STEPS})


@pytest.mark.parametrize(
    "reply",
    [
        {"number": None},
        {"repository_url": "https://api.github.com/repos/acme/public"},
        {"body": "<!-- coc:v1 inc_" + 26 * "a" + " -->"},
    ],
)
def test_a_ticket_that_was_opened_again_elsewhere_is_told_no_word(
    reply: dict[str, object], github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    github.answers("PATCH", f"{ISSUES}/17", {**github.issue(view), **reply})
    github.answers("POST", f"{ISSUES}/17/comments", {"id": 1}, status=201)
    with pytest.raises(HostUnknownOutcome):
        host.reopen(ref, view, TicketState(ref, fields_right=True), view.steps[:1])
    assert [call.request.method for call in github.writes()] == ["PATCH"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("call", ["sub_issues", "comments", "graphql", "PATCH"])
def test_no_write_follows_a_redirect(
    call: str,
    status: int,
    github: PlayedGitHub,
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
    assert github.writes()[-1].response.status_code == status, "nothing is written after it"  # type: ignore[union-attr]  # it is a response
