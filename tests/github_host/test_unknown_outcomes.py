"""Whatever write has an unknown outcome, reading and writing again ends in one whole ticket."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import HostUnavailable, HostUnknownOutcome
from integration.mirror import TicketState, difference
from sandbox.wire import Fault
from tests.github_host.incidents import assert_whole, run
from tests.sampled import sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView
    from tests.github_host.conftest import World


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "truncate", "status-after"])
@pytest.mark.parametrize("call", range(4))
def test_after_a_write_of_unknown_outcome_reading_and_writing_again_doubles_nothing(
    kind: Any,  # noqa: ANN401 - a fault's kind
    call: int,
    world: World,
    view: MirrorView,
    comments: list[SealedComment],
) -> None:
    host = world.with_token()
    assert host.audience().complete
    host._fields.known()
    ref = host.open_ticket(view) if call else None
    world.hub.wire.fail_next(Fault(kind, status=502), skip=3 + call if call else 0)
    with pytest.raises(HostUnknownOutcome):
        run(host, view, comments, ref)
    world.hub.wire.heal()
    found = host.find(view.incident)
    assert len(found) == (0 if call == 0 and kind == "drop-before" else 1)
    ref, state = run(host, view, comments, found[0] if found else None)
    assert_whole(world, ref, state, view, comments)
    assert len(world.repo().issues) == 12


def attempt(host: GitHubHost, view: MirrorView, comments: Sequence[SealedComment]) -> TicketState:
    """One run of the job, which remembers nothing."""
    found = host.find(view.incident)
    return run(host, view, comments, found[0] if found else None)[1]


def test_killed_at_any_call_the_next_run_ends_in_one_whole_ticket(
    world: World,
    incidents: list[tuple[MirrorView, list[SealedComment]]],
) -> None:
    calls = sampled(len(incidents))
    for call in calls:
        view, comments = incidents[call]
        world.hub.wire.fail_next(Fault("drop-after"), skip=call)
        with suppress(HostUnknownOutcome, HostUnavailable):  # a broken GET is simply asked again
            attempt(world.with_app(), view, comments)
        world.hub.wire.heal()
        host = world.with_app()
        assert not difference(view, comments, attempt(host, view, comments))
        (ref,) = host.find(view.incident)
        assert_whole(world, ref, host.read(ref, view), view, comments)
    assert len(world.repo().issues) == 12 * len(calls)


def test_a_request_that_github_does_half_is_finished_without_doubles(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    host = world.with_token()
    ref = host.open_ticket(view)
    lacking = difference(view, comments, host.read(ref, view))
    world.hub.limits.content_per_minute = 4
    with pytest.raises(HostUnknownOutcome) as caught:
        host.write(ref, view, lacking)
    assert caught.value.after is not None
    assert 0 < len(world.issue(ref.id).children) < 6
    world.hub.limits.content_per_minute = None
    ref, found = run(host, view, comments, ref)
    assert_whole(world, ref, found, view, comments)
