"""What is no whole, well signed continuation is refused, and its encrypted part as far as it can be seen. One test for each refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary.chain import genesis
from integration.diary.comment import CommentId, CommentKind
from integration.diary.frame import EntryContent
from integration.diary.keyring import writing_key_of
from integration.diary.keys import generate_identity
from integration.diary.seal import open_first_epoch
from integration.diary.sshsig import public_line
from integration.diary.write import EntryDraft
from integration.errors import HeadConflict
from integration.text import Untrusted
from tests.diary.conftest import Shelf
from tests.diary.nib import Nib, fresh_epoch, refused, take
from tests.diary.team import JIRA, NOW, THEN, Team


def test_a_comment_for_an_older_head_is_a_conflict(shelf: Shelf) -> None:
    made = shelf.draft(shelf.team.robert, "mine")
    shelf.write(shelf.team.salma, "faster")

    with pytest.raises(HeadConflict, match="made again for the new head"):
        take(shelf, [one.text for one in made])
    assert shelf.take(shelf.draft(shelf.team.robert, "mine")).comments[0].id == (6, 1)


def test_a_keyring_for_an_older_head_is_a_conflict_too(shelf: Shelf) -> None:
    made = shelf.ring(shelf.team.robert, [shelf.team.robert])
    shelf.rekey(shelf.team.salma, [shelf.team.salma])

    with pytest.raises(HeadConflict):
        take(shelf, [one.text for one in made])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:0],
        lambda text: text[:20],
        lambda text: text + "\n" + text,
        lambda text: "hello\n" + text,
        lambda text: text + "\nhello",
        lambda text: "```text\n" + text + "\n```",
        lambda text: text + "\nCoC-Seal: " + "A" * 86 + " key=svc-2026a",
        lambda text: text.replace("-----END AGE", "----END AGE"),
        lambda text: text.replace("v1", "v2", 1),
        lambda text: text.replace("part=1/1", "part=2/1"),
        lambda text: text.rsplit("\n", 1)[0] + "\nCoC-Write: " + "A" * 85,
        lambda text: text.rsplit("\n", 1)[0] + "\nCoC-Write: " + "A" * 85 + "B",
        lambda text: text + "\n" + text.rsplit("\n", 1)[1],
        lambda text: text.replace("kind=entry", "kind=keyring"),
        lambda text: text.replace("kind=entry", "kind=note"),
        lambda text: text + "\n" * 100_000,
    ],
)
def test_a_text_is_exactly_one_whole_comment_without_a_seal(shelf: Shelf, change: Any) -> None:  # noqa: ANN401 - a lambda
    (made,) = shelf.draft(shelf.team.robert)

    refused(shelf, [change(made.text)], "exactly one whole comment")


def test_nothing_and_too_much_are_refused(shelf: Shelf) -> None:
    (made,) = shelf.draft(shelf.team.robert)

    refused(shelf, [], "1 to 512")
    refused(shelf, [made.text] * 513, "1 to 512")


def test_nothing_is_taken_before_the_service_began_the_diary(shelf: Shelf) -> None:
    (made,) = shelf.draft(shelf.team.robert)

    refused(shelf, [made.text], "not begun", head=genesis(shelf.team.incident))
    other = replace(shelf.head, incident=Team().incident)
    refused(shelf, [made.text], "not begun", head=other)


def test_a_first_keyring_is_the_services_alone(team: Team) -> None:
    """A member makes the whole beginning of a diary. It has no place after any head."""
    pretender = team.begin()
    shelf = Shelf(team, list(pretender.comments), pretender.epoch)
    again = open_first_epoch(
        incident=team.incident, ticket=team.ticket, readers=[team.robert.reader()], recovery=[], roster_hash="ab" * 32,
        roster_serial=3, service=team.service, now=NOW, part_bytes=20_480,
        entry=EntryDraft(EntryContent.NOTE, Untrusted("x"), None, THEN),
    )  # fmt: skip
    unsealed = [one.text.rsplit("\n", 1)[0] for one in again.comments]

    with pytest.raises(HeadConflict):
        take(shelf, unsealed)


def test_another_incidents_comment_is_refused(shelf: Shelf, nib: Nib) -> None:
    refused(shelf, [nib.write(incident=Team().incident).text], "another incident")


def test_another_tickets_comment_is_refused_unless_the_diary_stands_there(shelf: Shelf, nib: Nib) -> None:
    there, here = nib.write(ticket=JIRA), nib.write()

    refused(shelf, [there.text], "another ticket")
    assert take(shelf, [there.text], moved_to=JIRA).comments[0].ticket == JIRA
    assert take(shelf, [here.text], moved_to=JIRA).comments[0].ticket == shelf.team.ticket
    back = nib.write(prev=there.link, place=CommentId(6, 1))
    refused(shelf, [there.text, back.text], "another ticket", moved_to=JIRA)


@pytest.mark.parametrize("place", [CommentId(4, 1), CommentId(6, 1), CommentId(999_999_999, 1)])
def test_an_entry_has_the_next_number(shelf: Shelf, nib: Nib, place: CommentId) -> None:
    refused(shelf, [nib.write(place=place).text], "not the next one")


def test_an_entry_begins_with_its_first_part(shelf: Shelf, nib: Nib) -> None:
    refused(shelf, [nib.write(place=CommentId(5, 2), parts=2).text], "not the next one")


def test_each_comment_follows_the_one_before_it(shelf: Shelf, nib: Nib) -> None:
    one = nib.write()
    refused(shelf, [one.text, nib.write(place=CommentId(6, 1)).text], "does not follow")
    refused(shelf, [one.text, one.text], "does not follow")


def test_parts_are_in_order_complete_and_of_one_entry(shelf: Shelf, nib: Nib) -> None:
    one = nib.write(parts=3)

    def second(**outside: Any) -> str:  # noqa: ANN401 - any field of the plain line
        return nib.write(**{"prev": one.link, "place": CommentId(5, 2), "parts": 3, **outside}).text

    refused(shelf, [one.text], "lacks parts")
    refused(shelf, [one.text, second()], "lacks parts")
    refused(shelf, [one.text, second(place=CommentId(5, 3))], "not in order")
    refused(shelf, [one.text, second(place=CommentId(6, 1), parts=1)], "not in order")
    refused(shelf, [one.text, second(parts=2)], "do not belong together")
    refused(shelf, [one.text, second(kind=CommentKind.FILE)], "do not belong together")
    refused(shelf, [one.text, second(epoch=1)], "do not belong together")
    refused(shelf, [one.text, second(ticket=JIRA)], "do not belong together", moved_to=JIRA)
    refused(shelf, [one.text, second(opens=fresh_epoch(2))], "do not belong together")


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_entry_is_of_the_newest_epoch(shelf: Shelf, nib: Nib, epoch: int) -> None:
    refused(shelf, [nib.write(epoch=epoch).text], "not of the newest epoch")


def test_a_write_signature_is_required(shelf: Shelf, nib: Nib) -> None:
    """What has none is the service's own, and that is not for others to send."""
    text = nib.write().text.rsplit("\n", 1)[0]

    refused(shelf, [text], "lacks the signature")


def test_the_write_signature_is_the_newest_epochs(shelf: Shelf, nib: Nib) -> None:
    team = shelf.team
    old = shelf.read().keyring
    assert old is not None
    assert old.newest.write_secret is not None
    refused(shelf, [nib.write(key=Ed25519PrivateKey.generate()).text], "writing key of the newest epoch")
    shelf.rekey(team.robert, [team.robert])

    hers = nib.write(key=writing_key_of(old.newest.write_secret)[0])

    refused(shelf, [hers.text], "writing key of the newest epoch")


def test_a_recused_member_opens_no_epoch_and_lets_herself_in_by_none(shelf: Shelf, nib: Nib) -> None:
    team = shelf.team
    old = shelf.read().keyring
    assert old is not None
    assert old.newest.write_secret is not None
    key = writing_key_of(old.newest.write_secret)[0]
    shelf.rekey(team.robert, [team.robert])

    for number in (3, 4):
        made = nib.write(opens=fresh_epoch(number), key=key, frame=8192, recipients=16)
        refused(shelf, [made.text], "does not open the next epoch" if number == 3 else "writing key")


def test_an_outsider_with_only_public_keys_writes_nothing(shelf: Shelf, nib: Nib) -> None:
    outsider = generate_identity("robert")
    for made in (nib.write(key=outsider._signing), nib.write(opens=fresh_epoch(3), key=outsider._signing)):
        refused(shelf, [made.text], "writing key of the newest epoch")


@pytest.mark.parametrize("number", [1, 2, 4, 999_999_999])
def test_a_keyring_opens_exactly_the_next_epoch(shelf: Shelf, nib: Nib, number: int) -> None:
    made = nib.write(opens=fresh_epoch(number), frame=8192, recipients=16)

    refused(shelf, [made.text], "does not open the next epoch")


def test_a_new_epoch_has_new_keys(shelf: Shelf, nib: Nib) -> None:
    fresh = fresh_epoch(3)
    for epoch in (
        replace(fresh, recipient=shelf.epoch.recipient), replace(fresh, writing_key=shelf.epoch.writing_key)
    ):  # fmt: skip
        refused(shelf, [nib.write(opens=epoch, frame=8192, recipients=16).text], "a key of an earlier one")


def test_a_new_epochs_keys_must_be_usable(shelf: Shelf, nib: Nib) -> None:
    made = nib.write(opens=fresh_epoch(3), frame=8192, recipients=16)
    assert made.opens is not None
    for good, bad in (
        (made.opens.recipient, "age1" + "q" * 58),
        (made.opens.recipient, made.opens.recipient[:-1] + ("q" if made.opens.recipient[-1] != "q" else "p")),
        (made.opens.recipient, "ssh-ed25519"),
        (made.opens.writing_key, made.opens.writing_key.replace("ssh-ed25519 AAAA", "ssh-ed25519 AAAB")),
        (made.opens.writing_key, made.opens.writing_key + " robert@desk"),
    ):
        refused(shelf, [made.text.replace(good, bad)], "exactly one whole comment")


def test_one_epoch_at_a_time(shelf: Shelf, nib: Nib) -> None:
    own = Ed25519PrivateKey.generate()

    third = replace(fresh_epoch(3), writing_key=public_line(own.public_key()))
    one = nib.write(opens=third, frame=8192, recipients=16)
    two = nib.write(
        opens=fresh_epoch(4), frame=8192, recipients=16, key=own, prev=one.link, place=CommentId(6, 1)
    )

    assert take(shelf, [one.text]).epoch == third
    refused(shelf, [one.text, two.text], "more than one epoch")


def test_after_a_keyring_in_the_same_go_only_the_new_epochs_key_counts(shelf: Shelf, nib: Nib) -> None:
    one = nib.write(opens=fresh_epoch(3), frame=8192, recipients=16)
    old_key = nib.write(prev=one.link, place=CommentId(6, 1), epoch=3)
    old_epoch = nib.write(prev=one.link, place=CommentId(6, 1))

    refused(shelf, [one.text, old_key.text], "writing key of the newest epoch")
    refused(shelf, [one.text, old_epoch.text], "not of the newest epoch")


# The encrypted part, as far as it can be seen -----------------------------------------------------------


def test_what_is_no_age_file_is_refused(shelf: Shelf, nib: Nib) -> None:
    for age in (b"words in clear", b"age-encryption.org/v1\n--- " + b"A" * 43 + b"\n", b"\x00" * 500):
        refused(shelf, [nib.write(age=age).text], "not an age file")


def test_recipients_that_name_somebody_or_ask_for_a_passphrase_are_refused(shelf: Shelf, nib: Nib) -> None:
    right = nib.write().age
    for kind in (b"ssh-ed25519 abcd", b"ssh-rsa abcd", b"piv-p256 abcd", b"scrypt"):
        age = right.replace(b"-> X25519", b"-> " + kind, 1)
        refused(shelf, [nib.write(age=age).text], "other recipients")
    locked = pyrage.passphrase.encrypt(b" " * 1024, "x")
    refused(shelf, [nib.write(age=locked).text], "other recipients")


def test_the_number_of_recipients_tells_nothing(shelf: Shelf, nib: Nib) -> None:
    """A desk of another make forgets to fill the places, or wraps entries to members."""
    refused(shelf, [nib.write(recipients=2).text], "number of recipients")
    for count in (1, 3, 15, 17, 64):
        made = nib.write(opens=fresh_epoch(3), frame=8192, recipients=count)
        refused(shelf, [made.text], "number of recipients")
    assert take(shelf, [nib.write(opens=fresh_epoch(3), frame=8192, recipients=48).text]).epoch is not None


@pytest.mark.parametrize("frame", [0, 1, 511, 513, 1000, 3000])
def test_a_frame_is_filled_to_a_size_step(shelf: Shelf, nib: Nib, frame: int) -> None:
    refused(shelf, [nib.write(frame=frame).text], "size step")


def test_a_keyring_is_filled_to_its_least_size(shelf: Shelf, nib: Nib) -> None:
    refused(shelf, [nib.write(opens=fresh_epoch(3), frame=4096, recipients=16).text], "size step")


def test_a_comment_fits_its_host(shelf: Shelf, nib: Nib) -> None:
    for frame in (512, 16_384, 22_016):
        assert take(shelf, [nib.write(frame=frame).text]).epoch is None
    refused(shelf, [nib.write(frame=32_768).text], "larger than the host")
    assert take(shelf, [nib.write(frame=46_080).text], part_bytes=44_000).epoch is None
    refused(shelf, [nib.write(frame=65_536).text], "larger than the host", part_bytes=44_000)
    refused(
        shelf,
        [nib.write(opens=fresh_epoch(3), frame=22_016, recipients=48).text],
        "larger",
        part_bytes=44_000,
    )
