"""Makes the comments of an entry, as far as service and desk do it alike: cut, framed, signed, padded, encrypted, linked.

:mod:`integration.diary.seal` adds the service's seal to them and :mod:`integration.diary.write` a desk's
``CoC-Write``. Nothing here opens what it made.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyrage

from integration.diary import frame as frames
from integration.diary import keyring as keyrings
from integration.diary.comment import CommentId, CommentKind, Link, head_lines, link_of, plain_line
from integration.diary.frame import Card, EntryContent, Frame
from integration.diary.keys import Epoch, Reader, is_recipient, new_secret, recipient_of
from integration.errors import NoReaders, SealError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integration.diary.chain import Head
    from integration.incident import IncidentId
    from integration.text import Untrusted

__all__ = ["Author", "EntryDraft", "Part", "check_recipients", "filled", "make_parts"]

_KINDS = {EntryContent.KEYRING: CommentKind.KEYRING, EntryContent.ATTACHMENT: CommentKind.FILE}


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry before it is sealed. ``event_at`` is when it happened; it needs a time zone.

    Only a member's draft has the last two: ``redacts`` names the comments whose removal a redaction explains,
    ``moved_from`` the ticket on which a diary stood that was moved to another.
    """

    content: EntryContent
    body: Untrusted
    card: Card | None
    event_at: datetime
    redacts: tuple[tuple[CommentId, Link], ...] = ()
    moved_from: str | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who signs the frames: ``member:<alias>`` or ``service:<key id>``, and how (namespace, bytes; gives an SSHSIG)."""

    name: str
    sign: Callable[[str, bytes], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One comment without seal and ``CoC-Write``. ``head`` are its head lines, ``age`` is its age file in binary."""

    id: CommentId
    parts: int
    kind: CommentKind
    prev: Link
    link: Link
    head: str
    age: bytes = field(repr=False)


def make_parts(
    draft: EntryDraft,
    *,
    incident: IncidentId,
    ticket: str,
    head: Head,
    epoch: Epoch,
    to: Sequence[str],
    author: Author,
    now: datetime,
    size: int,
    recovery: str | None = None,
) -> tuple[Part, ...]:
    """The draft's parts, following the head.

    Args:
        draft: the entry. Its content says of which kind the comments are.
        incident: whose diary it is.
        ticket: the ticket's name.
        head: the comment before.
        epoch: the epoch it belongs to; of a keyring the one it opens.
        to: age recipients.
        author: who signs.
        now: the time of writing.
        size: how many bytes of a body fit into one comment of this host.
        recovery: only of a keyring: the recovery key with which its author read the epoch before.
    """
    kind = _KINDS.get(draft.content, CommentKind.ENTRY)
    opens, least = (epoch, keyrings.LEAST) if kind is CommentKind.KEYRING else (None, 0)
    recipients = [pyrage.x25519.Recipient.from_str(one) for one in to]
    pieces = frames.cut(draft.body, size, size - frames.cost(draft.card, draft.redacts))
    made: list[Part] = []
    prev = head.link
    for number, piece in enumerate(pieces, 1):
        place = CommentId(head.seq + 1, number)
        first = number == 1
        signed = frames.signed_text(
            Frame(
                incident, ticket, place, len(pieces), prev, epoch.number, epoch.recipient, kind, draft.content,
                author.name, draft.event_at, now, piece,
                card=draft.card if first else None,
                redacts=draft.redacts if first else (),
                moved_from=draft.moved_from if first else None,
                recovery=recovery,
            )
        )  # fmt: skip
        age = pyrage.encrypt(
            frames.pad(signed, author.sign(frames.NAMESPACE, signed), least=least), recipients
        )
        shown = head_lines(plain_line(incident, ticket, place, len(pieces), epoch.number, kind, prev), opens)
        link = link_of(shown, age)
        made.append(Part(place, len(pieces), kind, prev, link, shown, age))
        prev = link
    return tuple(made)


def filled(people: Sequence[Reader]) -> list[str]:
    """A keyring's recipients in random order, with throw-away keys in the empty places."""
    recipients = list(dict.fromkeys(one.recipient for one in people))
    while len(recipients) % keyrings.PLACES:
        recipients.append(recipient_of(new_secret()))
    secrets.SystemRandom().shuffle(recipients)
    return recipients


def check_recipients(people: Sequence[Reader]) -> None:
    """Refuse readers to whom nothing can be wrapped.

    Raises:
        NoReaders: there is nobody.
        SealError: one's key is not a native age key, or there are more than 48 of them.
    """
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
