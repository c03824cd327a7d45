"""An App's token: asked for one repository, shared by threads, and never part of an error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import (
    HostError,
    HostGone,
    HostLimited,
    HostRefused,
    HostRejected,
    HostUnavailable,
)
from integration.github.credential import InstallationAuth, InstallationToken, read_installation_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView

Played = Any  # the played GitHub of conftest.py, which tests cannot import by name

MINT = "/app/installations/7/access_tokens"


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (401, HostRefused),
        (403, HostRefused),
        (404, HostGone),
        (422, HostRejected),
        (429, HostLimited),
        (500, HostUnavailable),
        (307, HostError),
    ],
)
def test_without_a_token_nothing_is_written_and_that_is_known(
    status: int,
    meaning: type[HostError],
    github: Played,
    app_host: GitHubHost,
    view: MirrorView,
    leaks_nothing: Callable[[BaseException], None],
) -> None:
    app_host._fields.definitions = ()
    github.wire.replace(
        "POST", "https://api.github.com:443" + MINT, json={"message": github.canary}, status=status
    )
    with pytest.raises(meaning) as caught:
        app_host.open_ticket(view)
    assert [call.request.path_url for call in github.writes()] == [MINT]
    leaks_nothing(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"token": "", "expires_at": "2999-01-01T00:00:00Z"},
        {"token": "ghs_x", "expires_at": "soon"},
        {"token": "ghs_x"},
        {"token": "ghs_x", "expires_at": "2999-01-01T00:00:00Z", "repository_selection": "all"},
    ],
)
def test_a_token_that_opens_more_or_is_none_is_not_used(answer: object) -> None:
    assert read_installation_token(answer) is None


def test_a_long_token_is_used(github: Played, app_host: GitHubHost) -> None:
    long = "ghs_31_" + 520 * "x"
    github.wire.replace(
        "POST",
        "https://api.github.com:443" + MINT,
        json={"token": long, "expires_at": "2999-01-01T00:00:00Z", "repository_selection": "selected"},
        status=201,
    )
    github.repository()
    github.answers("GET", "/repos/acme/conduct/collaborators", [])
    app_host.audience()
    assert github.wire.calls[-1].request.headers["Authorization"] == f"token {long}"


def test_it_is_asked_for_the_one_repository_and_two_rights(github: Played, app_host: GitHubHost) -> None:
    github.repository()
    github.answers("GET", "/repos/acme/conduct/collaborators", [])
    app_host.audience()
    asked = {"repositories": ["conduct"], "permissions": {"issues": "write", "metadata": "read"}}
    assert github.sent() == asked
    assert github.writes()[0].request.headers["Authorization"].startswith("Bearer ")


def test_a_token_is_renewed_minutes_before_its_end_and_when_it_was_refused() -> None:
    given = [InstallationToken("one", time.time() + 3600), InstallationToken("two", time.time() + 200)]
    given.append(InstallationToken("three", time.time() + 3600))
    auth = InstallationAuth(lambda: given.pop(0))
    assert [auth.token, auth.token] == ["one", "one"]
    auth.forget()
    assert [auth.token, auth.token] == ["two", "three"]
