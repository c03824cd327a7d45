"""A whole incident on the stand-in: what it costs, what stands there, and that running again heals it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import (
    HostGone,
    HostNotRestricted,
    HostRefused,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.github.credential import AppCredential, TokenCredential
from integration.github.host import GitHubHost
from integration.github.text import find_marker
from integration.mirror import Difference, TicketState, difference
from sandbox.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef

World = Any  # the stand-in with its organisation, from conftest.py


@pytest.fixture(params=["token", "app", "app-looked-up"])
def any_host(request: pytest.FixtureRequest, world: World) -> GitHubHost:
    made: GitHubHost = (
        world.with_token() if request.param == "token" else world.with_app(known=request.param == "app")
    )
    return made


def run(
    host: GitHubHost, view: MirrorView, comments: Sequence[SealedComment], ref: TicketRef | None = None
) -> tuple[TicketRef, TicketState]:
    """What casework does: open or read, write the difference, read again."""
    ref = ref or host.open_ticket(view)
    found = host.read(ref, view)
    host.write(ref, view, difference(view, comments, found))
    return ref, host.read(ref, view)


def assert_whole(
    world: World, ref: TicketRef, found: TicketState, view: MirrorView, comments: Sequence[SealedComment]
) -> None:
    assert not difference(view, comments, found)
    issue = world.issue(ref.id)
    assert [child.title for child in issue.children] == [step.title for step in view.steps]
    assert len(issue.comments) == len(comments)
    for comment, shown in zip(comments, issue.comments, strict=True):
        assert comment.text in shown.body


def test_an_incident_costs_four_writes_and_stands_there_in_order(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    any_host.write(ref, view, difference(view, comments, any_host.read(ref, view)))
    assert world.writes() == ["POST /repos/acme/conduct/issues", *["POST /graphql"] * 3]
    assert len(view.steps) == 11
    assert_whole(world, ref, any_host.read(ref, view), view, comments)
    assert ref.name == "github:acme/conduct#1"
    assert (ref.id, ref.key) == ("1", "#1")
    assert ref.url.endswith("/acme/conduct/issues/1")


def test_an_incident_costs_these_reads(world: World, view: MirrorView, comments: list[SealedComment]) -> None:
    host = world.with_app()
    host.audience()
    assert host.find(view.incident, since=view.opened_at) == ()
    run(host, view, comments)
    repo = "GET /repos/acme/conduct"
    look = [f"{repo}/issues/1", "POST /graphql"]
    assert world.reads() == [
        f"POST /app/installations/{world.installation}/access_tokens",  # once an hour
        *(repo, f"{repo}/collaborators"),
        f"{repo}/issues",
        "GET /orgs/acme/issue-fields",  # once a process
        *look,
        *(repo, f"{repo}/issues/1"),
        *look,
    ]


def test_threads_do_not_mix_up_their_tickets(world: World, views: list[MirrorView]) -> None:
    host = world.with_app()
    with ThreadPoolExecutor(len(views)) as pool:
        refs = list(pool.map(host.open_ticket, views))
    for view, ref in zip(views, refs, strict=True):
        marker = find_marker(world.issue(ref.id).body)
        assert marker is not None
        assert marker.incident == view.incident
    assert len({ref.id for ref in refs}) == len(views)
    assert sum("access_tokens" in read for read in world.reads()) == 1


def test_the_ticket_shows_the_mirror_view_and_nothing_else(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref, _ = run(world.with_token(), view, comments)
    issue = world.issue(ref.id)
    assert issue.title == "AMBER-HERON-42"
    assert {label.name for label in issue.labels} == {
        "coc",
        "type: Conduct Enforcement",
        "impact: 2",
        "likelihood: 3",
        "risk: 6",
        "stage: Assessing",
        "stronger action: yes",
        "lead: wren",
    }
    assert issue.assignees == []
    assert issue.locked


def test_the_ids_of_written_comments_are_the_ones_that_are_read_back(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    written = any_host.write(ref, view, difference(view, comments, any_host.read(ref, view)))
    assert list(written.values()) == list(any_host.read(ref, view).comments.values())
    assert {int(number) for number in written.values()} == set(world.hub.state.comments)


def test_an_app_token_opens_the_one_repository_and_only_issues(world: World, view: MirrorView) -> None:
    world.with_app().open_ticket(view)
    (token,) = [token for token in world.hub.state.tokens.values() if token.app is not None]
    assert token.repositories == frozenset({world.repo().id})
    assert token.permissions == {"issues": "write", "metadata": "read"}


def test_an_app_token_that_expired_early_is_replaced(world: World, view: MirrorView) -> None:
    host = world.with_app()
    ref = host.open_ticket(view)
    world.hub.expire_tokens()
    with pytest.raises(Exception, match="401"):
        host.read(ref, view)
    assert host.read(ref, view).fields_right


def test_own_accounts_are_looked_up_once(world: World) -> None:
    assert world.with_app().own_accounts == {"coc-mirror[bot]"}
    host = world.with_token()
    world.forget_journal()
    assert host.own_accounts == host.own_accounts == {"coc-bot"}
    assert world.reads() == ["GET /user"]


@pytest.mark.parametrize("configured", ["ada", "coc-mirror", "wren"])
@pytest.mark.parametrize("kind", ["token", "app"])
def test_a_configured_account_that_is_not_our_keys_is_refused(
    kind: str, configured: str, world: World
) -> None:
    """It would be let into the proof of the audience."""
    space, right = world.space(bot_login=configured), {"token": "COC-bot", "app": "coc-mirror[bot]"}[kind]
    credential = (
        TokenCredential(world.bot_token)
        if kind == "token"
        else AppCredential("31", world.key, world.installation)
    )
    with pytest.raises(HostRefused, match="not the account of our key"):
        GitHubHost(space, credential).own_accounts  # noqa: B018 - it asks
    assert {one.casefold() for one in GitHubHost(world.space(bot_login=right), credential).own_accounts} == {
        right.casefold()
    }


# Issue fields


def test_issue_fields_are_used_where_the_repository_has_them(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    world.give_issue_fields()
    ref, found = run(any_host, view, comments)
    assert_whole(world, ref, found, view, comments)
    assert world.values(ref.id) == {
        "CoC type": "Conduct Enforcement",
        "CoC impact": 2,
        "CoC risk": "6",
        "CoC stage": "Assessing",
    }
    assert {label.name for label in world.issue(ref.id).labels} == {
        "coc",
        "likelihood: 3",
        "lead: wren",
        "stronger action: yes",
    }
    assert len(world.writes()) == 4


def test_field_values_that_github_dropped_silently_become_labels(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    world.give_issue_fields(enabled=False)
    ref, found = run(any_host, view, comments)
    assert_whole(world, ref, found, view, comments)
    issues = "/repos/acme/conduct/issues"
    assert world.writes() == [f"POST {issues}", f"PATCH {issues}/1", *["POST /graphql"] * 3]
    world.forget_journal()
    any_host.open_ticket(view)
    assert world.writes() == [f"POST {issues}"]  # it knows now
    assert "impact: 2" in {label.name for label in world.issue(ref.id).labels}
    assert world.values(ref.id) == {}


def test_a_level_that_the_field_cannot_show_is_a_label(world: World, unassessed: MirrorView) -> None:
    world.give_issue_fields()
    host = world.with_token()
    ref, found = run(host, unassessed, [])
    assert found.fields_right
    assert "impact: not yet assessed" in {label.name for label in world.issue(ref.id).labels}
    assert "CoC impact" not in world.values(ref.id)


# Healing


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

    app.wsgi_app = spoil
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


# GraphQL refuses


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

    app.wsgi_app = gate


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


# Unknown outcomes


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
    started = datetime.now(UTC)
    ref = host.open_ticket(view) if call else None
    world.hub.wire.fail_next(Fault(kind, status=502), skip=3 + call if call else 0)
    with pytest.raises(HostUnknownOutcome):
        run(host, view, comments, ref)
    world.hub.wire.heal()
    found = host.find(view.incident, since=started)
    assert len(found) == (0 if call == 0 and kind == "drop-before" else 1)
    ref, state = run(host, view, comments, found[0] if found else None)
    assert_whole(world, ref, state, view, comments)
    assert len(world.repo().issues) == 12


def attempt(
    host: GitHubHost, view: MirrorView, comments: Sequence[SealedComment], since: datetime
) -> TicketState:
    """One run of the job, which remembers nothing but when it first began."""
    found = host.find(view.incident, since=since)
    return run(host, view, comments, found[0] if found else None)[1]


def test_killed_at_any_call_the_next_run_ends_in_one_whole_ticket(
    world: World,
    incidents: list[tuple[MirrorView, list[SealedComment]]],
) -> None:
    started = datetime.now(UTC)
    for call, (view, comments) in enumerate(incidents):
        world.hub.wire.fail_next(Fault("drop-after"), skip=call)
        with suppress(HostUnknownOutcome, HostUnavailable):  # a broken GET is simply asked again
            attempt(world.with_app(), view, comments, started)
        world.hub.wire.heal()
        host = world.with_app()
        assert not difference(view, comments, attempt(host, view, comments, started))
        (ref,) = host.find(view.incident, since=started)
        assert_whole(world, ref, host.read(ref, view), view, comments)
    assert len(world.repo().issues) == 12 * len(incidents)


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


# Finding


def test_tickets_are_found_by_marker_oldest_first_and_steps_are_none(
    world: World, view: MirrorView, unassessed: MirrorView
) -> None:
    host = world.with_token()
    first, _ = run(host, view, [])
    run(host, unassessed, [])
    second = host.open_ticket(view)
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert host.find(view.incident, since=since) == (first, second)


def test_tickets_of_any_incident_are_listed_and_steps_are_none(
    world: World, view: MirrorView, unassessed: MirrorView
) -> None:
    host = world.with_token()
    refs = [run(host, one, [])[0] for one in (view, unassessed)]
    assert {(ref.key, one.incident, ref.id) for ref, one in zip(refs, (view, unassessed), strict=True)} == {
        (one.key, one.incident, one.id) for one in host.marked()
    }


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=8), timedelta(days=3000)])
def test_a_ticket_is_found_although_our_clock_is_ahead_of_githubs(
    world: World, view: MirrorView, ahead: timedelta
) -> None:
    host = world.with_token()
    ref = host.open_ticket(view)
    assert host.find(view.incident, since=datetime.now(UTC) + ahead) == (ref,)


# Moved and gone


def test_a_transferred_ticket_gets_no_comment_anywhere(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    lacking = difference(view, comments, any_host.read(ref, view))
    moved = world.hub.transfer_issue("acme/conduct", int(ref.id), to="acme/public")
    world.forget_journal()
    with pytest.raises(HostNotRestricted):
        any_host.write(ref, view, lacking)
    assert world.writes() == []
    assert moved.comments == []
    with pytest.raises(HostGone):
        any_host.read(ref, view)


def test_a_renamed_repository_gets_nothing(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    world.hub.rename_repo("acme/conduct", "elsewhere")
    world.hub.wire.observer = (
        None  # the description does not list the redirect, which GitHub documents in words
    )
    world.forget_journal()
    with pytest.raises(HostNotRestricted):
        any_host.write(ref, view, difference(view, comments, empty(ref)))
    with pytest.raises(HostNotRestricted):
        any_host.open_ticket(view)
    assert len(world.hub.repo("acme/elsewhere").issues) == 1
    assert "another address" in "".join(any_host.audience().open_doors)


def test_a_step_that_was_moved_to_another_repository_is_written_anew_here(
    world: World, view: MirrorView
) -> None:
    host = world.with_token()
    ref, _ = run(host, view, [])
    world.hub.transfer_issue("acme/conduct", world.issue(ref.id).children[2].number, to="acme/public")
    _, found = run(host, view, [], ref)
    assert len(found.steps) == 11


def test_a_deleted_ticket_is_gone(world: World, view: MirrorView) -> None:
    host = world.with_token()
    ref = host.open_ticket(view)
    world.repo().issues.pop(int(ref.id))
    with pytest.raises(HostGone):
        host.read(ref, view)


def empty(ref: TicketRef) -> TicketState:
    return TicketState(ref, fields_right=True)
