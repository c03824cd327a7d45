"""What a played GitHub answers before a write, and what a write is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.mirror import Difference

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView
    from tests.github_host.conftest import PlayedGitHub

ISSUES = "/repos/acme/conduct/issues"
FIELDS = Difference(fields=True, steps=(), comments=())


def rest_lacking(comments: list[SealedComment]) -> Difference:
    return Difference(fields=False, steps=(), comments=tuple(comments))


def place(github: PlayedGitHub, view: MirrorView) -> None:
    """What is read before a write."""
    github.no_issue_fields()
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view))
