"""Comments on a ticket on GitHub: which are plain, and whose; a diary comment with other words in it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import HostUnavailable
from integration.github.text import comment_body
from integration.host_events import Touched
from integration.mirror import PlainComment, difference
from integration.text import Untrusted
from sandbox.wire import Fault
from tests.github_host.conftest import make_comment
from tests.github_host.opened import COMMENTS, Opened, either, opened

if TYPE_CHECKING:
    from integration.mirror import MirrorView
    from tests.github_host.conftest import World

__all__ = ["either", "opened"]


def test_a_plain_comment_is_told_with_its_author_and_time(either: Opened) -> None:
    said = either.says("wren", "Noah called me")
    on_step = either.says("robin", "on a step", either.step(2))
    for only in (COMMENTS, frozenset(Touched)):
        found = either.host.read(either.ref, either.view, only)
        told = [(one.id, one.account, one.text.reveal(), one.ours) for one in found.plain]
        assert told == [(said, "wren", "Noah called me", False), (on_step, "robin", "on a step", False)]
        assert found.plain[0].written_at.tzinfo is not None
        assert set(found.comments) == {one.text for one in either.comments}


def test_a_comment_of_ours_is_ours_as_an_app_too(world: World, view: MirrorView) -> None:
    host = world.with_app()
    opened = Opened(world, host, view)
    host.reopen(opened.ref, view, host.read(opened.ref, view), view.steps[:1])
    assert [(one.account, one.ours) for one in host.read(opened.ref, view).plain] == [
        ("coc-mirror[bot]", True)
    ]


def test_words_added_to_a_diary_comment_make_it_a_plain_one_that_is_written_again(opened: Opened) -> None:
    place = opened.world.issue(opened.ref.id).comments[1]
    opened.by("ada", "PATCH", f"/issues/comments/{place.id}", {"body": f"{place.body}\nOlivia did it again."})
    found = opened.host.read(opened.ref, opened.view)
    assert [(one.id, one.account, one.ours) for one in found.plain] == [(str(place.id), "ada", False)]
    assert set(found.comments) == {opened.comments[0].text}
    opened.host.remove(opened.ref, opened.view, found.plain)
    found = opened.host.read(opened.ref, opened.view)
    lacking = difference(opened.view, opened.comments, found)
    assert lacking.comments == (opened.comments[1],)
    opened.host.write(opened.ref, opened.view, lacking, found)
    assert not difference(opened.view, opened.comments, opened.host.read(opened.ref, opened.view))


def test_a_diary_comment_whose_ciphertext_was_damaged_is_damaged_and_no_plain_one(opened: Opened) -> None:
    place = opened.world.issue(opened.ref.id).comments[1]
    spoilt = place.body.replace("-----END AGE ENCRYPTED FILE-----\n", "")
    opened.by("ada", "PATCH", f"/issues/comments/{place.id}", {"body": spoilt})
    found = opened.host.read(opened.ref, opened.view)
    assert (found.plain, set(found.comments)) == ((), {opened.comments[0].text})
    assert found.damaged == {opened.comments[1].id}
    place.body = place.body.replace("\nCoC-Seal", "\nOlivia\nCoC-Seal")
    found = opened.host.read(opened.ref, opened.view)
    assert [one.account for one in found.plain] == ["ada"]  # one line is no ciphertext: it may be anything


def test_a_copy_of_a_diary_comment_that_a_member_pasted_is_of_the_diary(opened: Opened) -> None:
    opened.says("wren", comment_body(opened.comments[0]).replace("\n", "\r\n"))
    assert opened.host.read(opened.ref, opened.view).plain == ()
    opened.says("wren", "> " + comment_body(opened.comments[0]).replace("\n", "\n> ") + "\n\nI think so too")
    assert [one.account for one in opened.host.read(opened.ref, opened.view).plain] == ["wren"]


def test_a_diary_comment_of_another_incident_is_a_plain_one(opened: Opened, unassessed: MirrorView) -> None:
    opened.says("wren", comment_body(make_comment(unassessed.incident, 1)))
    assert len(opened.host.read(opened.ref, opened.view).plain) == 1


def test_by_rest_the_same_comments_are_plain(opened: Opened) -> None:
    opened.says("wren", "one")
    edited = opened.says("wren", "two")
    opened.says("robin", "three", opened.step(2))
    opened.by("wren", "PATCH", f"/issues/comments/{edited}", {"body": "2"})
    by_graphql = opened.host.read(opened.ref, opened.view)
    opened.world.hub.wire.fail_next(Fault("status", 403, b"{}"), skip=1)
    by_rest = opened.host.read(opened.ref, opened.view)
    assert [one.id for one in by_rest.plain] == [one.id for one in by_graphql.plain]
    assert by_rest.comments == by_graphql.comments
    assert by_rest.steps == by_graphql.steps


def test_a_comment_without_a_readable_time_stops_the_reading(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.says("wren", "one")
    monkeypatch.setattr("sandbox.github_resolvers.stamp", lambda _time: "yesterday")
    opened.world.hub.wire.observer = None  # such an answer is no answer of GitHub's
    with pytest.raises(HostUnavailable):
        opened.host.read(opened.ref, opened.view)


def test_what_was_removed_is_gone_and_may_be_removed_again(opened: Opened) -> None:
    opened.says("wren", "one")
    plain = opened.host.read(opened.ref, opened.view).plain
    opened.host.remove(opened.ref, opened.view, plain)
    opened.world.hub.wire.observer = (
        None  # the description does not say what GitHub answers for one that is gone
    )
    opened.host.remove(opened.ref, opened.view, plain)
    assert opened.host.read(opened.ref, opened.view).plain == ()
    assert len(opened.world.issue(opened.ref.id).comments) == 2


def test_nothing_is_asked_of_github_for_an_id_that_is_none(opened: Opened, view: MirrorView) -> None:
    odd = PlainComment("1/../../labels", "wren", view.opened_at, Untrusted("x"))
    with pytest.raises(Exception, match="delete a plain comment"):
        opened.host.remove(opened.ref, view, [odd])
    assert opened.calls() == 0
