"""Epochs open one after the other, with keys of their own, from the newest roster; and nothing hides the newest one.

Numbers of entries are those of the fixtures ``shelf`` (1 keyring, 2 report, 3 keyring of epoch 2, 4 note) and
``story`` (1 keyring, 2 report, 3 note, 4 keyring of epoch 2, 5 to 7 entries).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyrage
import pytest

from integration.diary.comment import (
    CommentId,
    CommentKind,
    Link,
    head_lines,
    link_of,
    plain_line,
    render,
    seal_message,
)
from integration.diary.frame import EntryContent
from integration.diary.keyring import Keyring
from integration.diary.keys import generate_identity, new_service_key
from integration.errors import WriteRefused
from tests.diary.conftest import Shelf
from tests.diary.team import ROSTER, Pen, Team, new_epoch

if TYPE_CHECKING:
    from integration.diary.keys import Epoch, Reader
    from integration.diary.open import Diary
    from tests.diary.conftest import Codes, Dress, Story


def seqs(diary: Diary) -> list[int]:
    return [entry.seq for entry in diary.entries]


def everybody(team: Team) -> list[Reader]:
    return [team.robert.reader(), team.salma.reader(), team.quentin.reader(), team.paper.reader()]


# No number is left out ----------------------------------------------------------------------------------


def test_who_has_the_keys_of_epoch_1_cannot_go_round_epoch_2(team: Team, dress: Dress, codes: Codes) -> None:
    """The service kept epoch 1 and helps quentin, who is on the roster and was kept out. He makes up an epoch 2."""
    first = team.begin()
    pen = team.pen(first)
    made_up = new_epoch(2, everybody(team))
    made = pen.rekey(
        team.quentin, everybody(team), number=3, history=[made_up, *pen.ring.epochs], write_secret=made_up.write_secret
    )  # fmt: skip

    diary = team.read([dress(one.text) for one in (*first.comments, made)])

    assert codes(diary) == [("forged-keyring", 3)]
    assert "it opens epoch 3, and the newest was 1" in diary.findings[0].says
    assert diary.current is not None
    assert diary.current.epoch.number == 1


def test_reading_secrets_that_leaked_open_no_later_epoch(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    team, pen = shelf.team, _pen(shelf)
    made_up = new_epoch(3, everybody(team))
    known = [replace(one, write_secret=None) for one in pen.ring.epochs]
    made = pen.rekey(
        team.quentin, everybody(team), number=4, history=[made_up, *known], write_secret=made_up.write_secret
    )

    diary = team.read([*shelf.texts(dress), dress(made.text)], head=shelf.head)

    assert codes(diary) == [("forged-keyring", 5)]


@pytest.mark.parametrize("number", [4, 9])
def test_a_seal_key_alone_shuts_nobody_out(shelf: Shelf, dress: Dress, codes: Codes, number: int) -> None:
    """A keyring that nobody can open, with a number that nothing leads to, and words after it."""
    team, pen = shelf.team, _pen(shelf)
    spy = generate_identity("spy")
    made = pen.rekey(team.service, [spy.reader()], number=number, write_secret=None, history=[])
    after = pen.write(team.service, content=EntryContent.REPORT, write_secret=None)

    diary = team.read([*shelf.texts(dress), dress(made.text), dress(after.text)], head=shelf.head)

    assert codes(diary) == [("forged-keyring", 5), ("untrusted-epoch", 6)]
    assert diary.cleared
    assert diary.current is not None


def test_where_a_keyring_is_missing_a_later_one_opens_what_it_can_and_nobody_writes(
    story: Story, dress: Dress, codes: Codes
) -> None:
    """What keyring 1 would say against the later one's story is not to be seen, so nobody relies on its readers."""
    diary = story.team.read(story.texts(dress)[1:], head=story.head)

    assert codes(diary) == [("missing", 1)]
    assert seqs(diary) == [2, 3, 5, 6, 7]
    assert diary.current is None
    assert not diary.vouched
    assert not diary.rekey_due


def test_a_deleted_comment_is_no_cover_for_a_made_up_epoch(team: Team, dress: Dress, codes: Codes) -> None:
    """The service deletes an entry, so that epoch 2 might have stood there. It reads, it is said, nobody writes."""
    first = team.begin()
    pen = team.pen(first)
    gone = pen.write(team.robert)
    made_up = new_epoch(2, everybody(team))
    made = pen.rekey(
        team.quentin, everybody(team), number=3, history=[made_up, *pen.ring.epochs], write_secret=made_up.write_secret
    )  # fmt: skip

    diary = team.read([dress(one.text) for one in (*first.comments, made)])

    assert gone.id == (3, 1)
    assert codes(diary) == [("missing", 3)]
    assert diary.current is None
    assert not diary.vouched


def test_a_part_of_a_keyring_that_is_missing_does_not_hide_what_a_later_one_opens(
    new_team: type[Team], dress: Dress, codes: Codes
) -> None:
    team = new_team(part_bytes=2_000)
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.robert, "after it")
    assert shelf.made[1].id == (1, 2)

    diary = team.read([dress(one.text) for one in shelf.made if one.id != (1, 2)], head=shelf.head)

    assert codes(diary) == [("untrusted-epoch", 1), ("missing", 1)]
    assert seqs(diary)[-1] == shelf.head.seq
    assert diary.current is None


def test_who_was_left_out_and_is_let_in_again_is_told_by_whom(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    """What quentin's keyring says of the epoch in between, salma cannot check: she could not read it."""
    team = shelf.team
    shelf.rekey(team.robert, [team.robert, team.quentin])
    shelf.rekey(team.quentin, [team.robert, team.salma, team.quentin])

    hers = team.read(shelf.texts(dress), team.salma, head=shelf.head)

    assert codes(hers) == [("cleared-again", 6)]
    assert "made by quentin" in hers.findings[0].says
    assert "ask quentin" in hers.findings[0].means
    assert codes(shelf.read()) == []


# Every epoch has keys of its own ------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1], ids=["the epoch before", "the first epoch"])
@pytest.mark.parametrize("keys", ["recipient", "writing_key"])
def test_no_epoch_has_a_key_of_an_earlier_one(
    shelf: Shelf, dress: Dress, codes: Codes, which: int, keys: str
) -> None:
    """Whoever could read or write then would go on doing so, recused or not."""
    team, pen = shelf.team, _pen(shelf)
    old, new = pen.ring.epochs[which], new_epoch(3, [team.robert.reader()])
    if keys == "recipient":
        new = replace(
            new, epoch=replace(new.epoch, recipient=old.epoch.recipient), read_secret=old.read_secret
        )
    else:
        # The secret of an old writing key is in no later keyring: salma kept it.
        secret = pen.ring.newest.write_secret if which == 0 else None
        new = replace(new, epoch=replace(new.epoch, writing_key=old.epoch.writing_key), write_secret=secret)
    ring = Keyring((new, *(replace(one, write_secret=None) for one in pen.ring.epochs)))
    made = pen.write(
        team.robert, ring.dump().reveal(), content=EntryContent.KEYRING, opens=new.epoch,
        to=[team.robert.recipient, team.salma.recipient], frame={"epoch": 3},
    )  # fmt: skip

    for who in (team.robert, team.salma, team.paper):
        diary = team.read([*shelf.texts(dress), dress(made.text)], who, head=shelf.head)
        assert codes(diary) == [("forged-keyring", 5)]
        assert "a key of an earlier epoch" in diary.findings[0].says


# The newest that was seen must be here ------------------------------------------------------------------


@pytest.mark.parametrize("how", ["damaged", "only its plain line", "replaced by an outsider's"])
def test_a_keyring_that_was_seen_and_cannot_be_read_any_more_stops_writing_in_the_epoch_before(
    story: Story, dress: Dress, how: str
) -> None:
    """Epoch 3 recused salma. Her epoch must not be written in because its keyring was broken on the ticket."""
    team = story.team
    made = story.pen.rekey(team.robert, [team.robert.reader(), team.paper.reader()])
    shown = {
        "damaged": made.text.replace("CoC-Seal: ", "CoC-Seal: A", 1),
        "only its plain line": made.text.split("\n")[0],
        "replaced by an outsider's": outsiders(team, CommentId(8, 1), 1, CommentKind.ENTRY, 2),
    }[how]

    diary = team.read([*story.texts(dress), dress(shown)], head=story.head)

    assert any(one.serious for one in diary.findings)
    assert diary.current is None
    assert not diary.rekey_due


# What anybody may put on the ticket ---------------------------------------------------------------------


def outsiders(
    team: Team, place: CommentId, parts: int, kind: CommentKind, epoch: int, opens: Epoch | None = None
) -> str:
    """A block of somebody who has no key of ours."""
    nobody = new_service_key("svc-2026a")
    age = pyrage.encrypt(b"x" * 512, [pyrage.x25519.Recipient.from_str(generate_identity("z").recipient)])
    plain = plain_line(team.incident, team.ticket, place, parts, epoch, kind, Link("A" * 43))
    shown = head_lines(plain, opens)
    return render(shown, age, None, nobody.seal(seal_message(link_of(shown, age), None)), nobody.id)


@pytest.mark.parametrize("seq", [1, 2, 4, 6, 7])
@pytest.mark.parametrize("whole", [True, False], ids=["a block", "a plain line"])
def test_a_strangers_comment_beside_an_entry_hides_and_accuses_nothing(
    story: Story, dress: Dress, codes: Codes, seq: int, *, whole: bool
) -> None:
    """Anybody who may comment can name one more part of any entry. Its own comments say how many it has."""
    team = story.team
    block = outsiders(team, CommentId(seq, 2), 2, CommentKind.ENTRY, 2)
    shown = block if whole else block.split("\n")[0]

    for who in (team.robert, team.salma):
        diary = team.read([*story.texts(dress), dress(shown)], who, head=story.head)
        assert codes(diary) == [("stray", seq)]
        assert not diary.findings[0].serious
        assert seqs(diary) == [2, 3, 5, 6, 7]
        assert diary.current is not None
        assert diary.current.epoch.number == 2


def test_a_strangers_keyring_refuses_nobodys(story: Story, dress: Dress, codes: Codes) -> None:
    """In the place of keyring 4, which was deleted: what a later keyring opens is shown."""
    team = story.team
    later = story.pen.rekey(team.robert, [team.robert.reader(), team.salma.reader()])
    false = outsiders(team, CommentId(4, 1), 1, CommentKind.KEYRING, 2, new_epoch(2, []).epoch)
    texts = [*story.texts(dress), dress(later.text)]
    texts[3] = dress(false)

    diary = team.read(texts, head=story.pen.head)

    assert codes(diary) == [("wrong-seal", 4)]
    assert seqs(diary) == [2, 3, 5, 6, 7]
    assert diary.current is None


def test_a_strangers_keyring_in_the_place_of_the_newest_does_not_let_the_epoch_before_go_on(
    story: Story, dress: Dress, codes: Codes
) -> None:
    """This desk has never seen keyring 8, which was deleted; entry 9 shows that there was one."""
    team = story.team
    gone = story.pen.rekey(team.robert, [team.robert.reader(), team.paper.reader()])
    after = story.pen.write(team.robert)
    false = outsiders(team, gone.id, 1, CommentKind.KEYRING, 3, new_epoch(3, []).epoch)

    for who in (team.robert, team.salma):
        diary = team.read([*story.texts(dress), dress(false), dress(after.text)], who)
        assert codes(diary) == [("wrong-seal", 8), ("untrusted-epoch", 9)]
        assert diary.current is None


def test_bad_parts_of_an_entry_of_which_nothing_good_is_left_are_one_gap(
    story: Story, dress: Dress, codes: Codes
) -> None:
    team = story.team
    texts = story.texts(dress)
    for parts in ((1, 2), (2, 2)), ((1, 1), (2, 2)):
        texts[4] = "\n\n".join(
            dress(outsiders(team, CommentId(5, part), count, CommentKind.ENTRY, 2)) for part, count in parts
        )
        assert codes(team.read(texts, head=story.head)) == [("wrong-seal", 5), ("wrong-seal", 5)]


def test_sealed_parts_that_disagree_about_their_number_are_a_broken_chain(
    story: Story, dress: Dress, codes: Codes
) -> None:
    """Only who has the seal key can do it; the finding names the entry, and no gap before it."""
    pen, two = story.pen, {"place": CommentId(8, 2), "parts": 2}
    one = pen.write(story.team.robert)
    other = pen.write(story.team.robert, plain=two, frame={"id": CommentId(8, 2), "parts": 2})

    diary = story.team.read([*story.texts(dress), dress(one.text), dress(other.text)], head=story.head)

    assert codes(diary) == [("parts-differ", 8), ("broken-chain", 8)]


# Whoever left the team ----------------------------------------------------------------------------------


def test_a_reader_whom_the_newest_roster_does_not_have_is_named_and_locked_out(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    """Salma's desk still trusts roster 3, and clears quentin. Robert has accepted roster 4, without him."""
    team = shelf.team
    shelf.rekey(team.salma, [team.robert, team.salma, team.quentin])
    without = [one for one in team.trust().readers if one.alias != "quentin"]
    rosters = {ROSTER: team.trust().readers, "cd" * 32: without}

    diary = team.read(shelf.texts(dress), head=shelf.head, rosters=rosters, readers=without)

    assert codes(diary) == [("former-reader", 5)]
    assert "quentin" in diary.findings[0].says
    assert diary.rekey_due
    with pytest.raises(WriteRefused, match="roster"):
        shelf.draft(team.robert, diary=diary)
    shelf.rekey(team.robert, [team.robert, team.salma], diary=diary, roster_serial=4, roster_hash="cd" * 32)
    renewed = shelf.read(rosters=rosters, readers=without)
    assert codes(renewed) == []
    assert not renewed.rekey_due


def test_a_reader_with_another_key_than_the_newest_roster_has_is_a_former_reader(
    shelf: Shelf, codes: Codes
) -> None:
    """Salma lost her device, and the roster has her new key. Robert's desk does not go on writing to the old one."""
    team = shelf.team
    anew = generate_identity("salma").reader()
    listed = [anew if one.alias == "salma" else one for one in team.trust().readers]

    diary = shelf.read(rosters={ROSTER: team.trust().readers, "cd" * 32: listed}, readers=listed)

    assert codes(diary) == [("former-reader", 3)]
    assert diary.rekey_due


def _pen(shelf: Shelf) -> Pen:
    ring = shelf.read().keyring
    assert ring is not None
    return Pen(shelf.team.incident, shelf.team.ticket, shelf.team.service, shelf.head, ring)
