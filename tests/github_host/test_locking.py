"""Prevention before sealing: the ticket's conversation is locked, where GitHub then lets only us comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.mirror import difference

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef

World = Any  # the stand-in with its organisation, from conftest.py


def opened(host: GitHubHost, view: MirrorView, comments: list[SealedComment]) -> TicketRef:
    """A ticket as the service opens one: proof, issue, reading, what lacks, reading back."""
    host.audience()
    ref = host.open_ticket(view)
    state = host.read(ref, view)
    host.write(ref, view, difference(view, comments, state))
    assert not difference(view, comments, host.read(ref, view))
    return ref


def plain_comment(world: World, login: str, number: str) -> int:
    """The status of a comment that somebody writes on GitHub's page."""
    address = f"{world.address}/repos/acme/conduct/issues/{number}/comments"
    headers = {"Authorization": f"Bearer ghp_{login}"}
    return requests.post(address, json={"body": "hello"}, headers=headers, timeout=10).status_code


def test_a_ticket_opened_with_a_token_is_locked_and_costs_no_write_more(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    world.forget_journal()
    ref = opened(world.with_token(), view, comments)
    assert world.issue(ref.id).locked
    assert len(world.writes()) == 4


@pytest.mark.parametrize(("role", "status"), [("triage", 403), ("push", 201)])
def test_members_in_the_role_triage_cannot_comment_in_plain_text(
    world: World, view: MirrorView, comments: list[SealedComment], role: str, status: int
) -> None:
    world.repo().collaborators["wren"] = role
    ref = opened(world.with_token(), view, comments)
    assert plain_comment(world, "wren", ref.id) == status


def test_members_in_the_role_triage_still_close_steps_and_put_labels_on(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    world.repo().collaborators["wren"] = "triage"
    ref = opened(world.with_token(), view, comments)
    issues, headers = f"{world.address}/repos/acme/conduct/issues", {"Authorization": "Bearer ghp_wren"}
    step = world.issue(ref.id).children[0].number
    closed = requests.patch(f"{issues}/{step}", json={"state": "closed"}, headers=headers, timeout=10)
    labelled = requests.post(
        f"{issues}/{ref.id}/labels", json={"labels": ["impact: 3"]}, headers=headers, timeout=10
    )
    assert (closed.status_code, labelled.status_code) == (200, 200)


def test_the_diary_goes_on_on_a_locked_ticket(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    host = world.with_token()
    ref = opened(host, view, comments[:1])
    host.write(ref, view, difference(view, comments, host.read(ref, view)))
    assert len(world.issue(ref.id).comments) == 2


def test_a_ticket_that_somebody_unlocked_is_locked_again(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    host = world.with_token()
    ref = opened(host, view, comments)
    world.issue(ref.id).locked = False
    lacking = difference(view, comments, host.read(ref, view))
    assert lacking
    host.write(ref, view, lacking)
    assert world.issue(ref.id).locked
    assert not difference(view, comments, host.read(ref, view))


def test_an_app_locks_nothing_because_it_could_not_write_the_diary_then(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = opened(world.with_app(), view, comments)
    assert not world.issue(ref.id).locked


def test_without_graphql_the_ticket_is_locked_by_rest(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    host = world.with_token()
    host.audience()
    ref = host.open_ticket(view)
    state = host.read(ref, view)
    world.hub.app.view_functions["graphql"] = lambda: (
        {"errors": [{"message": "no", "type": "FORBIDDEN"}]},
        200,
    )
    world.hub.wire.observer = None  # an answer that no document explains
    host.write(ref, view, difference(view, comments, state))
    assert world.issue(ref.id).locked
    assert f"PUT /repos/acme/conduct/issues/{ref.id}/lock" in world.writes()
