"""The stand-in keeps webhook deliveries as GitHub does: listed with a cursor, for three days, and sent again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import github
import pytest
import requests
from flask import Flask, request

from sandbox.wire import Hook, serving
from tests.sandbox.github.conftest import APP_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import SetClock
    from tests.sandbox.github.conftest import Hub

HOME = "/repos/acme/conduct"
LIST = f"{HOME}/hooks/1/deliveries"


class Receiver:
    """Something that listens and answers with :attr:`status`."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[str, str]] = []
        self.hook = Hook("", "secret", "X-Hub-Signature-256")
        self.app = Flask("receiver")
        self.app.add_url_rule("/", "hear", self._hear, methods=["POST"])

    def _hear(self) -> tuple[str, int]:
        self.heard.append((request.headers["X-GitHub-Delivery"], request.headers["X-GitHub-Event"]))
        return "", self.status


@pytest.fixture
def receiver(hub: Hub) -> Iterator[Receiver]:
    made = Receiver()
    with serving(made.app) as url:
        made.hook.url = f"{url}/"
        hub.com.hooks.append(made.hook)
        yield made
        made.hook.drain()


def listed(hub: Hub, who: str = "owner", query: str = "") -> list[dict[str, Any]]:
    answer = hub.call(who, "GET", LIST + query)
    assert answer.status_code == 200, answer.text
    shown: list[dict[str, Any]] = answer.json()
    return shown


def test_a_failed_delivery_is_not_sent_again_by_itself_and_is_when_asked(
    hub: Hub, receiver: Receiver
) -> None:
    receiver.status = 503
    hub.open()
    receiver.hook.drain()
    (failed,) = listed(hub)
    assert (failed["status_code"], failed["event"], failed["action"], failed["redelivery"]) == (
        503, "issues", "opened", False,
    )  # fmt: skip

    receiver.status = 200
    answer = hub.call("owner", "POST", f"{LIST}/{failed['id']}/attempts")
    receiver.hook.drain()

    assert answer.status_code == 202
    newest, oldest = listed(hub)
    assert (newest["guid"], newest["redelivery"], newest["status_code"]) == (failed["guid"], True, 200)
    assert oldest == failed
    assert newest["id"] != failed["id"]
    assert receiver.heard == [(failed["guid"], "issues")] * 2


def test_nobody_answering_is_neither_failure_nor_success_by_githubs_filter(
    hub: Hub, receiver: Receiver
) -> None:
    receiver.hook.url = "http://127.0.0.1:9/"
    hub.open()
    receiver.hook.drain()

    assert [0] == [one["status_code"] for one in listed(hub)]
    assert [] == listed(hub, query="?status=failure") == listed(hub, query="?status=success")


def test_the_filter_tells_failure_from_success(hub: Hub, receiver: Receiver) -> None:
    for receiver.status in (200, 404, 500):
        hub.open()
        receiver.hook.drain()

    assert [500, 404] == [one["status_code"] for one in listed(hub, query="?status=failure")]
    assert [200] == [one["status_code"] for one in listed(hub, query="?status=success")]


def test_the_list_has_a_cursor(hub: Hub, receiver: Receiver) -> None:
    for _ in range(5):
        hub.open()
    receiver.hook.drain()
    pages, path = [], f"{LIST}?per_page=2"
    while path:
        answer = hub.call("owner", "GET", path)
        pages.append([one["id"] for one in answer.json()])
        more = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        path = more[1].removeprefix(hub.url) if more else ""

    assert [2, 2, 1] == [len(page) for page in pages]
    found = [one for page in pages for one in page]
    assert sorted(found, reverse=True) == found
    assert len(set(found)) == 5
    assert "page=" not in path


def test_after_three_days_a_delivery_is_gone(hub: Hub, receiver: Receiver, clock: SetClock) -> None:
    hub.open()
    receiver.hook.drain()
    (one,) = listed(hub)
    clock.forward(days=3, seconds=1)

    assert [] == listed(hub)
    with hub.wrong_on_purpose():  # the description lists no 404 for these calls
        assert hub.call("owner", "POST", f"{LIST}/{one['id']}/attempts").status_code == 404


@pytest.mark.parametrize("who", ["writer", "outsider"])
def test_deliveries_are_for_who_administers_the_repository(hub: Hub, receiver: Receiver, who: str) -> None:
    hub.open()
    receiver.hook.drain()

    with hub.wrong_on_purpose():
        assert hub.call(who, "GET", LIST).status_code == 404
        assert hub.call(who, "POST", f"{LIST}/7000001/attempts").status_code == 404


def test_a_token_must_carry_webhooks(hub: Hub, receiver: Receiver) -> None:
    hub.com.add_token("owner", "narrow", repositories=["acme/conduct"], permissions={"issues": "write"})
    hub.com.add_token(
        "owner", "reads", repositories=["acme/conduct"], permissions={"repository_hooks": "read"}
    )
    hub.open()
    receiver.hook.drain()
    (one,) = listed(hub)

    def call(token: str, method: str, path: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, hub.url + path, headers=headers, timeout=10).status_code

    assert (403, 200) == (call("narrow", "GET", LIST), call("reads", "GET", LIST))
    assert call("reads", "POST", f"{LIST}/{one['id']}/attempts") == 403


def test_an_apps_deliveries_are_asked_with_its_signed_token(
    hub: Hub, receiver: Receiver, app_key: str
) -> None:
    hub.com.hooks.clear()
    hub.com.state.apps[APP_ID].hook = receiver.hook
    hub.open()
    hub.open(repo="acme/plain")
    receiver.hook.drain()
    jwt = github.Auth.AppAuth(APP_ID, app_key).create_jwt()

    def call(method: str, path: str, token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, hub.url + path, headers=headers, timeout=10)

    found = call("GET", "/app/hook/deliveries", jwt).json()
    assert [hub.installation] * 2 == [one["installation_id"] for one in found]
    assert call("POST", f"/app/hook/deliveries/{found[0]['id']}/attempts", jwt).status_code == 202
    receiver.hook.drain()
    assert receiver.heard[-1] == (found[0]["guid"], "issues")
    with hub.wrong_on_purpose():
        assert call("GET", "/app/hook/deliveries", "token-of-owner").status_code == 401


def test_the_unmodified_library_lists_a_repositorys_deliveries(hub: Hub, receiver: Receiver) -> None:
    hub.open()
    receiver.hook.drain()

    assert [200] == [one.status_code for one in hub.conduct("owner").get_hook_deliveries(1)]
