"""Who may do what on the stand-in: every rule of access, by REST and by GraphQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import github
import pytest
import requests

if TYPE_CHECKING:
    from tests.sandbox.github.conftest import Hub

HOME = "/repos/acme/conduct"
ISSUE = f"{HOME}/issues/1"


@pytest.mark.parametrize("who", ["outsider", "member", "invited", None])
@pytest.mark.parametrize(
    "path", ["", "/issues", "/issues/1", "/issues/1/comments", "/labels", "/collaborators"]
)
def test_a_private_repository_does_not_exist_for_outsiders(hub: Hub, who: str | None, path: str) -> None:
    hub.open()
    assert hub.call(who, "GET", HOME + path).status_code == 404
    assert hub.call(who, "POST", f"{HOME}/issues", json={"title": "hello"}).status_code == 404
    assert list(hub.com.repo("acme/conduct").issues) == [1]


@pytest.mark.parametrize("who", ["owner", "writer", "triager", "reader", "teamster"])
def test_owners_teams_and_collaborators_see_it(hub: Hub, who: str) -> None:
    hub.open()
    assert hub.call(who, "GET", ISSUE).json()["title"] == "BLUE-JAY-27"


def test_a_public_repository_is_for_everybody(hub: Hub) -> None:
    hub.open("outsider", "acme/public")
    assert hub.call(None, "GET", "/repos/acme/public/issues/1").status_code == 200
    assert hub.call(None, "POST", "/repos/acme/public/issues", json={"title": "x"}).status_code == 401


def test_an_internal_repository_is_for_members_of_the_organization(hub: Hub) -> None:
    hub.com.add_repo("acme", "inner", visibility="internal")
    assert hub.call("member", "GET", "/repos/acme/inner").json()["visibility"] == "internal"
    assert hub.call("outsider", "GET", "/repos/acme/inner").status_code == 404


def test_a_persons_own_repository_is_theirs_alone(hub: Hub) -> None:
    hub.com.add_repo("writer", "notes")
    assert hub.call("writer", "GET", "/repos/writer/notes").json()["permissions"]["admin"] is True
    assert hub.call("owner", "GET", "/repos/writer/notes").status_code == 404


@pytest.mark.parametrize(("method", "path"), [("GET", "/user"), ("GET", HOME), ("POST", "/graphql")])
def test_a_wrong_token_is_refused_everywhere(hub: Hub, method: str, path: str) -> None:
    sent = {"query": "{ viewer { login } }"} if method == "POST" else None
    answer = hub.call("nobody", method, path, json=sent)
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_without_a_token_there_is_no_self_and_no_graphql(hub: Hub) -> None:
    assert hub.call(None, "GET", "/user").status_code == 401
    assert hub.call(None, "POST", "/graphql", json={"query": "{ viewer { login } }"}).status_code == 401


ACTIONS: list[tuple[str, str, dict[str, Any] | None, dict[str, int]]] = [
    ("POST", f"{HOME}/issues", {"title": "Another"}, {"reader": 201, "triager": 201, "writer": 201}),
    ("POST", f"{ISSUE}/comments", {"body": "hello"}, {"reader": 201, "triager": 201, "writer": 201}),
    ("PATCH", ISSUE, {"state": "closed"}, {"reader": 403, "triager": 200, "writer": 200}),
    ("PUT", f"{ISSUE}/labels", {"labels": ["x"]}, {"reader": 403, "triager": 200, "writer": 200}),
    (
        "POST",
        f"{HOME}/labels",
        {"name": "x", "color": "ffffff"},
        {"reader": 403, "triager": 403, "writer": 201},
    ),
    ("PUT", f"{ISSUE}/lock", {"lock_reason": "resolved"}, {"reader": 403, "triager": 403, "writer": 204}),
    (
        "PUT",
        f"{ISSUE}/issue-field-values",
        {"issue_field_values": []},
        {"reader": 403, "triager": 403, "writer": 200},
    ),
    ("GET", f"{HOME}/collaborators", None, {"reader": 403, "triager": 403, "writer": 200, "owner": 200}),
    ("GET", f"{HOME}/invitations", None, {"reader": 403, "writer": 403, "owner": 200}),
    ("GET", "/orgs/acme/issue-fields", None, {"outsider": 404, "reader": 404, "member": 200, "owner": 200}),
]


@pytest.mark.parametrize(("method", "path", "sent", "statuses"), ACTIONS)
def test_each_action_needs_its_level(
    hub: Hub, method: str, path: str, sent: dict[str, Any] | None, statuses: dict[str, int]
) -> None:
    hub.open("owner")
    got = {who: hub.call(who, method, path, json=sent).status_code for who in statuses}
    assert got == statuses


def test_sub_issues_need_triage(hub: Hub) -> None:
    parent, child = hub.open(), hub.open()
    path = f"{HOME}/issues/{parent['number']}/sub_issues"
    assert hub.call("reader", "POST", path, json={"sub_issue_id": child["id"]}).status_code == 403
    assert hub.call("triager", "POST", path, json={"sub_issue_id": child["id"]}).status_code == 201


def test_a_reader_changes_their_own_issue_and_comment_only(hub: Hub) -> None:
    hub.open("reader")
    assert hub.call("reader", "PATCH", ISSUE, json={"title": "Mine"}).json()["title"] == "Mine"
    own = hub.call("reader", "POST", f"{ISSUE}/comments", json={"body": "mine"}).json()["id"]
    other = hub.call("writer", "POST", f"{ISSUE}/comments", json={"body": "yours"}).json()["id"]
    comments = f"{HOME}/issues/comments"
    assert hub.call("reader", "PATCH", f"{comments}/{own}", json={"body": "changed"}).status_code == 200
    assert hub.call("reader", "PATCH", f"{comments}/{other}", json={"body": "changed"}).status_code == 403
    assert hub.call("reader", "DELETE", f"{comments}/{other}").status_code == 403


def test_what_a_reader_may_not_set_is_dropped_without_a_word(hub: Hub) -> None:
    wanted: dict[str, Any] = {
        "labels": ["coc"],
        "type": "Task",
        "issue_field_values": [{"field_id": hub.field_ids()["Lead"], "value": "wren"}],
    }
    dropped, kept = hub.open("reader", **wanted), hub.open("writer", **wanted)
    assert (dropped["labels"], dropped["type"], dropped["issue_field_values"]) == ([], None, [])
    assert ([one["name"] for one in kept["labels"]], kept["type"]["name"]) == (["coc"], "Task")
    assert [(one["issue_field_name"], one["value"]) for one in kept["issue_field_values"]] == [
        ("Lead", "wren")
    ]


def test_field_values_are_dropped_where_the_repository_has_no_fields(hub: Hub) -> None:
    values = [{"field_id": hub.field_ids()["Risk"], "value": 4}]
    made = hub.open("writer", "acme/plain", issue_field_values=values, type="No such type")
    assert (made["issue_field_values"], made["type"]) == ([], None)
    changed = hub.call("writer", "PATCH", "/repos/acme/plain/issues/1", json={"issue_field_values": values})
    assert changed.json()["issue_field_values"] == []
    assert hub.call("writer", "GET", "/repos/acme/plain/issues/1/issue-field-values").status_code == 404


def test_a_fine_grained_token_is_less_than_its_person(hub: Hub) -> None:
    hub.com.add_token(
        "owner", "token-of-narrow", repositories=["acme/conduct"], permissions={"issues": "read"}
    )
    hub.open()
    assert hub.call("narrow", "GET", ISSUE).status_code == 200
    assert hub.call("narrow", "GET", "/repos/acme/plain").status_code == 404
    refused = hub.call("narrow", "POST", f"{ISSUE}/comments", json={"body": "hello"})
    assert refused.status_code == 403
    assert refused.json()["message"] == "Resource not accessible by personal access token"


def test_an_apps_token_has_the_permissions_it_asked_for(hub: Hub, app_key: str) -> None:
    hub.open()
    token = _app_token(hub, app_key, permissions={"issues": "read"}, repositories=["conduct"])
    hub.com.state.tokens["token-of-app"] = hub.com.state.tokens[token]
    assert hub.call("app", "GET", ISSUE).status_code == 200
    refused = hub.call("app", "POST", f"{ISSUE}/comments", json={"body": "hello"})
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert hub.call("app", "GET", "/repos/acme/plain").status_code == 404
    assert hub.call("app", "GET", "/orgs/acme/members").status_code == 403
    assert hub.call("app", "GET", f"{HOME}/collaborators").status_code == 200
    assert hub.call("app", "POST", "/repos/acme/public/issues", json={"title": "x"}).status_code == 403
    seen = hub.call("app", "GET", "/installation/repositories").json()["repositories"]
    assert [repo["name"] for repo in seen] == ["conduct"]


@pytest.mark.parametrize(
    "asked",
    [
        {"repositories": ["public"]},
        {"repositories": ["no-such"]},
        {"repository_ids": [7]},
        {"permissions": {"administration": "write"}},
        {"permissions": {"members": "write"}},
    ],
)
def test_an_app_gets_no_more_than_its_installation_has(hub: Hub, app_key: str, asked: dict[str, Any]) -> None:
    answer = _ask_for_token(hub, app_key, **asked)
    assert answer.status_code == 422


def _ask_for_token(hub: Hub, app_key: str, **asked: object) -> requests.Response:
    signed = github.Auth.AppAuth(31, app_key).create_jwt()
    return requests.post(
        f"{hub.url}/app/installations/{hub.installation}/access_tokens",
        json=asked,
        headers={"Authorization": f"Bearer {signed}"},
        timeout=10,
    )


def _app_token(hub: Hub, app_key: str, **asked: object) -> str:
    answer = _ask_for_token(hub, app_key, **asked)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


# By GraphQL


def test_graphql_hides_what_rest_hides(hub: Hub) -> None:
    made = hub.open()
    query = 'query($id: ID!) { repository(owner: "acme", name: "conduct") { id } node(id: $id) { id } }'
    answer = hub.graphql("outsider", query, id=made["node_id"])
    assert answer["data"] == {"repository": None, "node": None}
    assert [error["type"] for error in answer["errors"]] == ["NOT_FOUND", "NOT_FOUND"]
    assert [error["path"] for error in answer["errors"]] == [["repository"], ["node"]]
    assert hub.graphql("owner", query, id=made["node_id"])["data"]["node"] == {"id": made["node_id"]}


def test_graphql_forbids_what_rest_forbids(hub: Hub) -> None:
    made = hub.open()
    close = "mutation($id: ID!) { closeIssue(input: {issueId: $id}) { issue { closed } } }"
    answer = hub.graphql("reader", close, id=made["node_id"])
    assert answer["data"] == {"closeIssue": None}
    assert answer["errors"][0]["type"] == "FORBIDDEN"
    assert hub.graphql("triager", close, id=made["node_id"])["data"]["closeIssue"]["issue"] == {
        "closed": True
    }


def test_a_child_in_a_hidden_repository_is_not_shown(hub: Hub) -> None:
    hub.com.add_repo("acme", "secret", collaborators={"writer": "push"})
    parent, child = hub.open(), hub.open(repo="acme/secret")
    hub.call("writer", "POST", f"{ISSUE}/sub_issues", json={"sub_issue_id": child["id"]})
    query = "query($id: ID!) { node(id: $id) { ... on Issue { subIssues(first: 5) { nodes { title } } } } }"
    assert len(hub.graphql("writer", query, id=parent["node_id"])["data"]["node"]["subIssues"]["nodes"]) == 1
    assert hub.graphql("reader", query, id=parent["node_id"])["data"]["node"]["subIssues"]["nodes"] == []
    assert hub.call("reader", "GET", f"{ISSUE}/sub_issues").json() == []


def test_an_archived_repository_takes_nothing(hub: Hub) -> None:
    hub.com.add_repo("acme", "old", collaborators={"writer": "push"}, archived=True)
    refused = hub.call("writer", "POST", "/repos/acme/old/issues", json={"title": "x"})
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Repository was archived so is read-only.",
    )


def test_an_app_in_all_repositories_is_in_those_of_its_organization_only(hub: Hub, app_key: str) -> None:
    hub.com.add_org("wide", owners=["owner"])
    hub.com.add_repo("wide", "conduct")
    number = hub.com.add_app(
        app_id=32, slug="wide-app", key_pem=app_key, org="wide", permissions={"issues": "write"}
    )
    signed = github.Auth.AppAuth(32, app_key).create_jwt()
    answer = requests.post(
        f"{hub.url}/app/installations/{number}/access_tokens",
        headers={"Authorization": f"Bearer {signed}"},
        timeout=10,
    )
    assert answer.json()["repository_selection"] == "all"
    hub.com.state.tokens["token-of-wide"] = hub.com.state.tokens[answer.json()["token"]]
    assert hub.call("wide", "GET", "/repos/wide/conduct").status_code == 200
    assert hub.call("wide", "GET", HOME).status_code == 404
    assert hub.call("wide", "GET", "/orgs/acme/issue-fields").status_code == 404
