"""What reading, writing and rekeying a diary costs beside the bare cost of its primitives, in the same run.

Run it: ``make bench``. The bare cost is a loop of age and Ed25519 over the same bytes with the same number of
signatures, and nothing else: no chain, no format, no checks. Times depend on the machine, ratios hardly do.
"""

from __future__ import annotations

import gc
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from integration.diary.accept import accept
from integration.diary.chain import Head
from integration.diary.comment import CommentKind, find_comments, seal_message, write_message
from integration.diary.contents import Trust
from integration.diary.frame import parse
from integration.diary.keyring import PLACES
from integration.diary.keys import generate_identity, new_secret, new_service_key, recipient_of
from integration.diary.open import open_diary
from integration.diary.seal import open_first_epoch
from integration.diary.write import EntryContent, EntryDraft, open_next_epoch, write_entry
from integration.incident import incident_id
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from integration.diary.comment import SealedComment, UnsealedComment
    from integration.diary.contents import Diary
    from integration.diary.keys import Epoch
    from integration.incident import IncidentId

NOW = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)
TICKET = "jira:acme.atlassian.net/10042"
ROSTER = "ab" * 32
PART_BYTES = 20_480
WORDS = "We met them for an hour and wrote down what they told us. " * 10

ENTRIES = 1_000
INCIDENTS = 100
ROUNDS = 7

ROBERT, SALMA, SERVICE = generate_identity("robert"), generate_identity("salma"), new_service_key("svc-bench")
READERS = [ROBERT.reader(), SALMA.reader()]


@dataclass
class Kept:
    """A diary as the service keeps it."""

    incident: IncidentId
    made: list[SealedComment]
    epoch: Epoch

    @property
    def head(self) -> Head:
        """The newest comment."""
        last = self.made[-1]
        return Head(self.incident, *last.id, last.link)

    @property
    def trust(self) -> Trust:
        """What a desk has accepted."""
        keys = {one.alias: one.signing_key for one in (ROBERT, SALMA)}
        return Trust(
            self.incident,
            TICKET,
            {SERVICE.id: SERVICE.public_line},
            keys,
            rosters={ROSTER: READERS},
            readers=READERS,
        )

    def read(self) -> Diary:
        """What robert's desk does."""
        texts = [one.text for one in self.made]
        return open_diary(texts, identity=ROBERT, trust=self.trust, head=self.head)


def main() -> None:
    """Measure and print."""
    table = Table("what", "bare cost, ms", "ours, ms", "ratio")
    long, some = diary(), [diary() for _ in range(INCIDENTS)]
    fill(long, ENTRIES)
    found = long.read()
    assert (len(found.entries), found.findings) == (ENTRIES, ())
    row(table, f"read and verify {ENTRIES:,} entries", bare_reading(long), long.read)
    row(table, "write 100 entries", bare_writing(found, 100), lambda: [note(found) for _ in range(100)])
    row(
        table,
        f"rekey {INCIDENTS} incidents: read, open the next epoch",
        bare_rekeying(some),
        lambda: [rekey(one.read()) for one in some],
    )
    console = Console(width=100)
    console.print(table)
    console.print(
        f"Median of {ROUNDS} rounds, bare and ours taking turns. Entries of {len(WORDS)} bytes; {PLACES} places in a keyring."
    )


def row(table: Table, what: str, bare: Callable[[], object], ours: Callable[[], object]) -> None:
    """Measure one thing, bare and ours in turn, so that a busy moment meets both."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for is_ours in (False, True):
            gc.collect()
            start = time.perf_counter()
            (ours if is_ours else bare)()
            times[is_ours].append(1000 * (time.perf_counter() - start))
    cost, took = median(times[False]), median(times[True])
    table.add_row(what, f"{cost:,.0f}", f"{took:,.0f}", f"{took / cost:.2f}")


def diary() -> Kept:
    """A diary whose second epoch was opened by robert, with the report in it."""
    incident = incident_id(secrets.token_bytes(16))
    report = EntryDraft(EntryContent.REPORT, Untrusted(WORDS), None, NOW)
    first = open_first_epoch(
        incident=incident, ticket=TICKET, readers=READERS, recovery=[], roster_hash=ROSTER, roster_serial=3,
        entry=report, service=SERVICE, now=NOW, part_bytes=PART_BYTES,
    )  # fmt: skip
    kept = Kept(incident, list(first.comments), first.epoch)
    taken = accept(
        [one.text for one in rekey(kept.read())],
        incident=incident, ticket=TICKET, head=kept.head, epoch=kept.epoch, service=SERVICE,
    )  # fmt: skip
    assert taken.epoch is not None
    return Kept(incident, [*kept.made, *taken.comments], taken.epoch)


def fill(kept: Kept, count: int) -> None:
    """Let robert write until there are so many entries."""
    before = kept.read()
    draft = EntryDraft(EntryContent.NOTE, Untrusted(WORDS), None, NOW)
    for _ in range(count - len(before.entries)):
        written = write_entry(
            replace(before, head=kept.head), identity=ROBERT, draft=draft, part_bytes=PART_BYTES, now=NOW
        )
        kept.made += accept(
            [one.text for one in written],
            incident=kept.incident, ticket=TICKET, head=kept.head, epoch=kept.epoch, service=SERVICE,
        ).comments  # fmt: skip


def note(opened: Diary) -> tuple[UnsealedComment, ...]:
    """One entry."""
    draft = EntryDraft(EntryContent.NOTE, Untrusted(WORDS), None, NOW)
    return write_entry(opened, identity=ROBERT, draft=draft, part_bytes=PART_BYTES, now=NOW)


def rekey(opened: Diary) -> tuple[UnsealedComment, ...]:
    """The next epoch."""
    return open_next_epoch(
        opened, identity=ROBERT, readers=READERS, recovery=[], roster_serial=3, roster_hash=ROSTER,
        part_bytes=PART_BYTES, now=NOW,
    )  # fmt: skip


# The bare cost ------------------------------------------------------------------------------------------


def bare_reading(kept: Kept) -> Callable[[], None]:
    """Decrypt every comment, and verify each signature on it: seal, author, and ``CoC-Write`` where there is one."""
    ring = kept.read().keyring
    assert ring is not None
    secrets = {one.epoch.number: one.read_secret for one in ring.epochs}
    sealed: list[tuple[bytes, pyrage.x25519.Identity]] = []
    signed: list[tuple[Ed25519PublicKey, bytes, bytes]] = []
    key = Ed25519PrivateKey.generate()
    for one in kept.made:
        (comment,) = find_comments(one.text)
        own = ROBERT.secret if comment.kind is CommentKind.KEYRING else secrets[comment.epoch]
        sealed.append((comment.age, pyrage.x25519.Identity.from_str(own)))
        _, words, _ = parse(pyrage.decrypt(comment.age, [sealed[-1][1]]))
        messages = [seal_message(comment.link, comment.write_signature), words]
        messages += [write_message(comment.link)] if comment.write_signature is not None else []
        signed += [(key.public_key(), key.sign(message), message) for message in messages]

    def run() -> None:
        for age, identity in sealed:
            pyrage.decrypt(age, [identity])
        for public, signature, message in signed:
            public.verify(signature, message)

    return run


def bare_making(frame: int, places: int, keys: int) -> Callable[[], None]:
    """Make so many fresh key pairs, encrypt one frame of this size, and sign twice: once with a key loaded for it."""
    to = [pyrage.x25519.Recipient.from_str(recipient_of(new_secret())) for _ in range(places)]
    key, words = Ed25519PrivateKey.generate(), b" " * frame
    stored = key.private_bytes_raw()

    def run() -> None:
        for _ in range(keys):
            pyrage.x25519.Identity.generate().to_public()
        if keys:
            Ed25519PrivateKey.generate()
        pyrage.encrypt(words, to)
        key.sign(words)
        Ed25519PrivateKey.from_private_bytes(stored).sign(words[:64])

    return run


def bare_writing(opened: Diary, count: int) -> Callable[[], object]:
    """What :func:`note` cannot do without."""
    assert opened.current is not None
    (made,) = note(opened)
    frame = len(pyrage.decrypt(made.age, [pyrage.x25519.Identity.from_str(opened.current.read_secret)]))
    run = bare_making(frame, 1, 0)
    return lambda: [run() for _ in range(count)]


def bare_rekeying(many: list[Kept]) -> Callable[[], object]:
    """What reading and :func:`rekey` cannot do without: of 16 places two are real, and one key is the epoch's."""
    (made,) = rekey(many[0].read())
    frame = len(pyrage.decrypt(made.age, [pyrage.x25519.Identity.from_str(ROBERT.secret)]))
    make = bare_making(frame, PLACES, PLACES - len(READERS) + 1)
    reads = [bare_reading(one) for one in many]
    return lambda: [(read(), make()) for read in reads]


if __name__ == "__main__":
    main()
