"""The contract checker: it takes what the vendors themselves show, and catches planted mistakes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.contract import OpenApiContract
from sandbox.wire import Exchange

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "x"}]}],
}
CREATED = {"id": "10000", "key": "COC-1", "self": "https://acme.example/rest/api/3/issue/10000"}
COMMENT = {
    "self": "https://acme.example/c/1",
    "id": "1",
    "body": DOCUMENT,
    "created": "2026-11-22T14:00:00.000+0000",
}
LABEL = {
    "id": 1,
    "node_id": "L1",
    "url": "https://api.github.example/l/1",
    "name": "coc",
    "description": None,
    "color": "ededed",
    "default": False,
}


def exchange(
    method: str, path: str, sent: object = None, status: int = 200, reply: object = None, query: str = ""
) -> Exchange:
    return Exchange(
        number=0,
        method=method,
        path=path,
        query=query,
        request_headers={"content-type": "application/json"},
        request_body=b"" if sent is None else json.dumps(sent).encode(),
        status=status,
        response_headers={"Content-Type": "application/json"},
        response_body=b"" if reply is None else json.dumps(reply).encode(),
        committed=True,
    )


def create(sent: object, status: int = 201, reply: object = CREATED) -> Exchange:
    return exchange("POST", "/rest/api/3/issue", sent, status, reply)


def comment(sent: object, reply: object = COMMENT) -> Exchange:
    return exchange("POST", "/rest/api/3/issue/1/comment", sent, 201, reply)


def test_a_right_create_has_no_problem(jira_contract: OpenApiContract) -> None:
    sent = {
        "fields": {"summary": "x", "customfield_10050": {"value": "1"}, "description": DOCUMENT},
        "properties": [{"key": "coc.incident", "value": {"anything": ["goes"]}}],
    }
    assert jira_contract.check(create(sent)) == []


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        (create({"fields": {}, "propertys": []}), "'propertys' was unexpected"),
        (create({"properties": [{"key": "k", "value": 1, "name": "n"}]}), "'name' was unexpected"),
        (create({"fields": {}}, reply={**CREATED, "url": "x"}), "'url' was unexpected"),
        (create({"fields": {}}, reply={**CREATED, "id": 10000}), "10000 is not of type 'string'"),
        (create({"fields": []}), "is not of type 'object'"),
        (create({"fields": {}}, status=418, reply={}), "does not have the status 418"),
        (create({"fields": {}}, status=500, reply={}), "does not have the status 500"),
        (create({"fields": {"description": "plain"}}), "/fields/description: in API version 3"),
        (create({"fields": {"customfield_1": {**DOCUMENT, "version": 2}}}), "a document has version 1"),
        (comment({"body": "plain"}), "/body: in API version 3 this must be an Atlassian document"),
        (comment({"body": DOCUMENT, "id": "7"}), "'id' was unexpected"),
        (comment({"body": DOCUMENT, "visibility": {"type": "everyone"}}), "'everyone' is not one of"),
        (comment({"body": DOCUMENT}, {**COMMENT, "created": "today"}), "'today' is not a 'date-time'"),
        (exchange("GET", "/rest/api/3/issue/1", {"a": 1}, 404), "a body is sent"),
        (exchange("GET", "/rest/api/3/issue/1", status=404, query="field=x"), "'field' is not in the"),
        (exchange("GET", "/rest/api/3/issue/1/comment", status=404, query="startAt=one"), "'startAt'"),
        (exchange("GET", "/rest/api/3/issue/1/comment", status=404, query="orderBy=size"), "'orderBy'"),
        (exchange("GET", "/rest/api/3/issues/1", status=404), "has no such path"),
        (exchange("PATCH", "/rest/api/3/issue/1", status=404), "does not have this method"),
        (exchange("DELETE", "/rest/api/3/issue/1", status=204, reply={}), "has no body"),
        (
            exchange("GET", "/rest/api/3/search/jql", reply={"issues": [], "total": 3}),
            "'total' was unexpected",
        ),
    ],
)
def test_planted_mistakes_are_found(
    jira_contract: OpenApiContract, planted: Exchange, complaint: str
) -> None:
    problems = jira_contract.check(planted)
    assert [complaint in problem for problem in problems] == [True], problems


def test_a_missing_body_and_a_body_that_is_not_json_are_found(jira_contract: OpenApiContract) -> None:
    assert "the body is missing" in jira_contract.check(create(None))[0]
    broken = create({})
    broken = Exchange(**{**_parts(broken), "request_body": b"{"})
    assert "request is not JSON" in jira_contract.check(broken)[0]


def test_another_kind_of_body_is_found(jira_contract: OpenApiContract) -> None:
    sent = Exchange(**{**_parts(create({"fields": {}})), "request_headers": {"content-type": "text/plain"}})
    assert "wants application/json" in jira_contract.check(sent)[0]


def test_lists_of_numbers_in_a_query_are_checked_one_by_one(jira_contract: OpenApiContract) -> None:
    path, reply = "/rest/api/3/search/jql", {"issues": [], "isLast": True}
    fine = exchange("GET", path, reply=reply, query="jql=project%3DCOC&reconcileIssues=1&reconcileIssues=2")
    assert jira_contract.check(fine) == []
    wrong = exchange("GET", path, reply=reply, query="jql=project%3DCOC&reconcileIssues=COC-1")
    assert "'reconcileIssues'" in jira_contract.check(wrong)[0]


def test_being_slowed_down_is_in_order_everywhere(jira_contract: OpenApiContract) -> None:
    assert jira_contract.check(create({"fields": {}}, status=429, reply={"errorMessages": ["slow"]})) == []


@pytest.mark.parametrize(
    ("sent", "fine"),
    [
        (["coc", "impact: 2"], True),
        ({"labels": ["coc"]}, True),
        ([1], False),
        ({"labels": ["coc"], "lables": []}, False),
    ],
)
def test_githubs_bare_label_lists_are_taken_and_nothing_else(
    github_contract: OpenApiContract, sent: object, *, fine: bool
) -> None:
    found = github_contract.check(exchange("POST", "/repos/acme/conduct/issues/1/labels", sent, 200, [LABEL]))
    assert (found == []) is fine, found


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ([{**LABEL, "colour": "red"}], "'colour' was unexpected"),
        ([{**LABEL, "name": 7}], "7 is not of type 'string'"),
    ],
)
def test_mistakes_in_githubs_replies_are_found(
    github_contract: OpenApiContract, planted: object, complaint: str
) -> None:
    problems = github_contract.check(
        exchange("GET", "/repos/acme/conduct/issues/1/labels", None, 200, planted)
    )
    assert [complaint in problem for problem in problems] == [True], problems


def test_what_github_calls_nullable_may_be_null(github_contract: OpenApiContract) -> None:
    path = "/repos/acme/conduct/issues/1/labels"
    assert github_contract.check(exchange("GET", path, None, 200, [{**LABEL, "description": None}])) == []
    wrong = github_contract.check(exchange("GET", path, None, 200, [{**LABEL, "name": None}]))
    assert "None is not of type 'string'" in wrong[0]


def test_a_base_path_is_taken_off_first(reference: Path) -> None:
    moved = OpenApiContract(reference / "contracts" / "jira-cloud-v3.openapi.json", base_path="/gateway")
    sent = create({"fields": {}})
    assert "does not begin with /gateway" in moved.check(sent)[0]
    assert moved.check(Exchange(**{**_parts(sent), "path": "/gateway/rest/api/3/issue"})) == []


CHECKED_EXAMPLES = [
    ("GET", "/rest/api/3/issue/createmeta/{projectIdOrKey}/issuetypes"),
    ("GET", "/rest/api/3/issue/{issueIdOrKey}/comment"),
    ("GET", "/rest/api/3/issue/{issueIdOrKey}/properties"),
    ("GET", "/rest/api/3/issue/{issueIdOrKey}/transitions"),
    ("GET", "/rest/api/3/issuesecurityschemes/level/member"),
    ("GET", "/rest/api/3/mypermissions"),
    ("GET", "/rest/api/3/myself"),
    ("GET", "/rest/api/3/project/{projectKeyOrId}/issuesecuritylevelscheme"),
    ("GET", "/rest/api/3/project/{projectKeyOrId}/permissionscheme"),
    ("GET", "/rest/api/3/project/{projectKeyOrId}/securitylevel"),
    ("GET", "/rest/api/3/user/viewissue/search"),
    ("POST", "/rest/api/3/issue"),
    ("POST", "/rest/api/3/issue/bulk"),
]


@pytest.mark.parametrize(("method", "template"), CHECKED_EXAMPLES)
def test_atlassians_own_examples_pass(jira_contract: OpenApiContract, method: str, template: str) -> None:
    operation: dict[str, Any] = jira_contract._document["paths"][template][method.lower()]
    path = template.replace("{", "").replace("}", "")
    status, reply = next((int(s), r) for s, r in operation["responses"].items() if s.startswith("2"))
    body: dict[str, Any] = {"fields": {}} if path.endswith("/issue") else {"issueUpdates": []}
    sent = body if method == "POST" else None
    shown = reply["content"]["application/json"]["example"]
    assert jira_contract.check(exchange(method, path, sent, status, shown)) == []


def _parts(one: Exchange) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Exchange.__dataclass_fields__}
