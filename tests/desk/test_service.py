"""The desk's HTTP side against a service that is broken, slow to the point of silence, or hostile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests
import responses

from desk.service import Service
from integration.errors import CoCError, ConfigError, NotCleared, ServiceRefused, ServiceUnreachable
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tests.desk.conftest import Team

ORIGIN = "https://coc.example.org"
DIARY = f"{ORIGIN}/api/v1/incidents/BLUE-JAY-27/diary"
CANARY = "canary-2d94e0b7a6f14c0e8b31d5c9"
INCIDENT = {
    "id": "inc_abcdefghijklmnopqrstuvwxyz",
    "code_name": "BLUE-JAY-27",
    "type": "Conduct Enforcement",
    "stage": "Reported",
    "impact": None,
    "likelihood": None,
    "lead": None,
    "secondary": None,
    "ticket": "jira:acme.example/10042",
    "ticket_url": "https://acme.example/browse/COC-42",
    "opened_at": "2026-11-22T14:00:00Z",
}
WHOLE = {"incident": INCIDENT, "head": {"seq": 1, "part": 1, "link": "l" * 43}, "comments": ["one"]}


class Now:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


@pytest.fixture
def service(team: Team) -> Service:
    return Service(origin=ORIGIN, alias="robert", signer=team.robert, clock=Now())


@responses.activate
def test_a_diary_is_read_with_a_signed_request(service: Service) -> None:
    responses.get(DIARY, json=WHOLE)

    served = service.diary("BLUE-JAY-27")

    assert served.comments == ("one",)
    assert served.head is not None
    assert served.head.seq == 1
    assert (
        responses.calls[0]
        .request.headers["Authorization"]
        .startswith('CoC-SSHSIG alias="robert", time="2026-11-')
    )


@responses.activate
def test_a_redirect_is_never_followed(service: Service) -> None:
    responses.get(DIARY, status=302, headers={"Location": "https://evil.example/"})
    evil = responses.get("https://evil.example/", json=WHOLE)

    with pytest.raises(ServiceUnreachable, match="redirect"):
        service.diary("BLUE-JAY-27")

    assert evil.call_count == 0


@responses.activate
@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (requests.exceptions.SSLError(CANARY), "valid certificate"),
        (requests.ConnectTimeout(CANARY), "did not answer in time"),
        (requests.ConnectionError(CANARY), "could not be reached"),
        (requests.exceptions.ChunkedEncodingError(CANARY), "could not be reached"),
    ],
)
def test_trouble_on_the_way_is_said_with_a_next_step_and_nothing_else(
    service: Service, trouble: Exception, says: str
) -> None:
    responses.get(DIARY, body=trouble)

    with pytest.raises(ServiceUnreachable, match=says) as raised:
        service.diary("BLUE-JAY-27")

    assert raised.value.next_step
    assert raised.value.__cause__ is None
    assert CANARY not in str(raised.value)


@responses.activate
@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 409, 413, 429, 500, 502, 503])
@pytest.mark.parametrize(
    "body",
    [
        CANARY.encode(),
        b"",
        b'{"incident": ',
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"error": [CANARY], "incident": CANARY}).encode(),
    ],
)
def test_an_answer_that_is_none_of_ours_is_refused_by_kind_and_never_quoted(
    service: Service, status: int, body: bytes
) -> None:
    responses.get(DIARY, status=status, body=body, content_type="application/json")

    with pytest.raises((ServiceUnreachable, ServiceRefused)) as raised:
        service.diary("BLUE-JAY-27")

    assert CANARY not in str(raised.value)


@responses.activate
@pytest.mark.parametrize(
    "change",
    [
        {"incident": {**INCIDENT, "code_name": "AMBER-HERON-42"}},
        {"incident": {**INCIDENT, "code_name": "../../BLUE-JAY-27"}},
        {"incident": {**INCIDENT, "id": "inc_short"}},
        {"incident": {**INCIDENT, "type": "Something else"}},
        {"incident": {**INCIDENT, "impact": 4}},
        {"incident": {**INCIDENT, "impact": True}},
        {"incident": {**INCIDENT, "lead": "rob\u202eert"}},
        {"incident": {**INCIDENT, "ticket": "two words"}},
        {"incident": {**INCIDENT, "opened_at": "yesterday"}},
        {"incident": None},
        {"comments": "one"},
        {"comments": [1]},
        {"head": {"seq": "1", "part": 1, "link": "l" * 43}},
        {"head": {"seq": 1, "part": 1, "link": "l" * 42}},
        {"head": {}},
    ],
)
def test_a_field_that_has_not_our_form_is_refused(service: Service, change: dict[str, object]) -> None:
    responses.get(DIARY, json={**WHOLE, **change})

    with pytest.raises(ServiceUnreachable, match="not one that this desk understands"):
        service.diary("BLUE-JAY-27")


@responses.activate
def test_not_cleared_is_said_without_saying_whether_there_is_such_an_incident(service: Service) -> None:
    responses.get(DIARY, status=404, json={"error": "not-cleared", "what": CANARY})

    with pytest.raises(NotCleared) as raised:
        service.diary("BLUE-JAY-27")

    assert CANARY not in str(raised.value)


@responses.activate
def test_a_wrong_clock_is_measured(service: Service) -> None:
    theirs = Now().now() - timedelta(minutes=12)
    responses.get(
        DIARY,
        status=401,
        json={"error": "stale-request"},
        headers={"Date": theirs.strftime("%a, %d %b %Y %H:%M:%S GMT")},
    )

    with pytest.raises(ServiceRefused, match="differ by about 12 minutes"):
        service.diary("BLUE-JAY-27")


@responses.activate
@pytest.mark.parametrize("date", ["", "soon", "Mon, 99 Foo 2026", "Sun, 22 Nov 99999 14:00:00 GMT"])
def test_a_wrong_clock_is_said_whatever_date_the_answer_has(service: Service, date: str) -> None:
    responses.get(DIARY, status=401, json={"error": "stale-request"}, headers={"Date": date})

    with pytest.raises(ServiceRefused, match="clock and the service's differ"):
        service.diary("BLUE-JAY-27")


def test_a_key_the_service_does_not_know_is_said_with_what_to_compare(service: Service) -> None:
    with responses.RequestsMock() as replies:
        replies.get(DIARY, status=401, json={"error": "bad-proof"})

        with pytest.raises(ServiceRefused, match="coc key show"):
            service.diary("BLUE-JAY-27")


@pytest.mark.parametrize(
    "name", ["", "../x", "blue-jay-27", "BLUE-JAY-27/../..", "BLUE-JAY-27\n", "BLUE JAY 27"]
)
def test_only_a_code_name_goes_into_an_address(service: Service, name: str) -> None:
    with pytest.raises(ValueError, match="code name"):
        service.diary(name)


@pytest.mark.parametrize("origin", ["http://coc.example.org", "http://192.168.0.7:8080"])
def test_plain_http_never_leaves_this_machine(team: Team, origin: str) -> None:
    with pytest.raises(ConfigError):
        Service(origin=origin, alias="robert", signer=team.robert, clock=Now())


def test_on_loopback_neither_a_proxy_nor_a_netrc_of_the_environment_is_used(
    team: Team, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password hunter2\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    seen: list[str] = []

    with serving(_answering(b'{"incidents": []}', seen)) as origin:
        Service(origin=origin, alias="robert", signer=team.robert, clock=Now()).incidents()

    assert [header.split()[0] for header in seen] == ["CoC-SSHSIG"]


@responses.activate
def test_a_netrc_of_the_environment_does_not_take_the_place_of_the_proof(
    team: Team, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine coc.example.org login someone password hunter2\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(f"{ORIGIN}/api/v1/incidents", json={"incidents": []})

    Service(origin=ORIGIN, alias="robert", signer=team.robert, clock=Now()).incidents()

    assert responses.calls[0].request.headers["Authorization"].startswith("CoC-SSHSIG ")


def test_an_answer_without_end_is_cut_off(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.service._LARGEST_ANSWER", 1_000_000)

    with serving(_endless) as origin:
        service = Service(origin=origin, alias="robert", signer=team.robert, clock=Now())
        with pytest.raises(CoCError, match="larger than any diary"):
            service.incidents()


def _answering(body: bytes, seen: list[str]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ.get("HTTP_AUTHORIZATION", ""))
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]

    return app


def _endless(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    while True:
        yield b" " * 65536
