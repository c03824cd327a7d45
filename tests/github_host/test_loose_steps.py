"""A step that stands beside its ticket is put under it and never made a second time; an opening asks for none."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostUnavailable, HostUnknownOutcome
from integration.github.text import find_marker
from integration.host_events import Touched
from integration.mirror import difference
from sandbox.wire import Fault
from tests.github_host.opened import STEPS, Opened

if TYPE_CHECKING:
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView
    from sandbox.github_state import Issue
    from tests.github_host.conftest import World

LIST = "GET /repos/acme/conduct/issues"


@pytest.fixture
def opened(world: World, view: MirrorView) -> Opened:
    return Opened(world, world.with_token(), view)


def steps_of(world: World) -> list[int]:
    """Every issue with the marker of a step."""
    marks = ((one.number, find_marker(one.body)) for one in world.repo().issues.values())
    return [number for number, mark in marks if mark is not None and mark.step is not None]


def take_off(opened: Opened, *numbers: int) -> list[Issue]:
    """A member uses *Remove sub-issue*."""
    children = [opened.world.issue(opened.ref.id).children[number] for number in numbers]
    for child in children:
        opened.by("wren", "DELETE", f"{opened.path}/sub_issue", {"sub_issue_id": child.id})
    return children


def heal(opened: Opened, host: GitHubHost | None = None) -> None:
    one = host or opened.world.with_token()
    assert one.audience().complete
    found = one.read(opened.ref, opened.view)
    one.write(opened.ref, opened.view, difference(opened.view, opened.comments, found))


@pytest.mark.parametrize("numbers", [(2,), (0, 5, 9), tuple(range(11))], ids=["one", "some", "all"])
def test_steps_that_were_taken_off_are_put_back_as_they_stand(
    opened: Opened, world: World, numbers: tuple[int, ...]
) -> None:
    before = steps_of(world)
    opened.by("wren", "PATCH", opened.step(numbers[0]), {"state": "closed"})
    children = take_off(opened, *numbers)
    world.forget_journal()

    heal(opened)

    assert before == steps_of(world)
    assert [f"POST /repos/acme/conduct{opened.path}/sub_issues"] * len(numbers) == world.writes()
    assert 1 == world.reads().count(LIST)
    found = opened.host.read(opened.ref, opened.view)
    assert not difference(opened.view, opened.comments, found)
    step = opened.view.steps[numbers[0]].key
    assert (str(children[0].number), True) == (found.steps[step].id, found.steps[step].done)


def test_an_event_that_tells_of_it_costs_four_requests(opened: Opened, world: World) -> None:
    take_off(opened, 2)
    note = [*opened.comments]
    opened.calls()
    found = opened.host.read(opened.ref, opened.view, STEPS)
    opened.host.write(opened.ref, opened.view, difference(opened.view, note, found), found)
    back = opened.host.read(opened.ref, opened.view, STEPS)
    assert not difference(opened.view, note, back)
    assert 11 == len(steps_of(world))
    assert opened.calls() == 4


def test_what_github_will_not_put_back_is_made_anew(opened: Opened, world: World) -> None:
    (child,) = take_off(opened, 2)
    host, found = opened.host, opened.host.read(opened.ref, opened.view)
    lacking = difference(opened.view, opened.comments, found)
    world.hub.wire.fail_next(Fault("status", 422, b'{"message": "Validation Failed"}'), skip=1)
    host.write(opened.ref, opened.view, lacking, found)
    assert not difference(opened.view, opened.comments, host.read(opened.ref, opened.view))
    assert 12 == len(steps_of(world))
    assert child.parent is None


def test_a_step_under_another_issue_is_left_there_and_made_anew(opened: Opened, world: World) -> None:
    (child,) = take_off(opened, 2)
    other = opened.by("wren", "POST", "/issues", {"title": "Another"})["number"]
    opened.by("wren", "POST", f"/issues/{other}/sub_issues", {"sub_issue_id": child.id})
    heal(opened)
    assert child in world.issue(other).children
    assert not difference(opened.view, opened.comments, opened.host.read(opened.ref, opened.view))


def test_a_step_of_another_incident_is_not_put_under_this_ticket(
    opened: Opened, world: World, unassessed: MirrorView
) -> None:
    other = Opened(world, world.with_token(), unassessed)
    (foreign,) = take_off(other, 2)
    (ours,) = take_off(opened, 2)
    heal(opened)
    assert (None, world.issue(opened.ref.id)) == (foreign.parent, ours.parent)


def test_an_opening_does_not_ask_for_steps_beside_it(world: World, view: MirrorView) -> None:
    host = world.with_token()
    assert host.audience().complete
    ref = host.open_ticket(view)
    world.forget_journal()
    host.write(ref, view, difference(view, [], host.read(ref, view)))
    assert LIST not in world.reads()


def test_another_type_of_which_an_event_told_does_not_ask_either(opened: Opened, world: World) -> None:
    """Its steps were never there: all that were had been seen."""
    found = opened.host.read(opened.ref, opened.view, frozenset({Touched.TICKET}))
    lacking = difference(opened.view, opened.comments, found)
    new = opened.view.steps[:1]
    world.forget_journal()
    opened.host.write(opened.ref, opened.view, type(lacking)(fields=False, steps=new, comments=()), found)
    assert LIST not in world.reads()


@pytest.mark.parametrize("made", [1, 2, 3, 6, 7])
def test_an_opening_that_was_cut_short_with_a_step_beside_the_ticket_goes_on_with_it(
    world: World, view: MirrorView, made: int
) -> None:
    """As REST leaves it, killed between the issue and its place under the ticket; then GraphQL answers again."""
    host = world.with_token()
    assert host.audience().complete
    ref = host.open_ticket(view)
    with suppress(HostUnknownOutcome, HostUnavailable):
        host.write(ref, view, difference(view, [], host.read(ref, view)))
    parent = world.issue(ref.id)
    for child in parent.children[made:]:
        del world.repo().issues[child.number]
    del parent.children[made:]
    loose = parent.children.pop()
    loose.parent = None

    again = world.with_token()  # after kill -9
    assert again.audience().complete
    again.write(ref, view, difference(view, [], again.read(ref, view)))

    assert loose in parent.children
    assert 11 == len(steps_of(world)) == len(parent.children)
