"""Whatever GitHub answers: one request, a clear error by code, nothing of the answer in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3.exceptions

from integration.errors import (
    HostError,
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.github.credential import TokenCredential
from integration.github.host import GitHubHost
from integration.github.space import GitHubSpace
from integration.incident import SpaceName
from integration.mirror import Difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef

Played = Any  # the played GitHub of conftest.py, which tests cannot import by name

ISSUES = "/repos/acme/conduct/issues"

MEANINGS = [
    (400, HostRejected),
    (401, HostRefused),
    (403, HostRefused),
    (404, HostGone),
    (408, HostUnknownOutcome),
    (409, HostUnavailable),
    (410, HostGone),
    (413, HostRejected),
    (422, HostRejected),
    (429, HostLimited),
    (500, HostUnknownOutcome),
    (502, HostUnknownOutcome),
    (503, HostUnknownOutcome),
    (301, HostNotRestricted),
    (302, HostNotRestricted),
    (307, HostNotRestricted),
    (308, HostNotRestricted),
    (202, HostUnknownOutcome),
]


def hostile(github: Played, status: int) -> dict[str, Any]:
    said = {"message": github.canary, "errors": [{"field": github.canary, "value": github.token}]}
    headers = {"X-Canary": github.canary, "Location": f"https://api.github.com/repos/{github.canary}/x"}
    return {"body": json.dumps(said), "status": status, "headers": headers}


@pytest.mark.parametrize(("status", "meaning"), MEANINGS)
def test_opening_sends_one_request_and_tells_nothing_of_the_answer(
    status: int,
    meaning: type[HostError],
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    leaks_nothing: Callable[[BaseException], None],
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, **hostile(github, status))
    with pytest.raises(meaning) as caught:
        host.open_ticket(view)
    assert len(github.writes()) == 1
    leaks_nothing(caught.value)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(status, meaning) for status, meaning in MEANINGS if status not in {400, 403, 404, 409, 410, 413, 422}],
)
def test_a_graphql_write_sends_one_request_and_tells_nothing_of_the_answer(
    status: int,
    meaning: type[HostError],
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    ref: TicketRef,
    comments: list[SealedComment],
    leaks_nothing: Callable[[BaseException], None],
) -> None:
    github.no_issue_fields()
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view))
    github.answers("GET", ISSUES, [])  # no step stands beside the ticket
    github.answers("POST", "/graphql", **hostile(github, status))
    with pytest.raises(meaning) as caught:
        host.write(ref, view, Difference(fields=False, steps=view.steps, comments=tuple(comments)))
    assert len(github.writes()) == 1
    leaks_nothing(caught.value)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (401, HostRefused),
        (403, HostRefused),
        (404, HostGone),
        (422, HostRejected),
        (429, HostLimited),
        (500, HostUnavailable),
        (502, HostUnavailable),
        (202, HostUnavailable),
    ],
)
def test_reading_the_audience_tells_nothing_of_the_answer(
    status: int,
    meaning: type[HostError],
    github: Played,
    host: GitHubHost,
    leaks_nothing: Callable[[BaseException], None],
) -> None:
    github.answers("GET", "/repos/acme/conduct", **hostile(github, status))
    with pytest.raises(meaning) as caught:
        host.audience()
    leaks_nothing(caught.value)


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [
        (requests.exceptions.ReadTimeout("{canary}"), HostUnknownOutcome),
        (
            requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError("{canary}")),
            HostUnknownOutcome,
        ),
        (requests.exceptions.ChunkedEncodingError("{canary}"), HostUnknownOutcome),
        (requests.exceptions.SSLError("{canary}"), HostUnknownOutcome),
        (requests.exceptions.ConnectTimeout("{canary}"), HostUnavailable),
        (AssertionError("{canary}"), HostUnknownOutcome),
        (TypeError("{canary}"), HostUnknownOutcome),
    ],
)
def test_a_broken_connection_is_an_unknown_outcome_unless_it_was_never_made(
    failure: Exception,
    meaning: type[HostError],
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    leaks_nothing: Callable[[BaseException], None],
) -> None:
    github.no_issue_fields()
    failure.args = (github.canary, *failure.args[1:]) if isinstance(failure.args[0], str) else failure.args
    github.answers("POST", ISSUES, failure)
    with pytest.raises(meaning) as caught:
        host.open_ticket(view)
    assert len(github.writes()) == 1
    leaks_nothing(caught.value)


def test_a_refused_connection_wrote_nothing(view: MirrorView) -> None:
    space = GitHubSpace(SpaceName("hub"), "acme", "conduct", "http://127.0.0.1:9")
    lonely = GitHubHost(space, TokenCredential("ghp_x"))
    lonely._fields.definitions = ()
    with pytest.raises(HostUnavailable):
        lonely.open_ticket(view)


@pytest.mark.parametrize("text", ['{"number": 17, "bod', "", "null", "[]", "[" * 100_000, "<html>"])
def test_a_cut_off_answer_to_a_write_is_an_unknown_outcome(
    text: str,
    github: Played,
    host: GitHubHost,
    view: MirrorView,
    leaks_nothing: Callable[[BaseException], None],
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, text, status=201)
    with pytest.raises(HostUnknownOutcome) as caught:
        host.open_ticket(view)
    assert len(github.writes()) == 1
    leaks_nothing(caught.value)


def test_a_rejection_names_only_our_own_fields(
    github: Played,
    host: GitHubHost,
    view: MirrorView,
) -> None:
    github.no_issue_fields()
    errors = [{"field": "labels"}, {"field": github.canary}, "strange", {"field": ["title"]}]
    github.answers("POST", ISSUES, {"errors": errors}, status=422)
    with pytest.raises(HostRejected) as caught:
        host.open_ticket(view)
    assert caught.value.fields == ("labels",)


@pytest.mark.parametrize(
    ("status", "headers", "message", "after"),
    [
        (403, {"Retry-After": "37"}, "", 37),
        (403, {}, "You have exceeded a secondary rate limit. Please wait.", 60),
        (429, {"Retry-After": "5"}, "", 5),
        (429, {"Retry-After": "259200"}, "", 3601),
        (403, {"Retry-After": "9" * 400}, "", 3601),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999999"}, "", 3601),
        (429, {}, "", 60),
        (429, {"Retry-After": "a while"}, "", 60),
    ],
)
def test_a_limit_is_told_with_its_wait_and_never_slept_for(
    status: int,
    headers: dict[str, str],
    message: str,
    after: float,
    github: Played,
    host: GitHubHost,
) -> None:
    github.answers("GET", "/repos/acme/conduct", {"message": message}, status=status, headers=headers)
    with pytest.raises(HostLimited) as caught:
        host.audience()
    assert caught.value.after == after
    assert len(github.wire.calls) == 1


def test_a_primary_limit_waits_until_its_reset(
    github: Played,
    host: GitHubHost,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("integration.github.answers.time.time", lambda: 1_800_000_000.0)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800003600"}
    github.answers("GET", "/repos/acme/conduct", {"message": "API rate limit"}, status=403, headers=headers)
    with pytest.raises(HostLimited) as caught:
        host.audience()
    assert caught.value.after == 3601


def test_reads_are_tried_again(github: Played, host: GitHubHost) -> None:
    for _ in range(2):
        github.answers("GET", "/repos/acme/conduct", "", status=502)
    github.repository()
    github.answers("GET", "/repos/acme/conduct/collaborators", [])
    github.answers("GET", "/repos/acme/conduct/invitations", [])
    assert host.audience().complete is False
