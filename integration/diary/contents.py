"""What reading a diary needs and gives: the desk's :class:`Trust`, the :class:`Diary` and its entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from integration.diary.chain import Head
    from integration.diary.findings import Finding
    from integration.diary.frame import Card, EntryContent
    from integration.diary.keyring import Keyring
    from integration.incident import IncidentId
    from integration.text import Untrusted


@dataclass(frozen=True, slots=True)
class Trust:
    """What the desk knows without asking the service: from its pinned roster, and where it is looking.

    ``service_keys`` and ``members`` are public lines by key id and by alias. ``former`` are signing keys that
    accepted older rosters had, by alias: they count for entries of the epochs in which their owner could write.
    """

    incident: IncidentId
    ticket: str
    service_keys: Mapping[str, str]
    members: Mapping[str, str]
    former: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def knows(self, alias: str, signing_key: str) -> bool:
        """Whether a roster that this desk accepted gives the alias this key."""
        return self.members.get(alias) == signing_key or signing_key in self.former.get(alias, ())


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

    ``head`` is the newest comment that was found; a desk that remembers a later one keeps that. ``keyring`` is what the
    newest keyring held that this key opened; a desk needs it to write. ``cleared`` is false if a later epoch
    is not for this member.
    """

    incident: IncidentId
    ticket: str
    entries: tuple[Entry, ...]
    head: Head
    findings: tuple[Finding, ...]
    cleared: bool
    keyring: Keyring | None = field(repr=False)

    @property
    def card(self) -> Card | None:
        """The newest card."""
        return next((entry.card for entry in reversed(self.entries) if entry.card is not None), None)
