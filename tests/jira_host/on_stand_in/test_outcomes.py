"""A ticket is found, gone or out of reach, and a write whose outcome is unknown is never sent twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostError, HostGone, HostRefused, HostUnknownOutcome
from integration.incident import IncidentId
from integration.mirror import Difference
from sandbox.jira_cloud import Holder
from sandbox.wire import Fault
from tests.jira_host.on_stand_in.conftest import BOT, TEAM, World, bring_about, lacks

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef
    from tests.jira_host.conftest import Leakless, Seal


def test_a_ticket_is_found_by_its_label_once_the_search_has_caught_up(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    assert world.host.find(view.incident) == (opened,)
    world.cloud.search_lag = timedelta(hours=1)
    assert world.host.find(view.incident) == ()


def test_tickets_of_any_incident_are_listed_with_one_call(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    other = world.host.open_ticket(replace(view, incident=IncidentId("inc_zyxwvutsrqponmlkjihgfedcba")))
    world.issue(other).values["labels"].append("people's-own")
    world.issue(other).values["summary"] = "a title that somebody changed"
    world.forget()

    assert {
        (opened.key, view.incident, opened.id),
        (other.key, "inc_zyxwvutsrqponmlkjihgfedcba", other.id),
    } == {(one.key, one.incident, one.id) for one in world.host.marked()}
    assert ["GET search/jql"] == world.calls()


def test_a_deleted_ticket_is_gone(world: World, opened: TicketRef, view: MirrorView) -> None:
    del world.cloud.site.issues[opened.id]
    with pytest.raises(HostGone):
        world.host.read(opened, view)


def test_a_ticket_moved_to_an_open_project_is_not_written_to(
    world: World, opened: TicketRef, view: MirrorView, seal: Seal
) -> None:
    anyone = [Holder("applicationRole")]
    cloud = world.cloud
    cloud.add_project("OPEN", name="Open", lead_account=TEAM[0], roles={}, browse=anyone)
    issue = world.issue(opened)
    issue.project, issue.key, issue.level = "OPEN", "OPEN-1", None
    issue.type_id = cloud.site.projects["OPEN"].types[0].id
    with pytest.raises(HostGone, match="not in the project COC any more: it was moved"):
        world.host.write(opened, view, Difference(fields=False, steps=(), comments=(seal(3),)))
    assert world.cloud.wire.writes() == []


def test_an_outsider_and_a_wrong_token_get_nothing(
    world: World, opened: TicketRef, view: MirrorView, leakless: Leakless
) -> None:
    with pytest.raises(HostGone):
        world.as_user("5b10-outsider@acme.example", "t-5b10-outsider").read(opened, view)
    with pytest.raises(HostRefused) as caught:
        world.as_user(f"{BOT}@acme.example", "wrong").read(opened, view)
    leakless(caught.value)


@pytest.mark.parametrize("kind", ["drop-after", "truncate"])
@pytest.mark.parametrize("write", range(4))
def test_a_write_without_an_answer_is_an_unknown_outcome_and_reading_first_ends_in_one_ticket(
    write: int, kind: str, world: World, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    """A write committed, its answer lost: nothing is sent twice by itself, and healing does not double it."""
    skip = [0, 3, 4, 5][write]  # the reads between the writes, see the test of the four writes
    world.cloud.wire.fail_next(Fault(kind), skip=skip)  # type: ignore[arg-type] # a literal by parametrize
    with pytest.raises(HostUnknownOutcome):
        bring_about(world, world.host.open_ticket(view), view, comments)
    assert len(world.cloud.wire.writes()) == write + 1
    [ref] = world.host.find(view.incident)
    bring_about(world, ref, view, comments)
    assert not lacks(world, ref, view, comments)
    issue = world.issue(ref)
    assert (len(world.cloud.site.subtasks(issue)), len(issue.comments)) == (11, 2)
    assert len(world.cloud.site.issues) == 12


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503])
def test_a_write_that_was_refused_is_not_repeated_by_itself(
    status: int, world: World, view: MirrorView, leakless: Leakless, canary: str
) -> None:
    world.cloud.wire.fail_next(Fault("status", status=status, body=f'"{canary}"'.encode()))
    with pytest.raises(HostError) as caught:
        world.host.open_ticket(view)
    assert len(world.cloud.wire.writes()) == 1
    assert caught.value.retry
    leakless(caught.value)
