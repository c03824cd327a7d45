"""The stand-in's search: it lags, gives ids only, and understands a small language."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.sandbox.conftest import Office


def found(office: Office, jql: str, **more: str) -> list[str]:
    answer = office.call("ada", "GET", "search/jql", params={"jql": jql, "fields": "key", **more})
    assert answer.status_code == 200, answer.text
    return [one["key"] for one in answer.json()["issues"]]


def test_what_was_just_made_is_not_found_until_the_index_knows(office: Office, clock: SetClock) -> None:
    office.cloud.search_lag = timedelta(seconds=30)
    issue = office.open(labels=["coc"])
    jql = 'project = COC AND labels = "coc"'
    assert found(office, jql) == []
    assert office.call("ada", "GET", f"issue/{issue}").status_code == 200
    assert found(office, jql, reconcileIssues=issue) == ["COC-1"]
    clock.forward(seconds=30)
    assert found(office, jql) == ["COC-1"]
    office.call("ada", "PUT", f"issue/{issue}", json={"fields": {"labels": []}})
    assert found(office, jql) == ["COC-1"]
    assert found(office, jql, reconcileIssues=issue) == []
    clock.forward(seconds=30)
    assert found(office, jql) == []


def test_a_deleted_issue_is_not_found(office: Office) -> None:
    issue = office.open()
    office.cloud.search_lag = timedelta(seconds=30)
    office.call("ada", "DELETE", f"issue/{issue}")
    assert found(office, "project = COC") == []


def test_only_ids_come_unless_fields_are_asked_for(office: Office) -> None:
    issue = office.open()
    answer = office.call("ada", "GET", "search/jql?jql=project=COC").json()
    assert answer == {"issues": [{"id": issue}], "isLast": True}
    with_field = office.call("ada", "GET", "search/jql?jql=project=COC&fields=summary,labels").json()
    assert with_field["issues"][0]["fields"] == {"summary": "BLUE-JAY-27", "labels": []}


def test_pages_are_chained_by_tokens_without_a_total(office: Office) -> None:
    made = [office.open() for _ in range(5)]
    body: dict[str, object] = {"jql": "project = COC ORDER BY created ASC", "maxResults": 2}
    pages = [office.call("ada", "POST", "search/jql", json=body).json()]
    while "nextPageToken" in pages[-1]:
        more = {**body, "nextPageToken": pages[-1]["nextPageToken"]}
        pages.append(office.call("ada", "POST", "search/jql", json=more).json())
    assert [len(one["issues"]) for one in pages] == [2, 2, 1]
    assert [one["isLast"] for one in pages] == [False, False, True]
    assert [issue["id"] for page in pages for issue in page["issues"]] == made
    wrong = office.call("ada", "POST", "search/jql", json={**body, "nextPageToken": "?"})
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ('project = "COC"', ["COC-3", "COC-2", "COC-1"]),
        ("project = coc ORDER BY key ASC", ["COC-1", "COC-2", "COC-3"]),
        ('project = COC AND labels in ("a b", "two") ORDER BY created DESC', ["COC-2"]),
        ("project = COC and labels != two order by key asc", ["COC-1", "COC-3"]),
        ("project = COC AND labels not in (one, two)", ["COC-3"]),
        ("project = COC AND (labels = one OR labels = two) ORDER BY key ASC", ["COC-1", "COC-2"]),
        ("project = COC AND NOT labels = one", ["COC-3", "COC-2"]),
        ("parent = COC-1", ["COC-3"]),
        ("issuetype = Step", ["COC-3"]),
        ("key in (COC-1, COC-2) ORDER BY key DESC", ["COC-2", "COC-1"]),
        ('project = COC AND created >= "2026-11-22 14:01"', ["COC-3", "COC-2"]),
        ('project = COC AND created < "2026-11-22 14:01"', ["COC-1"]),
        ("project = COC AND created >= -3m", ["COC-3", "COC-2"]),
        ('status = "To Do" AND project = COC AND labels = one', ["COC-1"]),
    ],
)
def test_queries(office: Office, clock: SetClock, jql: str, keys: list[str]) -> None:
    parent = office.open(labels=["one"])
    clock.forward(minutes=2)
    office.open(labels=["two"])
    clock.forward(minutes=1)
    office.call("ada", "POST", "issue", json=office.step(parent))
    clock.forward(minutes=1)
    assert found(office, jql) == keys
    assert office.call("ada", "POST", "search/approximate-count", json={"jql": jql}).json() == {
        "count": len(keys)
    }


@pytest.mark.parametrize(
    "jql",
    [
        "",
        "ORDER BY created",
        "project = NOPE",
        "project ~ COC",
        "project = ",
        "project = COC AND",
        "project = COC )",
        "colour = red",
        'project = "COC',
        "created >= yesterday",
        "project in COC",
    ],
)
def test_what_jira_would_not_understand_is_400(office: Office, jql: str) -> None:
    answer = office.call("ada", "GET", "search/jql", params={"jql": jql})
    assert answer.status_code == 400
    assert answer.json()["errorMessages"] != []
