"""What the service takes from a desk: a whole continuation, well signed, and nothing else. One test for each refusal."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.diary import accept as accepting
from integration.diary import comment as comments
from integration.diary.accept import Accepted, accept
from integration.diary.chain import genesis
from integration.diary.comment import CommentId, CommentKind, Link, parse_unsealed
from integration.diary.frame import EntryContent
from integration.diary.keyring import writing_key_of
from integration.diary.keys import Epoch, generate_identity
from integration.diary.seal import open_first_epoch
from integration.diary.sshsig import public_line
from integration.diary.write import EntryDraft, UnsealedComment
from integration.errors import HeadConflict, WriteRefused
from integration.text import Untrusted
from tests.diary.conftest import Shelf
from tests.diary.team import JIRA, NOW, THEN, Team

if TYPE_CHECKING:
    from collections.abc import Sequence

CANARY = "9d20c6a85c7d4b5f8c21e6b87a4c03ff"


def take(shelf: Shelf, texts: Sequence[str], **changes: Any) -> Accepted:  # noqa: ANN401 - any argument of accept
    return accept(
        texts,
        **{
            "incident": shelf.team.incident, "ticket": shelf.team.ticket, "head": shelf.head, "epoch": shelf.epoch,
            "service": shelf.team.service, "part_bytes": 20_480, **changes,
        },
    )  # fmt: skip


def refused(shelf: Shelf, texts: Sequence[str], rule: str, **changes: Any) -> None:  # noqa: ANN401 - any argument of accept
    with pytest.raises(WriteRefused, match=rule) as error:
        take(shelf, texts, **changes)
    assert "Nothing was taken" in str(error.value)


@dataclass
class Nib:
    """Makes an unsealed comment with any field set wrong, and signed with the right writing key all the same."""

    shelf: Shelf

    def write(
        self,
        *,
        age: bytes | None = None,
        frame: int = 1024,
        recipients: int = 1,
        opens: Epoch | None = None,
        key: Ed25519PrivateKey | None = None,
        **outside: Any,  # noqa: ANN401 - any field of the plain line
    ) -> UnsealedComment:
        to = [pyrage.x25519.Recipient.from_str(generate_identity("x").recipient) for _ in range(recipients)]
        current = self.shelf.read().current
        assert current is not None
        assert current.write_secret is not None
        key = key or writing_key_of(current.write_secret)[0]
        plain = comments.plain_line(
            **{
                "incident": self.shelf.team.incident, "ticket": self.shelf.team.ticket,
                "place": CommentId(self.shelf.head.seq + 1, 1), "parts": 1,
                "epoch": opens.number if opens else self.shelf.epoch.number,
                "kind": CommentKind.KEYRING if opens else CommentKind.ENTRY, "prev": self.shelf.head.link, **outside,
            }
        )  # fmt: skip
        head = comments.head_lines(plain, opens)
        age = age or pyrage.encrypt(b" " * frame, to)
        signature = key.sign(comments.write_message(comments.link_of(head, age)))
        made = parse_unsealed(comments.render_unsealed(head, age, signature))
        assert made is not None
        return made


@pytest.fixture
def nib(shelf: Shelf) -> Nib:
    return Nib(shelf)


def fresh_epoch(number: int) -> Epoch:
    one = generate_identity("e")
    return Epoch(number, one.recipient, one.signing_key)


# What is taken ------------------------------------------------------------------------------------------


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


# What is refused ----------------------------------------------------------------------------------------


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
