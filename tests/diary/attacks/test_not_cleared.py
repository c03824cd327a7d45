"""A member who is not cleared, or not any more, reads nothing new, writes nothing that counts and lets nobody in.

Numbers of entries are those of the fixture ``story``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import Reader, generate_identity
from integration.errors import CannotOpen
from tests.diary.conftest import WHOLE, seqs

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Story


@pytest.mark.usefixtures("on_both_hosts")
def test_never_cleared_opens_nothing(story: Story) -> None:
    with pytest.raises(CannotOpen):
        story.team.read(story.texts(), story.team.quentin)


def _without_salma(story: Story) -> list[str]:
    team = story.team
    made = story.pen.rekey(team.robert, [team.robert.reader(), team.paper.reader()])
    after = story.pen.write(team.robert, "Salma is recused.")
    return [*story.texts(), made.text, after.text]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_reads_nothing_that_was_written_after(story: Story, codes: Codes) -> None:
    texts = _without_salma(story)

    theirs, ours = story.team.read(texts, story.team.salma), story.team.read(texts)

    assert seqs(theirs) == WHOLE
    assert codes(theirs) == [("not-cleared", 8)]
    assert not theirs.cleared
    assert seqs(ours) == [*WHOLE, 9]
    assert codes(ours) == []


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_writing_in_the_new_epoch(story: Story, codes: Codes) -> None:
    texts = _without_salma(story)
    made = story.pen.write(story.team.salma, "still here", write_secret=None)

    assert codes(story.team.read([*texts, made.text])) == [("not-a-writer", 10)]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_writing_in_the_old_epoch(story: Story, codes: Codes) -> None:
    old = story.pen.ring.newest
    texts = _without_salma(story)
    made = story.pen.write(story.team.salma, "still here", epoch=old.epoch, write_secret=old.write_secret)

    assert codes(story.team.read([*texts, made.text])) == [("old-epoch", 10)]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_member_re_admitting_herself(story: Story, codes: Codes) -> None:
    old = story.pen.ring
    texts = _without_salma(story)
    now = story.pen.ring
    readers = [story.team.robert.reader(), story.team.salma.reader()]
    head = story.pen.head
    story.pen.ring = old
    third = story.pen.rekey(story.team.salma, readers)  # says it follows epoch 2
    story.pen.head, story.pen.ring = head, old
    fourth = story.pen.rekey(story.team.salma, readers, number=4, history=[*now.epochs])

    assert codes(story.team.read([*texts, third.text])) == [("forged-keyring", 10)]
    assert codes(story.team.read([*texts, fourth.text])) == [("forged-keyring", 10)]
    assert seqs(story.team.read([*texts, fourth.text])) == [*WHOLE, 9]


@pytest.mark.usefixtures("on_both_hosts")
def test_a_former_reader_wrapping_an_old_epochs_words_again(story: Story, codes: Codes) -> None:
    """A keyring that tells another story of the past: salma claims that quentin was a reader of epoch 2."""
    team = story.team
    past = story.pen.ring.epochs
    false = [replace(past[0], readers=(*past[0].readers, team.quentin.reader())), *past[1:]]
    made = story.pen.rekey(team.salma, [team.robert.reader(), team.quentin.reader()], history=false)

    diary = team.read([*story.texts(), made.text])

    assert codes(diary) == [("forged-keyring", 8)]
    assert "another story of epoch 2" in diary.findings[0].says


@pytest.mark.usefixtures("on_both_hosts")
def test_a_keyring_whose_clear_line_names_other_keys(story: Story, codes: Codes) -> None:
    false = replace(story.pen.ring.epochs[1].epoch, number=3)
    made = story.pen.rekey(story.team.salma, [story.team.robert.reader()], named=false, frame={"epoch": 3})

    assert codes(story.team.read([*story.texts(), made.text])) == [("forged-keyring", 8)]


@pytest.mark.usefixtures("on_both_hosts")
def test_an_author_whose_key_is_not_in_the_pinned_roster(story: Story, codes: Codes) -> None:
    """The keyring says it is robert's key. A desk believes only the roster it has accepted."""
    team = story.team
    imposter = generate_identity("robert")
    rekey = story.pen.rekey(team.salma, [team.salma.reader(), imposter.reader(), team.robert.reader()])
    made = story.pen.write(imposter, "I confess.")

    diary = team.read([*story.texts(), rekey.text, made.text])

    assert codes(diary) == [("unlisted-reader", 8), ("unknown-author", 9)]


@pytest.mark.usefixtures("on_both_hosts")
def test_entries_of_a_former_member_count_if_an_accepted_roster_had_their_key(story: Story) -> None:
    team = story.team
    now = {"robert": team.robert.signing_key}

    without = team.read(story.texts(), members=now)
    with_former = team.read(story.texts(), members=now, former={"salma": (team.salma.signing_key,)})

    assert seqs(without) == [2, 3, 6, 7]
    assert seqs(with_former) == WHOLE


@pytest.mark.usefixtures("on_both_hosts")
def test_a_reader_without_a_signing_key_cannot_write(story: Story, codes: Codes) -> None:
    ghost = generate_identity("paper-1")
    made = story.pen.write(ghost, "boo")

    assert codes(story.team.read([*story.texts(), made.text])) == [("not-a-writer", 8)]


@pytest.mark.usefixtures("on_both_hosts")
def test_readers_of_a_keyring_are_as_they_were_listed(story: Story) -> None:
    diary = story.team.read(story.texts())

    assert diary.keyring is not None
    assert [one.alias for one in diary.keyring.newest.readers] == ["robert", "salma", "paper-1"]
    assert diary.keyring.newest.readers[2] == Reader("paper-1", story.team.paper.reader().recipient, None)
