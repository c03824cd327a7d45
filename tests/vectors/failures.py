"""One example for each thing a check can find that no other example shows. Made by :mod:`tests.vectors.make`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from integration.diary.chain import Head
from integration.diary.comment import CommentId, Link, find_comments
from integration.diary.frame import EntryContent
from integration.diary.heads import head_text
from integration.diary.keys import generate_identity, new_service_key
from tests.diary.conftest import Shelf
from tests.diary.team import NOW, ROSTER, Pen, Team

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integration.diary.comment import SealedComment
    from integration.diary.keys import Identity

OTHER_ROSTER = "cd" * 32


@dataclass(frozen=True, kw_only=True)
class Case:
    """One example. ``more_rosters`` are accepted, too; ``left`` are no longer on the pinned one."""

    name: str
    shows: str
    who: str = "robert"
    ticket: str
    texts: Sequence[str]
    head: Head | None = None
    more_rosters: Sequence[str] = ()
    left: Sequence[str] = ()


def failures(people: Team, pen: Pen, texts: list[str]) -> Iterator[Case]:
    """All of them.

    Args:
        people: the team.
        pen: at the end of the diary.
        texts: its comments: 1 keyring, 2 report, 3 note, 4 keyring of epoch 2, 5 meeting, 6 decision, 7 note.
    """
    yield from _places(people, pen, texts)
    yield from _contents(people, pen, texts)
    yield from _epochs(people, pen, texts)
    yield from _rosters(people)
    yield from _heads(people, pen, texts)


def _case(name: str, shows: str, people: Team, texts: Sequence[str], *more: SealedComment) -> Case:
    return Case(
        name=name, shows=shows, ticket=people.ticket, texts=[*texts, *(str(one.text) for one in more)]
    )


def _places(people: Team, pen: Pen, texts: list[str]) -> Iterator[Case]:
    other = Team(robert=people.robert, service=people.service)
    yield _case("other-incident", "a comment of another diary", people, texts, other.begin().comments[1])
    torn = replace(pen, head=replace(pen.head, link=Link("A" * 43))).write(people.robert)
    yield _case("broken-chain", "8 does not follow 7", people, texts, torn)
    before = replace(pen, head=_head_of(texts[5], people))
    last = before.write(people.robert, "Another last note.")
    yield _case("fork", "two sealed comments 7", people, texts, last)
    swapped = _case("rewritten", "another 7 than the one that was seen", people, texts[:6], last)
    yield replace(swapped, head=pen.head)
    unknown = _write(pen, people.robert, seal_with=new_service_key("svc-1999"))
    yield _case("unknown-seal-key", "8 is sealed with a key of no roster", people, texts, unknown)
    stray = replace(pen, head=_head_of(texts[3], people), service=new_service_key("svc-2026a"))
    false = stray.write(generate_identity("z"), plain={"place": CommentId(4, 2), "parts": 2})
    shows = "an outsider's block claims to be a second part of keyring 4"
    yield _case("stray-part", shows, people, texts, false)
    damaged = texts[4].replace("epoch=2", "epoch=1", 1)
    yield _case("stray-copy", "a damaged copy of 5 stands beside the good one", people, [*texts, damaged])
    gone = find_comments(texts[2])[0]
    why = _write(
        pen, people.robert, content=EntryContent.REDACTION, frame={"redacts": ((gone.id, gone.link),)}
    )
    yield _case("not-erased", "8 redacts 3, which still stands there", people, texts, why)


def _contents(people: Team, pen: Pen, texts: list[str]) -> Iterator[Case]:
    robert, salma = people.robert, people.salma
    misplaced = _write(pen, robert, frame={"ticket": "github:acme/other#1"})
    yield _case("misplaced", "8 was signed for another ticket", people, texts, misplaced)
    strange = _write(pen, robert, content=EntryContent.KEYRING)
    yield _case("not-a-frame", "8 is of kind entry and holds a keyring", people, texts, strange)
    other = _write(pen, robert, to=[generate_identity("z").recipient])
    yield _case("unreadable", "8 is not encrypted to its epoch", people, texts, other)
    without = _write(pen, robert, write_secret=None)
    yield _case("no-writing-key", "8 has no CoC-Write", people, texts, without)
    quentin = _write(pen, people.quentin)
    yield _case("not-a-writer", "8 is by quentin, who is not cleared", people, texts, quentin)
    again = replace(pen)
    one = again.write(robert, plain={"parts": 2}, frame={"parts": 2})
    second = {"place": CommentId(8, 2), "parts": 2}
    two = again.write(salma, plain=second, frame={"id": CommentId(8, 2), "parts": 2})
    yield _case("parts-differ", "the parts of 8 are by two authors", people, texts, one, two)
    again, imposter = replace(pen), generate_identity("robert")
    ring = again.rekey(salma, [salma.reader(), imposter.reader(), robert.reader()])
    by_imposter = again.write(imposter)
    shows = "salma's keyring 8 gives robert another key, and 9 is signed with it"
    yield _case("unknown-author", shows, people, texts, ring, by_imposter)


def _epochs(people: Team, pen: Pen, texts: list[str]) -> Iterator[Case]:
    robert, salma, old = people.robert, people.salma, pen.ring.newest
    again = replace(pen)
    ring = again.rekey(robert, [robert.reader(), people.paper.reader()])
    late = again.write(salma, epoch=old.epoch, write_secret=old.write_secret)
    yield _case("old-epoch", "salma writes 9 in epoch 2, which keyring 8 ended", people, texts, ring, late)
    again = replace(pen)
    false = again.rekey(people.service, [robert.reader()], write_secret=None)
    word = again.write(people.service, content=EntryContent.REPORT, write_secret=None)
    yield _case("untrusted-epoch", "9 is of an epoch whose keyring 8 is forged", people, texts, false, word)
    again = replace(pen)
    skipped = again.rekey(salma, [robert.reader(), salma.reader()], number=9)
    yield _case("skipped-epoch", "keyring 8 opens epoch 9 after epoch 2", people, texts, skipped)
    again = replace(pen)
    first = again.ring.epochs[-1].epoch
    made = again.rekey(salma, old.readers, named=replace(first, number=3))
    yield _case("reused-key", "keyring 8 opens epoch 3 with the keys of epoch 1", people, texts, made)


def _rosters(people: Team) -> Iterator[Case]:
    robert, salma, quentin, ticket = people.robert, people.salma, people.quentin, people.ticket
    first = people.begin()
    shelf = Shelf(people, list(first.comments), first.epoch)
    everybody = people.trust().rosters[ROSTER]
    both = {ROSTER: everybody, OTHER_ROSTER: everybody}
    shelf.rekey(robert, [robert, salma], roster_serial=4, roster_hash=OTHER_ROSTER)
    ring = shelf.read(rosters=both).keyring
    if ring is None:
        raise AssertionError
    pen = Pen(people.incident, ticket, people.service, shelf.head, ring)
    made = pen.rekey(salma, [robert.reader(), salma.reader(), quentin.reader()])  # from roster 3
    yield Case(
        name="older-roster", shows="keyring 4 is from roster 3, keyring 3 from roster 4", ticket=ticket,
        texts=[*shelf.texts(), str(made.text)], more_rosters=[OTHER_ROSTER],
    )  # fmt: skip
    shelf = Shelf(people, list(first.comments), first.epoch)
    shelf.rekey(robert, [robert, salma])
    yield Case(
        name="former-reader", shows="the pinned roster does not have salma any more, and keyring 3 does",
        ticket=ticket, texts=shelf.texts(), head=shelf.head, left=["salma"],
    )  # fmt: skip
    shelf.rekey(robert, [robert, quentin])
    shelf.rekey(quentin, [robert, salma, quentin])
    yield Case(
        name="cleared-again", shows="salma was left out of keyring 4, and quentin's keyring 5 lets her in again",
        who="salma", ticket=ticket, texts=shelf.texts(), head=shelf.head,
    )  # fmt: skip


def _heads(people: Team, pen: Pen, texts: list[str]) -> Iterator[Case]:
    """Exchanged heads stand among the comments: a parser finds them there."""

    def with_head(name: str, shows: str, head: Head, who: Identity) -> Case:
        handed = head_text(head, ticket=people.ticket, epoch=2, identity=who, now=NOW)
        return _case(name, shows, people, [*texts, handed])

    yield with_head("good-head", "salma has seen the same", pen.head, people.salma)
    yield with_head("bad-head", "not signed by salma", pen.head, generate_identity("salma"))
    other = replace(pen.head, link=Link("B" * 42 + "A"))
    yield with_head("other-history", "salma has seen another 7", other, people.salma)
    yield with_head("seen-further", "salma has seen 9", replace(other, seq=9), people.salma)


def _write(pen: Pen, who: Identity, **changes: object) -> SealedComment:
    return pen.write(who, keep=False, **changes)  # type: ignore[arg-type]  # any argument of write


def _head_of(text: str, people: Team) -> Head:
    (one,) = find_comments(text)
    return Head(people.incident, *one.id, one.link)
