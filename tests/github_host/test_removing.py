"""A plain comment on GitHub is read once more when it is our turn to delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import HostRefused
from integration.github.credential import TokenCredential
from integration.github.host import GitHubHost
from integration.ports import Pace, Unlimited
from sandbox.wire import Fault
from tests.github_host.opened import COMMENTS, Opened

if TYPE_CHECKING:
    from integration.mirror import MirrorView
    from tests.github_host.conftest import World


class Slow(Unlimited):
    """A budget whose turn comes a little later."""

    def reserve(self, name: str, pace: Pace, writes: int) -> float:
        del name, pace, writes
        return 2.0


@pytest.fixture
def opened(world: World, view: MirrorView) -> Opened:
    return Opened(world, world.with_token(), view)


@pytest.mark.parametrize("on_step", [False, True], ids=["on-the-ticket", "on-a-step"])
def test_a_comment_that_says_something_else_by_now_stays(opened: Opened, *, on_step: bool) -> None:
    said = opened.says("wren", "I spoke to Noah.", opened.step(2) if on_step else "")
    other = opened.says("robin", "Another one.")
    plain = opened.host.read(opened.ref, opened.view, COMMENTS).plain
    opened.by("wren", "PATCH", f"/issues/comments/{said}", {"body": "I spoke to Noah. He is afraid."})

    assert {other} == opened.host.remove(opened.ref, opened.view, plain)

    (left,) = opened.host.read(opened.ref, opened.view, COMMENTS).plain
    assert "I spoke to Noah. He is afraid." == left.text.reveal()
    assert {said} == opened.host.remove(opened.ref, opened.view, [left])


def test_a_comment_is_read_again_after_the_wait_for_our_turn_and_not_before(
    opened: Opened, world: World
) -> None:
    said = opened.says("wren", "I spoke to Noah.")

    def edited(_seconds: float) -> None:
        opened.by("wren", "PATCH", f"/issues/comments/{said}", {"body": "I spoke to Noah. He is afraid."})

    host = GitHubHost(world.space(), TokenCredential(world.bot_token), budget=Slow(), sleep=edited)
    plain = host.read(opened.ref, opened.view, COMMENTS).plain

    assert frozenset() == host.remove(opened.ref, opened.view, plain)

    assert 1 == len(host.read(opened.ref, opened.view, COMMENTS).plain)
    assert not [one for one in world.writes() if one.startswith("DELETE")]


def test_one_that_an_editor_saved_with_other_line_ends_is_the_same(opened: Opened) -> None:
    said = opened.says("wren", "one\n\ntwo")
    plain = opened.host.read(opened.ref, opened.view, COMMENTS).plain
    opened.by("wren", "PATCH", f"/issues/comments/{said}", {"body": "one\r\n\r\ntwo\r\n"})
    assert {said} == opened.host.remove(opened.ref, opened.view, plain)


def test_each_deletion_is_one_read_and_one_write(opened: Opened) -> None:
    for words in ("one", "two"):
        opened.says("wren", words)
    plain = opened.host.read(opened.ref, opened.view, COMMENTS).plain
    opened.world.forget_journal()
    opened.host.remove(opened.ref, opened.view, plain)
    place = "/repos/acme/conduct/issues/comments"
    asked = [f"{one.method} {one.path}" for one in opened.world.hub.wire.journal]
    assert [f"{verb} {place}/{one.id}" for one in plain for verb in ("GET", "DELETE")] == asked


def test_what_cannot_be_read_again_is_not_deleted(opened: Opened) -> None:
    opened.says("wren", "one")
    plain = opened.host.read(opened.ref, opened.view, COMMENTS).plain
    opened.world.hub.wire.fail_next(Fault("status", 403))
    with pytest.raises(HostRefused):
        opened.host.remove(opened.ref, opened.view, plain)
    assert plain == opened.host.read(opened.ref, opened.view, COMMENTS).plain
