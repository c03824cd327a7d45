"""Who may open an epoch and who may write in it: one test for each rule that a reader enforces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.diary.chain import genesis
from integration.diary.comment import CommentId
from integration.diary.frame import EntryContent
from integration.diary.keyring import Keyring, parse_keyring
from integration.diary.keys import generate_identity, new_service_key
from integration.errors import CannotOpen
from integration.text import Untrusted
from tests.diary.team import Pen

if TYPE_CHECKING:
    from tests.diary.conftest import Codes, Story
    from tests.diary.team import Team


def test_an_epoch_that_is_not_for_us_must_also_be_opened_with_the_writing_key(
    story: Story, codes: Codes
) -> None:
    """The service opens epoch 3 for a spy alone. Nobody can look inside, but the writing key is not there."""
    spy = generate_identity("spy")
    made = story.pen.rekey(story.team.service, [spy.reader()], write_secret=None)

    diary = story.team.read([*story.texts(), made.text])

    assert codes(diary) == [("forged-keyring", 8)]
    assert diary.cleared


def test_a_member_who_could_not_read_the_epoch_before_opens_none(story: Story, codes: Codes) -> None:
    """Quentin is in the roster and somebody lent him the writing key. He was not cleared."""
    made = story.pen.rekey(story.team.quentin, [story.team.robert.reader(), story.team.quentin.reader()])

    diary = story.team.read([*story.texts(), made.text])

    assert codes(diary) == [("forged-keyring", 8)]
    assert "could not read the epoch before" in diary.findings[0].says


def test_nobody_builds_on_a_keyring_that_was_refused(story: Story, codes: Codes) -> None:
    team = story.team
    readers = [team.robert.reader(), team.salma.reader()]
    third = story.pen.rekey(team.service, readers, write_secret=None)
    fourth = story.pen.rekey(team.salma, readers)

    diary = team.read([*story.texts(), third.text, fourth.text])

    assert codes(diary) == [("forged-keyring", 8), ("forged-keyring", 9)]
    assert "the keyring before it was refused" in diary.findings[1].says


def test_a_number_that_a_forgery_took_is_still_free_for_the_right_keyring(story: Story, codes: Codes) -> None:
    team, ring = story.team, story.pen.ring
    readers = [team.robert.reader(), team.salma.reader()]
    forged = story.pen.rekey(team.service, readers, write_secret=None)
    story.pen.ring = ring
    right = story.pen.rekey(team.salma, readers)
    entry = story.pen.write(team.robert)

    diary = team.read([*story.texts(), forged.text, right.text, entry.text])

    assert codes(diary) == [("forged-keyring", 8)]
    assert diary.entries[-1].seq == 10


def test_an_epoch_is_opened_once(story: Story, codes: Codes) -> None:
    team = story.team
    story.pen.ring = Keyring(story.pen.ring.epochs[1:])  # back to epoch 1
    story.pen.ring = Keyring((replace(story.pen.ring.newest, write_secret=None),))
    again = story.pen.rekey(team.robert, [team.robert.reader()], write_secret=None)

    diary = team.read([*story.texts(), again.text])

    assert codes(diary) == [("forged-keyring", 8)]
    assert "epoch 2 was opened before" in diary.findings[0].says


def _first(team: Team, who: Any, **changes: Any) -> str:  # noqa: ANN401 - a member or a service; arguments of write
    """A first keyring that somebody else than open_first_epoch made."""
    pen = team.pen(team.begin())
    ring = pen.ring
    again = Pen(team.incident, team.ticket, team.service, genesis(team.incident), ring)
    return again.write(
        who, ring.dump().reveal(), content=EntryContent.KEYRING, opens=ring.newest.epoch,
        to=[team.robert.recipient], **{"write_secret": None, **changes},
    ).text  # fmt: skip


def test_only_the_service_opens_the_first_epoch(team: Team, codes: Codes) -> None:
    head = team.pen(team.begin()).head
    right = _first(team, team.service)
    by_member = _first(team, team.robert)
    with_write = _first(team, team.service, write_secret=team.pen(team.begin()).ring.newest.write_secret)
    by_stranger = _first(team, new_service_key("svc-2026a"))

    assert team.read([right]).cleared
    for text, code in (
        (by_member, "forged-keyring"), (with_write, "forged-keyring"), (by_stranger, "forged-author"),
    ):  # fmt: skip
        with pytest.raises(CannotOpen):
            team.read([text])
        assert (code, 1) in codes(team.read([text], head=head))


def test_a_keyring_without_one_of_its_parts_is_not_used(team: Team, codes: Codes) -> None:
    first = team.begin(part_bytes=400)
    texts = [one.text for one in first.comments]
    parts = first.comments[0].parts
    assert parts > 2

    diary = team.read([texts[0], *texts[2:]], head=team.pen(first).head)

    assert codes(diary)[:2] == [("untrusted-epoch", 1), ("missing", 1)]
    assert diary.keyring is None


def test_parts_of_a_keyring_that_do_not_belong_together(story: Story, codes: Codes) -> None:
    team = story.team
    two = {"parts": 2}
    pen = story.pen
    old = pen.ring
    one = pen.write(
        team.robert, old.dump().reveal(), content=EntryContent.KEYRING, opens=replace(old.newest.epoch, number=3),
        plain=two, frame=two, to=[team.robert.recipient],
    )  # fmt: skip
    other = pen.write(
        team.robert, plain={"place": CommentId(8, 2), "parts": 2}, frame={"id": CommentId(8, 2), "parts": 2}
    )

    diary = team.read([*story.texts(), one.text, other.text])

    assert ("forged-keyring", 8) in codes(diary)
    assert "do not belong together" in diary.findings[0].says


@pytest.mark.parametrize("content", [EntryContent.KEYRING, EntryContent.ATTACHMENT])
def test_the_clear_kind_and_the_sealed_content_go_together(
    story: Story, codes: Codes, content: EntryContent
) -> None:
    made = story.pen.write(story.team.robert, content=content)

    assert codes(story.team.read([*story.texts(), made.text])) == [("not-a-frame", 8)]


def test_a_file_is_an_entry_of_its_own_kind(story: Story, codes: Codes) -> None:
    made = story.pen.write(
        story.team.robert, '{"name": "photo.jpg"}', content=EntryContent.ATTACHMENT,
        plain={"kind": "file"}, frame={"kind": "file"},
    )  # fmt: skip

    diary = story.team.read([*story.texts(), made.text])

    assert codes(diary) == []
    assert diary.entries[-1].content is EntryContent.ATTACHMENT


def test_a_member_writes_with_the_epochs_writing_key(story: Story, codes: Codes) -> None:
    """Robert's signing key was stolen. Without the epoch's key a thief cannot use it, nor with another one."""
    none = story.pen.write(story.team.robert, write_secret=None, keep=False)
    other = story.pen.write(story.team.robert, write_secret="A" * 43, keep=False)
    for made in (none, other):
        assert codes(story.team.read([*story.texts(), made.text])) == [("no-writing-key", 8)]


def test_the_services_own_entries_are_signed_by_it(story: Story, codes: Codes) -> None:
    team = story.team
    thief = new_service_key("svc-2026a")
    unknown = new_service_key("svc-1999")
    right, forged, strange, written = (
        story.pen.write(
            who, content=EntryContent.REPORT, write_secret=secret, seal_with=team.service, keep=False
        )
        for who, secret in ((team.service, None), (thief, None), (unknown, None), (team.service, ""))
    )

    assert codes(team.read([*story.texts(), right.text])) == []
    assert codes(team.read([*story.texts(), forged.text])) == [("forged-author", 8)]
    assert codes(team.read([*story.texts(), strange.text])) == [("unknown-author", 8)]
    assert codes(team.read([*story.texts(), written.text])) == [("not-a-writer", 8)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"number": 2', '"number": 3'),
        ('"number": 2', '"number": "2"'),
        ('"number": 2', '"number": true'),
        ('"serial": 3', '"serial": 0'),
        ('"hash": "abab', '"hash": "ABAB'),
        ('"readers": [', '"readers": [-1, '),
        ('"readers": [', '"readers": [9, '),
        ('"read": "age1', '"read": "age2'),
        ('"recipient": "age1', '"recipient": "age2'),
        ('"alias": "robert"', '"alias": 7'),
        ('"signing_key": "ssh-ed25519 ', '"signing_key": "ssh-rsa '),
        ('"write": "ssh-ed25519 AAAA', '"write": "ssh-ed25519 BAAA'),
        ('"epochs": [', '"epochs": [{}, '),
        ('"people": [', '"people": [['),
        ('"people"', '"persons"'),
        ("{", "["),
    ],
)
def test_a_keyring_that_does_not_hold_what_it_must_is_refused(story: Story, old: str, new: str) -> None:
    text = story.pen.ring.dump().reveal()
    assert old in text
    assert parse_keyring(Untrusted(text)).newest.epoch.number == 2

    with pytest.raises(ValueError, match="keyring") as refused:
        parse_keyring(Untrusted(text.replace(old, new, 1)))

    assert "SECRET" not in str(refused.value)


def test_a_keyring_holds_every_epoch_down_to_the_first(story: Story) -> None:
    epochs = story.pen.ring.epochs
    for some in ((epochs[0],), (epochs[1], epochs[0]), (epochs[0], epochs[0])):
        with pytest.raises(ValueError, match="every epoch"):
            parse_keyring(Keyring(some).dump())


def test_a_secret_that_does_not_fit_its_public_key_is_refused(story: Story, team: Team) -> None:
    newest, first = story.pen.ring.epochs
    for wrong in (
        replace(newest, read_secret=team.robert.secret),
        replace(newest, write_secret="A" * 43),
        replace(newest, write_secret=None),
        replace(newest, write_secret="AAAA"),
    ):
        with pytest.raises(ValueError, match="keyring"):
            parse_keyring(Keyring((wrong, first)).dump())
