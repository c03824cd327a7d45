"""What PyGithub and urllib3 do by themselves is kept from them: logging bodies, sleeping, sharing, leaking a key."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.errors import (
    ConfigError,
    HostGone,
    HostLimited,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.github.client import Client
from integration.github.credential import AppCredential, AppJwt, TokenCredential
from integration.github.space import GitHubSpace
from integration.incident import SpaceName
from integration.text import SealedText
from sandbox.wire import Fault
from tests.github_host.played import ISSUES, rest_lacking

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef
    from tests.github_host.conftest import PlayedGitHub, World


def test_a_body_over_githubs_limit_is_refused_before_anything_is_sent(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
) -> None:

    huge = replace(comments[0], text=SealedText("A" * 65_536))
    with pytest.raises(HostRejected):
        host.write(ref, view, rest_lacking([huge]))
    assert len(github.wire.calls) == 0


def test_debug_logging_of_the_library_shows_no_body(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, caplog: pytest.LogCaptureFixture
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
    github: PlayedGitHub, host: GitHubHost
) -> None:
    github.answers("GET", "/repos/acme/conduct", {"message": "no"}, status=404)
    with pytest.raises(HostGone):
        host.audience()
    request: requests.PreparedRequest = github.wire.calls[0].request
    assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert request.headers["Authorization"] == f"token {github.token}"
    assert github.token not in str(request.url)


def test_writes_wait_for_their_turn_and_reads_do_not(github: PlayedGitHub) -> None:
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


def test_neither_a_read_nor_a_write_waits_for_an_answer_longer_than_twelve_seconds(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, github.issue(view), status=201)
    github.answers("POST", "/graphql", {"errors": [{"type": "RATE_LIMITED"}]})
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view))
    host.open_ticket(view)
    with pytest.raises(HostLimited):
        host.write(ref, view, rest_lacking(comments))
    waits = {call.request.method: call.request.req_kwargs["timeout"] for call in github.wire.calls}  # type: ignore[attr-defined]  # responses adds it
    assert waits == {"GET": 12, "POST": 12}


def test_the_library_spaces_no_requests_by_itself(
    github: PlayedGitHub, host: GitHubHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our turns do that for all threads and processes; PyGithub would stand still once more for each of ours."""
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    client = host._client
    github.answers("GET", client.path, {"id": 1})
    github.answers("POST", ISSUES, {"number": 1}, status=201)
    for _ in range(3):
        client.get_object(client.path, "look")
        client.write("POST", ISSUES, {"title": "x"}, "write")
    assert naps == []


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


def test_credentials_print_without_their_secret(app_key: str) -> None:
    assert "PRIVATE KEY" not in repr(AppCredential("12", app_key, 7))
    assert "ghp_x" not in repr(TokenCredential("ghp_x"))


@pytest.mark.parametrize("token", ["\ufeffghp_canary", "ghp_canary\nghp_other", "ghp_c\u00e4nary"])
def test_a_token_that_cannot_be_sent_is_refused_and_is_no_network_that_is_down(token: str) -> None:
    with pytest.raises(ConfigError, match="one line of printable ASCII") as raised:
        TokenCredential(token)

    assert "nary" not in str(raised.value)


def test_a_private_key_that_is_none_is_refused_without_quoting_it(
    github: PlayedGitHub, leaks_nothing: Callable[[BaseException], None]
) -> None:
    with pytest.raises(ConfigError, match="private_key_file does not name a whole RSA key") as caught:
        AppCredential("12", github.canary, 7)
    leaks_nothing(caught.value)


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
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, caplog: pytest.LogCaptureFixture
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


def test_debug_logging_of_all_that_the_libraries_are_made_of_shows_no_address(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """urllib3 logs each repeated read with its address, by a logger below the ones we name."""
    for name in ("github", "urllib3"):
        caplog.set_level(logging.NOTSET, name)
    caplog.set_level(logging.DEBUG)
    world.hub.wire.every = Fault("status", status=503)
    with pytest.raises(HostUnavailable):
        world.with_token().audience()
    assert len(world.reads()) > 1, "nothing was repeated"
    assert not [one.name for one in caplog.records if one.name.startswith(("github", "urllib3"))]


def test_an_app_signs_for_a_clock_that_is_a_little_behind(app_key: str) -> None:
    """GitHub refuses a signature from the future, and one that is good for more than ten minutes."""
    coded = AppJwt(AppCredential("31", app_key, 7)).token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(coded + "=="))
    now = time.time()
    assert claims["iat"] <= now - 50
    assert now < claims["exp"] <= claims["iat"] + 600
