"""GraphQL on the stand-in: partial success, pages, errors, and a schema that is part of GitHub's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from github.GithubException import GithubException
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
)

if TYPE_CHECKING:
    from sandbox.contract_graphql import GraphQLContract
    from tests.sandbox.github.conftest import Hub

SCHEMA = Path(__file__).parents[3] / "sandbox" / "github.graphql"


def test_what_succeeded_stays_done_when_something_else_fails(hub: Hub) -> None:
    repo = hub.conduct("writer")
    parent = repo.create_issue("BLUE-JAY-27")
    batch = """mutation($repository: ID!, $parent: ID!, $nobody: ID!) {
      one: createIssue(input: {repositoryId: $repository, parentIssueId: $parent, title: "First"}) { issue { number } }
      two: createIssue(input: {repositoryId: $repository, parentIssueId: $nobody, title: "Second"}) { issue { number } }
      three: addComment(input: {subjectId: $parent, body: " "}) { commentEdge { node { id } } }
      four: createIssue(input: {repositoryId: $repository, parentIssueId: $parent, title: "Fourth"}) { issue { number } }
    }"""
    given = {"repository": repo.node_id, "parent": parent.node_id, "nobody": "I_kwDOnobody"}
    with pytest.raises(GithubException) as caught:
        repo.requester.graphql_query(batch, given)
    assert caught.value.data["data"] == {
        "one": {"issue": {"number": 2}},
        "two": None,
        "three": None,
        "four": {"issue": {"number": 3}},
    }
    assert [(error["type"], error["path"]) for error in caught.value.data["errors"]] == [
        ("NOT_FOUND", ["two"]),
        ("UNPROCESSABLE", ["three"]),
    ]
    assert [child.title for child in parent.get_sub_issues()] == ["First", "Fourth"]


def test_a_document_that_is_not_valid_does_nothing(hub: Hub) -> None:
    with hub.wrong_on_purpose():
        for query in (
            "mutation { createIssue { issue { id } } }",
            "{ no }",
            "{",
            "",
            "fragment a on Issue { id }",
        ):
            answer = hub.graphql("writer", query)
            assert "data" not in answer
            assert answer["errors"][0]["message"]
        missing = hub.graphql("writer", "query($id: ID!) { node(id: $id) { id } }")
        assert "data" not in missing


def test_connections_come_in_pages(hub: Hub) -> None:
    parent = hub.open()
    for number in range(5):
        hub.call("writer", "POST", "/repos/acme/conduct/issues/1/comments", json={"body": f"{number}"})
    query = """query($id: ID!, $after: String) { node(id: $id) { ... on Issue {
      comments(first: 2, after: $after) { totalCount nodes { body } edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } } } }"""
    seen: list[str] = []
    after = None
    for _ in range(3):
        page = hub.graphql("writer", query, id=parent["node_id"], after=after)["data"]["node"]["comments"]
        seen += [node["body"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert page["totalCount"] == 5
    assert seen == ["0", "1", "2", "3", "4"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert page["pageInfo"]["hasPreviousPage"] is True


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        ("", "MISSING_PAGINATION_BOUNDARIES"),
        ("(first: 101)", "EXCESSIVE_PAGINATION"),
        ('(first: 5, after: "?")', "INVALID_CURSOR_ARGUMENTS"),
    ],
)
def test_pages_have_a_size_of_at_most_a_hundred(hub: Hub, size: str, kind: str) -> None:
    query = f'{{ repository(owner: "acme", name: "conduct") {{ issues{size} {{ totalCount }} }} }}'
    answer = hub.graphql("writer", query)
    assert answer["errors"][0]["type"] == kind
    assert answer["data"]["repository"] is None


def test_last_counts_from_the_end(hub: Hub) -> None:
    for title in ("First", "Second", "Third"):
        hub.open(title=title)
    query = '{ repository(owner: "acme", name: "conduct") { issues(last: 2) { nodes { title } } } }'
    nodes = hub.graphql("writer", query)["data"]["repository"]["issues"]["nodes"]
    assert [node["title"] for node in nodes] == ["Second", "Third"]


def test_issues_are_selected_and_ordered(hub: Hub) -> None:
    hub.open(title="First", labels=["coc"])
    hub.open(title="Second", labels=["coc"])
    hub.open(title="Third")
    hub.call("writer", "PATCH", "/repos/acme/conduct/issues/1", json={"state": "closed"})
    query = """query($states: [IssueState!], $labels: [String!]) { repository(owner: "acme", name: "conduct") {
      issues(first: 9, states: $states, labels: $labels, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { title } } } }"""

    def titles(**given: object) -> list[str]:
        nodes = hub.graphql("writer", query, **given)["data"]["repository"]["issues"]["nodes"]
        return [node["title"] for node in nodes]

    assert titles() == ["Third", "Second", "First"]
    assert titles(labels=["coc"]) == ["Second", "First"]
    assert titles(labels=["coc"], states=["CLOSED"]) == ["First"]


def test_the_other_mutations_do_what_rest_does(hub: Hub) -> None:
    made, other = hub.open(labels=["coc"]), hub.open()
    ids = hub.field_ids()
    org = hub.com.state.account("acme")
    impact = next(one for one in org.issue_fields if one.id == ids["Impact"])  # type: ignore[attr-defined]  # an organization
    label = made["labels"][0]["node_id"]
    comment = hub.call("writer", "POST", "/repos/acme/conduct/issues/1/comments", json={"body": "one"}).json()
    document = """mutation($id: ID!, $other: ID!, $label: ID!, $comment: ID!, $field: ID!, $option: ID!) {
      a: addSubIssue(input: {issueId: $id, subIssueId: $other}) { issue { subIssuesSummary { total } } }
      b: addLabelsToLabelable(input: {labelableId: $other, labelIds: [$label]}) { labelable { __typename } }
      c: setIssueFieldValue(input: {issueId: $id, issueFields: [{fieldId: $field, singleSelectOptionId: $option}]}) { issue { id } }
      d: updateIssueComment(input: {id: $comment, body: "two"}) { issueComment { body } }
      e: minimizeComment(input: {subjectId: $comment, classifier: RESOLVED}) { minimizedComment { isMinimized } }
      f: updateIssue(input: {id: $other, title: "Renamed"}) { issue { title } actor { login } }
      g: closeIssue(input: {issueId: $other, stateReason: NOT_PLANNED}) { issue { state stateReason } }
      h: reopenIssue(input: {issueId: $other}) { issue { state closedAt } }
      i: removeSubIssue(input: {issueId: $id, subIssueId: $other}) { subIssue { parent { id } } }
      j: removeLabelsFromLabelable(input: {labelableId: $other, labelIds: [$label]}) { clientMutationId }
      k: deleteIssueComment(input: {id: $comment}) { clientMutationId }
    }"""
    given = {
        "id": made["node_id"],
        "other": other["node_id"],
        "label": label,
        "comment": comment["node_id"],
        "field": impact.node_id,
        "option": impact.options[1].node_id,
    }
    answer: dict[str, Any] = hub.graphql("writer", document, **given)
    assert "errors" not in answer
    data = answer["data"]
    assert data["a"]["issue"]["subIssuesSummary"] == {"total": 1}
    assert data["d"]["issueComment"] == {"body": "two"}
    assert data["g"]["issue"] == {"state": "CLOSED", "stateReason": "NOT_PLANNED"}
    assert data["h"]["issue"] == {"state": "OPEN", "closedAt": None}
    assert data["i"]["subIssue"] == {"parent": None}
    issue = hub.call("writer", "GET", "/repos/acme/conduct/issues/1").json()
    assert [one["value"] for one in issue["issue_field_values"]] == ["2"]
    assert issue["comments"] == 0


def test_only_an_admin_deletes_an_issue(hub: Hub) -> None:
    made = hub.open()
    delete = "mutation($id: ID!) { deleteIssue(input: {issueId: $id}) { repository { name } } }"
    assert hub.graphql("writer", delete, id=made["node_id"])["errors"][0]["type"] == "FORBIDDEN"
    assert "errors" not in hub.graphql("owner", delete, id=made["node_id"])
    assert hub.call("writer", "GET", "/repos/acme/conduct/issues/1").status_code == 410
    assert hub.open()["number"] == 2


def test_several_nodes_are_asked_for_at_once(hub: Hub) -> None:
    made = hub.open()
    query = (
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } rateLimit { remaining } viewer { login } }"
    )
    answer = hub.graphql("reader", query, ids=[made["node_id"], "I_none"])
    assert answer["data"]["nodes"] == [{"__typename": "Issue", "id": made["node_id"]}, None]
    assert answer["errors"][0]["path"] == ["nodes", 1]
    assert answer["data"]["viewer"] == {"login": "reader"}


def test_our_schema_is_a_part_of_githubs(github_graphql_contract: GraphQLContract) -> None:
    ours, theirs = build_schema(SCHEMA.read_text()), github_graphql_contract.schema
    strange: list[str] = []
    for name, kind in ours.type_map.items():
        other: Any = theirs.type_map.get(name)
        if other is None:
            strange.append(name)
        elif isinstance(kind, GraphQLEnumType):
            strange += [f"{name}.{value}" for value in kind.values if value not in other.values]
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field, made in kind.fields.items():
                if field not in other.fields or str(other.fields[field].type) != str(made.type):
                    strange.append(f"{name}.{field}")
                for argument, given in getattr(made, "args", {}).items():
                    known = other.fields[field].args.get(argument) if field in other.fields else None
                    if known is None or str(known.type) != str(given.type):
                        strange.append(f"{name}.{field}({argument})")
    assert [one for one in strange if not one.startswith("__")] == []
