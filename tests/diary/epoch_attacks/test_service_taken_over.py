"""A service that was taken over opens no epoch, writes no member's words and hides no history from who saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
import pytest

from integration.diary.comment import find_comments, link_of, plain_line, render, seal_message, write_message
from integration.diary.frame import pad, parse
from integration.diary.keyring import writing_key_of
from integration.diary.keys import ServiceKey, generate_identity
from integration.diary.open import read_age
from integration.errors import HeadConflict, WriteRefused
from tests.diary.conftest import seqs
from tests.diary.epoch_attacks.pens import pen_of

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Dress, Shelf


def test_it_opens_no_epoch_and_writes_no_members_words(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    team = shelf.team
    spy = generate_identity("spy")
    pen = pen_of(shelf)
    ring = pen.rekey(team.service, [team.robert.reader(), spy.reader()], write_secret=None, keep=False)
    false = pen.write(spy, frame={"author": "member:robert"}, write_secret=None, keep=False)

    for made, code in ((ring, "forged-keyring"), (false, "forged-author")):
        diary = team.read([*shelf.texts(dress), dress(made.text)], head=shelf.head)
        assert codes(diary) == [(code, 5)]
        assert diary.current is not None
        assert diary.current.epoch.number == 2


def test_it_puts_a_true_authors_words_under_its_seal_and_changes_a_letter(shelf: Shelf, dress: Dress) -> None:
    """With the seal key and the reading key (a reader helps), but not salma's signing key."""
    team = shelf.team
    keyring = shelf.read().keyring
    assert keyring is not None
    true = find_comments(shelf.made[3].text)[0]
    _, signed, signature = parse(read_age(true.age, [keyring.newest.read_secret]))
    changed = pad(signed.replace(b"I called them.", b"I killed them."), signature)
    age = pyrage.encrypt(changed, [pyrage.x25519.Recipient.from_str(shelf.epoch.recipient)])
    plain = plain_line(true.incident, true.ticket, true.id, 1, 2, true.kind, true.prev)
    link = link_of(plain, age)
    write = writing_key_of(keyring.newest.write_secret or "")[0].sign(write_message(link))
    text = render(plain, age, write, team.service.seal(seal_message(link, write)), team.service.id)

    diary = team.read([*shelf.texts(dress)[:3], dress(text)])

    assert [one.code for one in diary.findings] == ["forged-author"]
    assert seqs(diary) == [2]


def test_it_rolls_its_head_back_and_lets_desks_write_again(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """Who has seen the newest finds it; the other desk writes, and the first then finds another comment there."""
    team = shelf.team
    shelf.write(team.salma, "what must go")
    hers = shelf.head
    shelf.made.pop()

    rolled = team.read(shelf.texts(dress), team.salma, head=hers)
    assert codes(rolled) == [("missing-newest", 5)]
    with pytest.raises(WriteRefused, match="newest state"):
        shelf.draft(team.salma, diary=rolled)
    shelf.write(team.robert, "what stands there now")

    rewritten = team.read(shelf.texts(dress), team.salma, head=hers)
    assert codes(rewritten) == [("rewritten", 5)]
    with pytest.raises(WriteRefused, match="newest state"):
        shelf.draft(team.salma, diary=rewritten)


@pytest.mark.usefixtures("on_both_hosts")
def test_two_writes_for_one_head_end_in_a_conflict_for_one(shelf: Shelf) -> None:
    team = shelf.team
    one, two = shelf.draft(team.robert), shelf.draft(team.salma)
    shelf.take(one)

    with pytest.raises(HeadConflict):
        shelf.take(two)


def test_a_stolen_seal_key_alone_adds_nothing_that_is_shown(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    team = shelf.team
    pen = pen_of(shelf)
    thief = generate_identity("salma")
    for made, code in (
        (pen.write(thief, write_secret=None, keep=False), "forged-author"),
        (pen.write(thief, write_secret="A" * 43, keep=False), "forged-author"),
        (pen.write(ServiceKey("svc-2026a", thief._signing), write_secret=None, keep=False), "forged-author"),
    ):
        diary = team.read([*shelf.texts(dress), dress(made.text)])
        assert codes(diary) == [(code, 5)]
        assert seqs(diary) == [2, 4]
