"""What casework does with an incident on the stand-in, and what one looks like that stands there whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.mirror import TicketState, difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef
    from tests.github_host.conftest import World


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
