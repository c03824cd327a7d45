"""An incident takes four writes, stands there as its view says, and whatever was changed is put right with one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.diary.comment import render
from integration.errors import HostError, HostGone, HostNotRestricted, HostRejected
from integration.incident import Alias
from integration.jira.host import JiraHost
from integration.mirror import Difference
from integration.risk import Level
from sandbox.jira_cloud import Holder
from tests.jira_host.on_stand_in.conftest import BOT, TEAM, World, bring_about, lacks

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef
    from tests.jira_host.conftest import Leakless, Seal


def test_opening_an_incident_takes_four_writes(
    world: World, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    world.host.audience()
    assert world.host.find(view.incident) == ()
    ref = world.host.open_ticket(view)
    bring_about(world, ref, view, comments)
    ticket = f"issue/{ref.id}"
    role = next(iter(world.space.browse_roles))
    assert world.calls() == [
        "GET myself",
        "GET project/COC",
        "GET project/COC/permissionscheme",
        f"GET project/COC/role/{role}",
        "GET project/COC/securitylevel",
        "GET search/jql",
        "POST! issue",
        f"GET {ticket}",
        f"GET {ticket}",
        "POST! issue/bulk",
        f"POST! {ticket}/comment",
        f"POST! {ticket}/comment",
    ]
    assert len(view.steps) == 11
    assert not lacks(world, ref, view, comments)


def test_the_ticket_shows_the_mirror_view_and_its_markers(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    issue = world.issue(opened)
    assert issue.level == world.space.security_level_id
    assert issue.values["summary"] == "BLUE-JAY-27"
    assert issue.properties["coc.incident"]["incident"] == view.incident
    assert opened.name == f"jira:{world.space.host}/{issue.id}"
    assert opened.url == f"{world.space.site}/browse/{issue.key}"
    titles = [one.values["summary"] for one in world.cloud.site.subtasks(issue)]
    assert titles == [step.title for step in view.steps]
    assert {one.visibility["value"] for one in issue.comments if one.visibility} == {"CoC team"}


def test_what_is_read_back_is_what_was_written(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    state = world.host.read(opened, view)
    issue = world.issue(opened)
    assert state.fields_right
    assert state.ref == opened
    assert list(state.steps) == [step.key for step in view.steps]
    assert not any(step.done for step in state.steps.values())
    assert state.comments == {
        comment.text: one.id for comment, one in zip(comments, issue.comments, strict=True)
    }
    assert world.calls() == [
        f"GET issue/{opened.id}",
        "POST issue/bulkfetch",
    ]


def test_a_step_that_somebody_finished_is_done(world: World, opened: TicketRef, view: MirrorView) -> None:
    subtask = world.cloud.site.subtasks(world.issue(opened))[0]
    subtask.status = "10002"
    state = world.host.read(opened, view)
    assert [key for key, step in state.steps.items() if step.done] == ["safety"]


def test_a_sub_task_made_by_hand_is_none_of_ours_and_one_without_property_is_known_by_its_label(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    first, second = world.cloud.site.subtasks(world.issue(opened))[:2]
    first.properties.clear()
    second.properties.clear()
    second.values["labels"] = []
    keys = [step.key for step in view.steps]
    assert list(world.host.read(opened, view).steps) == [keys[0], *keys[2:]]


def test_a_deleted_sub_task_is_made_again_and_nothing_else(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    subtask = world.cloud.site.subtasks(world.issue(opened))[4]
    del world.cloud.site.issues[subtask.id]
    assert [step.key for step in lacks(world, opened, view, comments).steps] == ["risk"]
    world.forget()
    bring_about(world, opened, view, comments)
    assert [call for call in world.calls() if "!" in call] == ["POST! issue/bulk"]
    assert not lacks(world, opened, view, comments)
    assert len(world.cloud.site.subtasks(world.issue(opened))) == 11


def test_a_deleted_comment_is_posted_again_byte_for_byte(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    before = issue.comments[0].body
    del issue.comments[0]
    bring_about(world, opened, view, comments)
    assert [call for call in world.calls() if "!" in call] == [f"POST! issue/{opened.id}/comment"]
    assert issue.comments[-1].body == before
    assert not lacks(world, opened, view, comments)


@pytest.mark.parametrize("field", ["summary", "impact", "stage", "labels", "property", "level", "lead"])
def test_whatever_was_changed_is_put_right_in_one_write(
    field: str, world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    if field == "level":
        issue.level = None
    elif field == "property":
        issue.properties.clear()
    elif field == "labels":
        issue.values["labels"] = ["people's-own"]
    elif field == "summary":
        issue.values["summary"] = "Renamed"
    else:
        issue.values.pop(getattr(world.space.fields, field))
    assert lacks(world, opened, view, comments) == Difference(fields=True, steps=(), comments=())
    world.forget()
    bring_about(world, opened, view, comments)
    assert [call for call in world.calls() if "!" in call] == [f"PUT! issue/{opened.id}"]
    assert not lacks(world, opened, view, comments)
    assert field != "labels" or "people's-own" in issue.values["labels"]


def test_assessing_and_choosing_a_lead_show_on_the_ticket_and_can_be_taken_back(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    assessed = replace(view, likelihood=Level.HIGH, risk=9, lead=None, secondary=Alias("Wren"))
    for wanted in (assessed, view):
        assert lacks(world, opened, wanted, comments).fields
        bring_about(world, opened, wanted, comments)
        assert not lacks(world, opened, wanted, comments)


def test_an_option_the_field_does_not_have_is_named_by_our_word(
    world: World, view: MirrorView, leakless: Leakless
) -> None:
    with pytest.raises(HostRejected) as caught:
        world.host.open_ticket(replace(view, lead=Alias("Nobody")))
    assert caught.value.fields == ("lead",)
    leakless(caught.value)
    assert world.cloud.site.issues == {}


def test_a_full_part_of_a_diary_stays_below_jiras_limit_with_the_whole_request(
    world: World, opened: TicketRef, view: MirrorView, seal: Seal
) -> None:
    """The largest frame for this host is 22,016 bytes; age adds its header, a little more each 64 KiB."""
    small = seal(3)
    head = small.text.partition("\n")[0]
    full = replace(small, text=render(head, bytes(22_016 + 500), bytes(64), bytes(64), "svc1"))
    world.host.write(opened, view, Difference(fields=False, steps=(), comments=(full,)))
    [exchange] = world.cloud.wire.writes()
    assert 30_000 < len(exchange.request_body) < 32_767


def test_a_long_diary_stays_within_jiras_limit_for_one_ticket(
    world: World, opened: TicketRef, view: MirrorView, seal: Seal
) -> None:
    parts = tuple(seal(3, part, 120) for part in range(1, 121))
    written = world.host.write(opened, view, Difference(fields=False, steps=(), comments=parts))
    assert list(written) == [part.id for part in parts]
    assert len(world.naps) == 119
    assert list(world.host.read(opened, view).comments)[2:] == [part.text for part in parts]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [("level", HostNotRestricted, "security level"), ("project", HostGone, "not in the project")],
)
def test_in_a_long_diary_the_ticket_is_looked_at_again(
    change: str,
    error: type[HostError],
    words: str,
    world: World,
    opened: TicketRef,
    view: MirrorView,
    seal: Seal,
) -> None:
    parts = tuple(seal(3, part, 60) for part in range(1, 61))
    issue = world.issue(opened)
    anyone = [Holder("applicationRole")]
    world.cloud.add_project("OPEN", name="Open", lead_account=TEAM[0], roles={}, browse=anyone)

    def spoil(seconds: float) -> None:
        """Somebody opens the ticket while its diary is being written."""
        world.naps.append(seconds)
        if len(world.naps) == 30 and change == "level":
            issue.level = None
        elif len(world.naps) == 30:
            issue.project, issue.key, issue.level = "OPEN", "OPEN-1", None
            issue.type_id = world.cloud.site.projects["OPEN"].types[0].id

    world.cloud.write_limits = False
    host = JiraHost(replace(world.space, comment_role=None), token=f"t-{BOT}", sleep=spoil)
    with pytest.raises(error, match=words):
        host.write(opened, view, Difference(fields=False, steps=(), comments=parts))
    assert len(issue.comments) == 2 + 40
