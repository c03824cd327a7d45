"""Looking for a ticket costs one read however many there are, and finds what the whole list would have shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostUnavailable, HostUnknownOutcome
from integration.github.seen import SeenIncidents
from sandbox.wire import Fault
from tests.github_host.conftest import make_view

if TYPE_CHECKING:
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView
    from tests.github_host.conftest import World


def calls_of(world: World) -> int:
    return world.hub.wire.calls


def fill(world: World, count: int) -> list[MirrorView]:
    """So many tickets, opened by another process."""
    views = [make_view() for _ in range(count)]
    author = world.with_token()
    for view in views:
        author.open_ticket(view)
    return views


class Watch:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def seen(world: World, watch: Watch) -> SeenIncidents:
    return SeenIncidents(world.with_token()._client, watch)


@pytest.fixture
def stranger() -> MirrorView:
    return make_view()


def test_a_look_for_a_new_incident_is_one_read_however_many_tickets_there_are(
    world: World, seen: SeenIncidents, stranger: MirrorView
) -> None:
    views = fill(world, 105)
    before = calls_of(world)
    assert all(seen.may_be_there(view.incident) for view in views[:1])
    assert 2 == calls_of(world) - before

    for _ in range(3):
        assert not seen.may_be_there(stranger.incident)

    assert 5 == calls_of(world) - before


@pytest.mark.parametrize("new", [1, 30, 90])
def test_what_another_process_opened_since_is_seen_however_much_it_is(
    world: World, seen: SeenIncidents, stranger: MirrorView, new: int
) -> None:
    fill(world, 45)
    assert not seen.may_be_there(stranger.incident)

    world.with_token().open_ticket(stranger)
    fill(world, new - 1)

    assert seen.may_be_there(stranger.incident)


def test_a_ticket_that_turns_up_later_than_one_of_a_higher_number_is_seen(
    world: World, seen: SeenIncidents, stranger: MirrorView
) -> None:
    fill(world, 30)
    ref = world.with_token().open_ticket(stranger)
    late = world.repo().issues.pop(int(ref.id))
    fill(world, 10)
    assert not seen.may_be_there(stranger.incident)

    world.repo().issues[int(ref.id)] = late

    assert seen.may_be_there(stranger.incident)


def test_an_older_ticket_whose_marker_was_put_back_is_seen_within_the_hour(
    world: World, seen: SeenIncidents, stranger: MirrorView, watch: Watch
) -> None:
    ref = world.with_token().open_ticket(stranger)
    marked, world.issue(ref.id).body = world.issue(ref.id).body, "wiped"
    fill(world, 50)
    assert not seen.may_be_there(stranger.incident)
    world.issue(ref.id).body = marked

    watch.now += 3601

    assert seen.may_be_there(stranger.incident)


def test_an_old_ticket_is_seen(world: World, seen: SeenIncidents, stranger: MirrorView) -> None:
    """A restored database may have forgotten it, and takes its report for a new one when that is sent again."""
    ref = world.with_token().open_ticket(stranger)
    world.issue(ref.id).created_at -= timedelta(days=900)
    fill(world, 2)

    assert seen.may_be_there(stranger.incident)


@pytest.mark.parametrize("page", [0, 1])
def test_a_list_that_was_not_read_to_its_end_is_not_believed(
    world: World, seen: SeenIncidents, stranger: MirrorView, page: int
) -> None:
    world.with_token().open_ticket(stranger)
    fill(world, 100)
    for again in range(3):  # a read is repeated twice by itself
        world.hub.wire.fail_next(Fault("status", status=502), skip=page + again)
    with pytest.raises(HostUnavailable):
        seen.may_be_there(stranger.incident)
    world.hub.wire.heal()

    assert seen.may_be_there(stranger.incident)


def test_what_is_new_counts_as_known_only_when_all_of_it_was_read(
    world: World, seen: SeenIncidents, stranger: MirrorView
) -> None:
    fill(world, 25)
    assert not seen.may_be_there(stranger.incident)
    world.with_token().open_ticket(stranger)
    fill(world, 60)
    for again in range(3):
        world.hub.wire.fail_next(Fault("status", status=502), skip=1 + again)
    with pytest.raises(HostUnavailable):
        seen.may_be_there(stranger.incident)
    world.hub.wire.heal()

    assert seen.may_be_there(stranger.incident)


def test_after_a_write_of_unknown_outcome_the_whole_list_is_read(
    world: World, view: MirrorView, stranger: MirrorView
) -> None:
    host: GitHubHost = world.with_token()
    fill(world, 101)
    assert () == host.find(stranger.incident)
    host._fields.known()
    world.hub.wire.fail_next(Fault("drop-after"))
    with pytest.raises(HostUnknownOutcome):
        host.open_ticket(view)
    before = calls_of(world)

    assert () == host.find(stranger.incident)

    assert 2 == calls_of(world) - before
    assert 1 == len(host.find(view.incident))
