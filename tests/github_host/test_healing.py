"""Running again puts back what was taken away and writes nothing else, by GraphQL or, where it is refused, by REST."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import HostNotRestricted, HostUnknownOutcome
from integration.mirror import Difference, difference
from sandbox.wire import Fault
from tests.github_host.incidents import assert_whole, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView
    from tests.github_host.conftest import World


def test_running_again_writes_nothing(world: World, view: MirrorView, comments: list[SealedComment]) -> None:
    host = world.with_token()
    ref, _ = run(host, view, comments)
    world.forget_journal()
    run(host, view, comments, ref)
    assert world.writes() == []


def test_what_was_taken_away_is_put_back_and_nothing_is_doubled(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    host = world.with_token()
    ref, _ = run(host, view, comments)
    issue = world.issue(ref.id)
    lost = issue.children.pop(3)
    world.repo().issues.pop(lost.number)
    issue.comments.pop(0)
    issue.title = "something else"  # its marker stays
    issue.labels = [label for label in issue.labels if not label.name.startswith("impact")]
    found = host.read(ref, view)
    assert not found.fields_right
    host.write(ref, view, difference(view, comments, found))
    found = host.read(ref, view)
    assert not difference(view, comments, found)
    assert len(issue.children) == 11
    assert len(issue.comments) == 2


def test_a_closed_step_is_done(world: World, view: MirrorView) -> None:
    host = world.with_token()
    ref, _ = run(host, view, [])
    world.issue(ref.id).children[0].closed_at = datetime(2026, 11, 23, tzinfo=UTC)
    found = host.read(ref, view)
    assert found.steps[view.steps[0].key].done
    assert not found.steps[view.steps[1].key].done


def test_labels_of_the_team_stay(world: World, view: MirrorView) -> None:
    host = world.with_token()
    ref, _ = run(host, view, [])
    issue = world.issue(ref.id)
    stranger, ours = type(issue.labels[0])(7, "for the next meeting"), issue.labels[0]
    issue.labels = [stranger, ours]
    run(host, view, [], ref)
    assert "for the next meeting" in {label.name for label in issue.labels}
    assert host.read(ref, view).fields_right


@pytest.fixture(params=["graphql", "rest"])
def either_way(request: pytest.FixtureRequest) -> str:
    if request.param == "rest":
        request.getfixturevalue("without_graphql")
    return str(request.param)


@pytest.mark.parametrize("change", ["public", "transferred"])
def test_in_a_long_diary_repository_and_ticket_are_looked_at_again(
    either_way: str, change: str, world: World, view: MirrorView, diary: Callable[[int], list[SealedComment]]
) -> None:
    host = world.with_token()
    ref, _ = run(host, view, [])
    issue, app = world.issue(ref.id), world.hub.app
    world.hub.wire.observer = None  # a transferred ticket is a redirect, see below
    inner = app.wsgi_app

    def spoil(environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - WSGI
        """Somebody opens the door while the diary is being written."""
        if len(issue.comments) >= 12 and change == "public":
            world.repo().visibility = "public"
        elif len(issue.comments) >= 12 and int(ref.id) in world.repo().issues:
            world.hub.transfer_issue("acme/conduct", int(ref.id), to="acme/public")
        return inner(environ, start_response)

    app.wsgi_app = spoil  # type: ignore[method-assign]  # a middleware, as Flask has it
    with pytest.raises(HostNotRestricted):
        host.write(ref, view, Difference(fields=False, steps=(), comments=tuple(diary(60))))
    written = max(len(issue.comments), 12)
    assert written <= (30 if either_way == "graphql" else 20)


def test_trouble_with_looking_again_does_not_say_that_nothing_was_written(
    world: World, view: MirrorView, diary: Callable[[int], list[SealedComment]]
) -> None:
    host = world.with_token()
    ref, _ = run(host, view, [])
    world.hub.wire.fail_next(Fault("status", status=429), skip=5)  # after two reads and three writes
    with pytest.raises(HostUnknownOutcome):
        host.write(ref, view, Difference(fields=False, steps=(), comments=tuple(diary(30))))
    assert len(world.issue(ref.id).comments) == 18


def test_a_long_diary_is_read_to_its_end(
    world: World, view: MirrorView, diary: Callable[[int], list[SealedComment]]
) -> None:
    host = world.with_token()
    _, found = run(host, view, diary(120))
    assert len(found.comments) == 120


@pytest.fixture
def without_graphql(world: World) -> None:
    """An installation where GraphQL is not to be had."""
    app = world.hub.app
    inner = app.wsgi_app

    def gate(environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - WSGI
        if environ["PATH_INFO"] == "/graphql":
            start_response("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"message": "Resource not accessible by integration"}']
        return inner(environ, start_response)

    app.wsgi_app = gate  # type: ignore[method-assign]  # a middleware, as Flask has it


@pytest.mark.usefixtures("without_graphql")
def test_without_graphql_rest_writes_the_same(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref, found = run(any_host, view, comments)
    assert_whole(world, ref, found, view, comments)
    world.forget_journal()
    run(any_host, view, comments, ref)
    assert [write for write in world.writes() if "graphql" not in write] == []


@pytest.mark.usefixtures("without_graphql")
@pytest.mark.parametrize("kind", ["drop-before", "drop-after"])
def test_rest_that_breaks_off_anywhere_ends_whole(
    kind: Any,  # noqa: ANN401 - a fault's kind
    world: World,
    view: MirrorView,
    comments: list[SealedComment],
) -> None:
    host = world.with_token()
    ref = host.open_ticket(view)
    for skip in range(3, 30, 4):
        world.hub.wire.fail_next(Fault(kind), skip=skip)
        with suppress(HostUnknownOutcome):  # at a read the fault does no harm
            run(host, view, comments, ref)
        world.hub.wire.heal()
    ref, found = run(host, view, comments, ref)
    assert_whole(world, ref, found, view, comments)
    assert len(world.repo().issues) == 12
