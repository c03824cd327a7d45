"""What the stand-in does not do: Jira dropping, cutting or changing what it was asked to open, find or show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import (
    HostGone,
    HostLimited,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.host_events import Touched
from integration.jira.text import diary_comment
from integration.text import SealedText
from tests.jira_host.scene import (
    API,
    COMMENT,
    ISSUE,
    MADE,
    NOTHING,
    OURS,
    SEARCH,
    Scene,
    methods,
    page,
    sent,
    stored,
)

if TYPE_CHECKING:
    from integration.jira.host import JiraHost
    from integration.ports import Host


SAID = [
    {"id": str(500 + number), "author": {"accountId": "acc-wren"}, "body": diary_comment(SealedText("x"))}
    for number in range(25)
]


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
        assert [ref.id for ref in scene.host.find(scene.view.incident)] == [
            "9",
            "10100",
            "10200",
        ]
        assert "nextPageToken=two" in str(scene.jira.calls[1].request.url)

    def test_a_search_that_turns_in_a_circle_is_left(self, scene: Scene) -> None:
        scene.jira.get(SEARCH, json={"issues": [], "nextPageToken": "again"})
        with pytest.raises(HostUnavailable):
            scene.host.find(scene.view.incident)
        assert len(scene.jira.calls) == 2

    @pytest.mark.parametrize("issues", [[], [{**MADE, "fields": {"labels": [OURS]}}]], ids=["empty", "same"])
    def test_a_search_that_names_ever_new_pages_with_nothing_new_is_left(
        self, issues: list[dict[str, Any]], scene: Scene
    ) -> None:
        for number in range(30):
            answer = {"issues": issues, "nextPageToken": str(number), "isLast": False}
            scene.jira.get(SEARCH, json=answer)
        with pytest.raises(HostUnavailable):
            scene.host.find(scene.view.incident)
        assert len(scene.jira.calls) < 15

    @pytest.mark.parametrize("more", [{"isLast": False}, {"isLast": False, "nextPageToken": 7}])
    def test_a_search_that_is_not_at_its_end_and_cannot_go_on_proves_nothing(
        self, more: dict[str, Any], scene: Scene
    ) -> None:
        scene.jira.get(SEARCH, json={"issues": [], **more})
        with pytest.raises(HostUnavailable):
            scene.host.find(scene.view.incident)

    @pytest.mark.parametrize("end", [{}, {"isLast": True}])
    def test_a_search_ends_where_jira_says_so_or_names_no_next_page(
        self, end: dict[str, Any], scene: Scene
    ) -> None:
        scene.jira.get(SEARCH, json={"issues": [], **end})
        assert scene.host.find(scene.view.incident) == ()


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

    @pytest.mark.parametrize(
        "second",
        [
            ([], 3),
            ([{"id": "2"}], 2),
            ([{"id": "1"}], 3),
            ([{"id": "2"}], 4),
            ([{"id": "2"}, {"id": "3"}], 4),  # whole, but one may have been passed over
        ],
    )
    def test_a_list_of_comments_that_is_cut_or_moves_is_not_taken_for_the_whole(
        self, second: tuple[list[dict[str, Any]], int], scene: Scene
    ) -> None:
        scene.jira.get(f"{API}/myself", json={"accountId": "acc-service"})
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
                {
                    "id": number,
                    "key": "COC-2",
                    "fields": {"labels": ["coc-step-log"], "summary": number, "comment": page([], 0)},
                }
                for number in part
            ]
            scene.jira.post(f"{API}/issue/bulkfetch", json={"issues": issues[::-1]})
        scene.jira.get(COMMENT, json=page([], 0))
        state = scene.host.read(scene.ref, scene.view)
        assert {key: step.id for key, step in state.steps.items()} == {"log": "20000"}
        assert [len(sent(scene.jira, number)["issueIdsOrKeys"]) for number in (1, 2)] == [100, 50]

    @pytest.mark.parametrize(
        "shown", [page(SAID[:20], 25), {"comments": SAID[:20]}, None], ids=["the-first", "no-total", "none"]
    )
    def test_all_comments_on_a_sub_task_are_read_where_jira_shows_the_first_ones(
        self, shown: object, scene: Scene
    ) -> None:
        scene.ticket["fields"]["subtasks"] = [{"id": "20000", "key": "COC-2", "fields": {}}]
        scene.jira.get(ISSUE, json=scene.ticket)
        found = {"labels": ["coc-step-log"], "comment": shown}
        scene.jira.post(f"{API}/issue/bulkfetch", json={"issues": [{"id": "20000", "fields": found}]})
        scene.jira.get(f"{API}/issue/20000/comment", json=page(SAID, 25))
        scene.jira.get(f"{API}/myself", json={"accountId": "acc-bot"})
        state = scene.host.read(scene.ref, scene.view, frozenset({Touched.STEPS}))
        assert [f"20000/{one['id']}" for one in SAID] == [one.id for one in state.plain]

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


def test_own_account_is_asked_for_once(scene: Scene) -> None:
    scene.jira.get(f"{API}/myself", json={"accountId": "5b10:bot"})
    assert scene.host.own_accounts == scene.host.own_accounts == frozenset({"5b10:bot"})
    assert len(scene.jira.calls) == 1


def test_the_host_is_what_the_port_asks_for(host: JiraHost) -> None:
    port: Host = host
    assert (port.kind, port.space, port.part_bytes) == ("jira", "conduct", 20_480)
