"""Who was never cleared, was recused or is an outsider opens nothing new and writes nothing that counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyrage
import pytest

from integration.diary.accept import accept
from integration.diary.comment import (
    find_comments,
    head_lines,
    link_of,
    plain_line,
    render,
    seal_message,
    write_message,
)
from integration.diary.keyring import writing_key_of
from integration.diary.keys import generate_identity, new_service_key
from integration.diary.open import read_age
from integration.errors import CannotOpen, WriteRefused
from tests.diary.conftest import seqs
from tests.diary.epoch_attacks.pens import pen_of
from tests.diary.team import new_epoch

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Dress, Shelf


def test_one_never_cleared_opens_nothing_at_any_time(shelf: Shelf, dress: Dress) -> None:
    team = shelf.team
    for _ in range(2):
        shelf.rekey(team.robert, [team.robert])
        shelf.write(team.robert)

    with pytest.raises(CannotOpen):
        team.read(shelf.texts(dress), team.quentin)
    for one in shelf.made:
        with pytest.raises(CannotOpen):
            read_age(find_comments(one.text)[0].age, [team.quentin.secret])


@pytest.mark.usefixtures("on_both_hosts")
def test_a_recused_members_keys_open_no_comment_written_after(shelf: Shelf) -> None:
    """Neither her own key nor any epoch's secret that she ever had."""
    team = shelf.team
    hers = shelf.read(team.salma).keyring
    assert hers is not None
    known = [team.salma.secret, *(one.read_secret for one in hers.epochs)]
    shelf.rekey(team.robert, [team.robert])
    shelf.write(team.robert, "without her")
    shelf.rekey(team.robert, [team.robert, team.quentin])
    shelf.write(team.quentin, "still without her")

    for one in shelf.made[4:]:
        with pytest.raises(CannotOpen):
            read_age(find_comments(one.text)[0].age, known)


def test_a_recused_member_opens_no_epoch_even_with_a_service_that_seals_everything(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    """She has the writing key of epoch 2 and her signing key, and the service helps. Epoch 3 is not hers."""
    team = shelf.team
    old = pen_of(shelf, team.salma)
    shelf.rekey(team.robert, [team.robert])
    old.head = shelf.head
    for number in (3, 4):
        made = old.rekey(team.salma, [team.robert.reader(), team.salma.reader()], number=number, keep=False)
        diary = team.read([*shelf.texts(dress), dress(made.text)])

        assert codes(diary) == [("forged-keyring", 6)]
        assert diary.current is not None
        assert diary.current.epoch == shelf.epoch


def test_a_recused_member_who_wraps_a_true_keyring_again_for_herself(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    """Robert lent her keyring 5, opened, so that she has its secrets. It is signed for its place and for no other."""
    team = shelf.team
    shelf.rekey(team.robert, [team.robert])
    true = find_comments(shelf.made[-1].text)[0]
    content = read_age(true.age, [team.robert.secret])
    both = [pyrage.x25519.Recipient.from_str(one.recipient) for one in (team.salma, team.robert)]
    again = pyrage.encrypt(content, both * 8)

    for opens, code in (
        (replace(shelf.epoch, number=4), "forged-keyring"),
        (new_epoch(4, []).epoch, "misplaced"),
    ):
        after = _sealed_again(shelf, again, epoch=4, kind="keyring", opens=opens)
        for who in (team.robert, team.salma):
            diary = team.read([*shelf.texts(dress), dress(after)], who)
            assert (code, 6) in codes(diary)
            assert diary.keyring is not None
            assert diary.keyring.newest.epoch.number < 4


def test_a_true_keyring_exchanged_for_one_that_a_recused_member_opens(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    """The same signed words in the same place, wrapped to her too, with a stolen seal key: CoC-Write is over the age file."""
    team = shelf.team
    shelf.rekey(team.robert, [team.robert])
    true = find_comments(shelf.made[-1].text)[0]
    again = pyrage.encrypt(
        read_age(true.age, [team.robert.secret]), [pyrage.x25519.Recipient.from_str(team.salma.recipient)]
    )
    shelf.write(team.robert, "after it")
    assert true.write_signature is not None
    plain = plain_line(true.incident, true.ticket, true.id, 1, true.epoch, true.kind, true.prev)
    shown = head_lines(plain, true.opens)
    seal = team.service.seal(seal_message(link_of(shown, again), true.write_signature))
    texts = shelf.texts(dress)
    texts[4] = dress(render(shown, again, true.write_signature, seal, team.service.id))

    for who in (team.robert, team.salma):
        diary = team.read(texts, who, head=shelf.head)
        assert ("forged-keyring", 5) in codes(diary)
        assert ("broken-chain", 6) in codes(diary)
        assert seqs(diary) == [2, 4]


def test_a_former_reader_who_wraps_an_entry_again_for_an_outsider_changes_nothing_here(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    """A reader can always hand words on. In the diary, the age file is bound by the chain and by CoC-Write."""
    team = shelf.team
    true = find_comments(shelf.made[3].text)[0]
    keyring = shelf.read(team.robert).keyring
    assert keyring is not None
    content = read_age(true.age, [keyring.newest.read_secret])
    outsider = generate_identity("outsider")
    again = pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(outsider.recipient)])
    plain = plain_line(true.incident, true.ticket, true.id, 1, true.epoch, true.kind, true.prev)
    link = link_of(plain, again)
    write = writing_key_of(keyring.newest.write_secret or "")[0].sign(write_message(link))
    text = render(plain, again, write, team.service.seal(seal_message(link, write)), team.service.id)
    shelf.write(team.robert, "after it")
    texts = shelf.texts(dress)
    texts[3] = dress(text)

    found = codes(team.read(texts, head=shelf.head))

    assert ("unreadable", 4) in found
    assert ("broken-chain", 5) in found


def test_words_of_a_colleague_wrapped_again_into_the_new_epoch(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    team = shelf.team
    keyring = shelf.read().keyring
    assert keyring is not None
    content = read_age(find_comments(shelf.made[3].text)[0].age, [keyring.newest.read_secret])
    shelf.rekey(team.robert, [team.robert])
    again = pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(shelf.epoch.recipient)])

    diary = team.read([*shelf.texts(dress), dress(_sealed_again(shelf, again, epoch=3))])

    assert codes(diary) == [("misplaced", 6)]


def _sealed_again(shelf: Shelf, age: bytes, *, epoch: int, kind: str = "entry", opens: object = None) -> str:
    """Any age file as the next comment, with a good seal and a good writing key."""
    pen = pen_of(shelf)
    place = find_comments(shelf.made[-1].text)[0].id._replace(seq=shelf.head.seq + 1)
    outside = {
        "incident": shelf.team.incident, "ticket": shelf.team.ticket, "place": place, "parts": 1, "epoch": epoch,
        "kind": kind, "prev": shelf.head.link,
    }  # fmt: skip
    secret = pen.ring.newest.write_secret
    return str(pen._finish(outside, opens, age, secret, shelf.team.service, keep=False).text)  # type: ignore[arg-type]  # an Epoch or None


def test_an_outsider_with_public_keys_reaches_neither_service_nor_desk(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    """What stands on the ticket in clear, age and ssh-keygen are all that an outsider has."""
    team = shelf.team
    outsider = generate_identity("robert")
    pen = replace(pen_of(shelf), service=new_service_key("svc-2026a"))
    entry = pen.write(outsider, write_secret=None, keep=False)
    ring = pen.rekey(outsider, [outsider.reader()], write_secret=None, keep=False)

    for made in (entry, ring):
        with pytest.raises(WriteRefused):
            accept(
                [made.text.rsplit("\n", 1)[0]], incident=team.incident, ticket=team.ticket, head=shelf.head,
                epoch=shelf.epoch, service=team.service,
            )  # fmt: skip
        diary = team.read([*shelf.texts(dress), dress(made.text)], head=shelf.head)
        assert codes(diary) == [("wrong-seal", 5)]
        assert seqs(diary) == [2, 4]
        assert diary.current is not None
