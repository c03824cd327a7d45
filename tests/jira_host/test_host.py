"""What the stand-in does not do: Jira dropping, cutting or changing what was asked of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from integration.diary.comment import CommentId
from integration.errors import (
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.jira import fields, text
from integration.jira.host import JiraHost
from integration.mirror import Difference
from integration.text import SealedText

if TYPE_CHECKING:
    import responses

    from integration.diary.comment import SealedComment
    from integration.jira.space import JiraSpace
    from integration.mirror import MirrorView, TicketRef
    from integration.ports import Host
    from tests.jira_host.conftest import Seal

API = "https://acme.atlassian.net/rest/api/3"
ISSUE = f"{API}/issue/10100"
BULK = f"{API}/issue/bulk"
COMMENT = f"{ISSUE}/comment"
SEARCH = f"{API}/search/jql"
SINCE = datetime(2026, 11, 22, tzinfo=UTC)
MADE = {"id": "10100", "key": "COC-1", "self": ISSUE}
NOTHING = Difference(fields=False, steps=(), comments=())
OURS = "coc-inc-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def ticket(view: MirrorView, space: JiraSpace) -> dict[str, Any]:
    """The ticket as Jira gives it when all is well. Tests spoil it."""
    marker = fields.ticket_marker(view.incident)
    return {
        **MADE,
        "fields": {
            **fields.ticket_fields(view, space.fields, security_level=space.security_level_id),
            "labels": ["coc", OURS, "people's own"],
            "project": {"key": "COC"},
            "subtasks": [],
        },
        "properties": {marker["key"]: marker["value"]},
    }


@dataclass
class Scene:
    """The host, a ticket as Jira gives it, and the play of Jira's answers."""

    host: JiraHost
    ref: TicketRef
    view: MirrorView
    ticket: dict[str, Any]
    seal: Seal
    naps: list[float]
    jira: responses.RequestsMock


@pytest.fixture
def scene(
    host: JiraHost,
    ref: TicketRef,
    view: MirrorView,
    ticket: dict[str, Any],
    seal: Seal,
    naps: list[float],
    jira: responses.RequestsMock,
) -> Scene:
    return Scene(host, ref, view, ticket, seal, naps, jira)


def stored(comment: SealedComment, host_id: str = "9001", **more: object) -> dict[str, Any]:
    return {"id": host_id, "body": text.diary_comment(comment.text), **more}


def page(comments: list[dict[str, Any]], total: int) -> dict[str, Any]:
    return {"comments": comments, "total": total, "startAt": 0, "maxResults": 100}


def sent(jira: responses.RequestsMock, number: int = -1) -> Any:  # noqa: ANN401 - JSON
    return json.loads(jira.calls[number].request.body or b"")


def methods(jira: responses.RequestsMock) -> list[str]:
    return [str(call.request.method) for call in jira.calls]


class TestOpening:
    def test_is_one_write(self, scene: Scene) -> None:
        scene.jira.post(f"{API}/issue", json=MADE, status=201)
        ref = scene.host.open_ticket(scene.view)
        assert (ref.name, ref.id, ref.key) == ("jira:acme.atlassian.net/10100", "10100", "COC-1")
        assert ref.url == "https://acme.atlassian.net/browse/COC-1"
        assert methods(scene.jira) == ["POST"]

    @pytest.mark.parametrize(
        "spoil",
        [
            {"customfield_10051": None},
            {"summary": "x"},
            {"labels": ["coc"]},
            {"labels": None},
            {"security": None},
        ],
    )
    def test_what_did_not_stick_is_seen_by_the_read_after_it(
        self, spoil: dict[str, Any], scene: Scene
    ) -> None:
        """An error while opening would lead to a second ticket; nothing is written before this read."""
        scene.ticket["fields"] |= spoil
        scene.jira.post(f"{API}/issue", json=MADE, status=201)
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.get(COMMENT, json=page([], 0))
        assert not scene.host.read(scene.host.open_ticket(scene.view), scene.view).fields_right

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, HostRejected),
            (403, HostRefused),
            (404, HostGone),
            (409, HostUnknownOutcome),
            (429, HostLimited),
            (500, HostUnknownOutcome),
        ],
    )
    def test_says_whether_a_ticket_may_be_there(
        self, status: int, kind: type[Exception], scene: Scene
    ) -> None:
        scene.jira.post(f"{API}/issue", status=status)
        with pytest.raises(kind):
            scene.host.open_ticket(scene.view)

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"id": 10100, "key": "COC-1"},
            {"id": "10100"},
            {"id": "../x", "key": "COC-1"},
            {"id": "10100", "key": "CANARY"},
        ],
    )
    def test_an_answer_without_a_usable_id_is_an_unknown_outcome(
        self, answer: dict[str, Any], canary: str, scene: Scene
    ) -> None:
        answer = {key: canary if value == "CANARY" else value for key, value in answer.items()}
        scene.jira.post(f"{API}/issue", json=answer, status=201)
        with pytest.raises(HostUnknownOutcome) as caught:
            scene.host.open_ticket(scene.view)
        assert canary not in str(caught.value)
        assert caught.value.__cause__ is None


class TestFinding:
    def test_only_exact_labels_count_and_the_oldest_comes_first(self, scene: Scene) -> None:
        def hit(number: int, *labels: str) -> dict[str, Any]:
            return {"id": str(number), "key": f"COC-{number}", "fields": {"labels": list(labels)}}

        first = {"issues": [hit(10200, OURS), hit(9, OURS)], "nextPageToken": "two", "isLast": False}
        second = {"issues": [hit(77, OURS.upper()), hit(10100, "coc", OURS)], "isLast": True}
        scene.jira.get(SEARCH, json=first)
        scene.jira.get(SEARCH, json=second)
        assert [ref.id for ref in scene.host.find(scene.view.incident, since=SINCE)] == [
            "9",
            "10100",
            "10200",
        ]
        assert "nextPageToken=two" in str(scene.jira.calls[1].request.url)

    def test_a_search_that_turns_in_a_circle_is_left(self, scene: Scene) -> None:
        scene.jira.get(SEARCH, json={"issues": [], "nextPageToken": "again"})
        with pytest.raises(HostUnavailable):
            scene.host.find(scene.view.incident, since=SINCE)
        assert len(scene.jira.calls) == 2

    @pytest.mark.parametrize("more", [{"isLast": False}, {"isLast": False, "nextPageToken": 7}])
    def test_a_search_that_is_not_at_its_end_and_cannot_go_on_proves_nothing(
        self, more: dict[str, Any], scene: Scene
    ) -> None:
        scene.jira.get(SEARCH, json={"issues": [], **more})
        with pytest.raises(HostUnavailable):
            scene.host.find(scene.view.incident, since=SINCE)

    @pytest.mark.parametrize("end", [{}, {"isLast": True}])
    def test_a_search_ends_where_jira_says_so_or_names_no_next_page(
        self, end: dict[str, Any], scene: Scene
    ) -> None:
        scene.jira.get(SEARCH, json={"issues": [], **end})
        assert scene.host.find(scene.view.incident, since=SINCE) == ()


class TestReading:
    def test_comments_are_read_to_the_last_page(self, scene: Scene) -> None:
        scene.jira.get(f"{API}/myself", json={"accountId": "acc-service"})
        scene.jira.get(ISSUE, json=scene.ticket)
        talk = [{"id": str(number), "body": None} for number in range(100)]
        scene.jira.get(COMMENT, json=page(talk, 101))
        sealed = scene.seal(1)
        scene.jira.get(COMMENT, json=page([stored(sealed, "9007")], 101))
        assert scene.host.read(scene.ref, scene.view).comments == {sealed.text: "9007"}
        assert any("startAt=100" in str(call.request.url) for call in scene.jira.calls)

    @pytest.mark.parametrize("second", [([], 3), ([{"id": "2"}], 2), ([{"id": "1"}], 3), ([{"id": "2"}], 4)])
    def test_a_list_of_comments_that_is_cut_or_moves_is_not_taken_for_the_whole(
        self, second: tuple[list[dict[str, Any]], int], scene: Scene
    ) -> None:
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.get(COMMENT, json=page([stored(scene.seal(1), "0"), {"id": "1"}], 3))
        scene.jira.get(COMMENT, json=page(*second))
        with pytest.raises(HostUnavailable):
            scene.host.read(scene.ref, scene.view)

    @pytest.mark.parametrize("answer", [{}, {"comments": []}, {"total": 1}, {"comments": {}, "total": 1}])
    def test_a_page_without_comments_or_total_is_not_an_empty_diary(
        self, answer: dict[str, Any], scene: Scene
    ) -> None:
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.get(COMMENT, json=answer)
        with pytest.raises(HostUnavailable):
            scene.host.read(scene.ref, scene.view)

    def test_a_comment_of_another_incident_does_not_stand_in_for_ours(self, scene: Scene) -> None:
        scene.jira.get(f"{API}/myself", json={"accountId": "acc-service"})
        foreign = replace(scene.seal(1), text=SealedText(scene.seal(1).text.replace("inc_abc", "inc_xyz")))
        cut = replace(scene.seal(2), text=SealedText(scene.seal(2).text[:-40]))
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.get(COMMENT, json=page([stored(foreign, "1"), stored(cut, "2")], 2))
        assert scene.host.read(scene.ref, scene.view).comments == {}

    def test_sub_tasks_are_read_by_id_a_hundred_at_a_time(self, scene: Scene) -> None:
        numbers = [str(number) for number in range(20000, 20150)]
        scene.ticket["fields"]["subtasks"] = [
            {"id": number, "key": f"COC-{number}", "fields": {}} for number in numbers
        ]
        scene.jira.get(ISSUE, json=scene.ticket)
        for part in (numbers[:100], numbers[100:]):
            issues = [
                {"id": number, "key": "COC-2", "fields": {"labels": ["coc-step-log"], "summary": number}}
                for number in part
            ]
            scene.jira.post(f"{API}/issue/bulkfetch", json={"issues": issues[::-1]})
        scene.jira.get(COMMENT, json=page([], 0))
        state = scene.host.read(scene.ref, scene.view)
        assert {key: step.id for key, step in state.steps.items()} == {"log": "20000"}
        assert [len(sent(scene.jira, number)["issueIdsOrKeys"]) for number in (1, 2)] == [100, 50]

    def test_a_sub_task_that_could_not_be_read_is_not_taken_for_a_deleted_one(self, scene: Scene) -> None:
        scene.ticket["fields"]["subtasks"] = [
            {"id": "20000", "key": "COC-2"},
            {"id": "20001", "key": "COC-3"},
        ]
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.post(
            f"{API}/issue/bulkfetch", json={"issues": [{"id": "20000", "fields": {}}], "issueErrors": []}
        )
        with pytest.raises(HostUnavailable):
            scene.host.read(scene.ref, scene.view)

    def test_a_ticket_that_does_not_list_its_sub_tasks_is_not_one_without(self, scene: Scene) -> None:
        del scene.ticket["fields"]["subtasks"]
        scene.jira.get(ISSUE, json=scene.ticket)
        with pytest.raises(HostUnavailable):
            scene.host.read(scene.ref, scene.view)

    def test_a_ticket_of_another_incident_is_not_ours(self, scene: Scene) -> None:
        scene.ticket["properties"]["coc.incident"]["incident"] = "inc_other"
        scene.jira.get(ISSUE, json=scene.ticket)
        with pytest.raises(HostRejected, match="marker of another incident"):
            scene.host.read(scene.ref, scene.view)

    def test_a_ticket_without_our_marker_and_title_is_never_taken_over(self, scene: Scene) -> None:
        scene.ticket["properties"] = {}
        scene.ticket["fields"] |= {"labels": ["budget"], "summary": "Budget 2027"}
        scene.jira.get(ISSUE, json=scene.ticket)
        for work in (
            lambda: scene.host.read(scene.ref, scene.view),
            lambda: scene.host.write(scene.ref, scene.view, replace(NOTHING, fields=True)),
        ):
            with pytest.raises(HostRejected, match="neither its title nor a marker"):
                work()
        assert methods(scene.jira) == ["GET", "GET"]

    @pytest.mark.parametrize("left", ["title", "label"])
    def test_a_lost_property_is_healed_where_title_or_label_is_still_ours(
        self, left: str, scene: Scene
    ) -> None:
        scene.ticket["properties"] = {}
        lost: dict[str, Any] = {"labels": []} if left == "title" else {"summary": "Renamed"}
        scene.ticket["fields"] |= lost
        scene.jira.get(ISSUE, json=scene.ticket)
        scene.jira.get(COMMENT, json=page([], 0))
        assert not scene.host.read(scene.ref, scene.view).fields_right


class TestWriting:
    def test_nothing_lacking_is_no_call(self, scene: Scene) -> None:
        assert scene.host.write(scene.ref, scene.view, NOTHING) == {}
        assert len(scene.jira.calls) == 0

    @pytest.mark.parametrize("project", [{"key": "OPEN"}, {}, None])
    def test_a_ticket_is_not_followed_into_another_project(self, project: object, scene: Scene) -> None:
        scene.ticket["fields"]["project"] = project
        scene.jira.get(ISSUE, json=scene.ticket)
        with pytest.raises(HostNotRestricted, match="not in the project COC any more"):
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


@pytest.mark.parametrize("answer", [{}, {"accountId": ""}, {"accountId": 7}])
def test_an_account_without_an_id_is_nobody(
    answer: dict[str, Any], host: JiraHost, jira: responses.RequestsMock
) -> None:
    jira.get(f"{API}/myself", json=answer)
    with pytest.raises(HostUnavailable):
        host.audience()


def test_own_account_is_asked_for_once(scene: Scene) -> None:
    scene.jira.get(f"{API}/myself", json={"accountId": "5b10:bot"})
    assert scene.host.own_accounts == scene.host.own_accounts == frozenset({"5b10:bot"})
    assert len(scene.jira.calls) == 1


def test_the_host_is_what_the_port_asks_for(host: JiraHost) -> None:
    port: Host = host
    assert (port.kind, port.space, port.part_bytes) == ("jira", "conduct", 20_480)
