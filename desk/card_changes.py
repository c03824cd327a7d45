"""What an entry says beside its words: what it changes of the card, and which file it speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from integration.diary import attachment
from integration.diary.contents import cards
from integration.diary.frame import EntryContent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from integration.diary.attachment import Attachment
    from integration.diary.contents import Entry
    from integration.diary.frame import Card


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the card, before and after an entry. Words of anybody."""

    name: str
    before: str = field(repr=False)
    after: str = field(repr=False)


def card_changes(entries: Iterable[Entry]) -> Mapping[int, tuple[Change, ...]]:
    """For each entry, by number, that makes the diary's card another one: what is different."""
    found: dict[int, tuple[Change, ...]] = {}
    last: dict[str, str] | None = None
    for entry, card in cards(entries):
        now = _fields(card)
        if last is not None and now != last:
            found[entry.seq] = tuple(
                Change(name, last[name], now[name]) for name in now if now[name] != last[name]
            )
        last = now
    return found


def file_of(entry: Entry) -> Attachment | None:
    """The file that a whole entry describes; None if it describes none."""
    if entry.content is not EntryContent.ATTACHMENT or not entry.complete:
        return None
    try:
        return attachment.parse(entry.body, seq=entry.seq)
    except ValueError:
        return None


def _fields(card: Card) -> dict[str, str]:
    return {
        "Reporter": card.reporter.reveal(),
        "Subject": card.subject.reveal(),
        "Summary": card.summary.reveal(),
        "Type": card.type,
    }
