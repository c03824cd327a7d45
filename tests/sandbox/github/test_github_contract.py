"""The GraphQL contract finds planted mistakes, in documents, variables and replies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.wire import Exchange

if TYPE_CHECKING:
    from sandbox.contract_graphql import GraphQLContract

QUERY = """query($id: ID!, $labels: Boolean = false) {
  again: node(id: $id) { __typename id ... on Issue { ...more subIssues(first: 2) { nodes { number } totalCount } } }
}
fragment more on Issue { title createdAt state parent { number } labels(first: 1) @include(if: $labels) { totalCount } }"""
GIVEN = {"id": "I_1"}
ISSUE: dict[str, Any] = {
    "__typename": "Issue",
    "id": "I_1",
    "title": "BLUE-JAY-27",
    "createdAt": "2026-11-22T14:00:00Z",
    "state": "OPEN",
    "parent": None,
    "subIssues": {"nodes": [{"number": 2}, None], "totalCount": 2},
}


def exchange(
    query: str = QUERY, variables: object = None, reply: object = None, status: int = 200
) -> Exchange:
    sent = {"query": query, "variables": GIVEN if variables is None else variables}
    answer = {"data": {"again": ISSUE}} if reply is None else reply
    return Exchange(
        0,
        "POST",
        "/graphql",
        "",
        {},
        json.dumps(sent).encode(),
        status,
        {},
        json.dumps(answer).encode(),
        committed=True,
    )


def test_a_right_exchange_has_no_problem(github_graphql_contract: GraphQLContract) -> None:
    assert github_graphql_contract.check(exchange()) == []


def test_a_part_that_is_asked_for_by_a_variable_is_expected(github_graphql_contract: GraphQLContract) -> None:
    (problem,) = github_graphql_contract.check(exchange(variables={"id": "I_1", "labels": True}))
    assert problem == "GraphQL reply: again.labels is missing"


def test_what_the_stored_schema_lacks_is_known_by_the_overlay(
    github_graphql_contract: GraphQLContract,
) -> None:
    query = """mutation($id: ID!, $field: ID!) {
      createIssue(input: {repositoryId: $id, title: "x", issueFields: [{fieldId: $field, textValue: "y"}]}) { issue { id } }
    }"""
    reply = {"data": {"createIssue": {"issue": {"id": "I_1"}}}}
    sent = exchange(query, {"id": "R_1", "field": "IF_1"}, reply)
    assert github_graphql_contract.check(sent) == []


def test_other_calls_are_not_judged(github_graphql_contract: GraphQLContract) -> None:
    rest = Exchange(0, "GET", "/user", "", {}, b"", 200, {}, b"{}", committed=True)
    assert github_graphql_contract.check(rest) == []


@pytest.mark.parametrize(
    ("query", "variables", "complaint"),
    [
        ("{ viewer { login } ", {}, "no document"),
        ("{ viewer { loginn } }", {}, "loginn"),
        ('mutation { addComment(input: {subjectId: "I_1"}) { clientMutationId } }', {}, "body"),
        (
            'mutation { createIssue(input: {repositoryId: "R", title: "x", labels: ["y"]}) { issue { id } } }',
            {},
            "labels",
        ),
        (QUERY, {}, "$id"),
        (QUERY, {"id": ["I_1"]}, "ID"),
        (QUERY, {"id": "I_1", "more": 1}, "$more is not declared"),
        ("query a { viewer { login } } query b { viewer { login } }", {}, "which operation"),
    ],
)
def test_mistakes_of_ours_are_found(
    github_graphql_contract: GraphQLContract, query: str, variables: dict[str, object], complaint: str
) -> None:
    problems = github_graphql_contract.check(
        exchange(query, variables, {"data": None, "errors": [{"message": "x"}]})
    )
    assert any(complaint in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"title": None}, "again.title is null"),
        ({"title": 5}, "again.title is no String"),
        ({"state": "open"}, "again.state is no IssueState"),
        ({"createdAt": "yesterday"}, "again.createdAt is no DateTime"),
        ({"createdAt": "2026-11-22T14:00:00"}, "again.createdAt is no DateTime"),
        ({"more": 1}, "again.more was not asked for"),
        ({"__typename": "User"}, "again"),
        ({"__typename": "Case"}, "is of a type that Node does not have"),
        ({"subIssues": {"nodes": {}, "totalCount": 2}}, "again.subIssues.nodes should be a list"),
        ({"subIssues": {"nodes": [{}], "totalCount": 2}}, "again.subIssues.nodes.0.number is missing"),
        ({"subIssues": {"nodes": [], "totalCount": 2**31}}, "again.subIssues.totalCount is no Int"),
        ({"subIssues": []}, "again.subIssues should be an object"),
    ],
)
def test_mistakes_of_the_stand_in_are_found(
    github_graphql_contract: GraphQLContract, change: dict[str, object], complaint: str
) -> None:
    problems = github_graphql_contract.check(exchange(reply={"data": {"again": {**ISSUE, **change}}}))
    assert any(complaint in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        ({}, "neither data nor errors"),
        ({"data": {}}, "again is missing"),
        ({"data": {"again": None}, "errors": [{"type": "NOT_FOUND"}]}, "an error has no message"),
        ({"data": {"again": None}, "status": 200}, "'status' is not part of a reply"),
    ],
)
def test_a_reply_is_data_or_errors(
    github_graphql_contract: GraphQLContract, reply: dict[str, object], complaint: str
) -> None:
    problems = github_graphql_contract.check(exchange(reply=reply))
    assert any(complaint in problem for problem in problems), problems


def test_a_reply_that_is_not_json_is_found(github_graphql_contract: GraphQLContract) -> None:
    whole = exchange()
    cut = Exchange(0, "POST", "/graphql", "", {}, whole.request_body, 200, {}, b'{"data"', committed=True)
    assert github_graphql_contract.check(cut) == ["GraphQL reply: the body is not JSON"]
