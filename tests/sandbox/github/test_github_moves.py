"""Issues that are moved or deleted and repositories that get another name: GitHub's redirects, and their traps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from github.GithubException import GithubException

if TYPE_CHECKING:
    from tests.sandbox.github.conftest import Hub

HOME = "/repos/acme/conduct"


def test_a_transferred_issue_redirects(hub: Hub) -> None:
    hub.open(labels=["coc"])
    hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "sealed"})
    hub.com.transfer_issue("acme/conduct", 1, to="acme/public")
    answer = hub.call("writer", "GET", f"{HOME}/issues/1")
    assert answer.status_code == 301
    number = hub.com.repo("acme/public").id
    assert answer.headers["Location"] == f"{hub.url}/repositories/{number}/issues/1"
    there = hub.call("writer", "GET", f"/repositories/{number}/issues/1/comments").json()
    assert [comment["body"] for comment in there] == ["sealed"]
    assert hub.open()["number"] == 2


def test_the_library_follows_and_would_write_elsewhere(hub: Hub) -> None:
    hub.open()
    hub.com.transfer_issue("acme/conduct", 1, to="acme/public")
    issue = hub.conduct("writer").get_issue(1)
    assert issue.repository_url == f"{hub.url}/repos/acme/public"
    issue.create_comment("in the open")
    assert [one.body for one in hub.com.repo("acme/public").issues[1].comments] == ["in the open"]


def test_writing_to_a_transferred_issue_redirects_with_307(hub: Hub) -> None:
    hub.open()
    hub.com.transfer_issue("acme/conduct", 1, to="acme/public")
    answer = hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "sealed"})
    assert answer.status_code == 307
    assert answer.headers["Location"].endswith("/issues/1/comments")
    assert hub.com.repo("acme/public").issues[1].comments == []


def test_a_redirect_into_a_hidden_repository_is_404(hub: Hub) -> None:
    hub.com.add_repo("acme", "secret")
    hub.open()
    hub.com.transfer_issue("acme/conduct", 1, to="acme/secret")
    assert hub.call("writer", "GET", f"{HOME}/issues/1").status_code == 404
    assert hub.call("owner", "GET", f"{HOME}/issues/1").status_code == 301


def test_the_old_node_id_of_a_transferred_issue_is_gone(hub: Hub) -> None:
    made = hub.open()
    moved = hub.com.transfer_issue("acme/conduct", 1, to="acme/public")
    query = "query($id: ID!) { node(id: $id) { id } }"
    assert hub.graphql("writer", query, id=made["node_id"])["errors"][0]["type"] == "NOT_FOUND"
    assert hub.graphql("writer", query, id=moved.node_id)["data"]["node"] == {"id": moved.node_id}


def test_a_renamed_repository_redirects_readers(hub: Hub) -> None:
    hub.open()
    repo = hub.com.repo("acme/conduct")
    hub.com.rename_repo("acme/conduct", "harmony")
    answer = hub.call("writer", "GET", f"{HOME}/issues/1")
    assert (answer.status_code, answer.headers["Location"]) == (
        301,
        f"{hub.url}/repositories/{repo.id}/issues/1",
    )
    assert hub.library("writer").get_repo("acme/conduct").full_name == "acme/harmony"
    assert hub.call("outsider", "GET", HOME).status_code == 404


def test_a_post_to_a_renamed_repository_makes_nothing_and_the_library_is_silent(hub: Hub) -> None:
    repo = hub.conduct("writer")
    hub.com.rename_repo("acme/conduct", "harmony")
    made: Any = repo.create_issue("BLUE-JAY-27")
    assert made.number is None
    assert hub.com.repo("acme/harmony").issues == {}


def test_graphql_follows_a_new_name_unless_told_not_to(hub: Hub) -> None:
    hub.com.rename_repo("acme/conduct", "harmony")
    query = 'query($follow: Boolean) { repository(owner: "acme", name: "conduct", followRenames: $follow) { nameWithOwner } }'
    assert hub.graphql("writer", query, follow=True)["data"]["repository"] == {
        "nameWithOwner": "acme/harmony"
    }
    assert hub.graphql("writer", query, follow=False)["errors"][0]["type"] == "NOT_FOUND"


def test_a_deleted_issue_is_gone_and_its_children_stay(hub: Hub) -> None:
    parent, child = hub.open(), hub.open()
    hub.call("writer", "POST", f"{HOME}/issues/1/sub_issues", json={"sub_issue_id": child["id"]})
    hub.graphql(
        "owner",
        "mutation($id: ID!) { deleteIssue(input: {issueId: $id}) { clientMutationId } }",
        id=parent["node_id"],
    )
    repo = hub.conduct("writer")
    with pytest.raises(GithubException) as gone:
        repo.get_issue(1)
    assert gone.value.status == 410
    assert repo.get_issue(2).parent_issue_url is None
    assert [issue.number for issue in repo.get_issues(state="all")] == [2]


def test_a_repository_without_issues_says_so(hub: Hub) -> None:
    hub.com.add_repo("acme", "code", collaborators={"writer": "push"}, flags={"has_issues": False})
    answer = hub.call("writer", "POST", "/repos/acme/code/issues", json={"title": "x"})
    assert (answer.status_code, answer.json()["message"]) == (
        410,
        "Issues has been disabled in this repository.",
    )
