"""The unmodified ``jira`` library does its usual things on the stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jira import JIRAError

if TYPE_CHECKING:
    from tests.sandbox.conftest import Office


def test_it_recognises_a_cloud_site(office: Office) -> None:
    assert office.library("mirror")._is_cloud
    assert office.library("mirror").myself()["accountId"] == "acc-mirror"


def test_it_creates_and_reads_an_issue_with_custom_fields(office: Office) -> None:
    fields = office.project.fields
    given = office.ticket(
        labels=["coc"],
        security={"id": office.project.security_level_id},
        duedate="2026-12-01",
        description=office.code("sealed"),
        **{fields["type"]: {"value": "Conduct Enforcement"}, fields["risk"]: 6},
    )["fields"]
    issue = office.library("mirror").create_issue(fields=given)
    assert issue.key == "COC-1"
    assert issue.raw["fields"]["security"]["name"] == "CoC team only"
    assert issue.raw["fields"][fields["type"]]["value"] == "Conduct Enforcement"
    assert issue.raw["fields"][fields["risk"]] == 6.0
    assert issue.raw["fields"][fields["lead"]] is None
    assert issue.raw["fields"]["description"] == office.code("sealed")
    assert issue.fields.status.name == "To Do"


def test_it_creates_subtasks_in_bulk_and_hears_which_failed(office: Office) -> None:
    parent = office.open()
    steps = [office.step(parent, summary)["fields"] for summary in ("Safety", "", "Listen")]
    made = office.library("mirror").create_issues(field_list=steps, prefetch=False)
    assert [one["status"] for one in made] == ["Success", "Error", "Success"]
    shown = office.library("ada").issue("COC-1")
    assert [one.fields.summary for one in shown.fields.subtasks] == ["Safety", "Listen"]


def test_it_comments_and_edits_its_comment(office: Office) -> None:
    issue = office.open()
    library = office.library("mirror")
    limit = {"type": "role", "value": "CoC team"}
    comment = library.add_comment(issue, office.code("one"), visibility=limit)
    assert comment.raw["visibility"]["value"] == "CoC team"
    comment.update(body=office.code("two"))
    again = library.comments(issue)
    assert [one.raw["body"] for one in again] == [office.code("two")]
    assert again[0].raw["visibility"]["value"] == "CoC team"
    comment.delete()
    assert library.comments(issue) == []


def test_it_searches_page_by_page(office: Office) -> None:
    for number in range(7):
        office.open(summary=f"TICKET-{number}", labels=["even" if number % 2 == 0 else "odd"])
    library = office.library("ada")
    found = library.search_issues("project = COC ORDER BY key ASC", maxResults=3)
    assert [one.key for one in found] == ["COC-1", "COC-2", "COC-3"]
    everything = library.search_issues('project = COC AND labels = "even"', maxResults=0)
    assert sorted(one.key for one in everything) == ["COC-1", "COC-3", "COC-5", "COC-7"]


def test_it_moves_an_issue_and_sets_a_property(office: Office) -> None:
    issue = office.open()
    library = office.library("ada")
    office.call("ada", "POST", f"issue/{issue}/transitions", json={"transition": {"id": "31"}})
    library.add_issue_property(issue, "coc.incident", {"incident": "inc_1"})
    shown = library.issue(issue, fields="status,resolution", properties="coc.incident")
    assert shown.fields.status.statusCategory.key == "done"
    assert shown.raw["fields"]["resolution"]["name"] == "Done"
    assert shown.raw["properties"] == {"coc.incident": {"incident": "inc_1"}}


def test_it_moves_an_issue_by_the_transitions_name_or_number(office: Office) -> None:
    issue = office.open()
    office.library("ada").transition_issue(issue, "In Progress")
    assert office.library("ada").issue(issue).fields.status.name == "In Progress"
    office.library("ada").transition_issue(issue, "31")
    assert office.library("ada").issue(issue).fields.status.name == "Done"
    # The library sends the number as a number; Jira takes it, its description does not.
    office.excuse("/transition/id: 31 is not of type 'string'")


def test_it_reads_who_may_read(office: Office) -> None:
    library = office.library("mirror")
    grants = library.project_permissionscheme("COC").raw["permissions"]
    browse = [one["holder"] for one in grants if one["permission"] == "BROWSE_PROJECTS"]
    role = office.project.roles["CoC team"]
    assert browse == [{"type": "projectRole", "parameter": role, "value": role, "expand": "projectRole"}]
    actors = library.project_role("COC", role).raw["actors"]
    assert [one["actorUser"]["accountId"] for one in actors] == ["acc-ada", "acc-ben", "acc-mirror"]
    held = library.my_permissions(projectKey="COC", permissions="BROWSE_PROJECTS,ADMINISTER")["permissions"]
    assert [key for key, one in held.items() if one["havePermission"]] == ["BROWSE_PROJECTS"]
    assert list(held) == ["BROWSE_PROJECTS", "ADMINISTER"]


def test_it_sees_its_own_error_for_an_issue_that_is_not_there(office: Office) -> None:
    with pytest.raises(JIRAError) as caught:
        office.library("olga").issue(office.open())
    assert caught.value.status_code == 404


@pytest.mark.parametrize("version", ["2", "3", "latest"])
def test_the_old_search_is_gone(office: Office, version: str) -> None:
    answer = office.call("ada", "GET", f"../{version}/search?jql=project=COC")
    assert answer.status_code == 410
    # The description still knows the old search of version 3, and nothing of the other versions.
    office.excuse("does not have the status 410" if version == "3" else "has no such path")


def test_bulk_reading_leaves_out_what_is_not_there(office: Office) -> None:
    issue = office.open()
    body = {"issueIdsOrKeys": [issue, "COC-99"], "fields": ["summary"], "properties": ["*all"]}
    mine = office.call("ada", "POST", "issue/bulkfetch", json=body).json()
    assert [one["fields"] for one in mine["issues"]] == [{"summary": "BLUE-JAY-27"}]
    assert office.call("olga", "POST", "issue/bulkfetch", json=body).json()["issues"] == []


def test_create_metadata_name_the_fields_on_the_screen(office: Office) -> None:
    types = office.call("mirror", "GET", "issue/createmeta/COC/issuetypes").json()["issueTypes"]
    assert [(one["name"], one["subtask"]) for one in types] == [("Incident", False), ("Step", True)]
    parent, step = (
        {
            one["fieldId"]: one
            for one in office.call("mirror", "GET", f"issue/createmeta/COC/issuetypes/{kind['id']}").json()[
                "fields"
            ]
        }
        for kind in types
    )
    assert set(office.project.fields.values()) <= set(parent)
    assert "security" not in step
    allowed = parent[office.project.fields["impact"]]["allowedValues"]
    assert [one["value"] for one in allowed] == ["1", "2", "3"]
    assert [one["name"] for one in parent["security"]["allowedValues"]] == ["CoC team only"]
