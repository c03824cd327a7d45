"""Writes the diary. The service imports this module, so it holds nothing that opens what it wrote.

:func:`open_first_epoch` begins a diary and :func:`seal_entry` lets the service add to it. Both return
finished comments, to be stored before they are posted, so that a retry posts the same bytes.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.diary import frame as frames
from integration.diary import keyring as keyrings
from integration.diary.chain import Head, genesis
from integration.diary.comment import (
    CommentId,
    CommentKind,
    SealedComment,
    head_lines,
    link_of,
    plain_line,
    render,
    seal_message,
    to_b64url,
)
from integration.diary.frame import Card, EntryContent, Frame
from integration.diary.keys import Epoch, Reader, ServiceKey, is_recipient, new_secret, recipient_of
from integration.diary.sshsig import public_line
from integration.errors import NoReaders, SealError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.incident import IncidentId
    from integration.text import Untrusted

__all__ = ["Card", "EntryContent", "EntryDraft", "FirstEpoch", "open_first_epoch", "seal_entry"]

_BY_SERVICE = frozenset({EntryContent.REPORT, EntryContent.CARD, EntryContent.NOTE})


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry before it is sealed. ``event_at`` is when it happened; it needs a time zone."""

    content: EntryContent
    body: Untrusted
    card: Card | None
    event_at: datetime


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
    _check_recipients(people)
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
    first = writer.write(genesis(incident), draft, to=_filled(people), size=size, opens=epoch)
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
    _check_recipients([Reader("epoch", epoch.recipient, None)])
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
        self, head: Head, draft: EntryDraft, *, to: Sequence[str], size: int, opens: Epoch | None = None
    ) -> tuple[SealedComment, ...]:
        """The draft's parts as finished comments that follow the head."""
        kind = CommentKind.KEYRING if opens is not None else CommentKind.ENTRY
        least = keyrings.LEAST if opens is not None else 0
        recipients = [pyrage.x25519.Recipient.from_str(one) for one in to]
        pieces = frames.cut(draft.body, size, size - frames.cost(draft.card))
        comments: list[SealedComment] = []
        prev = head.link
        for number, piece in enumerate(pieces, 1):
            place = CommentId(head.seq + 1, number)
            plain = plain_line(self.incident, self.ticket, place, len(pieces), self.epoch.number, kind, prev)
            signed = frames.signed_text(
                Frame(
                    self.incident, self.ticket, place, len(pieces), prev, self.epoch.number, self.epoch.recipient,
                    kind, draft.content, f"service:{self.service.id}", draft.event_at, self.now, piece,
                    draft.card if number == 1 else None,
                )
            )  # fmt: skip
            content = frames.pad(signed, self.service.sign(frames.NAMESPACE, signed), least=least)
            age = pyrage.encrypt(content, recipients)
            shown = head_lines(plain, opens)
            link = link_of(shown, age)
            text = render(shown, age, None, self.service.seal(seal_message(link, None)), self.service.id)
            comments.append(
                SealedComment(
                    self.incident, self.ticket, place, len(pieces), self.epoch.number, kind, prev, link, text
                )
            )
            prev = link
        return tuple(comments)


def _end(comments: Sequence[SealedComment]) -> Head:
    last = comments[-1]
    return Head(last.incident, last.id.seq, last.id.part, last.link)


def _filled(people: Sequence[Reader]) -> list[str]:
    """The recipients in random order, with throw-away keys in the empty places."""
    recipients = list(dict.fromkeys(one.recipient for one in people))
    while len(recipients) % keyrings.PLACES:
        recipients.append(recipient_of(new_secret()))
    secrets.SystemRandom().shuffle(recipients)
    return recipients


def _check_recipients(people: Sequence[Reader]) -> None:
    if not people:
        raise NoReaders(
            "Nobody could open what would be sealed.",
            meaning="There is no member who may read it and no recovery key.",
            next_step="Add a recovery key to the roster, or put another member on duty.",
        )
    refused = [one.alias for one in people if not is_recipient(one.recipient)]
    if refused:
        raise SealError(
            f"The key of {', '.join(refused)} is not a native age key.",
            meaning="Only age1 and 58 characters are taken: an SSH key would name its reader in the ticket, "
            "a plugin would run a program, a damaged key could be opened by nobody.",
            next_step="Make a key with coc key new and correct the roster.",
        )
    if len(people) > keyrings.MAX_READERS:
        raise SealError(
            f"A keyring has {keyrings.MAX_READERS} places at most.",
            meaning="Nothing was sealed.",
            next_step="Put fewer members on duty, or list fewer recovery keys.",
        )


def _check_content(entry: EntryDraft) -> None:
    if entry.content not in _BY_SERVICE:
        raise ValueError("The service writes reports, cards and notes only.")
