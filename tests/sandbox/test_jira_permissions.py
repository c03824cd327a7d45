"""Who may do what: each permission rule of Jira's that the product relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.jira_cloud import Holder
from sandbox.jira_state import Grant, Level

if TYPE_CHECKING:
    from sandbox.jira_state import HolderType
    from tests.sandbox.conftest import Office

READS = [
    "project/COC",
    "issue/COC-1",
    "issue/COC-1/comment",
    "issue/COC-1/properties",
    "issue/COC-1/transitions",
]


def status(office: Office, who: str | None, method: str, path: str, **more: object) -> int:
    return office.call(who, method, path, **more).status_code


@pytest.mark.parametrize("path", READS)
def test_an_outsider_and_nobody_get_404_for_everything(office: Office, path: str) -> None:
    office.open()
    assert {who: status(office, who, "GET", path) for who in ("ada", "mirror", "olga", None)} == {
        "ada": 200,
        "mirror": 200,
        "olga": 404,
        None: 404,
    }


def test_a_wrong_token_gets_401_in_jiras_shape(office: Office) -> None:
    office.cloud.site.users["acc-ada"].token = "renewed"
    answer = office.call("ada", "GET", "myself")
    assert answer.status_code == 401
    assert set(answer.json()) == {"errorMessages", "errors"}
    assert answer.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"


def test_writing_without_credentials_is_401(office: Office) -> None:
    assert status(office, None, "POST", "issue", json=office.ticket()) == 401
    assert status(office, None, "POST", "issue/bulk", json={"issueUpdates": [office.ticket()]}) == 401


def test_a_site_admin_outside_the_level_sees_the_scheme_but_no_issue(office: Office) -> None:
    office.open()
    assert status(office, "sam", "GET", "project/COC") == 200
    assert status(office, "sam", "GET", "project/COC/permissionscheme?expand=permissions") == 200
    members = office.call("sam", "GET", "issuesecurityschemes/level/member").json()["values"]
    assert [one["holder"]["type"] for one in members] == ["projectRole"]
    assert status(office, "sam", "GET", "issue/COC-1") == 404
    assert office.call("sam", "GET", "search/jql?jql=project=COC").json()["issues"] == []


def test_a_site_admin_who_browses_still_does_not_see_into_the_level(office: Office) -> None:
    secret = office.open()
    role = office.cloud.add_role("Onlookers")
    project = office.cloud.site.projects["COC"]
    project.actors[role.id] = ["acc-sam"]
    project.grants.append(Grant(99, "BROWSE_PROJECTS", Holder("projectRole", "Onlookers")))
    assert status(office, "sam", "GET", f"issue/{secret}") == 404
    project.default_level = None
    assert status(office, "sam", "GET", f"issue/{office.open()}") == 200


def test_members_read_but_only_administrators_read_schemes_and_roles(office: Office) -> None:
    role = office.project.roles["CoC team"]
    paths = {
        "project/COC/permissionscheme": 403,
        "project/COC/issuesecuritylevelscheme": 403,
        "project/COC/role": 404,
        f"project/COC/role/{role}": 404,
    }
    assert {path: status(office, "ada", "GET", path) for path in paths} == paths
    assert {status(office, "mirror", "GET", path) for path in paths} == {200}
    assert status(office, "mirror", "GET", "issuesecurityschemes/level/member") == 403


def test_a_project_without_a_security_scheme_says_404(office: Office) -> None:
    office.cloud.add_project(
        "OPEN", name="Open", lead_account="acc-ada", roles={}, browse=[Holder("user", "acc-sam")]
    )
    assert status(office, "sam", "GET", "project/OPEN/issuesecuritylevelscheme") == 404


@pytest.mark.parametrize(
    ("holder", "anonymous", "logged_in"),
    [
        (Holder("anyone"), 200, 200),
        (Holder("applicationRole"), 404, 200),
        (Holder("reporter"), 404, 200),
        (Holder("assignee"), 404, 200),
        (Holder("userCustomField", "customfield_1"), 404, 200),
        (Holder("sd.customer.portal.only"), 404, 404),
        (Holder("user", "acc-olga"), 404, 200),
        (Holder("group", "everybody"), 404, 200),
        (Holder("projectRole", "Guests"), 404, 200),
        (Holder("projectLead"), 404, 404),
    ],
)
def test_what_each_holder_opens(office: Office, holder: Holder, anonymous: int, logged_in: int) -> None:
    office.cloud.add_group("everybody", ["acc-olga"])
    office.cloud.add_project(
        "DOOR", name="Door", lead_account="acc-ada", roles={"Guests": ["group:everybody"]}, browse=[holder]
    )
    assert status(office, None, "GET", "project/DOOR") == anonymous
    assert status(office, "olga", "GET", "project/DOOR") == logged_in


def test_the_reporter_grant_shows_an_issue_to_its_reporter_only(office: Office) -> None:
    everybody = [Holder("applicationRole")]
    office.cloud.add_project(
        "DESK",
        name="Desk",
        lead_account="acc-ada",
        roles={},
        browse=[Holder("reporter")],
        grants={"CREATE_ISSUES": everybody},
    )
    kind = office.cloud.site.projects["DESK"].types[0].id
    fields = {"project": {"key": "DESK"}, "issuetype": {"id": kind}, "summary": "mine"}
    made = office.call("olga", "POST", "issue", json={"fields": fields}).json()["id"]
    assert status(office, "olga", "GET", f"issue/{made}") == 200
    assert status(office, "ben", "GET", f"issue/{made}") == 404


@pytest.mark.parametrize("kind", ["assignee", "userCustomField", "groupCustomField"])
def test_a_grant_to_somebody_on_each_issue_shows_the_project_to_all_but_no_issue(
    office: Office, kind: HolderType
) -> None:
    project = office.cloud.site.projects["COC"]
    project.default_level = None
    issue = office.open()
    project.grants.append(Grant(99, "BROWSE_PROJECTS", Holder(kind)))
    assert status(office, "olga", "GET", "project/COC") == 200
    assert status(office, "olga", "GET", f"issue/{issue}") == 404


def test_own_comments_are_edited_and_deleted_by_their_author_only(office: Office) -> None:
    project = office.cloud.site.projects["COC"]
    project.grants = [one for one in project.grants if "ALL_COMMENTS" not in one.permission]
    issue = office.open()
    path = f"issue/{issue}/comment/{office.say('ada', issue).json()['id']}"
    body = {"body": office.code("new")}
    assert status(office, "ben", "PUT", path, json=body) == 400
    assert status(office, "ben", "DELETE", path) == 400
    assert status(office, "ada", "PUT", path, json=body) == 200
    assert status(office, "ada", "DELETE", path) == 204


@pytest.mark.parametrize(
    ("permission", "method", "path", "body", "refused"),
    [
        ("CREATE_ISSUES", "POST", "issue", "ticket", 403),
        ("EDIT_ISSUES", "PUT", "issue/COC-1", {"fields": {"summary": "x"}}, 400),
        ("EDIT_ISSUES", "PUT", "issue/COC-1/properties/k", {"v": 1}, 403),
        ("ADD_COMMENTS", "POST", "issue/COC-1/comment", "comment", 400),
        ("TRANSITION_ISSUES", "POST", "issue/COC-1/transitions", {"transition": {"id": "31"}}, 400),
        ("DELETE_ISSUES", "DELETE", "issue/COC-1", None, 403),
    ],
)
def test_each_write_needs_its_permission(
    office: Office, permission: str, method: str, path: str, body: object, refused: int
) -> None:
    office.open()
    if body == "ticket":
        body = office.ticket()
    if body == "comment":
        body = {"body": {"type": "doc", "version": 1, "content": [{"type": "rule"}]}}
    project = office.cloud.site.projects["COC"]
    grants, project.grants = project.grants, [one for one in project.grants if one.permission != permission]
    assert status(office, "ada", method, path, json=body) == refused
    project.grants = grants
    assert status(office, "ada", method, path, json=body) < 300


def test_a_level_is_set_only_by_somebody_who_may_and_who_is_in_it(office: Office) -> None:
    site, project = office.cloud.site, office.cloud.site.projects["COC"]
    level = Level(site.new_id(), "Lead only", [Holder("user", "acc-ada")])
    project.levels.append(level)
    wanted = office.ticket(security={"id": level.id})
    assert office.call("ben", "POST", "issue", json=wanted).json()["errors"].keys() == {"security"}
    assert status(office, "ada", "POST", "issue", json=wanted) == 201
    assert status(office, "ben", "GET", "issue/COC-1") == 404
    project.grants = [one for one in project.grants if one.permission != "SET_ISSUE_SECURITY"]
    refused = office.call("ada", "POST", "issue", json=wanted)
    assert "It is not on the appropriate screen" in refused.json()["errors"]["security"]
    assert office.call("ada", "GET", "project/COC/securitylevel").json() == {"levels": []}


def test_subtasks_are_as_secret_as_their_parent(office: Office) -> None:
    parent = office.open()
    step = office.call("ada", "POST", "issue", json=office.step(parent)).json()["id"]
    shown = office.call("ada", "GET", f"issue/{step}?fields=security,parent").json()["fields"]
    assert shown["security"]["id"] == office.project.security_level_id
    assert shown["parent"]["id"] == parent
    office.cloud.site.projects["COC"].levels[0].holders[:] = [Holder("user", "acc-ada")]
    assert status(office, "ben", "GET", f"issue/{step}") == 404


def test_a_comment_limited_to_a_role_is_not_there_for_others(office: Office) -> None:
    issue = office.open()
    limit = {"type": "role", "value": "CoC service"}
    comment = office.say("mirror", issue, visibility=limit).json()
    assert status(office, "ada", "GET", f"issue/{issue}/comment/{comment['id']}") == 404
    assert office.call("ada", "GET", f"issue/{issue}/comment").json()["total"] == 0
    assert office.call("ada", "GET", f"issue/{issue}").json()["fields"]["comment"]["comments"] == []
    assert office.call("mirror", "GET", f"issue/{issue}/comment").json()["total"] == 1


def test_a_comment_cannot_be_limited_to_a_role_one_is_not_in(office: Office) -> None:
    refused = office.say("ada", office.open(), visibility={"type": "role", "value": "CoC service"})
    assert refused.status_code == 400
    assert "not a member of the project role" in refused.json()["errors"]["commentLevel"]


def test_only_people_who_can_see_an_issue_are_its_viewers(office: Office) -> None:
    issue = office.open()
    seen = office.call("mirror", "GET", f"user/viewissue/search?issueKey={issue}&query=").json()
    assert [one["accountId"] for one in seen] == ["acc-ada", "acc-ben", "acc-mirror"]
    assert status(office, "olga", "GET", f"user/viewissue/search?issueKey={issue}&query=") == 404


def test_nobody_looks_for_issues_in_a_project_that_is_not_there_for_them(office: Office) -> None:
    office.open()
    refused = office.call("olga", "GET", "search/jql?jql=project=COC")
    assert (refused.status_code, list(refused.json())) == (400, ["errorMessages", "errors"])
    assert office.call("olga", "GET", 'search/jql?jql=labels!="x"').json()["issues"] == []


def test_custom_fields_of_a_hidden_project_are_hidden(office: Office) -> None:
    names = {who: {one["name"] for one in office.call(who, "GET", "field").json()} for who in ("ada", "olga")}
    assert names["ada"] - names["olga"] == {
        "Incident type",
        "Impact",
        "Likelihood",
        "Risk",
        "Lead",
        "Secondary",
        "Stage",
    }
