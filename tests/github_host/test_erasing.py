"""What was redacted is deleted on GitHub: every copy, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.errors import HostGone
from integration.mirror import difference
from sandbox.wire import Fault

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef

World = Any  # the stand-in with its organisation, from conftest.py


@pytest.fixture(params=["token", "app"])
def host(request: pytest.FixtureRequest, world: World) -> GitHubHost:
    made: GitHubHost = world.with_token() if request.param == "token" else world.with_app()
    return made


@pytest.fixture
def opened(host: GitHubHost, view: MirrorView, comments: list[SealedComment]) -> TicketRef:
    ref = host.open_ticket(view)
    host.write(ref, view, difference(view, comments, host.read(ref, view)))
    return ref


def test_every_copy_is_deleted_and_nothing_else(
    host: GitHubHost, world: World, opened: TicketRef, view: MirrorView, comments: list[SealedComment]
) -> None:
    """Doubled by somebody else, cut off, and quoted in a reply; a comment that only speaks of it stays."""
    issue, gone = world.issue(opened.id), comments[1]
    spoken = "We erased entry 2, seq=2 part=1/1."
    for body in (f"look:\r\n{gone.text}", gone.text[:300], spoken):
        _say(world, opened, body)
    world.forget_journal()

    for _ in range(2):  # again finds nothing to do
        host.erase(opened, view, [gone.id], [])

    assert [one.body for one in issue.comments][1:] == [spoken]
    assert comments[0].text in issue.comments[0].body
    assert len(world.writes()) == 3
    assert all(one.startswith("DELETE /repos/acme/conduct/issues/comments/") for one in world.writes())


def _say(world: World, ref: TicketRef, body: str) -> None:
    requests.post(
        f"{world.address}/repos/acme/conduct/issues/{ref.id}/comments", json={"body": body}, timeout=10,
        headers={"Authorization": "Bearer ghp_wren"},
    ).raise_for_status()  # fmt: skip


def test_one_that_went_meanwhile_counts_as_deleted(
    host: GitHubHost, world: World, opened: TicketRef, view: MirrorView, comments: list[SealedComment]
) -> None:
    world.hub.wire.fail_next(Fault("status", status=404), skip=2)  # after two reads

    host.erase(opened, view, [comments[1].id], [])

    assert len(world.issue(opened.id).comments) == 2


def test_nothing_is_deleted_from_an_issue_that_is_not_ours(
    host: GitHubHost, world: World, opened: TicketRef, view: MirrorView, comments: list[SealedComment]
) -> None:
    issue = world.issue(opened.id)
    issue.body = issue.body.replace(view.incident, "inc_" + "b" * 26)

    with pytest.raises(HostGone):
        host.erase(opened, view, [one.id for one in comments], [])

    assert len(issue.comments) == 2
