"""HTTP becomes a HostError here and nowhere else; nothing of an answer comes through."""

from __future__ import annotations

import json
import logging
import socket
import threading
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.exceptions import ProtocolError

from integration.errors import (
    HostError,
    HostGone,
    HostLimited,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.jira.client import JiraClient

if TYPE_CHECKING:
    from collections.abc import Callable

    import responses

    from integration.jira.space import JiraSpace
    from tests.jira_host.conftest import Leakless

API = "https://acme.atlassian.net/rest/api/3"
TOKEN = "tOkEn-1f0c6d2b9a7e4f53"


@pytest.fixture
def client(space: JiraSpace) -> JiraClient:
    return JiraClient(space, token=TOKEN)


Call = tuple[str, "Callable[[JiraClient], object]"]

READ: Call = ("GET", lambda client: client.read("thing", what="read it"))
READ_BY_POST: Call = ("POST", lambda client: client.read_by_post("thing", {}, what="read it"))
WRITE: Call = ("POST", lambda client: client.write("thing", {"a": 1}, what="write it"))
PUT: Call = ("PUT", lambda client: client.put("thing", {"a": 1}, what="set it", ticket="10100"))
DELETE: Call = ("DELETE", lambda client: client.delete("thing", what="delete it", ticket="10100"))
READS = [pytest.param(READ, id="get"), pytest.param(READ_BY_POST, id="post-that-reads")]
WRITES = [pytest.param(WRITE, id="post"), pytest.param(PUT, id="put")]


def failing(client: JiraClient, call: Call) -> HostError:
    with pytest.raises(HostError) as caught:
        call[1](client)
    return caught.value


BODIES = {
    "errors": json.dumps({"errorMessages": ["CANARY"], "errors": {"CANARY": "CANARY", "summary": "CANARY"}}),
    "messages": json.dumps({"message": "CANARY", "errorMessage": "CANARY"}),
    "html": "<html>CANARY</html>",
    "text": '"a message: CANARY"',
    "null": "null",
    "list": '["CANARY"]',
    "odd-errors": '{"errors": null, "errorMessages": null, "x": "CANARY"}',
    "cut": '{"errors": {"summary": "CANARY',
    "deep": "[" * 100_000,
    "empty": "",
}

STATUSES: list[tuple[int, type[HostError], type[HostError]]] = [
    (400, HostRejected, HostRejected),
    (401, HostRefused, HostRefused),
    (403, HostRefused, HostRefused),
    (404, HostGone, HostGone),
    (405, HostRejected, HostRejected),
    (408, HostUnavailable, HostUnknownOutcome),
    (409, HostUnavailable, HostUnknownOutcome),
    (410, HostGone, HostGone),
    (413, HostRejected, HostRejected),
    (422, HostRejected, HostRejected),
    (429, HostLimited, HostLimited),
    (500, HostUnavailable, HostUnknownOutcome),
    (502, HostUnavailable, HostUnknownOutcome),
    (503, HostUnavailable, HostUnknownOutcome),
    (504, HostUnavailable, HostUnknownOutcome),
]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize(("status", "on_read", "on_write"), STATUSES)
def test_every_status_becomes_our_error_once_and_its_body_stays_inside(
    status: int,
    on_read: type[HostError],
    on_write: type[HostError],
    body: str,
    client: JiraClient,
    jira: responses.RequestsMock,
    leakless: Leakless,
    canary: str,
) -> None:
    headers = {"X-Note": canary, "X-Authentication-Denied-Reason": canary}
    for kind, call in [(on_read, READ), (on_write, WRITE)]:
        jira.add(call[0], f"{API}/thing", body=body.replace("CANARY", canary), status=status, headers=headers)
        error = failing(client, call)
        assert kind is type(error)
        assert str(status) in str(error)
        leakless(error)
    assert ["GET", "POST"] == [call.request.method for call in jira.calls]


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("call", [pytest.param(PUT, id="put"), pytest.param(DELETE, id="delete")])
@pytest.mark.parametrize("body", ["html", "text", "null", "list", "cut", "deep"])
def test_a_success_that_jira_does_not_describe_is_not_taken_for_done(
    body: str,
    call: Call,
    status: int,
    client: JiraClient,
    jira: responses.RequestsMock,
    leakless: Leakless,
    canary: str,
) -> None:
    """A proxy's sign-in page is a 200."""
    jira.add(call[0], f"{API}/thing", body=BODIES[body].replace("CANARY", canary), status=status)
    error = failing(client, call)
    assert HostUnknownOutcome is type(error)
    leakless(error)


def test_only_204_says_that_something_was_deleted(client: JiraClient, jira: responses.RequestsMock) -> None:
    for answer in ('{"a": 1}', ""):
        jira.add("DELETE", f"{API}/thing", body=answer, status=200)
        assert HostUnknownOutcome is type(failing(client, DELETE))
    jira.add("DELETE", f"{API}/thing", status=204)
    DELETE[1](client)


@pytest.mark.parametrize(("status", "body"), [(204, ""), (200, '{"id": "1"}'), (200, ""), (201, "")])
def test_what_jira_answers_to_a_put_is_taken_for_done(
    status: int, body: str, client: JiraClient, jira: responses.RequestsMock
) -> None:
    jira.add("PUT", f"{API}/thing", body=body, status=status)
    PUT[1](client)


@pytest.mark.parametrize("call", [*READS, *WRITES])
@pytest.mark.parametrize("status", [429, 503])
def test_nothing_is_ever_sent_twice(
    call: Call, status: int, client: JiraClient, jira: responses.RequestsMock
) -> None:
    """The library's default would send this again up to three times, writes too."""
    jira.add(call[0], f"{API}/thing", status=status, headers={"Retry-After": "1"})
    assert 1.0 == failing(client, call).after
    assert 1 == len(jira.calls)


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize(
    "broken",
    [
        requests.ConnectionError(ProtocolError("Connection aborted.", "CANARY")),
        requests.ReadTimeout("CANARY"),
        requests.exceptions.ChunkedEncodingError("CANARY"),
        requests.exceptions.ContentDecodingError("CANARY"),
        requests.exceptions.SSLError("CANARY"),
    ],
    ids=["aborted", "read-timeout", "cut-off", "undecodable", "tls"],
)
def test_a_write_that_broke_off_may_have_happened(
    call: Call,
    broken: Exception,
    client: JiraClient,
    jira: responses.RequestsMock,
    leakless: Leakless,
    canary: str,
) -> None:
    broken.args = tuple(canary if arg == "CANARY" else arg for arg in broken.args)
    jira.add(call[0], f"{API}/thing", body=broken)
    error = failing(client, call)
    assert HostUnknownOutcome is type(error)
    assert 1 == len(jira.calls)
    leakless(error)


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN"])
def test_what_python_reads_and_json_does_not_know_is_no_answer(
    number: str, client: JiraClient, jira: responses.RequestsMock
) -> None:
    for kind, call in [(HostUnavailable, READ), (HostUnknownOutcome, WRITE)]:
        jira.add(call[0], f"{API}/thing", body=f'{{"risk": {number}}}')
        assert kind is type(failing(client, call))


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("broken", [requests.ConnectionError("x"), requests.ReadTimeout("x")])
def test_a_read_that_broke_off_wrote_nothing(
    call: Call, broken: Exception, client: JiraClient, jira: responses.RequestsMock
) -> None:
    jira.add(call[0], f"{API}/thing", body=broken)
    assert HostUnavailable is type(failing(client, call))


@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_what_was_surely_not_sent_can_be_tried_again(
    call: Call, space: JiraSpace, leakless: Leakless
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refusing = JiraClient(replace(space, site=f"http://127.0.0.1:{port}"), token=TOKEN)
    error = failing(refusing, call)
    assert HostUnavailable is type(error)
    leakless(error)


def test_a_connection_that_timed_out_before_it_was_made_sent_nothing(
    client: JiraClient, jira: responses.RequestsMock
) -> None:
    jira.add("POST", f"{API}/thing", body=requests.ConnectTimeout("x"))
    assert HostUnavailable is type(failing(client, WRITE))


@pytest.mark.parametrize(
    "body", ["", "null", "[]", '"CANARY"', '{"id": "CANA', "<html>CANARY", "[" * 100_000]
)
@pytest.mark.parametrize(("call", "kind"), [(READ, HostUnavailable), (WRITE, HostUnknownOutcome)])
def test_a_success_that_cannot_be_understood_is_no_success(
    call: Call,
    kind: type[HostError],
    body: str,
    client: JiraClient,
    jira: responses.RequestsMock,
    leakless: Leakless,
    canary: str,
) -> None:
    jira.add(call[0], f"{API}/thing", body=body.replace("CANARY", canary), status=201)
    error = failing(client, call)
    assert kind is type(error)
    leakless(error)


@pytest.mark.parametrize(
    ("status", "on_read", "on_write"),
    [
        (301, HostRejected, HostUnknownOutcome),
        (302, HostRejected, HostUnknownOutcome),
        (303, HostRejected, HostUnknownOutcome),
        (307, HostRejected, HostRejected),
        (308, HostRejected, HostRejected),
    ],
)
def test_redirects_are_not_followed(
    status: int,
    on_read: type[HostError],
    on_write: type[HostError],
    client: JiraClient,
    jira: responses.RequestsMock,
    leakless: Leakless,
    canary: str,
) -> None:
    elsewhere = f"https://elsewhere.example/{canary}"
    for kind, call in [(on_read, READ), (on_write, WRITE)]:
        jira.add(call[0], f"{API}/thing", status=status, headers={"Location": elsewhere})
        error = failing(client, call)
        assert kind is type(error)
        assert "another address" in str(error)
        leakless(error)
    assert {f"{API}/thing"} == {call.request.url for call in jira.calls}


@pytest.mark.parametrize(
    ("header", "after"),
    [
        ("0", 0.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("999999", 3600.0),
        ("Sun, 22 Nov 2026 14:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 13:00:00 GMT", 0.0),
        ("Tue, 22 Dec 2026 14:00:00 GMT", 3600.0),
        ("-5", None),
        ("1e999", None),
        ("nan", None),
        ("soon", None),
        ("9" * 5000, None),
        ("Sun, 99 Nov 2026 99:00:30 GMT", None),
    ],
)
def test_the_wait_jira_asks_for_is_read_from_numbers_and_dates(
    header: str, after: float | None, client: JiraClient, jira: responses.RequestsMock
) -> None:
    headers = {"Retry-After": header, "Date": "Sun, 22 Nov 2026 14:00:00 GMT"}
    jira.add("POST", f"{API}/thing", status=429, headers=headers)
    assert after == failing(client, WRITE).after


def test_a_rejection_names_our_fields_and_never_jiras_words(
    client: JiraClient, jira: responses.RequestsMock, leakless: Leakless, canary: str
) -> None:
    errors = {"customfield_10054": f"Option {canary} is not valid", "security": canary, canary: canary}
    jira.add("POST", f"{API}/thing", json={"errorMessages": [canary], "errors": errors}, status=400)
    error = failing(client, WRITE)
    assert isinstance(error, HostRejected)
    assert ("lead", "security level") == error.fields
    assert "It complains about: lead, security level." in str(error)
    leakless(error)


def test_a_bulk_rejection_names_the_fields_of_all_elements(
    client: JiraClient, jira: responses.RequestsMock
) -> None:
    def failure(number: int, *keys: str) -> dict[str, Any]:
        errors = dict.fromkeys(keys, "no")
        return {
            "status": 400,
            "elementErrors": {"errorMessages": [], "errors": errors},
            "failedElementNumber": number,
        }

    body = {"issues": [], "errors": [failure(0, "duedate"), failure(1, "duedate", "parent"), "odd", None]}
    jira.add("POST", f"{API}/thing", json=body, status=400)
    error = failing(client, WRITE)
    assert isinstance(error, HostRejected)
    assert ("due date", "parent ticket") == error.fields


@pytest.mark.parametrize("status", [200, 404])
def test_a_key_that_jira_ignores_is_not_taken_for_a_ticket_that_is_gone(
    status: int, client: JiraClient, jira: responses.RequestsMock
) -> None:
    headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    jira.add("GET", f"{API}/thing", json={}, status=status, headers=headers)
    assert HostRefused is type(failing(client, READ))


def test_requests_go_with_the_key_to_version_3_with_both_timeouts(
    client: JiraClient, jira: responses.RequestsMock
) -> None:
    jira.add("POST", f"{API}/thing", json={"id": "1"}, status=201)
    assert {"id": "1"} == client.write("thing", {"a": 1}, what="write it")
    [call] = jira.calls
    key = b64encode(f"mirror-bot-4471@acme.example:{TOKEN}".encode()).decode()
    assert f"Basic {key}" == call.request.headers["Authorization"]
    assert (3.05, 20) == call.request.req_kwargs["timeout"]  # type: ignore[attr-defined] # responses adds it
    assert b'{"a": 1}' == call.request.body


def test_each_thread_has_a_library_client_of_its_own(client: JiraClient) -> None:
    here, again = client._library(), client._library()
    elsewhere: list[object] = []
    thread = threading.Thread(target=lambda: elsewhere.append(client._library()))
    thread.start()
    thread.join()
    assert here is again
    assert here is not elsewhere[0]


def test_the_library_knows_it_talks_to_cloud_without_asking(
    client: JiraClient, jira: responses.RequestsMock
) -> None:
    """Otherwise its Cloud methods (dashboards, search) answer None without a word."""
    assert client._library()._is_cloud
    assert client._library()._version >= (1001, 0, 0)
    assert 0 == client._library()._session.max_retries
    assert 0 == len(jira.calls)


def test_the_libraries_debug_lines_with_bodies_in_them_stay_off(
    client: JiraClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client._library()
    for name in ("jira", "jira.client", "jira.resilientsession", "urllib3", "urllib3.connectionpool"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_the_librarys_own_error_which_prints_headers_and_body_is_never_made(
    client: JiraClient, jira: responses.RequestsMock, canary: str
) -> None:
    """PYJIRA_LOG_TO_TEMPFILE would even write it to disk."""
    jira.add("GET", f"{API}/myself", body=canary, status=500)
    with pytest.raises(Exception, match=r"\A\Z") as caught:
        client._library().myself()
    assert "_NotOk" == type(caught.value).__name__
