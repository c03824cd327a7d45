"""A desk opens an epoch for whom it names: they read the whole diary, others nothing after, and nobody sees how many."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.diary.comment import CommentKind
from integration.diary.frame import EntryContent
from integration.diary.keyring import EpochSecrets, Keyring
from integration.diary.keys import Epoch, Reader, generate_identity
from integration.diary.write import EntryDraft
from integration.errors import NoReaders, SealError, WriteRefused
from integration.text import Untrusted
from tests.diary.conftest import Shelf
from tests.diary.team import ROSTER, THEN, Team

if TYPE_CHECKING:
    from tests.diary.conftest import Codes


def stanzas(age: bytes) -> int:
    return age.count(b"\n-> X25519 ")


def payload(age: bytes) -> int:
    """Bytes after age's header, whose random stanza makes lengths vary."""
    return len(age[age.index(b"\n", age.index(b"\n--- ") + 1) + 1 :])


def test_the_first_desk_opens_epoch_2_and_writes_in_it_at_once(team: Team, codes: Codes) -> None:
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    assert shelf.read().rekey_due

    why = EntryDraft(EntryContent.NOTE, Untrusted("I take this."), None, THEN)
    accepted = shelf.rekey(team.robert, [team.robert, team.salma], then=why)

    diary = shelf.read(team.salma)
    assert codes(diary) == []
    assert not diary.rekey_due
    assert diary.opened_by == "member:robert"
    assert accepted.epoch is not None
    assert accepted.epoch.number == 2
    assert [(one.kind, one.epoch) for one in accepted.comments] == [
        (CommentKind.KEYRING, 2), (CommentKind.ENTRY, 2),
    ]  # fmt: skip
    assert diary.entries[-1].body.reveal() == "I take this."
    assert diary.current is not None
    assert diary.current.epoch == accepted.epoch


def test_what_a_service_kept_of_epoch_1_opens_nothing_after_the_first_desk(team: Team) -> None:
    first = team.begin()
    shelf = Shelf(team, list(first.comments), first.epoch)
    kept = shelf.read().keyring
    assert kept is not None
    shelf.rekey(team.robert, [team.robert, team.salma])
    shelf.write(team.robert, "new words")

    spy = replace(team.paper, secret=kept.newest.read_secret)
    diary = team.read(shelf.texts(), spy, head=shelf.head)

    assert diary.entries == ()
    assert diary.keyring is None


def test_clearing_another_member_gives_the_whole_diary(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(team.salma, [team.robert, team.salma, team.quentin])
    shelf.write(team.quentin, "I am in.")

    diary = shelf.read(team.quentin)
    assert codes(diary) == []
    assert [one.seq for one in diary.entries] == [2, 4, 6]


def test_a_recused_members_key_opens_nothing_that_was_written_after(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(team.robert, [team.robert])
    shelf.write(team.robert, "Salma is recused.")

    hers = shelf.read(team.salma)
    assert [one.seq for one in hers.entries] == [2, 4]
    assert codes(hers) == [("not-cleared", 5)]
    assert hers.current is None
    with pytest.raises(WriteRefused, match="not cleared"):
        shelf.draft(team.salma)
    with pytest.raises(WriteRefused, match="not cleared"):
        shelf.ring(team.salma, [team.robert, team.salma])
    assert [one.seq for one in shelf.read().entries] == [2, 4, 6]


def test_a_member_recuses_herself_and_another_desk_then_makes_it_anew(shelf: Shelf, codes: Codes) -> None:
    """Her desk made the epoch she is not in, so a reader's desk opens another one as soon as it can."""
    team = shelf.team
    shelf.write(team.salma, "I know one of them.")
    shelf.rekey(team.salma, [team.robert])

    diary = shelf.read(team.robert)
    assert codes(diary) == []
    assert diary.rekey_due
    shelf.rekey(team.robert, [team.robert])
    assert not shelf.read().rekey_due
    assert codes(shelf.read(team.salma)) == [("not-cleared", 6)]


def test_who_leaves_writes_no_entry_into_the_epoch_they_are_not_in(shelf: Shelf) -> None:
    why = EntryDraft(EntryContent.NOTE, Untrusted("bye"), None, THEN)
    with pytest.raises(WriteRefused, match="epoch 3"):
        shelf.ring(shelf.team.salma, [shelf.team.robert], then=why)


def test_a_member_takes_over_with_a_lent_recovery_key(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    lent = shelf.read(team.paper)
    with pytest.raises(WriteRefused):
        shelf.ring(team.quentin, [team.quentin], diary=lent)
    with pytest.raises(WriteRefused, match="not a recovery key"):
        shelf.ring(team.quentin, [team.quentin], diary=lent, recovery_name="robert")
    why = EntryDraft(EntryContent.NOTE, Untrusted("Nobody else is left."), None, THEN)

    shelf.rekey(team.quentin, [team.quentin], diary=lent, recovery_name="paper-1", then=why)

    diary = shelf.read(team.quentin)
    assert codes(diary) == [("recovery-used", 5)]
    assert [one.seq for one in diary.entries] == [2, 4, 6]


def test_who_took_over_with_a_recovery_key_may_have_left_since(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    shelf.rekey(
        team.quentin, [team.quentin, team.robert], diary=shelf.read(team.paper), recovery_name="paper-1"
    )
    now = {"robert": team.robert.signing_key, "salma": team.salma.signing_key}

    assert codes(shelf.read(members=now, former={"quentin": [team.quentin.signing_key]})) == [
        ("recovery-used", 5)
    ]
    assert codes(shelf.read(members=now)) == [("unknown-author", 5)]


def test_a_reader_without_the_right_key_writes_nothing(shelf: Shelf) -> None:
    """Salma reads with her old key and would sign with a new one."""
    imposter = generate_identity("salma")
    with pytest.raises(WriteRefused, match="present key"):
        shelf.draft(imposter, diary=shelf.read(shelf.team.salma))
    with pytest.raises(WriteRefused, match="present key"):
        shelf.ring(imposter, [imposter], diary=shelf.read(shelf.team.salma))


def test_an_older_roster_does_not_open_an_epoch(shelf: Shelf) -> None:
    with pytest.raises(WriteRefused, match="roster 2 is older"):
        shelf.ring(shelf.team.robert, [shelf.team.robert], roster_serial=2)


def test_readers_are_members_recovery_keys_and_each_once(shelf: Shelf) -> None:
    team = shelf.team
    robert = team.robert.reader()
    for readers, recovery in (
        ([team.paper.reader()], []),
        ([robert], [team.salma.reader()]),
        ([robert, replace(team.salma.reader(), alias="robert")], []),
    ):
        with pytest.raises(ValueError, match=r"recovery keys have none|twice"):
            shelf.ring(team.robert, readers, recovery=recovery)
    with pytest.raises(NoReaders):
        shelf.ring(team.robert, [], recovery=[])


@pytest.mark.parametrize(
    "recipient",
    [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPx1O5sm",
        "age1" + "q" * 58,
        "AGE1" + generate_identity("x").recipient[4:].upper(),
        generate_identity("x").recipient + "q",
        generate_identity("x").recipient + "\n",
        generate_identity("x").recipient.replace("a", "а", 1),  # noqa: RUF001 - a Cyrillic letter on purpose
        "age1pq1" + "q" * 55,
        "age1yubikey1" + "q" * 58,
    ],
)
def test_a_look_alike_of_a_recipient_is_refused(shelf: Shelf, recipient: str) -> None:
    robert = shelf.team.robert.reader()
    with pytest.raises(SealError, match="not a native age key"):
        shelf.ring(shelf.team.robert, [robert, Reader("ghost", recipient, robert.signing_key)])


def test_no_content_of_a_keyring_passes_for_an_entry(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="open_next_epoch"):
        shelf.draft(shelf.team.robert, content=EntryContent.KEYRING)


def test_a_desk_that_may_not_have_the_newest_keyring_writes_nothing(shelf: Shelf, codes: Codes) -> None:
    """A host's admin or the service holds the newest keyring back, so that a recused member could go on reading."""
    team = shelf.team
    shelf.rekey(team.robert, [team.robert])
    shelf.write(team.robert, "in epoch 3")
    texts, at = shelf.texts(), 4
    damaged = [*texts[:at], texts[at].replace("-----END AGE", "----END AGE"), *texts[at + 1 :]]

    for shown, code in (
        (texts[:at], "missing-newest"),
        ([*texts[:at], *texts[at + 1 :]], "untrusted-epoch"),
        (damaged, "untrusted-epoch"),
    ):
        diary = team.read(shown, head=shelf.head)
        assert code in {found for found, _ in codes(diary)}
        with pytest.raises(WriteRefused, match="newest state"):
            shelf.draft(team.robert, diary=diary)
        with pytest.raises(WriteRefused, match="newest state"):
            shelf.ring(team.robert, [team.robert], diary=diary)


def test_what_was_only_forged_does_not_keep_anybody_from_writing(shelf: Shelf, codes: Codes) -> None:
    """The service forges an epoch and an entry in it; both stay in the chain, and the team goes on."""
    team = shelf.team
    last = shelf.made[-1]
    pen = replace(team.pen(team.begin()), head=shelf.head)
    keyring = shelf.read().keyring
    assert keyring is not None
    pen.ring = keyring
    shelf.made.append(pen.rekey(team.service, [team.robert.reader()], write_secret=None))
    shelf.made.append(pen.write(team.service, "x", content=EntryContent.NOTE, write_secret=None))
    assert last.id == (4, 1)

    shelf.write(team.salma, "We saw that.")

    diary = shelf.read()
    assert codes(diary) == [("forged-keyring", 5), ("untrusted-epoch", 6)]
    assert diary.entries[-1].body.reveal() == "We saw that."
    shelf.rekey(team.robert, [team.robert])
    shelf.write(team.robert, "On we go.")
    assert codes(shelf.read()) == [("forged-keyring", 5), ("old-epoch", 6)]
    assert shelf.read().entries[-1].body.reveal() == "On we go."


# What a keyring tells -----------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [1, 2, 6, 20])
def test_a_keyring_tells_neither_how_many_read_nor_who_was_left_out(epochs: int) -> None:
    """Same places, same number of parts, same length, from 1 to 16 readers with short or long names."""
    people = [generate_identity(f"{'m' * (2 * n + 1)}").reader() for n in range(15)]
    people.append(Reader("p", generate_identity("p").recipient, None))

    def length(count: int, before: int) -> int:
        some = [_secrets(n, people[:before]) for n in range(1, epochs)]
        return len(Keyring((_secrets(epochs, people[:count]), *reversed(some))).dump())

    assert len({length(count, before) for count in (1, 2, 15, 16) for before in (1, 8, 16)}) == 1


def _secrets(number: int, readers: list[Reader]) -> EpochSecrets:
    one = generate_identity("e")
    return EpochSecrets(
        Epoch(number, one.recipient, one.signing_key), 3, ROSTER, tuple(readers), one.secret, "w" * 43
    )


def test_comments_of_a_rekey_look_alike_for_1_and_16_readers(shelf: Shelf) -> None:
    team = shelf.team
    many = [team.robert, *(generate_identity(f"m{n}") for n in range(14))]

    alone = shelf.ring(team.robert, [])
    full = shelf.ring(team.robert, many)

    assert [stanzas(one.age) for one in alone] == [stanzas(one.age) for one in full] == [16]
    assert [payload(one.age) for one in alone] == [payload(one.age) for one in full]


def test_after_many_epochs_keyrings_still_fit_the_host_and_are_taken(shelf: Shelf, codes: Codes) -> None:
    team = shelf.team
    for _ in range(18):
        shelf.rekey(team.robert, [team.robert, team.salma])

    last = shelf.rekey(team.robert, [team.robert])

    assert last.comments[0].parts > 1
    assert codes(shelf.read()) == []
    assert max(len(json.dumps(str(one.text))) for one in shelf.made) + 400 < 32_767
