"""Webhook deliveries from GitHub: what counts as lost, how far back, and answers that are not what they should be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import (
    HostError,
    HostGone,
    HostLimited,
    HostRefused,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.github.client import Client
from integration.github.credential import TokenCredential
from integration.github.deliveries import HookDeliveries
from integration.ports import FailedDelivery

if TYPE_CHECKING:
    from tests.github_host.conftest import PlayedGitHub

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PATH = "/repos/acme/conduct/hooks/7/deliveries"


@pytest.fixture
def hook(github: PlayedGitHub) -> HookDeliveries:
    client = Client(
        base_url="https://api.github.com",
        owner="acme",
        repository="conduct",
        credential=TokenCredential(token=github.token),
        sleep=lambda _seconds: None,
    )
    return HookDeliveries(client, hook_id=7)


def one(number: int, guid: str, status: int, *, hours: float = 1.0) -> dict[str, Any]:
    """A delivery so many hours ago."""
    at = (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    return {"id": number, "guid": guid, "delivered_at": at, "status_code": status}


def test_an_event_is_lost_if_no_delivery_of_it_was_taken(hook: HookDeliveries, github: PlayedGitHub) -> None:
    listed = [
        one(9, "taken later", 200), one(8, "never", 502), one(7, "no answer", 0), one(6, "taken first", 500),
        one(5, "taken first", 202), one(4, "taken later", 503), one(3, "never", 504), one(2, "moved", 302),
    ]  # fmt: skip
    github.answers("GET", PATH, listed)

    failed = hook.failed(NOW)

    assert {"never", "no answer", "moved"} == {delivery.guid for delivery in failed}
    assert FailedDelivery(8, "never") in failed


def test_the_oldest_event_comes_first(hook: HookDeliveries, github: PlayedGitHub) -> None:
    listed = [one(5, "a", 500, hours=1), one(4, "b", 500, hours=2), one(3, "c", 500, hours=2), one(2, "a", 500, hours=3)]  # fmt: skip
    github.answers("GET", PATH, listed)

    assert ["a", "c", "b"] == [delivery.guid for delivery in hook.failed(NOW)]


def test_what_failed_almost_three_days_ago_is_asked_for(hook: HookDeliveries, github: PlayedGitHub) -> None:
    github.answers("GET", PATH, [one(3, "a", 500), one(2, "b", 500, hours=71)])

    assert ["b", "a"] == [delivery.guid for delivery in hook.failed(NOW)]


def test_what_is_older_than_three_days_is_not_asked_for_and_ends_the_reading(
    hook: HookDeliveries, github: PlayedGitHub
) -> None:
    next_page = {"Link": f'<https://api.github.com{PATH}?per_page=100&cursor=v1_2>; rel="next"'}
    github.answers("GET", PATH, [one(3, "a", 500), one(2, "b", 500, hours=73)], headers=next_page)

    assert ["a"] == [delivery.guid for delivery in hook.failed(NOW)]
    assert 1 == len(github.wire.calls)


def test_of_the_next_pages_address_the_cursor_alone_is_taken(
    hook: HookDeliveries, github: PlayedGitHub
) -> None:
    elsewhere = {"Link": '<https://evil.example/steal?cursor=v1%5F2&per_page=1>; rel="next"'}
    github.answers("GET", PATH, [one(3, "a", 500)], headers=elsewhere)
    github.answers("GET", PATH, [one(2, "b", 500)])

    assert {"a", "b"} == {delivery.guid for delivery in hook.failed(NOW)}
    assert [None, "v1_2"] == [call.request.params.get("cursor") for call in github.wire.calls]  # type: ignore[attr-defined]  # responses adds it
    assert all(str(call.request.url).startswith("https://api.github.com") for call in github.wire.calls)


def test_a_cursor_that_goes_round_in_circles_ends(hook: HookDeliveries, github: PlayedGitHub) -> None:
    circle = {"Link": f'<https://api.github.com{PATH}?cursor=v1_2>; rel="next"'}
    github.answers("GET", PATH, [one(3, "a", 500)], headers=circle)

    with pytest.raises(HostError):
        hook.failed(NOW)


@pytest.mark.parametrize(
    "told",
    [
        "not json",
        {"message": "no list"},
        [7],
        [{"guid": "a"}],
        [{**one(1, "a", 500), "delivered_at": "yesterday"}],
        [{**one(1, "a", 500), "delivered_at": "2026-11-25T11:00:00"}],
        [{**one(1, "a", 500), "guid": ""}],
        [{**one(1, "a", 500), "id": "one"}],
    ],
)
def test_an_answer_of_another_shape_is_trouble_of_the_host_and_is_not_quoted(
    hook: HookDeliveries, github: PlayedGitHub, told: object
) -> None:
    github.answers("GET", PATH, told)

    with pytest.raises(HostError) as raised:
        hook.failed(NOW)

    assert "yesterday" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "error"), [(401, HostRefused), (403, HostRefused), (404, HostGone), (429, HostLimited)]
)
def test_a_refusal_says_what_lacks(
    hook: HookDeliveries, github: PlayedGitHub, status: int, error: type[HostError]
) -> None:
    github.answers("GET", PATH, {"message": github.canary}, status=status)

    with pytest.raises(error) as raised:
        hook.failed(NOW)

    assert github.canary not in str(raised.value)


def test_asking_again_is_one_request_answered_with_202(hook: HookDeliveries, github: PlayedGitHub) -> None:
    github.answers("POST", f"{PATH}/8/attempts", {}, status=202)

    hook.send_again(FailedDelivery(8, "a"))

    assert 1 == len(github.wire.calls)


@pytest.mark.parametrize(
    ("status", "error"), [(404, HostGone), (500, HostUnknownOutcome), (502, HostUnknownOutcome)]
)
def test_asking_again_is_not_repeated_by_itself(
    hook: HookDeliveries, github: PlayedGitHub, status: int, error: type[HostError]
) -> None:
    github.answers("POST", f"{PATH}/8/attempts", {"message": github.canary}, status=status)

    with pytest.raises(error) as raised:
        hook.send_again(FailedDelivery(8, "a"))

    assert 1 == len(github.wire.calls)
    assert github.canary not in str(raised.value)


def test_a_list_that_is_answered_with_later_is_no_list(hook: HookDeliveries, github: PlayedGitHub) -> None:
    github.answers("GET", PATH, [], status=202)

    with pytest.raises(HostUnavailable):
        hook.failed(NOW)
