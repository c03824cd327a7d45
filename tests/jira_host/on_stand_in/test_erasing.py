"""Every copy of an erased comment and every erased file is deleted, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import HostRefused, HostRejected
from sandbox.wire import Fault

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef
    from tests.jira_host.on_stand_in.conftest import World


def test_every_copy_of_an_erased_comment_is_deleted_and_nothing_else(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    """Doubled, cut off, and pasted as paragraphs; a comment of people that only speaks of it stays."""
    issue, gone = world.issue(opened), comments[1]
    bot = issue.comments[0].author
    spoken = "We erased entry 2, seq=2 part=1/1."
    for text in (gone.text, gone.text[:300], spoken):
        lines = [
            {"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in text.split("\n")
        ]
        body = {"type": "doc", "version": 1, "content": lines}
        world.cloud.comments.add(world.cloud.site.users[bot], opened.id, {"body": body}, world.space.site)

    for _ in range(2):  # again finds nothing to do
        world.host.erase(opened, view, [gone.id], [])

    left = world.host.read(opened, view)
    assert list(left.comments) == [comments[0].text]
    assert len(issue.comments) == 2
    assert spoken in str(issue.comments[1].body)
    assert [one for one in world.calls() if one.startswith("PUT")] == [], "deleted, never edited"


def test_an_erased_comment_that_went_meanwhile_counts_as_deleted(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    world.cloud.wire.fail_next(Fault("status", status=404), skip=2)  # after two reads

    world.host.erase(opened, view, [comments[1].id], [])

    assert len(issue.comments) == 2


def test_an_account_that_may_not_delete_says_what_is_lacking(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    world.project.grants[:] = [one for one in world.project.grants if "DELETE" not in one.permission]

    with pytest.raises(HostRefused) as refused:
        world.host.erase(opened, view, [comments[1].id], [])

    assert "Delete All Comments" in refused.value.next_step
    assert len(world.issue(opened).comments) == 2


def test_erased_files_are_deleted_by_name(world: World, opened: TicketRef, view: MirrorView) -> None:
    world.host.attach(
        opened, view, {"0004.age": 3, "0005.age": 4}, lambda name: b"x" * (3 if name == "0004.age" else 4)
    )

    for _ in range(2):
        world.host.erase(opened, view, [], ["0004.age", "0009.age"])

    assert [one.filename for one in world.issue(opened).attachments] == ["0005.age"]


def test_nothing_is_deleted_from_a_ticket_that_is_not_ours(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    issue.properties["coc.incident"] = {"v": 1, "incident": "inc_" + "b" * 26}

    with pytest.raises(HostRejected):
        world.host.erase(opened, view, [one.id for one in comments], [])

    assert len(issue.comments) == 2
