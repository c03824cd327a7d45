"""What reading a diary needs and gives: the desk's :class:`Trust`, the :class:`Diary` and its entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from integration.diary.frame import Card

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from integration.diary.chain import Head
    from integration.diary.comment import CommentId, Link
    from integration.diary.findings import Finding
    from integration.diary.frame import EntryContent
    from integration.diary.keyring import EpochSecrets, Keyring
    from integration.diary.keys import Reader
    from integration.incident import IncidentId
    from integration.text import Untrusted


@dataclass(frozen=True, slots=True)
class Trust:
    """What the desk knows without asking the service: from its pinned roster, and where it is looking.

    ``service_keys`` and ``members`` are public lines by key id and by alias. ``former`` are signing keys that
    accepted older rosters had, by alias: they count for entries of the epochs in which their owner could write.
    ``rosters`` are the readers (members, and recovery keys without a signing key) of every roster that this desk
    has accepted, by the roster's hash. A keyring that names another roster is a finding. ``readers`` are those of the
    pinned roster: whoever of an older one can still read the newest epoch is to be left out of the next.
    """

    incident: IncidentId
    ticket: str
    service_keys: Mapping[str, str]
    members: Mapping[str, str]
    former: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rosters: Mapping[str, Collection[Reader]] = field(default_factory=dict)
    readers: Collection[Reader] = ()

    def knows(self, alias: str, signing_key: str) -> bool:
        """Whether a roster that this desk accepted gives the alias this key."""
        return signing_key in self.keys_of(alias)

    def keys_of(self, alias: str) -> tuple[str, ...]:
        """Every signing key that a roster which this desk accepted gives the alias, the present one first."""
        present = self.members.get(alias)
        return (*([present] if present is not None else []), *self.former.get(alias, ()))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry whose author's signature is good. ``complete`` is false if some of its parts are missing."""

    seq: int
    content: EntryContent
    author: str
    event_at: datetime
    entry_at: datetime
    card: Card | None
    body: Untrusted
    epoch: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Diary:
    """What a member's key opened, and everything that was found wrong.

    ``ticket`` is the ticket that the newest comment names, ``here`` the one on which the diary was read; they
    differ after a restore on another ticket. ``head`` is the newest comment that was found; a desk that remembers a later
    one keeps that. ``links`` are the links of all comments that count, and of those that a redaction names.
    ``epoch`` is the number of the epoch of the newest comment. ``redacted`` are the places that a redaction names, each
    with the number of that entry.

    ``keyring`` is what the newest keyring held that this key opened. ``cleared`` is false if a later epoch is not for
    this member. ``current`` is the epoch to write in; None if this member is not cleared, or if a newer keyring may
    be missing. ``vouched`` says whether the pinned roster has every reader of it: nobody should write for others.
    ``opened_by`` is the author of its keyring.
    """

    incident: IncidentId
    ticket: str
    here: str
    entries: tuple[Entry, ...]
    head: Head
    epoch: int
    links: Mapping[CommentId, Link] = field(repr=False)
    redacted: Mapping[CommentId, int] = field(repr=False)
    findings: tuple[Finding, ...]
    cleared: bool
    vouched: bool
    opened_by: str | None
    keyring: Keyring | None = field(repr=False)
    current: EpochSecrets | None = field(repr=False)

    @property
    def rekey_due(self) -> bool:
        """Whether somebody has, or may have kept, the newest epoch's keys who is not to read it.

        That is who made it and is no reader: the service (epoch 1), or a member who left with it. Or it is a reader
        whom the pinned roster does not have any more. What they have of it is worth nothing after the next epoch,
        which a reader's desk should open at once.
        """
        if self.current is None or self.opened_by is None:
            return False
        if any(one.code == "former-reader" for one in self.findings):
            return True
        role, _, name = self.opened_by.partition(":")
        return role != "member" or self.current.writer(name) is None

    @property
    def card(self) -> Card | None:
        """What lists show of it; None if no entry has a card."""
        return next(reversed([card for _, card in cards(self.entries)]), None)


def cards(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Card]]:
    """The diary's card as each entry in turn makes it; the last is the one that counts.

    A member's card takes the place of what was there. A report's counts only while no member has written one, and
    what it leaves empty stays: the newest report may be no more than a corrected typing error.
    """
    now: Card | None = None
    by_member = False
    for entry in entries:
        card = entry.card
        if card is None:
            continue
        if entry.author.startswith("member:"):
            by_member = True
        elif by_member:
            continue
        elif now is not None:
            card = Card(
                card.reporter or now.reporter,
                card.subject or now.subject,
                card.summary or now.summary,
                card.type or now.type,
            )
        now = card
        yield entry, card
