"""The traps of Jira and its library that no other file here holds; docs/hosts/jira.md lists all of them."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import (
    HostError,
    HostLimited,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.jira.client import JiraClient
from sandbox.jira_cloud import JiraCloud
from sandbox.wire import Fault, serving

if TYPE_CHECKING:
    from pathlib import Path

    import requests
    import responses

    from integration.jira.host import JiraHost
    from integration.jira.space import JiraSpace
    from integration.mirror import MirrorView
    from tests.jira_host.conftest import Leakless

API = "https://acme.atlassian.net/rest/api/3"
TOKEN = "tOkEn-1f0c6d2b9a7e4f53"
MADE = {"id": "10101", "key": "COC-2", "self": f"{API}/issue/10101"}


@pytest.fixture
def client(space: JiraSpace) -> JiraClient:
    return JiraClient(space, token=TOKEN)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("header", ["3600", "Thu, 26 Nov 2026 14:00:00 GMT", ""])
def test_whatever_wait_an_answer_names_no_thread_sleeps_for_it_and_nothing_is_sent_again(
    header: str, status: int, space: JiraSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real connection. The library's default sleeps up to a minute three times, and crashes on a date."""
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    cloud = JiraCloud()
    headers = (("Retry-After", header),) if header else ()
    cloud.wire.every = Fault("status", status=status, headers=headers)
    with serving(cloud.wire) as site:
        client = JiraClient(replace(space, site=site), token=TOKEN)
        for work in (
            lambda: client.read("myself", what="x"),
            lambda: client.write("issue", {}, what="x"),
            lambda: client.put("issue/1", {}, what="x", ticket="1"),
        ):
            with pytest.raises((HostLimited, HostUnavailable, HostUnknownOutcome)):
                work()
    assert [] == [nap for nap in naps if nap >= 1]
    assert ["GET", "POST", "PUT"] == [one.method for one in cloud.wire.journal]


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "truncate"])
def test_a_write_whose_connection_breaks_is_sent_once(kind: str, space: JiraSpace) -> None:
    """Over a real connection: the library's default sends such a POST four times, and Jira acts on each."""
    cloud = JiraCloud()
    cloud.wire.every = Fault(kind)  # type: ignore[arg-type] # a literal by parametrize
    with serving(cloud.wire) as site:
        client = JiraClient(replace(space, site=site), token=TOKEN)
        with pytest.raises(HostError):
            client.write("issue", {}, what="x")
    assert 1 == len(cloud.wire.journal)


def test_several_threads_on_one_client_neither_lose_nor_double_a_write_nor_swap_answers(
    client: JiraClient, jira: responses.RequestsMock
) -> None:
    received: Counter[int] = Counter()

    def echo(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        number = json.loads(request.body or "")["number"]
        received[number] += 1
        time.sleep(0)  # let another thread go on in between
        return 201, {}, json.dumps({"number": number})

    jira.add_callback("POST", f"{API}/thing", callback=echo)
    answers: dict[int, object] = {}

    def work(first: int) -> None:
        for number in range(first, first + 40):
            answers[number] = client.write("thing", {"number": number}, what="x")["number"]

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 320, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert dict.fromkeys(range(320), 1) == received
    assert {number: number for number in range(320)} == answers


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, {"errorMessages": ["CANARY"], "errors": {}}, HostRejected),
        (400, {"errorMessages": ["CANARY"]}, HostRejected),
        (201, {"errorMessages": ["CANARY"]}, HostUnknownOutcome),
        (201, {"issues": [MADE] * 10}, HostUnknownOutcome),
        (201, {"issues": [MADE] * 12, "errors": []}, HostUnknownOutcome),
        (
            201,
            {"issues": [MADE] * 11, "errors": [{"elementErrors": {"errorMessages": ["CANARY"]}}]},
            HostError,
        ),
        (201, {"issues": [MADE] * 10, "errors": [{"status": 400, "elementErrors": None}]}, HostRejected),
    ],
    ids=["only-messages", "no-errors", "messages-in-201", "fewer", "more", "one-without-a-number", "null"],
)
def test_a_bulk_create_that_says_little_is_never_taken_for_a_success(
    status: int,
    answer: dict[str, Any],
    kind: type[HostError],
    host: JiraHost,
    view: MirrorView,
    jira: responses.RequestsMock,
    leakless: Leakless,
    canary: str,
) -> None:
    """The library's create_issues raises KeyError or IndexError here, or drops what was wrong."""
    told = json.loads(json.dumps(answer).replace("CANARY", canary))
    jira.add("POST", f"{API}/issue/bulk", json=told, status=status)
    with pytest.raises(kind) as caught:
        host._contents.write_steps("10100", view.incident, view.steps)
    assert 1 == len(jira.calls)
    leakless(caught.value)


def test_turned_up_logging_after_the_start_shows_no_body_and_no_token(
    client: JiraClient, jira: responses.RequestsMock, caplog: pytest.LogCaptureFixture, leakless: Leakless,
    canary: str,
) -> None:  # fmt: skip
    client._library()
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("jira", "urllib3", "requests")):
            caplog.set_level(logging.DEBUG, name)
    jira.add("POST", f"{API}/thing", json={canary: canary}, status=500)
    with pytest.raises(HostError) as caught:
        client.write("thing", {}, what="x")
    leakless(caught.value)
    logging.getLogger("jira.resilientsession").debug("response.body:\n%s", canary)
    assert canary not in caplog.text


def test_the_librarys_switch_that_writes_answers_to_disk_writes_none(
    client: JiraClient, jira: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    canary: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("PYJIRA_LOG_TO_TEMPFILE", "1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    jira.add("GET", f"{API}/thing", body=canary, status=400)
    with pytest.raises(HostRejected):
        client.read("thing", what="x")
    assert [] == list(tmp_path.iterdir())
