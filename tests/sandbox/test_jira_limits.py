"""What the stand-in refuses because of what was sent: fields, sizes, documents, rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.sandbox.conftest import Office

PARAGRAPH = {"type": "paragraph", "content": [{"type": "text", "text": "x"}]}


def errors(office: Office, **fields: object) -> dict[str, str]:
    answer = office.call("mirror", "POST", "issue", json=office.ticket(**fields))
    assert answer.status_code == 400, answer.text
    found: dict[str, str] = answer.json()["errors"]
    return found


def test_a_field_that_is_not_on_the_screen_is_refused_by_name(office: Office) -> None:
    found = errors(office, customfield_99999=1, environment=None)
    assert found == {
        key: f"Field '{key}' cannot be set. It is not on the appropriate screen, or unknown."
        for key in ("customfield_99999", "environment")
    }
    assert office.cloud.site.issues == {}


def test_a_field_of_another_projects_context_is_refused(office: Office) -> None:
    office.cloud.site.fields[office.project.fields["risk"]].contexts[0].projects = ["OTHER"]
    assert (
        "not on the appropriate screen"
        in errors(office, **{office.project.fields["risk"]: 1})[office.project.fields["risk"]]
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("impact", {"value": "9"}),
        ("impact", {"id": "1"}),
        ("impact", "2"),
        ("risk", "6"),
        ("risk", True),
    ],
)
def test_wrong_values_of_custom_fields_are_refused(office: Office, field: str, value: object) -> None:
    name = office.project.fields[field]
    assert set(errors(office, **{name: value})) == {name}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("summary", " "),
        ("summary", "two\nlines"),
        ("summary", "x" * 256),
        ("labels", ["two words"]),
        ("labels", ["x" * 256]),
        ("labels", "coc"),
        ("duedate", "tomorrow"),
        ("security", {"id": "1"}),
        ("parent", {"id": "1"}),
    ],
)
def test_wrong_values_of_jiras_own_fields_are_refused(office: Office, field: str, value: object) -> None:
    assert set(errors(office, **{field: value})) == {field}


def test_an_error_may_repeat_what_was_sent_as_the_real_one_does(office: Office) -> None:
    assert "my label" in errors(office, labels=["my label"])["labels"]


def test_a_plain_text_is_not_a_document(office: Office) -> None:
    assert "Atlassian Document" in errors(office, description="plain")["description"]
    refused = office.call("mirror", "POST", f"issue/{office.open()}/comment", json={"body": "plain"})
    assert refused.json()["errors"] == {"comment": "Comment body is not valid!"}
    office.excuse("must be an Atlassian document", "must be an Atlassian document")


@pytest.mark.parametrize(
    "document",
    [
        {"type": "doc", "version": 2, "content": []},
        {"type": "doc", "version": 1},
        {"type": "doc", "version": 1, "content": [{"type": "text", "text": "x"}]},
        {"type": "doc", "version": 1, "content": [{"type": "marquee"}]},
        {"type": "doc", "version": 1, "content": [{"type": "codeBlock", "content": [PARAGRAPH]}]},
        {
            "type": "doc",
            "version": 1,
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}],
        },
        {"type": "doc", "version": 1, "content": [{"type": "heading", "content": []}]},
        {"type": "doc", "version": 1, "content": [PARAGRAPH], "comment": "x"},
    ],
)
def test_a_wrong_document_is_invalid_input(office: Office, document: dict[str, Any]) -> None:
    issue = office.open()
    refused = office.call("mirror", "POST", f"issue/{issue}/comment", json={"body": document})
    assert (refused.status_code, refused.json()["errorMessages"]) == (400, ["INVALID_INPUT"])
    office.excuse("/body: ")


def test_a_comment_holds_32767_characters_and_not_one_more(office: Office) -> None:
    issue = office.open()
    assert office.say("mirror", issue, "x" * 32_767).status_code == 201
    refused = office.say("mirror", issue, "x" * 32_768)
    assert (refused.status_code, refused.json()["errorMessages"]) == (400, ["CONTENT_LIMIT_EXCEEDED"])
    assert office.call("mirror", "GET", f"issue/{issue}/comment").json()["total"] == 1


def test_a_property_holds_32768_characters_and_not_one_more(office: Office) -> None:
    issue = office.open()
    put = {
        size: office.call("mirror", "PUT", f"issue/{issue}/properties/k", json="x" * size)
        for size in (32_766, 32_767)
    }
    assert {size: answer.status_code for size, answer in put.items()} == {32_766: 201, 32_767: 400}
    assert office.call("mirror", "PUT", f"issue/{issue}/properties/{'k' * 256}", json=1).status_code == 400


def test_bulk_takes_fifty(office: Office) -> None:
    parent = office.open()
    steps = [office.step(parent, f"step {n}") for n in range(51)]
    assert office.call("mirror", "POST", "issue/bulk", json={"issueUpdates": steps}).status_code == 400
    assert len(office.cloud.site.issues) == 1
    answer = office.call("mirror", "POST", "issue/bulk", json={"issueUpdates": steps[:50]})
    assert (answer.status_code, len(answer.json()["issues"])) == (201, 50)


def test_bulk_makes_what_can_be_made_and_numbers_the_rest(office: Office) -> None:
    parent = office.open()
    steps = [office.step(parent), office.step(parent, labels=["a b"]), office.step("99"), office.step(parent)]
    answer = office.call("mirror", "POST", "issue/bulk", json={"issueUpdates": steps})
    assert answer.status_code == 201
    assert [one["key"] for one in answer.json()["issues"]] == ["COC-2", "COC-3"]
    failed = {
        one["failedElementNumber"]: list(one["elementErrors"]["errors"]) for one in answer.json()["errors"]
    }
    assert failed == {1: ["labels"], 2: ["parent"]}


def test_bulk_is_400_if_nothing_can_be_made(office: Office) -> None:
    answer = office.call("mirror", "POST", "issue/bulk", json={"issueUpdates": [office.step("99")]})
    assert (answer.status_code, answer.json()["issues"]) == (400, [])


def test_a_subtask_needs_a_parent_and_cannot_be_one(office: Office) -> None:
    parent = office.open()
    orphan = office.step(parent)
    del orphan["fields"]["parent"]
    assert list(office.call("ada", "POST", "issue", json=orphan).json()["errors"]) == ["parent"]
    step = office.call("ada", "POST", "issue", json=office.step(parent)).json()["id"]
    assert list(office.call("ada", "POST", "issue", json=office.step(step)).json()["errors"]) == ["parent"]


def test_a_parent_with_subtasks_is_not_deleted_by_accident(office: Office) -> None:
    parent = office.open()
    office.call("ada", "POST", "issue", json=office.step(parent))
    assert office.call("ada", "DELETE", f"issue/{parent}").status_code == 400
    assert office.call("ada", "DELETE", f"issue/{parent}?deleteSubtasks=true").status_code == 204
    assert office.cloud.site.issues == {}


def test_twenty_writes_to_one_issue_in_two_seconds_and_a_hundred_in_thirty(
    office: Office, clock: SetClock
) -> None:
    issue = office.open()  # the first write
    assert {office.say("mirror", issue).status_code for _ in range(19)} == {201}
    refused = office.say("mirror", issue)
    assert refused.status_code == 429
    assert refused.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert refused.headers["Retry-After"] == "2"
    assert office.say("mirror", office.open()).status_code == 201
    for _ in range(4):
        clock.forward(seconds=2)
        assert {office.say("mirror", issue).status_code for _ in range(20)} == {201}
    clock.forward(seconds=2)
    refused = office.say("mirror", issue)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "20")
    office.cloud.write_limits = False
    assert office.say("mirror", issue).status_code == 201


def test_a_body_that_is_not_json_is_refused(office: Office) -> None:
    for path in ("issue", "issue/bulk", f"issue/{office.open()}/comment"):
        refused = office.call("mirror", "POST", path, data=b"{", headers={"Content-Type": "application/json"})
        assert refused.status_code == 400
    office.excuse(*["request is not JSON"] * 3)


def test_an_edit_changes_all_or_nothing(office: Office) -> None:
    issue = office.open(labels=["kept", "dropped"])
    risk = office.project.fields["risk"]
    wrong = {"fields": {"summary": "new", risk: "no"}, "properties": [{"key": "k", "value": 1}]}
    assert office.call("ada", "PUT", f"issue/{issue}", json=wrong).status_code == 400
    assert office.cloud.site.issues[issue].values["summary"] == "BLUE-JAY-27"
    assert office.cloud.site.issues[issue].properties == {}
    right = {
        "fields": {"summary": "new", risk: 4},
        "update": {"labels": [{"add": "added"}, {"remove": "dropped"}]},
        "properties": [{"key": "k", "value": 1}],
    }
    assert office.call("ada", "PUT", f"issue/{issue}", json=right).status_code == 204
    shown = office.call("ada", "GET", f"issue/{issue}?properties=*all").json()
    assert shown["fields"]["labels"] == ["added", "kept"]
    assert (shown["fields"]["summary"], shown["fields"][risk], shown["properties"]) == ("new", 4.0, {"k": 1})


def test_a_field_cannot_be_in_fields_and_update_at_once(office: Office) -> None:
    twice = {"fields": {"labels": []}, "update": {"labels": [{"add": "x"}]}}
    assert office.call("ada", "PUT", f"issue/{office.open()}", json=twice).json()["errors"].keys() == {
        "labels"
    }


def test_comment_properties_come_only_when_asked_for(office: Office) -> None:
    issue = office.open()
    comment = office.say("mirror", issue, properties=[{"key": "coc.diary", "value": {"seq": 1}}]).json()
    assert "properties" not in comment
    shown = office.call("ada", "GET", f"issue/{issue}/comment?expand=properties").json()["comments"]
    assert shown[0]["properties"] == [{"key": "coc.diary", "value": {"seq": 1}}]
    path = f"comment/{comment['id']}/properties"
    assert office.call("ada", "GET", f"{path}/coc.diary").json()["value"] == {"seq": 1}
    assert [one["key"] for one in office.call("ada", "GET", path).json()["keys"]] == ["coc.diary"]


def test_comments_come_in_pages(office: Office) -> None:
    issue = office.open()
    for text in "abc":
        office.say("mirror", issue, text)
    page = office.call("ada", "GET", f"issue/{issue}/comment?startAt=1&maxResults=1").json()
    assert (page["total"], [one["body"] for one in page["comments"]]) == (3, [office.code("b")])
    newest = office.call("ada", "GET", f"issue/{issue}/comment?orderBy=-created&maxResults=1").json()
    assert [one["body"] for one in newest["comments"]] == [office.code("c")]
