"""Writes the diary. The service imports this module, so it holds nothing that opens what it wrote.

:func:`open_first_epoch` begins a diary and :func:`seal_entry` lets the service add to it. Both return
finished comments, to be stored before they are posted, so that a retry posts the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary import keyring as keyrings
from integration.diary.chain import Head, genesis
from integration.diary.comment import SealedComment, render, seal_message, to_b64url
from integration.diary.frame import Card, EntryContent
from integration.diary.keys import Epoch, Reader, ServiceKey, new_secret, recipient_of
from integration.diary.parts import Author, EntryDraft, check_recipients, filled, make_parts
from integration.diary.sshsig import public_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.incident import IncidentId

__all__ = ["Card", "EntryContent", "EntryDraft", "FirstEpoch", "open_first_epoch", "seal_entry"]

_BY_SERVICE = frozenset({EntryContent.REPORT, EntryContent.CARD, EntryContent.NOTE})


@dataclass(frozen=True, slots=True)
class FirstEpoch:
    """The beginning of a diary: the public half of epoch 1, and its comments, keyring first."""

    epoch: Epoch
    comments: tuple[SealedComment, ...]


def open_first_epoch(
    *,
    incident: IncidentId,
    ticket: str,
    readers: Sequence[Reader],
    recovery: Sequence[Reader],
    roster_hash: str,
    roster_serial: int,
    entry: EntryDraft,
    service: ServiceKey,
    now: datetime,
    part_bytes: int,
) -> FirstEpoch:
    """Make epoch 1, wrap its secrets to the readers, seal the first entry, and forget the secrets.

    Args:
        incident: whose diary it is.
        ticket: the ticket's name, such as ``github:acme/conduct#17``.
        readers: the members who may read.
        recovery: the recovery keys, which always may.
        roster_hash: SHA-256 of the roster file from which all of them were taken, in hex.
        roster_serial: its serial number.
        entry: the first entry, normally the report with its card.
        service: the key of the service, which is the author.
        now: the time of writing.
        part_bytes: how many bytes of a body fit into one comment of this host.

    Raises:
        NoReaders: nobody is to read.
        SealError: a recipient is not a native age key, or there are more than 48 of them.
    """
    people = (*readers, *recovery)
    check_recipients(people)
    _check_content(entry)
    # From here to the return the epoch's secrets exist, and nowhere else.
    read_secret = new_secret()
    writing = Ed25519PrivateKey.generate()
    epoch = Epoch(1, recipient_of(read_secret), public_line(writing.public_key()))
    ring = keyrings.Keyring(
        (
            keyrings.EpochSecrets(
                epoch, roster_serial, roster_hash, people, read_secret, to_b64url(writing.private_bytes_raw())
            ),
        )
    )
    draft = EntryDraft(EntryContent.KEYRING, ring.dump(), None, now)
    size = min(part_bytes, keyrings.PART_BYTES)
    writer = _Writer(incident, ticket, service, now, epoch)
    first = writer.write(genesis(incident), draft, to=filled(people), size=size)
    opening = writer.write(_end(first), entry, to=[epoch.recipient], size=part_bytes)
    return FirstEpoch(epoch, (*first, *opening))


def seal_entry(
    *,
    incident: IncidentId,
    ticket: str,
    head: Head,
    epoch: Epoch,
    entry: EntryDraft,
    service: ServiceKey,
    now: datetime,
    part_bytes: int,
) -> tuple[SealedComment, ...]:
    """An entry of the service itself, such as a second report on the same incident, after this head.

    It is encrypted to the epoch's public key, which the service knows, and signed with the service key; members
    see that no member wrote it.

    Raises:
        SealError: the epoch's reading key is not a native age key.
    """
    _check_content(entry)
    if head.incident != incident or head.seq < 1:
        raise ValueError("The head is not one of this incident's diary.")
    check_recipients([Reader("epoch", epoch.recipient, None)])
    return _Writer(incident, ticket, service, now, epoch).write(
        head, entry, to=[epoch.recipient], size=part_bytes
    )


@dataclass(frozen=True, slots=True)
class _Writer:
    """What all comments of one go have in common."""

    incident: IncidentId
    ticket: str
    service: ServiceKey
    now: datetime
    epoch: Epoch

    def write(
        self, head: Head, draft: EntryDraft, *, to: Sequence[str], size: int
    ) -> tuple[SealedComment, ...]:
        """The draft's parts as finished comments that follow the head."""
        made = make_parts(
            draft, incident=self.incident, ticket=self.ticket, head=head, epoch=self.epoch, to=to,
            author=Author(f"service:{self.service.id}", self.service.sign), now=self.now, size=size,
        )  # fmt: skip
        return tuple(
            SealedComment(
                self.incident, self.ticket, one.id, one.parts, self.epoch.number, one.kind, one.prev, one.link,
                render(one.head, one.age, None, self.service.seal(seal_message(one.link, None)), self.service.id),
            )
            for one in made
        )  # fmt: skip


def _end(comments: Sequence[SealedComment]) -> Head:
    last = comments[-1]
    return Head(last.incident, last.id.seq, last.id.part, last.link)


def _check_content(entry: EntryDraft) -> None:
    if entry.content not in _BY_SERVICE:
        raise ValueError("The service writes reports, cards and notes only.")
    if entry.redacts or entry.moved_from is not None:
        raise ValueError("Only a member says what was removed, or that a diary moved.")
