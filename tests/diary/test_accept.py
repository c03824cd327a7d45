"""The service takes from a desk a whole continuation, well signed, and says no word of what it refuses."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.diary import accept as accepting
from integration.diary.comment import CommentId, Link
from integration.diary.frame import EntryContent
from integration.diary.keys import generate_identity
from integration.diary.write import EntryDraft
from integration.errors import HeadConflict, WriteRefused
from integration.text import Untrusted
from tests.diary.conftest import Shelf
from tests.diary.nib import Nib, take
from tests.diary.team import THEN, Team

CANARY = "9d20c6a85c7d4b5f8c21e6b87a4c03ff"


def test_what_is_taken_is_sealed_and_otherwise_the_same(shelf: Shelf) -> None:
    made = shelf.draft(shelf.team.robert, "x" * 50_000)
    accepted = take(shelf, [one.text for one in made])

    assert accepted.epoch is None
    assert len(made) == 3
    for before, after in zip(made, accepted.comments, strict=True):
        assert after.text.startswith(before.text + "\nCoC-Seal: ")
        assert after.text.endswith(" key=svc-2026a")
        assert (after.id, after.parts, after.kind, after.epoch, after.prev, after.link) == (
            before.id, before.parts, before.kind, before.epoch, before.prev, before.link,
        )  # fmt: skip


def test_damage_to_white_space_is_harmless(shelf: Shelf) -> None:
    (made,) = shelf.draft(shelf.team.robert)
    mangled = "".join(f" {line}\t\r\n\r\n" for line in made.text.split("\n"))

    assert take(shelf, [mangled]).comments[0].link == made.link


def test_entries_around_a_keyring_are_taken_in_one_go(shelf: Shelf) -> None:
    """Who leaves writes why, and opens the epoch without herself."""
    team = shelf.team
    why = shelf.draft(team.salma, "I know them.")
    after = replace(shelf.read(team.salma), head=replace(shelf.head, seq=5, link=why[0].link))
    then = EntryDraft(EntryContent.NOTE, Untrusted("I take over."), None, THEN)
    ring = shelf.ring(team.robert, [team.robert], diary=replace(shelf.read(), head=after.head), then=then)

    accepted = shelf.take([*why, *ring])

    assert [one.epoch for one in accepted.comments] == [2, 3, 3]
    assert accepted.epoch is not None
    assert accepted.epoch.number == 3
    assert shelf.read().findings == ()


@pytest.mark.parametrize("part_bytes", [20_480, 44_000])
@pytest.mark.parametrize("letter", ["a", "\n", "界", "👩🏽‍🚀"], ids=ascii)
def test_every_size_that_a_desk_makes_is_taken(new_team: type[Team], part_bytes: int, letter: str) -> None:
    team = new_team(ticket="jira:" + "a" * 63 + ".atlassian.net/1004200000", part_bytes=part_bytes)
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    members = [team.robert, *(generate_identity(f"{'m' * 30}{n}") for n in range(46))]

    for size in (1, 200, 1_000, 7_000, 21_000, 100_000):
        shelf.write(team.robert, letter * size)
    shelf.rekey(team.robert, members)

    assert all("unlisted-reader" == one.code for one in shelf.read().findings)
    assert shelf.epoch.number == 2


# Whatever comes -----------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text() | st.text(alphabet="CoC-Diary: v1\n=/+A-"), max_size=3))
def test_any_text_is_taken_or_refused_in_our_words(shelf: Shelf, texts: list[str]) -> None:
    with pytest.raises((HeadConflict, WriteRefused)):
        take(shelf, texts)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 5_000), length=st.integers(0, 60), put=st.text(max_size=20))
def test_any_edit_of_a_good_comment_is_taken_unchanged_or_refused(
    shelf: Shelf, start: int, length: int, put: str
) -> None:
    """Nothing is kept on the shelf, so one serves all examples."""
    (made,) = shelf.draft(shelf.team.robert, "the words", diary=shelf.read())
    start %= len(made.text)
    try:
        accepted = take(shelf, [made.text[:start] + put + made.text[start + length :]])
    except (HeadConflict, WriteRefused):
        return
    assert accepted.comments[0].link == made.link
    assert accepted.comments[0].text.startswith(made.text)


def test_a_refusal_quotes_nothing_of_what_was_sent(shelf: Shelf) -> None:
    (made,) = shelf.draft(shelf.team.robert)
    for text in (CANARY, made.text + CANARY, made.text.replace("ticket=", f"ticket={CANARY}")):
        with pytest.raises(WriteRefused) as error:
            take(shelf, [text])
        assert CANARY not in str(error.value)
        assert error.value.__cause__ is None


def test_what_the_service_runs_imports_neither_the_opener_nor_the_desks_writer() -> None:
    tree = ast.parse(inspect.getsource(accepting))
    named = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert not named & {"integration.diary.open", "integration.diary.write"}
    assert "pyrage" not in inspect.getsource(accepting)


def test_a_link_that_is_not_the_heads_is_a_conflict_whatever_else_is_wrong(shelf: Shelf, nib: Nib) -> None:
    made = nib.write(prev=Link("A" * 43), place=CommentId(99, 1), epoch=7)

    with pytest.raises(HeadConflict):
        take(shelf, [made.text])
