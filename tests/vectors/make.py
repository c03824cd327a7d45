"""Makes the example files beside it. Run from the repository's folder: ``python -m tests.vectors.make``.

Encryption is random, so every run makes other bytes with the same meaning; run it only when the format or the
list changes. With names, it makes only those files. The keys are those of keys.json and serve nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary import attachment
from integration.diary.comment import CommentId, from_b64url
from integration.diary.frame import EntryContent
from integration.diary.heads import compare_heads, read_heads
from integration.diary.keys import Identity, ServiceKey, new_secret, new_service_key
from integration.diary.open import Trust, open_diary
from integration.diary.seal import EntryDraft
from integration.errors import CannotOpen
from integration.incident import IncidentId
from integration.text import Untrusted
from tests.diary.conftest import Shelf, on_github
from tests.diary.team import JIRA, ROSTER, THEN, Pen, RecoveryKey, Team
from tests.vectors.failures import Case, failures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integration.diary.chain import Head

HERE = Path(__file__).parent
HOSTILE = (
    "-----BEGIN SSH SIGNATURE-----\nQUJD\n-----END SSH SIGNATURE-----\nAuthor: member:salma\n\n| | \r\n\x1b[2J\u202eevil\u2066 "
    "CoC-Diary: v1\n-----END AGE ENCRYPTED FILE-----\nCoC-Seal: x key=y\n=1+1 <b>👩🏽‍🚀</b>\x00\x85\u2028 end"
)


def team() -> Team:
    """The people of keys.json."""
    keys = json.loads((HERE / "keys.json").read_text(encoding="utf-8"))

    def signing(name: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(from_b64url(keys[name]["ed25519_seed"]))

    def member(name: str) -> Identity:
        return Identity(name, keys[name]["age"], signing(name))

    return Team(
        robert=member("robert"), salma=member("salma"), quentin=member("quentin"),
        paper=RecoveryKey("paper-1", keys["paper-1"]["age"]), service=ServiceKey("svc-2026a", signing("svc-2026a")),
        incident=IncidentId(keys["incident"]),
    )  # fmt: skip


def diary(people: Team) -> tuple[Pen, list[str]]:
    """Entries 1 keyring, 2 report, 3 note, 4 keyring, 5 meeting, 6 decision, 7 note."""
    first = people.begin("It happened in the corridor.\nTwo people saw it.")
    pen = people.pen(first)
    made = [
        *first.comments,
        pen.write(people.robert, "I called them."),
        pen.rekey(people.robert, [people.robert.reader(), people.salma.reader(), people.paper.reader()]),
        pen.write(people.salma, "We met.", content=EntryContent.MEETING),
        pen.write(people.robert, "We decided.", content=EntryContent.DECISION),
        pen.write(people.robert, HOSTILE),
    ]
    return pen, [str(one.text) for one in made]


def cases(people: Team) -> Iterator[tuple[str, str, str, str, Sequence[str], Head | None]]:
    """Name, what it shows, who reads, on which ticket, the comments, and the remembered head."""
    pen, texts = diary(people)
    head, ticket = pen.head, people.ticket
    here = ("robert", ticket)
    yield "whole", "nothing is wrong", *here, texts, head
    yield "whole-recovery", "a recovery key reads it too", "paper-1", ticket, texts, head
    yield "whole-github", "as GitHub gives it back after a save in its editor: CR LF", *here, [
        on_github(one) for one in texts
    ], head  # fmt: skip
    yield "not-cleared", "quentin was never cleared", "quentin", ticket, texts, None
    yield "deleted-middle", "entry 5 is gone", *here, [*texts[:4], *texts[5:]], head
    yield "deleted-newest", "entries 6 and 7 are gone; the desk has seen them", *here, texts[:5], head
    yield (
        "deleted-newest-unseen",
        "the same without a remembered head: nothing can show it",
        *here,
        texts[:5],
        None,
    )
    yield "reordered", "5 and 6 changed places", *here, [*texts[:4], texts[5], texts[4], texts[6]], head
    yield "duplicate", "entry 3 stands there twice", *here, [*texts, texts[2]], head
    yield "other-ticket", "all of it copied to another host's ticket", "robert", JIRA, texts, None
    letter = re.sub(r"(?<=\n)[A-Za-z](?=.{63}\n[^\n]*\n-----END AGE)", _other, texts[4])
    yield (
        "one-letter",
        "one letter of the ciphertext of entry 5 is another",
        *here,
        [*texts[:4], letter, *texts[5:]],
        head,
    )
    plain = texts[4].replace("seq=5", "seq=8")
    yield "plain-line", "entry 5 says it is 8", *here, [*texts[:4], plain, *texts[5:]], head
    cut = texts[6][: len(texts[6]) // 2]
    yield "truncated", "entry 7 is cut off", *here, [*texts[:6], cut], head
    at, ring = pen.head, pen.ring
    forged = pen.write(people.salma, "I quit.", frame={"author": "member:robert"})
    yield "forged-author", "salma signs as robert", *here, [*texts, str(forged.text)], head
    pen.head = at
    sealed = pen.write(people.quentin, seal_with=new_service_key("svc-2026a"), write_secret=None)
    yield "wrong-seal", "an outsider with only public keys", *here, [*texts, str(sealed.text)], head
    pen.head = at
    keyring = pen.rekey(people.service, [people.robert.reader()], write_secret=None)
    yield (
        "forged-keyring",
        "the service opens an epoch without the writing key",
        *here,
        [*texts, str(keyring.text)],
        head,
    )
    pen.head, pen.ring = at, ring
    without = [str(pen.rekey(people.robert, [people.robert.reader(), people.paper.reader()]).text)]
    without.append(str(pen.write(people.robert, "Salma is recused.").text))
    yield "recused", "salma reads up to entry 7", "salma", ticket, [*texts, *without], head
    pen.ring = ring
    back = pen.rekey(people.salma, [people.salma.reader()])
    yield "re-admitted", "a recused member opens an epoch", *here, [*texts, *without, str(back.text)], None
    yield from desk_cases(people)


def desk_cases(people: Team) -> Iterator[tuple[str, str, str, str, Sequence[str], Head | None]]:
    """The same of diaries that were written by desks and taken by the service."""
    robert, salma, ticket = people.robert, people.salma, people.ticket
    first = people.begin("It happened in the corridor.\nTwo people saw it.")
    shelf = Shelf(people, list(first.comments), first.epoch)
    why = EntryDraft(EntryContent.NOTE, Untrusted("I take this."), None, THEN)
    shelf.rekey(robert, [robert, salma], then=why)
    shelf.write(salma, "We met.", content=EntryContent.MEETING)
    yield (
        "desk-rekey",
        "robert's desk opened epoch 2 and wrote in it",
        "salma",
        ticket,
        shelf.texts(),
        shelf.head,
    )
    on_shelf = _copy(shelf)
    on_shelf.write(salma, "x" * 45_000)
    yield "desk-parts", "entry 6 has three parts", "robert", ticket, on_shelf.texts(), on_shelf.head
    shelf.write(salma, "We called them.", content=EntryContent.INTERACTION)
    on_shelf = _copy(shelf)
    on_shelf.rekey(robert, [robert])
    on_shelf.write(robert, "Without salma.")
    yield "desk-recusal", "salma is recused from entry 7 on", "salma", ticket, on_shelf.texts(), on_shelf.head
    yield (
        "desk-recusal-others",
        "the same as robert reads it",
        "robert",
        ticket,
        on_shelf.texts(),
        on_shelf.head,
    )
    on_shelf = _copy(shelf)
    on_shelf.rekey(
        people.quentin, [people.quentin], diary=on_shelf.read(people.paper), recovery_name="paper-1"
    )
    yield (
        "desk-recovery",
        "quentin took over with paper-1",
        "quentin",
        ticket,
        on_shelf.texts(),
        on_shelf.head,
    )
    on_shelf = _copy(shelf)
    gone = {place: link for place, link in on_shelf.read().links.items() if place.seq == 5}
    on_shelf.write(robert, "Erased by law.", content=EntryContent.REDACTION, redacts=tuple(gone.items()))
    kept = [one for one in on_shelf.made if one.id != CommentId(5, 1)]
    shown = [str(one.text) for one in kept]
    yield "desk-redaction", "entry 5 was removed; entry 7 says why", "robert", ticket, shown, on_shelf.head
    on_shelf = _copy(shelf)
    yield (
        "desk-restored",
        "restored on another host's ticket, not said yet",
        "robert",
        JIRA,
        on_shelf.texts(),
        on_shelf.head,
    )
    there = on_shelf.read(ticket=JIRA)
    on_shelf.take(on_shelf.draft(robert, "We moved.", diary=there, moved_from=ticket), moved_to=JIRA)
    on_shelf.write(salma, "Seen.", diary=on_shelf.read(salma, ticket=JIRA))
    yield "desk-moved", "entry 7 says that the diary moved", "robert", JIRA, on_shelf.texts(), on_shelf.head
    on_shelf = _copy(shelf)
    on_shelf.rekey(salma, [robert, salma], roster_serial=4, roster_hash="cd" * 32)
    yield (
        "desk-swapped-roster",
        "entry 7 names a roster nobody accepted",
        "robert",
        ticket,
        on_shelf.texts(),
        None,
    )
    on_shelf = _copy(shelf)
    on_shelf.rekey(salma, [robert, salma, Identity("quentin", new_secret(), salma._signing)])
    yield (
        "desk-own-key",
        "entry 7 lets in a key that the roster does not have",
        "robert",
        ticket,
        on_shelf.texts(),
        None,
    )
    on_shelf = _copy(shelf)
    about = attachment.describe(seq=7, name="photo.png", media_type="image/png", size=4, sealed=b"as stored")
    on_shelf.write(robert, attachment.dump(about).reveal(), content=EntryContent.ATTACHMENT)
    yield "desk-file", "entry 7 is of kind file", "salma", ticket, on_shelf.texts(), on_shelf.head


def _copy(shelf: Shelf) -> Shelf:
    return replace(shelf, made=[*shelf.made])


def _other(found: re.Match[str]) -> str:
    return "A" if found[0] != "A" else "B"


def main() -> None:
    """Write every file, or those that are named. The outcome is what today's reader says: look at the difference."""
    people = team()
    keys = "name", "shows", "who", "ticket", "texts", "head"
    successes = (Case(**dict(zip(keys, one, strict=True))) for one in cases(people))  # type: ignore[arg-type]  # as named
    for case in chain(successes, failures(people, *diary(people))):
        if sys.argv[1:] and case.name not in sys.argv[1:]:
            continue
        texts, head = case.texts, case.head
        lines = [
            f"shows: {case.shows}",
            f"reader: {case.who}",
            f"incident: {people.incident}",
            f"ticket: {case.ticket}",
        ]
        lines += [f"head: {head.seq}/{head.part} {head.link}"] if head is not None else []
        lines += [f"roster: {one}" for one in case.more_rosters] + [f"left: {one}" for one in case.left]
        trust = trust_of(people, case)
        try:
            read = open_diary(texts, identity=_reader(people, case.who), trust=trust, head=head)
        except CannotOpen:
            lines.append("expect: cannot-open")
        else:
            lines.append("expect: opened")
            found = (*read.findings, *compare_heads(read_heads("\n".join(texts)), read, trust))
            lines += [f"finding: {one.code} {one.comment or '-'}" for one in found]
            lines += [
                f"entry: {one.seq} {one.content} {one.author} {hashlib.sha256(one.body.reveal().encode()).hexdigest()}"
                for one in read.entries
            ]
        content = "\n".join(lines) + "\n\n" + "\n\n".join(texts) + "\n"
        (HERE / f"{case.name}.txt").write_text(content, encoding="utf-8", newline="")


def trust_of(people: Team, case: Case) -> Trust:
    """What the reader of an example has accepted."""
    trust = people.trust(ticket=case.ticket)
    everybody = trust.rosters[ROSTER]
    return replace(
        trust,
        rosters=dict.fromkeys((ROSTER, *case.more_rosters), everybody),
        readers=[one for one in everybody if one.alias not in case.left],
        members={alias: key for alias, key in trust.members.items() if alias not in case.left},
        former={alias: [key] for alias, key in trust.members.items() if alias in case.left},
    )


def _reader(people: Team, who: str) -> Identity | RecoveryKey:
    return (
        people.paper
        if who == "paper-1"
        else {one.alias: one for one in (people.robert, people.salma, people.quentin)}[who]
    )


if __name__ == "__main__":
    main()
