"""GitHub's limits, each at its edge, and its rate limits."""

from __future__ import annotations

import threading
import time
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SetClock
    from tests.sandbox.github.conftest import Hub

HOME = "/repos/acme/conduct"
CREATE = """mutation($repo: ID!, $title: String!, $body: String, $parent: ID) {
  createIssue(input: {repositoryId: $repo, title: $title, body: $body, parentIssueId: $parent}) {
    issue { number }
  }
}"""


@pytest.mark.parametrize(
    ("path", "fits", "too_much"),
    [
        ("/issues", {"title": "t" * 256}, {"title": "t" * 257}),
        ("/issues", {"title": "t", "body": "\N{SNOWMAN}" * 65_536}, {"title": "t", "body": "b" * 65_537}),
        ("/issues/1/comments", {"body": "\N{SNOWMAN}" * 65_536}, {"body": "b" * 65_537}),
        ("/labels", {"name": "n" * 50, "color": "ffffff"}, {"name": "n" * 51, "color": "ffffff"}),
        (
            "/labels",
            {"name": "n", "color": "ffffff", "description": "d" * 100},
            {"name": "m", "color": "ffffff", "description": "d" * 101},
        ),
        ("/issues/1/labels", {"labels": ["n" * 50]}, {"labels": ["n" * 51]}),
        (
            "/issues/1/labels",
            {"labels": [str(n) for n in range(100)]},
            {"labels": [str(n) for n in range(101)]},
        ),
    ],
)
def test_texts_have_their_longest(
    hub: Hub, path: str, fits: dict[str, Any], too_much: dict[str, Any]
) -> None:
    hub.open()
    assert hub.call("writer", "POST", HOME + path, json=fits).status_code in {200, 201}
    before = len(hub.com.repo("acme/conduct").issues)
    refused = hub.call("writer", "POST", HOME + path, json=too_much)
    assert refused.status_code == 422
    assert refused.json()["message"] == "Validation Failed"
    assert len(hub.com.repo("acme/conduct").issues) == before


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/issues", {"title": "   "}),
        ("/issues", {}),
        ("/issues", {"title": ["a", "list"]}),
        ("/issues/1/comments", {"body": ""}),
        ("/issues/1/comments", {}),
        ("/labels", {"name": "x", "color": "#ffffff"}),
        ("/labels", {"name": "", "color": "ffffff"}),
    ],
)
def test_what_makes_no_sense_is_refused(hub: Hub, path: str, sent: dict[str, Any]) -> None:
    hub.open()
    with hub.wrong_on_purpose():
        assert hub.call("writer", "POST", HOME + path, json=sent).status_code == 422
        assert hub.call("writer", "POST", HOME + path, data=b'{"title": "cut').status_code == 400
    assert len(hub.com.repo("acme/conduct").issues) == 1


def test_a_labels_name_is_unique_whatever_its_case(hub: Hub) -> None:
    label = {"name": "Coc", "color": "ffffff"}
    assert hub.call("writer", "POST", f"{HOME}/labels", json=label).status_code == 201
    refused = hub.call("writer", "POST", f"{HOME}/labels", json={**label, "name": "cOC"})
    assert refused.json()["errors"] == [{"resource": "Label", "code": "already_exists", "field": "name"}]
    assert [one["name"] for one in hub.open(labels=["COC"])["labels"]] == ["Coc"]


def test_a_parent_has_at_most_a_hundred_sub_issues(hub: Hub) -> None:
    parent = hub.open()
    home = hub.call("writer", "GET", HOME).json()["node_id"]
    for number in range(100):
        answer = hub.graphql("writer", CREATE, repo=home, title=f"Step {number}", parent=parent["node_id"])
        assert "errors" not in answer
    refused = hub.graphql("writer", CREATE, repo=home, title="One more", parent=parent["node_id"])
    assert refused["data"] == {"createIssue": None}
    assert "more than 100 sub-issues" in refused["errors"][0]["message"]
    single = hub.open()
    answer = hub.call("writer", "POST", f"{HOME}/issues/1/sub_issues", json={"sub_issue_id": single["id"]})
    assert answer.status_code == 422
    assert len(hub.com.repo("acme/conduct").issues) == 102


def _hang(hub: Hub, parent: dict[str, Any], child: dict[str, Any], **more: object) -> int:
    path = f"{HOME}/issues/{parent['number']}/sub_issues"
    return hub.call("writer", "POST", path, json={"sub_issue_id": child["id"], **more}).status_code


def test_a_family_has_at_most_eight_levels(hub: Hub) -> None:
    line = [hub.open() for _ in range(9)]
    assert [_hang(hub, *pair) for pair in pairwise(line)] == [*[201] * 7, 422]
    pair = [hub.open(), hub.open()]
    assert _hang(hub, *pair) == 201
    assert _hang(hub, line[6], pair[0]) == 422


def test_an_issue_has_one_parent_until_it_is_replaced(hub: Hub) -> None:
    one, other, child = hub.open(), hub.open(), hub.open()
    assert _hang(hub, one, child) == 201
    assert _hang(hub, one, child) == 422
    assert _hang(hub, other, child) == 422
    assert _hang(hub, other, child, replace_parent=True) == 201
    assert _hang(hub, child, other) == 422
    assert _hang(hub, child, child, replace_parent=True) == 422
    assert [issue.number for issue in hub.com.repo("acme/conduct").issues[2].children] == [3]
    assert hub.com.repo("acme/conduct").issues[1].children == []


def test_a_sub_issue_belongs_to_the_same_owner(hub: Hub) -> None:
    hub.com.add_repo("writer", "notes")
    assert _hang(hub, hub.open(), hub.open(repo="writer/notes")) == 422


def _all_at_once(hub: Hub, calls: list[Callable[[], int]]) -> list[int]:
    """Make all calls, and let none of them be served before all have arrived."""
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda call=call: statuses.append(call())) for call in calls]
    with hub.com.wire._lock:
        for thread in threads:
            thread.start()
        while len(hub.com.wire._under_way._requests) < len(calls):
            time.sleep(0.001)
    for thread in threads:
        thread.join()
    return sorted(statuses)


def test_parallel_additions_below_one_parent_collide(hub: Hub) -> None:
    parent, children = hub.open(), [hub.open() for _ in range(3)]
    assert _all_at_once(hub, [partial(_hang, hub, parent, child) for child in children]) == [201, 422, 422]
    alone = [child for child in children if hub.com.state.issues[child["id"]].parent is None]
    assert [_hang(hub, parent, child) for child in alone] == [201, 201]


def test_parallel_additions_below_different_parents_do_not(hub: Hub) -> None:
    pairs = [(hub.open(), hub.open()) for _ in range(3)]
    assert _all_at_once(hub, [partial(_hang, hub, *pair) for pair in pairs]) == [201, 201, 201]


def test_the_same_is_true_for_graphql(hub: Hub) -> None:
    parent, home = hub.open(), hub.call("writer", "GET", HOME).json()["node_id"]

    def create(title: str) -> int:
        answer = hub.graphql("writer", CREATE, repo=home, title=title, parent=parent["node_id"])
        errors = answer.get("errors", [])
        assert [error["message"] for error in errors] in ([], ["Priority has already been taken"])
        return len(errors)

    assert _all_at_once(hub, [partial(create, title) for title in ("First", "Second")]) == [0, 1]
    assert len(hub.com.repo("acme/conduct").issues) == 2


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("Impact", "2", "4"),
        ("Risk", 6, "six"),
        ("Lead", "wren", 5),
        ("Due", "2026-12-01", "soon"),
        ("Themes", ["online", "in person"], ["elsewhere"]),
    ],
)
def test_a_field_takes_values_of_its_type(hub: Hub, name: str, right: Any, wrong: Any) -> None:  # noqa: ANN401 - any value
    hub.open()
    number = hub.field_ids()[name]
    path = f"{HOME}/issues/1/issue-field-values"
    entry = {"field_id": number, "value": right}
    answer = hub.call("writer", "POST", path, json={"issue_field_values": [entry]})
    assert [one["issue_field_name"] for one in answer.json()] == [name]
    refused = hub.call("writer", "POST", path, json={"issue_field_values": [{**entry, "value": wrong}]})
    assert refused.status_code == 422
    assert (
        hub.call("writer", "POST", path, json={"issue_field_values": [{**entry, "field_id": 7}]}).status_code
        == 422
    )
    assert hub.call("writer", "GET", path).json() == answer.json()
    assert hub.call("writer", "DELETE", f"{path}/{number}").status_code == 204
    assert hub.call("writer", "GET", path).json() == []


def test_field_values_are_added_replaced_and_cleared(hub: Hub) -> None:
    ids = hub.field_ids()
    path = f"{HOME}/issues/{hub.open()['number']}/issue-field-values"

    def after(method: str, **values: object) -> dict[str, object]:
        entries = [{"field_id": ids[name], "value": value} for name, value in values.items()]
        answer = hub.call("writer", method, path, json={"issue_field_values": entries})
        return {one["issue_field_name"]: one["value"] for one in answer.json()}

    assert after("POST", Impact="2") == {"Impact": "2"}
    assert after("POST", Risk=6) == {"Impact": "2", "Risk": 6}
    assert after("PUT", Lead="wren") == {"Lead": "wren"}
    assert after("POST") == {}


# Rate limits


def test_the_secondary_limit_counts_creations_of_a_minute(hub: Hub, clock: SetClock) -> None:
    hub.com.limits.content_per_minute = 3
    parent = hub.open()
    hub.open()
    assert hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "x"}).status_code == 201
    refused = hub.call("writer", "POST", f"{HOME}/issues", json={"title": "x"})
    assert refused.status_code == 403
    assert refused.headers["Retry-After"] == "60"
    assert "secondary rate limit" in refused.json()["message"]
    query = 'mutation($id: ID!) { addComment(input: {subjectId: $id, body: "x"}) { subject { id } } }'
    answer = hub.call(
        "writer", "POST", "/graphql", json={"query": query, "variables": {"id": parent["node_id"]}}
    )
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"] == "was submitted too quickly"
    assert hub.call("writer", "GET", f"{HOME}/issues/1").json()["comments"] == 1
    clock.forward(minutes=1)
    assert hub.open()["number"] == 3


def test_the_primary_limit_counts_requests_of_a_token(hub: Hub) -> None:
    hub.com.limits.hourly_requests = 2
    first = hub.call("writer", "GET", HOME)
    assert (first.headers["X-RateLimit-Remaining"], first.headers["X-RateLimit-Used"]) == ("1", "1")
    assert hub.call("writer", "GET", HOME).status_code == 200
    refused = hub.call("writer", "GET", HOME)
    assert refused.status_code == 403
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.json()["message"].startswith("API rate limit exceeded")
    assert hub.call("reader", "GET", HOME).status_code == 200
