"""What Jira drops, cuts or changes of a write is found, and what has an unknown outcome is not written again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.diary.comment import CommentId
from integration.errors import HostGone, HostNotRestricted, HostRejected, HostUnavailable, HostUnknownOutcome
from integration.jira import text
from integration.jira.host import JiraHost
from integration.mirror import Difference, TicketState
from tests.jira_host.scene import API, BULK, COMMENT, ISSUE, MADE, NOTHING, Scene, methods, sent, stored

if TYPE_CHECKING:
    import responses

    from integration.jira.space import JiraSpace


class TestWriting:
    def test_nothing_lacking_is_no_call(self, scene: Scene) -> None:
        assert scene.host.write(scene.ref, scene.view, NOTHING) == {}
        assert len(scene.jira.calls) == 0

    @pytest.mark.parametrize("project", [{"key": "OPEN"}, {}, None])
    def test_a_ticket_is_not_followed_into_another_project(self, project: object, scene: Scene) -> None:
        scene.ticket["fields"]["project"] = project
        scene.jira.get(ISSUE, json=scene.ticket)
        with pytest.raises(HostGone, match="not in the project COC any more"):
            scene.host.write(scene.ref, scene.view, replace(NOTHING, comments=(scene.seal(1),)))
        assert methods(scene.jira) == ["GET"]

    def test_a_ticket_that_lost_its_level_gets_no_diary(self, scene: Scene) -> None:
        scene.ticket["fields"]["security"] = {"id": "10031"}
        scene.jira.get(ISSUE, json=scene.ticket)
        with pytest.raises(HostNotRestricted):
            scene.host.write(scene.ref, scene.view, replace(NOTHING, comments=(scene.seal(1),)))
        assert methods(scene.jira) == ["GET"]

    def test_fields_that_do_not_stick_stop_what_comes_after(self, scene: Scene) -> None:
        scene.ticket["fields"]["customfield_10054"] = None
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.put(ISSUE, status=204)
        with pytest.raises(HostRejected) as caught:
            scene.host.write(
                scene.ref,
                scene.view,
                Difference(fields=True, steps=scene.view.steps, comments=(scene.seal(1),)),
            )
        assert caught.value.fields == ("lead",)
        assert methods(scene.jira) == ["GET", "PUT", "GET"]
        assert "notifyUsers=false" in str(scene.jira.calls[1].request.url)

    def test_a_ticket_that_is_in_another_project_when_its_fields_are_read_back_gets_no_diary(
        self, scene: Scene
    ) -> None:
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.put(ISSUE, status=204)
        moved = {**scene.ticket, "fields": {**scene.ticket["fields"], "project": {"key": "OPEN"}}}
        scene.jira.get(ISSUE, json=moved)
        scene.jira.post(COMMENT, json=stored(scene.seal(1)), status=201)
        lacking = Difference(fields=True, steps=(), comments=(scene.seal(1),))
        with pytest.raises(HostGone, match="not in the project COC any more"):
            scene.host.write(scene.ref, scene.view, lacking)
        assert methods(scene.jira) == ["GET", "PUT", "GET"]

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_trouble_with_the_read_back_of_fields_does_not_say_that_nothing_was_written(
        self, status: int, scene: Scene
    ) -> None:
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.put(ISSUE, status=204)
        scene.jira.get(ISSUE, status=status, headers={"Retry-After": "9"})
        with pytest.raises(HostUnknownOutcome) as caught:
            scene.host.write(scene.ref, scene.view, replace(NOTHING, fields=True))
        assert caught.value.after == 9.0

    @pytest.mark.parametrize(("status", "kind"), [(400, HostRejected), (500, HostUnknownOutcome)])
    def test_sub_tasks_that_failed_are_named_and_nothing_more_is_written(
        self, status: int, kind: type[Exception], canary: str, scene: Scene
    ) -> None:
        def failure(number: int) -> dict[str, Any]:
            errors = {"errorMessages": [canary], "errors": {"duedate": canary}}
            return {"failedElementNumber": number, "status": status, "elementErrors": errors}

        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(BULK, json={"issues": [MADE] * 9, "errors": [failure(1), failure(4)]}, status=201)
        with pytest.raises(kind, match="did not create 2 of 11 sub-tasks: alert, risk") as caught:
            scene.host.write(
                scene.ref,
                scene.view,
                Difference(fields=False, steps=scene.view.steps, comments=(scene.seal(1),)),
            )
        assert canary not in str(caught.value)
        assert methods(scene.jira) == ["GET", "POST"]

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"issues": [MADE]},
            {"issues": [], "errors": []},
            {"issues": [], "errors": [None]},
            {"issues": [], "errors": [{"failedElementNumber": 99}]},
        ],
    )
    def test_a_bulk_answer_that_does_not_add_up_is_an_unknown_outcome(
        self, answer: dict[str, Any], scene: Scene
    ) -> None:
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(BULK, json=answer, status=201)
        with pytest.raises(HostUnknownOutcome):
            scene.host.write(scene.ref, scene.view, replace(NOTHING, steps=scene.view.steps))

    def test_all_steps_go_in_one_call_in_order_with_their_markers(self, scene: Scene) -> None:
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(BULK, json={"issues": [MADE] * 11, "errors": []}, status=201)
        assert scene.host.write(scene.ref, scene.view, replace(NOTHING, steps=scene.view.steps)) == {}
        made = sent(scene.jira)["issueUpdates"]
        assert [one["fields"]["summary"] for one in made] == [step.title for step in scene.view.steps]
        assert [one["properties"][0]["value"]["step"] for one in made] == [
            step.key for step in scene.view.steps
        ]
        assert {one["fields"]["parent"]["id"] for one in made} == {"10100"}

    def test_a_comment_says_its_place_and_its_role(self, space: JiraSpace, scene: Scene) -> None:
        locked = JiraHost(replace(space, comment_role="Conduct team"), token="tOkEn-1f0c6d2b9a7e4f53")
        limit = {"type": "role", "value": "Conduct team"}
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(
            COMMENT, json=stored(scene.seal(2), visibility={**limit, "identifier": "10040"}), status=201
        )
        assert locked.write(scene.ref, scene.view, replace(NOTHING, comments=(scene.seal(2),))) == {
            CommentId(2, 1): "9001"
        }
        assert sent(scene.jira)["visibility"] == limit
        place = {"incident": scene.view.incident, "seq": 2, "part": 1, "schema": 1}
        assert sent(scene.jira)["properties"] == [{"key": "coc.diary", "value": place}]

    @pytest.mark.parametrize("visibility", [None, {}, {"type": "role", "value": "Users"}, {"type": "group"}])
    def test_a_comment_without_its_role_stops_the_rest(
        self, visibility: object, space: JiraSpace, scene: Scene
    ) -> None:
        locked = JiraHost(replace(space, comment_role="Conduct team"), token="tOkEn-1f0c6d2b9a7e4f53")
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(COMMENT, json=stored(scene.seal(1), visibility=visibility), status=201)
        with pytest.raises(HostNotRestricted, match="without limiting it"):
            locked.write(scene.ref, scene.view, replace(NOTHING, comments=(scene.seal(1), scene.seal(2))))
        assert methods(scene.jira) == ["GET", "POST"]

    def test_the_word_on_a_ticket_that_was_closed_too_early_is_limited_too(
        self, space: JiraSpace, scene: Scene
    ) -> None:
        locked = JiraHost(replace(space, comment_role="Conduct team"), token="tOkEn-1f0c6d2b9a7e4f53")
        scene.jira.post(f"{ISSUE}/transitions", status=204)
        scene.jira.post(COMMENT, json={"id": "9001"}, status=201)
        found = TicketState(scene.ref, fields_right=True, way_back="11")
        locked.reopen(scene.ref, scene.view, found, scene.view.steps[:1])
        assert sent(scene.jira)["visibility"] == {"type": "role", "value": "Conduct team"}

    def test_a_comment_that_jira_changed_is_not_added_again_and_again(self, scene: Scene) -> None:
        changed = {"id": "9001", "body": {"type": "doc", "content": [{"type": "paragraph"}]}}
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(COMMENT, json=changed, status=201)
        with pytest.raises(HostRejected) as caught:
            scene.host.write(scene.ref, scene.view, replace(NOTHING, comments=(scene.seal(1), scene.seal(2))))
        assert not caught.value.retry
        assert methods(scene.jira) == ["GET", "POST"]

    def test_a_comment_without_an_id_is_an_unknown_outcome(self, scene: Scene) -> None:
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(COMMENT, json={"body": text.diary_comment(scene.seal(1).text)}, status=201)
        with pytest.raises(HostUnknownOutcome):
            scene.host.write(scene.ref, scene.view, replace(NOTHING, comments=(scene.seal(1),)))

    @pytest.mark.parametrize(("parts", "slept"), [(6, 0), (7, 6)])
    def test_a_long_diary_goes_slower_than_the_limit_for_one_ticket(
        self, parts: int, slept: int, scene: Scene
    ) -> None:
        comments = tuple(scene.seal(1, part, parts) for part in range(1, parts + 1))
        scene.jira.get(ISSUE, json=scene.ticket)
        for comment in comments:
            scene.jira.post(COMMENT, json=stored(comment, str(9000 + comment.id.part)), status=201)
        assert list(scene.host.write(scene.ref, scene.view, replace(NOTHING, comments=comments))) == [
            one.id for one in comments
        ]
        assert scene.naps == [0.35] * slept


@pytest.mark.parametrize("level", [{"id": "10031"}, None, {}])
def test_a_ticket_that_lost_its_level_gets_no_file(level: object, scene: Scene) -> None:
    scene.ticket["fields"] |= {"security": level, "attachment": []}
    scene.jira.get(ISSUE, json=scene.ticket)
    scene.jira.post(f"{ISSUE}/attachments", json=[{"filename": "0002.age", "size": 1}])
    with pytest.raises(HostNotRestricted):
        scene.host.attach(scene.ref, scene.view, {"0002.age": 1}, lambda _name: b"x")
    assert methods(scene.jira) == ["GET"]


@pytest.mark.parametrize("answer", [{}, {"accountId": ""}, {"accountId": 7}])
def test_an_account_without_an_id_is_nobody(
    answer: dict[str, Any], host: JiraHost, jira: responses.RequestsMock
) -> None:
    jira.get(f"{API}/myself", json=answer)
    with pytest.raises(HostUnavailable):
        host.audience()
