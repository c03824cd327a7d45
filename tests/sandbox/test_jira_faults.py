"""Faults on the wire: what the library sees of them, and whether the site had acted."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests
from jira import JIRAError

from sandbox.wire import Fault

if TYPE_CHECKING:
    from tests.sandbox.conftest import Office


def create(office: Office) -> requests.Response:
    """Create an issue over the library's own session."""
    library = office.library("mirror")
    session: requests.Session = library._session
    return session.post(f"{office.url}/rest/api/3/issue", data=json.dumps(office.ticket()))


def issues(office: Office) -> int:
    return len(office.cloud.site.issues)


@pytest.mark.parametrize(("kind", "made"), [("drop-before", 0), ("drop-after", 1)])
def test_a_dropped_connection_looks_the_same_whether_or_not_the_site_acted(
    office: Office, kind: str, made: int
) -> None:
    office.cloud.wire.fail_next(Fault(kind), skip=1)  # type: ignore[arg-type]  # the library's serverInfo comes first
    with pytest.raises(requests.ConnectionError):
        create(office)
    assert issues(office) == made
    assert [one.committed for one in office.cloud.wire.writes()] == [bool(made)]


@pytest.mark.parametrize(("kind", "made"), [("status", 0), ("status-after", 1)])
def test_a_status_may_come_before_or_after_the_deed(office: Office, kind: str, made: int) -> None:
    fault = Fault(kind, status=503, body=b"{}", headers=(("Retry-After", "7"),))  # type: ignore[arg-type]  # parametrised
    office.cloud.wire.fail_next(fault, skip=1)
    with pytest.raises(JIRAError) as caught:
        create(office)
    answer = caught.value.response
    assert answer is not None
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert issues(office) == made


def test_a_truncated_answer_is_no_json_but_the_deed_is_done(office: Office) -> None:
    office.cloud.wire.fail_next(Fault("truncate"), skip=1)
    with pytest.raises(requests.JSONDecodeError):
        create(office).json()
    assert issues(office) == 1


def test_the_librarys_own_retries_open_the_same_incident_again_and_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the product turns them off: a connection that breaks after the deed is tried again."""
    monkeypatch.setattr("jira.resilientsession.time.sleep", lambda _seconds: None)
    library = office.library("mirror", max_retries=3)
    office.cloud.wire.every = Fault("drop-after")
    with pytest.raises(requests.ConnectionError):
        library._session.post(f"{office.url}/rest/api/3/issue", data=json.dumps(office.ticket()))
    office.cloud.wire.heal()
    assert issues(office) == 4


def test_a_fault_hits_one_call_only_and_the_journal_has_all(office: Office) -> None:
    wire = office.cloud.wire
    wire.fail_at(wire.calls + 1, Fault("status", status=500))
    statuses = [office.call("ada", "GET", "myself").status_code for _ in range(3)]
    assert statuses == [200, 500, 200]
    assert [(one.number, one.status) for one in wire.journal] == [(0, 200), (1, 500), (2, 200)]


def test_reads_by_post_are_not_writes(office: Office) -> None:
    office.open()
    office.call("ada", "POST", "search/jql", json={"jql": "project = COC"})
    office.call("ada", "POST", "issue/bulkfetch", json={"issueIdsOrKeys": ["COC-1"]})
    assert [one.path for one in office.cloud.wire.writes()] == ["/rest/api/3/issue"]


def test_a_caller_that_stops_halfway_holds_up_no_other(office: Office) -> None:
    address = urlsplit(office.url)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as half:
        half.sendall(b"POST /rest/api/3/issue HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

        assert 201 == create(office).status_code
