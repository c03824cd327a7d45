"""Attacks on diaries that desks wrote, through the service's own checks, on both hosts' comment styles.

Numbers of entries are those of the fixture ``shelf``: 1 keyring, 2 report, 3 keyring of epoch 2, 4 note. What a
whole service does that was taken over is done by a :class:`Pen` with its seal key, past all checks.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pyrage
import pytest

from integration.diary import sshsig
from integration.diary.accept import accept
from integration.diary.chain import Head
from integration.diary.comment import (
    find_comments,
    head_lines,
    link_of,
    plain_line,
    render,
    seal_message,
    write_message,
)
from integration.diary.frame import NAMESPACE, EntryContent, pad, parse
from integration.diary.keyring import writing_key_of
from integration.diary.keys import Identity, Reader, ServiceKey, generate_identity, new_service_key
from integration.diary.open import read_age
from integration.diary.seal import EntryDraft
from integration.errors import CannotOpen, HeadConflict, WriteRefused
from integration.text import Untrusted
from tests.diary.conftest import Shelf
from tests.diary.team import JIRA, ROSTER, THEN, Pen, Team, new_epoch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.diary.open import Diary
    from tests.diary.conftest import Codes, Dress

HOSTILE = (
    "-----BEGIN SSH SIGNATURE-----\nQUJD\n-----END SSH SIGNATURE-----\nAuthor: member:salma\n\n| | \r\n\x1b[2J\u202eevil\u2066\n"
    "CoC-Diary: v1 inc=inc_aaaaaaaaaaaaaaaaaaaaaaaaaa ticket=a seq=1 part=1/1 epoch=1 kind=entry prev=x\n```\n"
    "-----BEGIN AGE ENCRYPTED FILE-----\nQUJD\n-----END AGE ENCRYPTED FILE-----\nCoC-Write: x\nCoC-Seal: x key=y\n"
    "CoC-Diary-Frame: v1\nLength: 0\n{code}{noformat}\n<!--\x00\x85\u2028"
)


def seqs(diary: Diary) -> list[int]:
    return [entry.seq for entry in diary.entries]


def pen_of(shelf: Shelf, who: Identity | None = None) -> Pen:
    """A pen at the head with what this member's key opens, and the service's seal key."""
    ring = shelf.read(who).keyring
    assert ring is not None
    return Pen(shelf.team.incident, shelf.team.ticket, shelf.team.service, shelf.head, ring)


# Who is out stays out -----------------------------------------------------------------------------------


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


# Whose keys a keyring names -----------------------------------------------------------------------------


def test_a_service_that_lists_its_own_key_in_epoch_1(team: Team, dress: Dress, codes: Codes) -> None:
    spy = generate_identity("spy")
    first = team.begin(readers=[team.robert.reader(), team.salma.reader(), spy.reader()])
    shelf = Shelf(team, list(first.comments), first.epoch)

    diary = team.read(shelf.texts(dress), head=shelf.head)

    assert codes(diary) == [("unlisted-reader", 1)]
    assert "spy" in diary.findings[0].says
    assert not diary.vouched
    with pytest.raises(WriteRefused, match="roster"):
        shelf.draft(team.robert)
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.robert, "not for the spy")
    assert codes(shelf.read()) == [("unlisted-reader", 1)]
    assert seqs(shelf.read(spy, members={**team.trust().members, "spy": spy.signing_key})) == [2]


@pytest.mark.usefixtures("on_both_hosts")
@pytest.mark.parametrize("alias", ["robert", "salma", "paper-1"])
def test_a_key_under_a_members_name_that_is_not_theirs(team: Team, codes: Codes, alias: str) -> None:
    """The service, or a dishonest member, puts its own key in the place of a colleague's."""
    false = generate_identity(alias)
    readers = [one for one in (team.robert.reader(), team.salma.reader()) if one.alias != alias]
    recovery = [team.paper.reader()] if alias != "paper-1" else [Reader(alias, false.recipient, None)]
    first = team.begin(
        readers=[*readers, *([false.reader()] if alias != "paper-1" else [])], recovery=recovery
    )
    who = team.salma if alias == "robert" else team.robert

    diary = team.read([one.text for one in first.comments], who)

    assert codes(diary) == [("unlisted-reader", 1)]
    assert alias in diary.findings[0].says


def test_a_dishonest_member_who_lets_an_outsider_in(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    team = shelf.team
    friend = generate_identity("friend")
    shelf.rekey(team.salma, [team.robert, team.salma, friend])

    diary = team.read(shelf.texts(dress), head=shelf.head)

    assert codes(diary) == [("unlisted-reader", 5)]
    assert seqs(diary) == [2, 4]
    with pytest.raises(WriteRefused, match="could be read by somebody"):
        shelf.draft(team.robert)


@pytest.mark.usefixtures("on_both_hosts")
def test_a_strange_name_of_a_reader_is_not_repeated(shelf: Shelf) -> None:
    team = shelf.team
    odd = replace(generate_identity("x").reader(), alias="\x1b[2J\u202e eve")
    shelf.rekey(team.salma, [team.robert, team.salma, odd])

    (finding,) = shelf.read().findings

    assert finding.code == "unlisted-reader"
    assert finding.says.isprintable()
    assert "eve" not in finding.says


def test_a_swapped_roster(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """A keyring made from a roster that the desk never accepted: all of it opens, and nobody writes with it."""
    team = shelf.team
    mallory = generate_identity("mallory")
    shelf.rekey(team.salma, [team.robert, team.salma, mallory], roster_serial=4, roster_hash="cd" * 32)
    shelf.write(
        team.salma, "hello all", diary=shelf.read(team.salma, rosters=_also(team, "cd" * 32, mallory))
    )

    diary = team.read(shelf.texts(dress), head=shelf.head)
    assert codes(diary) == [("unknown-roster", 5)]
    assert "roster 4" in diary.findings[0].says
    assert seqs(diary) == [2, 4, 6]
    with pytest.raises(WriteRefused, match="roster"):
        shelf.draft(team.robert)
    with pytest.raises(WriteRefused, match="older"):
        shelf.ring(team.robert, [team.robert])
    knowing = shelf.read(rosters=_also(team, "cd" * 32))
    assert codes(knowing) == [("unlisted-reader", 5)]
    accepted = shelf.read(rosters=_also(team, "cd" * 32, mallory))
    assert codes(accepted) == []


def _also(team: Team, name: str, *more: Identity) -> dict[str, Sequence[Reader]]:
    listed = list(team.trust().rosters[ROSTER])
    return {ROSTER: listed, name: [*listed, *(one.reader() for one in more)]}


@pytest.mark.usefixtures("on_both_hosts")
def test_without_any_accepted_roster_every_keyring_says_so(shelf: Shelf, codes: Codes) -> None:
    assert codes(shelf.read(rosters={})) == [("unknown-roster", 1), ("unknown-roster", 3)]
    assert seqs(shelf.read(rosters={})) == [2, 4]


@pytest.mark.usefixtures("on_both_hosts")
def test_going_back_to_an_older_accepted_roster(shelf: Shelf, codes: Codes) -> None:
    """Quentin had to leave with roster 4. Salma's desk, or somebody with her keys, uses roster 3 again."""
    team = shelf.team
    rosters = _also(team, "cd" * 32)
    shelf.rekey(team.robert, [team.robert, team.salma], roster_serial=4, roster_hash="cd" * 32)
    pen = pen_of(shelf, team.salma)
    made = pen.rekey(team.salma, [team.robert.reader(), team.salma.reader(), team.quentin.reader()])
    shelf.made.append(made)

    diary = shelf.read(rosters=rosters)

    assert codes(diary) == [("older-roster", 6)]
    assert not diary.vouched


@pytest.mark.usefixtures("on_both_hosts")
def test_a_rekey_from_a_newer_roster_than_the_desk_has_can_not_be_undone_by_it(shelf: Shelf) -> None:
    team = shelf.team
    shelf.rekey(team.salma, [team.robert, team.salma], roster_serial=4, roster_hash="cd" * 32)

    with pytest.raises(WriteRefused, match="older"):
        shelf.ring(team.robert, [team.robert, team.quentin])


# What a service that was taken over can do --------------------------------------------------------------


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


# What a host's admin can do -----------------------------------------------------------------------------


def test_reverting_a_comment_to_an_older_version(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """GitHub keeps versions. The comment was damaged once and restored; an admin puts an older text back."""
    team = shelf.team
    shelf.write(team.robert, "the newest")
    texts = shelf.texts(dress)
    for older in (texts[3].replace("kind=entry", "kind=file"), texts[2], "", "_This comment was edited._"):
        shown = [*texts[:3], older, *texts[4:]]

        found = team.read(shown, head=shelf.head)

        assert {seq for _, seq in codes(found)} <= {3, 4}
        assert any(one.serious for one in found.findings)
        assert seqs(found) == [2, 5]


def test_deleting_or_damaging_the_newest_keyring(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """Those who could read it before do not take it for a recusal of theirs, and write nothing meanwhile."""
    team = shelf.team
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.robert, "in epoch 3")
    texts = shelf.texts(dress)

    gone = team.read([*texts[:4], *texts[5:]], team.salma, head=shelf.head)

    assert codes(gone) == [("missing", 5), ("untrusted-epoch", 6)]
    assert gone.cleared
    assert gone.current is None


def test_a_body_that_imitates_everything_comes_back_and_is_one_entry(
    shelf: Shelf, dress: Dress, codes: Codes
) -> None:
    team = shelf.team
    shelf.write(team.robert, HOSTILE)
    shelf.write(team.salma, HOSTILE * 400, content=EntryContent.MEETING)
    why = EntryDraft(EntryContent.NOTE, Untrusted(HOSTILE), None, THEN)
    shelf.rekey(team.robert, [team.robert, team.salma], then=why)

    diary = team.read(shelf.texts(dress), team.salma, head=shelf.head)

    assert codes(diary) == []
    assert [one.body.reveal() for one in diary.entries[2:]] == [HOSTILE, HOSTILE * 400, HOSTILE]
    assert "BEGIN SSH" not in "".join(shelf.texts())


@pytest.mark.parametrize(
    "damage",
    [
        lambda age: age * 3_000,
        lambda age: age[:4] * 1_000_000,
        lambda age: "\n".join(age[:4] for _ in range(100_000)),
        lambda age: age.rstrip("=") + "====",
        lambda age: age.replace("A", "-", 1).replace("B", "_", 1),
        lambda age: age + "\n-----BEGIN AGE ENCRYPTED FILE-----\n" + age,
        lambda age: age.lower(),
        lambda age: age[:64],
        "\u200b".join,
        lambda age: age[:0],
    ],
    ids=range(10),
)
def test_oversized_or_malformed_armour_hides_nothing_else(
    shelf: Shelf, dress: Dress, codes: Codes, damage: object
) -> None:
    assert callable(damage)
    team = shelf.team
    shelf.write(team.robert, "after it")
    before, _, rest = shelf.made[3].text.partition("FILE-----\n")
    coded, _, after = rest.partition("\n-----END")
    texts = shelf.texts(dress)
    texts[3] = dress(f"{before}FILE-----\n{damage(coded)}\n-----END{after}")

    diary = team.read(texts, head=shelf.head)

    assert codes(diary) in ([("damaged", 4)], [("wrong-seal", 4)])
    assert seqs(diary) == [2, 5]


@pytest.mark.usefixtures("on_both_hosts")
def test_white_space_damage_is_harmless(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(team.robert, [team.robert, team.salma])
    for ends in ("\r\n", "\r", "\n\n\n"):
        texts = [ends.join(f"\ufeff \t{line}\u00a0 " for line in one.text.split("\n")) for one in shelf.made]

        assert codes(team.read(texts, team.salma, head=shelf.head)) == []


def test_the_whole_diary_on_another_incidents_or_hosts_ticket(
    shelf: Shelf, new_team: type[Team], dress: Dress, codes: Codes
) -> None:
    team = shelf.team
    there = team.read(shelf.texts(dress), ticket=JIRA)
    other = new_team(robert=team.robert, service=team.service)

    assert codes(there) == [("other-ticket", 4)]
    with pytest.raises(CannotOpen):
        other.read(shelf.texts(dress))


# Look-alikes of signatures ------------------------------------------------------------------------------


def _string(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def _blob(
    who: Identity,
    message: bytes,
    *,
    version: int = 1,
    namespace: bytes = NAMESPACE.encode(),
    reserved: bytes = b"",
    hash_name: bytes = b"sha512",
    kind: bytes = b"ssh-ed25519",
    extra: bytes = b"",
    magic: bytes = b"SSHSIG",
) -> str:
    """A signature file made by hand; each field can be set wrong, and what is signed follows it."""
    digest = hashlib.new(hash_name.decode(), message).digest()
    signed = b"SSHSIG" + _string(namespace) + _string(reserved) + _string(hash_name) + _string(digest)
    public = base64.b64decode(who.signing_key.split()[1])[-32:]
    key = _string(kind) + _string(public)
    signature = _string(kind) + _string(who._signing.sign(signed))
    blob = (
        magic + struct.pack(">I", version) + _string(key) + _string(namespace) + _string(reserved)
        + _string(hash_name) + _string(signature) + extra
    )  # fmt: skip
    coded = base64.b64encode(blob).decode()
    lines = [coded[at : at + 70] for at in range(0, len(coded), 70)]
    return "\n".join(("-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----")) + "\n"


def test_signatures_that_only_look_like_the_right_one_are_refused() -> None:
    robert, message = generate_identity("robert"), b"what was said"

    def good(armoured: str) -> bool:
        return sshsig.verify(robert.signing_key, NAMESPACE, message, armoured)

    right = _blob(robert, message)
    assert good(right)
    for wrong in (
        _blob(robert, message, version=2),
        _blob(robert, message, namespace=b"file"),
        _blob(robert, message, namespace=NAMESPACE.encode() + b"\x00"),
        _blob(robert, message, reserved=b"x"),
        _blob(robert, message, hash_name=b"sha256"),
        _blob(robert, message, kind=b"sk-ssh-ed25519@openssh.com"),
        _blob(robert, message, extra=b"\x00"),
        _blob(robert, message, magic=b"SSHSIH"),
        _blob(generate_identity("robert"), message),
        right.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        right + "\n",
        " " + right,
        right.replace("U1NIU0lH", "U1NIU0lH\u200b"),
        right * 2,
    ):
        assert not good(wrong)


def test_a_frame_with_a_look_alike_signature_is_not_shown(shelf: Shelf, dress: Dress, codes: Codes) -> None:
    """Robert's own key signed it for another purpose (a roster, a file): that is not a word in the diary."""
    team = shelf.team
    made = pen_of(shelf).write(_ForAnotherPurpose(team.robert))

    diary = team.read([*shelf.texts(dress), dress(made.text)])

    assert codes(diary) == [("forged-author", 5)]


class _ForAnotherPurpose(Identity):
    """Robert, whose signatures all come out in another namespace."""

    def __init__(self, who: Identity) -> None:
        super().__init__(who.alias, who.secret, who._signing)

    def sign(self, namespace: str, message: bytes) -> str:
        assert namespace == NAMESPACE
        return super().sign("coc-roster@v1", message)


def test_heads_are_not_moved_by_anything_that_was_refused(shelf: Shelf, dress: Dress) -> None:
    """What has no good seal is no newest comment: nobody writes after it."""
    team = shelf.team
    outsider = replace(pen_of(shelf), service=new_service_key("svc-2026a")).write(generate_identity("robert"))

    diary = team.read([*shelf.texts(dress), dress(outsider.text)], head=shelf.head)

    assert diary.head == Head(team.incident, 4, 1, shelf.head.link)
    shelf.write(team.robert, diary=diary)
    assert shelf.head.seq == 5
