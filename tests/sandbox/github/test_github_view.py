"""The pages for people, and the search through everything the stand-in holds."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.github.conftest import Hub

HOME = "/repos/acme/conduct"
PAGE = "/acme/conduct/issues/1"


def test_an_issue_is_shown_as_a_person_sees_it(hub: Hub) -> None:
    value = [{"field_id": hub.field_ids()["Impact"], "value": "2"}]
    hub.open(
        body="Works on **BLUE**.\n<!-- marker -->", labels=["coc"], issue_field_values=value, type="Task"
    )
    child = hub.open(title="Listen")
    hub.call("writer", "POST", f"{HOME}/issues/1/sub_issues", json={"sub_issue_id": child["id"]})
    hub.call("writer", "PATCH", f"{HOME}/issues/2", json={"state": "closed"})
    hub.call(
        "writer", "POST", f"{HOME}/issues/1/comments", json={"body": "Entry 1\n\n```text\nAGE & <b>\n```\n"}
    )
    page = hub.call(None, "GET", f"{PAGE}?as=owner")
    assert page.status_code == 200
    for shown in ("BLUE-JAY-27", "<b>BLUE</b>", "Impact", "Task", "Listen", "1 of 1 done", "Entry 1"):
        assert shown in page.text
    assert "<pre>AGE &amp; &lt;b&gt;</pre>" in page.text
    assert "marker" not in page.text
    assert "BLUE-JAY-27" in hub.call(None, "GET", "/acme/conduct/issues?as=reader").text


@pytest.mark.parametrize("query", ["", "?as=outsider", "?as=nobody", "?as=member"])
def test_outsiders_get_the_page_of_nothing(hub: Hub, query: str) -> None:
    hub.open()
    page = hub.call(None, "GET", PAGE + query)
    assert page.status_code == 404
    assert "BLUE-JAY-27" not in page.text
    assert "acme/conduct" not in page.text
    assert page.text == hub.call(None, "GET", f"/acme/conduct/issues/999{query}").text


@pytest.mark.parametrize("place", ["title", "body", "comment", "label"])
def test_everything_is_escaped_and_no_script_runs(hub: Hub, place: str) -> None:
    nasty = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    hub.open(title=nasty if place == "title" else "x", body=nasty if place == "body" else "x")
    if place == "comment":
        hub.call(
            "writer",
            "POST",
            f"{HOME}/issues/1/comments",
            json={"body": f"{nasty}\n\n```\n{nasty}\n```\n**{nasty}**"},
        )
    if place == "label":
        hub.call("writer", "PUT", f"{HOME}/issues/1/labels", json={"labels": [nasty[:50]]})
    page = hub.call(None, "GET", f"{PAGE}?as=owner")
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_pages_are_no_api_calls(hub: Hub) -> None:
    hub.open()
    before = hub.com.wire.calls
    hub.call(None, "GET", f"{PAGE}?as=owner")
    assert hub.com.wire.calls == before


def test_the_search_sees_old_versions_and_what_was_refused(hub: Hub) -> None:
    words = [f"canary-é-{secrets.token_hex(8)}" for _ in range(6)]
    hub.open(title=words[0], body=words[1], labels=[words[2]])
    comment = hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": words[3]}).json()["id"]
    hub.call("writer", "PATCH", f"{HOME}/issues/comments/{comment}", json={"body": "other"})
    hub.call("writer", "PATCH", f"{HOME}/issues/1", json={"title": "other", "body": "other"})
    hub.call("outsider", "POST", f"{HOME}/issues", json={"title": words[4]})
    hub.graphql("writer", "query($id: ID!) { node(id: $id) { id } }", id=words[5])
    everything = hub.com.text_of_everything()
    assert [word for word in words if word.encode() not in everything] == []
    hub.com.wire.journal.clear()
    held = hub.com.text_of_everything()
    assert [word.encode() in held for word in words] == [True, True, True, True, False, False]
    assert b"no-such-canary" not in everything


def test_a_pinned_issue_stands_above_the_others_three_at_most(hub: Hub) -> None:
    pin = "mutation($issue: ID!) { pinIssue(input: {issueId: $issue}) { issue { isPinned } } }"
    unpin = "mutation($issue: ID!) { unpinIssue(input: {issueId: $issue}) { issue { isPinned } } }"
    listing = '{ repository(owner: "acme", name: "conduct") { pinnedIssues(first: 3) { nodes { issue { number } } } } }'
    nodes = [hub.open(title=f"Board {number}")["node_id"] for number in range(4)]

    assert "FORBIDDEN" == hub.graphql("reader", pin, issue=nodes[0])["errors"][0]["type"]
    for node in (*nodes[:3], nodes[0]):
        assert hub.graphql("writer", pin, issue=node)["data"]["pinIssue"]["issue"]["isPinned"]
    assert "Maximum 3" in hub.graphql("writer", pin, issue=nodes[3])["errors"][0]["message"]
    hub.graphql("writer", unpin, issue=nodes[0])
    found = hub.graphql("reader", listing)["data"]["repository"]["pinnedIssues"]["nodes"]

    assert [2, 3] == [one["issue"]["number"] for one in found]
    page = hub.call(None, "GET", "/acme/conduct/issues?as=reader").text
    assert page.index("Pinned") < page.index("Board 1") < page.index("Board 3")


def test_tables_and_headings_are_shown_and_escaped(hub: Hub) -> None:
    hub.open(body="## Figures\n\n| a | b |\n| --- | --- |\n| <b> | x \\| y |\n")

    page = hub.call(None, "GET", f"{PAGE}?as=writer").text

    assert "<h3>Figures</h3>" in page
    assert "<tr><th>a</th><th>b</th></tr><tr><td>&lt;b&gt;</td><td>x | y</td></tr>" in page
