"""A plain comment is sealed before it is deleted, what was tampered with is put right, and the readers are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostGone, HostRefused
from tests.e2e.jira_events.conftest import DONE, JiraOffice
from tests.e2e.office import MOST_REQUESTS, OF_A_COMMENT, is_sealed_once_and_never_lost

if TYPE_CHECKING:
    from sandbox.contract import OpenApiContract
    from sandbox.rehearsal import Server


def test_a_plain_comment_is_sealed_and_deleted_and_its_author_is_told(office: JiraOffice) -> None:
    office.say("Noah called me. He is afraid.", who="charlie")

    assert office.told() <= OF_A_COMMENT

    assert [] == office.plain()
    (note,) = office.diary()
    assert "The account acc-charlie wrote this as a plain comment" in note
    assert "  Noah called me. He is afraid." in note
    assert "exposed" == office.found()
    assert [("acc-charlie", office.incident.code_name)] == office.untold()


def test_a_long_comment_that_is_more_than_text_is_sealed_with_all_its_marks(office: JiraOffice) -> None:
    lines = [
        {
            "type": "paragraph",
            "content": [
                {"type": "text", "text": f"It was Ada {number}", "marks": [{"type": "strike"}]},
                {"type": "text", "text": " It was Bob"},
            ],
        }
        for number in range(400)
    ]
    body = {"type": "doc", "version": 1, "content": lines}
    office.ask("POST", f"{office.ref.id}/comment", body=body)

    office.told()

    assert [] == office.plain()
    (note,) = office.diary()
    assert "  ~~It was Ada 399~~ It was Bob" in note
    assert body == json.loads(note.strip().split("\n")[-1])


def test_it_is_deleted_only_after_the_sealed_one_was_read_back(office: JiraOffice) -> None:
    words = office.say("Words")
    before = len(office.server.wire("jira").journal)

    office.told()

    asked = [f"{one.method} {one.path}" for one in office.server.wire("jira").journal[before:]]
    ticket = f"/rest/api/3/issue/{office.ref.id}"
    assert [
        f"GET {ticket}",
        f"POST {ticket}/comment",
        f"GET {ticket}",
        f"GET {ticket}/comment/{words}",
        f"DELETE {ticket}/comment/{words}",
    ] == asked


def test_a_diary_comment_with_words_added_is_sealed_and_written_again(office: JiraOffice) -> None:
    comment = office.issue.comments[0]
    body = {**comment.body, "content": [*comment.body["content"], {"type": "paragraph", "content": [{"type": "text", "text": "By the way"}]}]}  # fmt: skip
    office.ask("PUT", f"{office.ref.id}/comment/{comment.id}", body=body)

    office.told()

    assert comment.id not in {one.id for one in office.issue.comments}
    (note,) = office.diary()
    assert "  By the way" in note
    assert "comments,exposed" == office.found()


def test_a_comment_on_a_step_is_sealed_and_deleted(office: JiraOffice) -> None:
    step = office.steps[3]
    office.say("About this step", on=step)

    office.told()

    assert [] == step.comments
    assert any("  About this step" in note for note in office.diary())


@pytest.mark.parametrize("after", [False, True], ids=["before-the-request", "after-the-answer"])
def test_killed_at_every_call_a_plain_comment_is_sealed_once_and_never_lost(
    office: JiraOffice, *, after: bool
) -> None:
    is_sealed_once_and_never_lost(office, after=after)


def test_one_that_may_not_be_deleted_stays_and_is_said(
    office: JiraOffice, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = server.world.jira.site.projects["COC"]
    monkeypatch.setattr(
        project, "grants", [one for one in project.grants if one.permission != "DELETE_ALL_COMMENTS"]
    )
    office.say("Words")

    assert [HostRefused.code] == office.attempt()
    server.clock.forward(minutes=20)
    assert [HostRefused.code] == office.attempt()

    assert 1 == len(office.plain())
    assert 1 == len(office.diary())
    monkeypatch.undo()
    server.clock.forward(minutes=20)
    assert ["done"] == office.attempt()
    assert [] == office.plain()


# What was tampered with -----------------------------------------------------------------------------


def test_a_diary_comment_that_was_deleted_is_written_again_and_told(office: JiraOffice) -> None:
    office.ask("DELETE", f"{office.ref.id}/comment/{office.issue.comments[1].id}")

    assert office.told() <= MOST_REQUESTS

    assert [] == office.diary()  # it verifies, and there is no note
    assert "comments" == office.found()


def test_title_and_marker_are_restored(office: JiraOffice) -> None:
    office.ask("PUT", office.ref.id, fields={"summary": "Olivia again", "labels": []})

    assert office.told() <= MOST_REQUESTS

    assert office.incident.code_name == office.issue.values["summary"]
    assert "coc" in office.issue.values["labels"]
    assert "fields" == office.found()


def test_a_lost_security_level_is_restored_and_told(office: JiraOffice) -> None:
    office.ask("PUT", office.ref.id, fields={"security": None})

    office.told()

    assert office.issue.level is not None
    assert "fields,restriction" == office.found()


def test_a_ticket_that_was_moved_is_not_written_to(office: JiraOffice, server: Server) -> None:
    server.world.jira.restricted_project(
        "PUB", team=["acc-robert"], service="acc-coc-service", lead_account="acc-robert", aliases=["robert"],
        team_role="Others", level="Others",
    )  # fmt: skip
    server.deliver(office.hook)
    before_move = office.issue.project, office.issue.type_id
    office.issue.project = "PUB"
    office.issue.type_id = server.world.jira.site.projects["PUB"].types[0].id
    office.set_hint()
    before = len(server.wire("jira").writes())

    assert [HostGone.code] == office.attempt()

    assert before == len(server.wire("jira").writes())
    office.issue.project, office.issue.type_id = before_move
    server.clock.forward(minutes=20)
    assert ["done"] == office.attempt()


def test_all_that_is_asked_of_jira_keeps_to_its_description(
    office: JiraOffice, server: Server, jira_contract: OpenApiContract
) -> None:
    problems: list[str] = []
    server.wire("jira").observer = lambda exchange: problems.extend(jira_contract.check(exchange))
    try:
        office.set(impact="2", likelihood="3")
        office.say("Words")
        office.told()
        office.move(office.steps[0], DONE, "Won't do")
        office.told()
        office.move(office.issue, DONE)
        office.told()
    finally:
        server.wire("jira").observer = None

    assert [] == problems
    assert 1 == len(office.plain())  # the word of ours
