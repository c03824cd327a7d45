"""The signed text inside a comment's ciphertext: headers, body, signature, padding.

:class:`Frame` is what a comment says; :func:`signed_text` writes what its author signs, :func:`pad` makes
the age file's content of it and :func:`parse` reads that again. Section 5 of docs/diary-format.md.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from integration.diary import sshsig
from integration.diary.comment import CommentId, CommentKind, Link
from integration.incident import IncidentId
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE: Final = "coc-diary@v1"
MAX_CARD: Final = 500
"""Characters of a card's field. The whole report stands in the body; the card is for lists."""

_PREFIX = "| "
_PREFIX_COST = 3  # the prefix and the line feed
_MAGIC = "CoC-Diary-Frame: v1"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_HEADERS = (
    "Incident", "Ticket", "Seq", "Part", "Prev", "Epoch", "Kind", "Content", "Author", "Event-Date", "Entry-Date",
    "Card-Reporter", "Card-Subject", "Card-Summary", "Card-Type", "Redacts", "Moved-From", "Recovery", "Length",
)  # fmt: skip
_OPTIONAL = frozenset(_HEADERS[11:18])
_CARD = _HEADERS[11:15]
_SMALLEST = 512
_FULL_PARTS = (22_016, 46_080)
"""Sizes for a full part on Jira and on GitHub: the next power of two would not fit the host."""

_AUTHOR = re.compile(
    r"(?:member:[A-Za-z][A-Za-z0-9_-]{0,31}|service:[A-Za-z0-9][A-Za-z0-9_.-]{0,31})\Z", re.ASCII
)
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z", re.ASCII)
_REDACTS = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8}) ([A-Za-z0-9_-]{43})\Z", re.ASCII)


class EntryContent(StrEnum):
    """What an entry is. Only readers see it."""

    CARD = "card"
    REPORT = "report"
    INTERACTION = "interaction"
    MEETING = "meeting"
    DECISION = "decision"
    ACTION = "action"
    NOTE = "note"
    REDACTION = "redaction"
    ATTACHMENT = "attachment"
    KEYRING = "keyring"


@dataclass(frozen=True, slots=True)
class Card:
    """The part of an entry that lists and the Master Incident Log are made of.

    Fields longer than :data:`MAX_CARD` are cut when they are sealed; the whole stands in the body.
    """

    reporter: Untrusted
    subject: Untrusted
    summary: Untrusted
    type: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One part of an entry, with everything that its author signs. ``recipient`` is the epoch's reading key."""

    incident: IncidentId
    ticket: str
    id: CommentId
    parts: int
    prev: Link
    epoch: int
    recipient: str
    kind: CommentKind
    content: EntryContent
    author: str
    event_at: datetime
    entry_at: datetime
    body: Untrusted
    card: Card | None = None
    redacts: tuple[tuple[CommentId, Link], ...] = ()
    moved_from: str | None = None
    recovery: str | None = None


class NotAFrame(ValueError):
    """The content of an age file is no frame of this version. The message is ours and quotes nothing."""


def signed_text(frame: Frame) -> bytes:
    """Headers, an empty line and the body: what the author's signature covers."""
    body = clean(frame.body.reveal())
    values: dict[str, str | None] = {
        "Incident": frame.incident,
        "Ticket": frame.ticket,
        "Seq": str(frame.id.seq),
        "Part": f"{frame.id.part}/{frame.parts}",
        "Prev": frame.prev,
        "Epoch": f"{frame.epoch} {frame.recipient}",
        "Kind": frame.kind,
        "Content": frame.content,
        "Author": frame.author,
        "Event-Date": _time(frame.event_at),
        "Entry-Date": _time(frame.entry_at),
        **(dict(card_headers(frame.card)) if frame.card is not None else {}),
        "Redacts": ", ".join(f"{place} {link}" for place, link in frame.redacts) or None,
        "Moved-From": frame.moved_from,
        "Recovery": frame.recovery,
        "Length": str(len(body.encode("utf-8"))),
    }
    headers = [f"{name}: {value}" for name in _HEADERS if (value := values.get(name)) is not None]
    if any("\n" in header for header in headers):
        raise ValueError("A header of a diary frame must be one line.")
    lines = [_MAGIC, *headers, "", *(_PREFIX + line for line in body.split("\n"))]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def pad(signed: bytes, signature: str, *, least: int = _SMALLEST) -> bytes:
    """The content of the age file: signed text, signature, blanks and one line feed up to the size step."""
    whole = signed + signature.encode("ascii")
    size = size_step(max(len(whole) + 1, least))
    return whole + b" " * (size - len(whole) - 1) + b"\n"


def size_step(size: int) -> int:
    """The smallest size step that holds so many bytes."""
    step = _SMALLEST
    while step < size:
        step *= 2
    return min([step, *(full for full in _FULL_PARTS if full >= size)])


def clean(text: str) -> str:
    """The text as UTF-8 can hold it: unpaired surrogates become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cost(card: Card | None, redacts: tuple[tuple[CommentId, Link], ...] = ()) -> int:
    """How many bytes of part 1 the optional headers take."""
    lines = [f"{name}: {value}\n" for name, value in (card_headers(card) if card is not None else ())]
    lines += [f"Redacts: {', '.join(f'{place} {link}' for place, link in redacts)}\n"] if redacts else []
    return sum(len(line.encode("utf-8")) for line in lines)


def cut(body: Untrusted, size: int, first: int) -> tuple[Untrusted, ...]:
    """The body in pieces that each take at most ``size`` bytes in a frame (the first one: ``first``).

    Cut between characters; counted as UTF-8 with the prefix of each line. There is always one piece.
    """
    pieces: list[Untrusted] = []
    text = clean(body.reveal())
    start, room = 0, max(first, 64) - _PREFIX_COST
    while _takes(rest := text[start : start + room + 1]) > room:
        fits = _fitting(rest, room)
        pieces.append(Untrusted(rest[:fits]))
        start, room = start + fits, size - _PREFIX_COST
    return (*pieces, Untrusted(text[start:]))


def _fitting(text: str, room: int) -> int:
    """How many of the first characters take at most so many bytes."""
    return bisect_right(range(len(text) + 1), room, key=lambda end: _takes(text[:end])) - 1


def _takes(text: str) -> int:
    """Bytes of a text in a frame, without the first line's prefix."""
    return len(text.encode("utf-8")) + (_PREFIX_COST - 1) * text.count("\n")


def card_headers(card: Card) -> Iterator[tuple[str, str]]:
    """The card's headers: each value is a JSON string on one printable line."""
    texts = (card.reporter.reveal(), card.subject.reveal(), card.summary.reveal(), card.type)
    for name, text in zip(_CARD, texts, strict=True):
        tame = clean(text)
        shown = tame if len(tame) <= MAX_CARD else tame[: MAX_CARD - 1] + "…"
        quoted = json.dumps(shown, ensure_ascii=False)
        yield name, "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in quoted)


def parse(content: bytes) -> tuple[Frame, bytes, str]:
    """A frame, the bytes that its author signed, and the armoured signature, which is not checked here.

    Raises:
        NotAFrame: it is not exactly what :func:`pad` writes.
    """
    signed, begin, rest = content.partition(b"\n" + sshsig.BEGIN.encode("ascii") + b"\n")
    signature, end, blanks = rest.partition(b"\n" + sshsig.END.encode("ascii") + b"\n")
    if not begin or not end:
        raise NotAFrame("It has no author's signature.")
    if blanks.strip(b" \n"):
        raise NotAFrame("Something stands after the author's signature.")
    try:
        lines = signed.decode("utf-8").split("\n")
        armoured = f"{sshsig.BEGIN}\n{signature.decode('ascii')}\n{sshsig.END}\n"
    except UnicodeDecodeError:
        raise NotAFrame("It is not text in UTF-8.") from None
    if lines[0] != _MAGIC or "" not in lines:
        raise NotAFrame("It is not a diary frame of version 1.")
    gap = lines.index("")
    headers = _parse_headers(lines[1:gap])
    body_lines = lines[gap + 1 :]
    if not body_lines or any(not line.startswith(_PREFIX) for line in body_lines):
        raise NotAFrame("A line of its body lacks the prefix.")
    body = "\n".join(line.removeprefix(_PREFIX) for line in body_lines)
    if len(body.encode("utf-8")) != _number(headers["Length"]):
        raise NotAFrame("Its body does not have the length it says.")
    return _frame(headers, body), signed + b"\n", armoured


def _parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    expected = iter(_HEADERS)
    for line in lines:
        name, colon, value = line.partition(": ")
        if not colon or name not in expected:  # consumes: unknown, doubled and misplaced headers all end here
            raise NotAFrame(
                "It has a header that is unknown, doubled or misplaced; a newer coc-mirror may know it."
            )
        headers[name] = value
    missing = [name for name in _HEADERS if name not in headers and name not in _OPTIONAL]
    if missing:
        raise NotAFrame(f"It lacks the header {missing[0]}.")
    return headers


def _frame(headers: dict[str, str], body: str) -> Frame:
    epoch, _, recipient = headers["Epoch"].partition(" ")
    part, _, parts = headers["Part"].partition("/")
    if not _AUTHOR.match(headers["Author"]):
        raise NotAFrame("Its author is not a member or service.")
    try:
        return Frame(
            incident=IncidentId(headers["Incident"]),
            ticket=headers["Ticket"],
            id=CommentId(_number(headers["Seq"]), _number(part)),
            parts=_number(parts),
            prev=Link(headers["Prev"]),
            epoch=_number(epoch),
            recipient=recipient,
            kind=CommentKind(headers["Kind"]),
            content=EntryContent(headers["Content"]),
            author=headers["Author"],
            event_at=_parse_time(headers["Event-Date"]),
            entry_at=_parse_time(headers["Entry-Date"]),
            body=Untrusted(body),
            card=_parse_card(headers),
            redacts=_parse_redacts(headers.get("Redacts")),
            moved_from=headers.get("Moved-From"),
            recovery=headers.get("Recovery"),
        )
    except NotAFrame:
        raise
    except ValueError:
        raise NotAFrame("One of its headers has a value that does not belong there.") from None


def _parse_card(headers: dict[str, str]) -> Card | None:
    raw = [headers[name] for name in _CARD if name in headers]
    if not raw:
        return None
    texts = [json.loads(text) for text in raw]
    if len(texts) != len(_CARD) or not all(isinstance(text, str) for text in texts):
        raise NotAFrame("Its card is not whole.")
    reporter, subject, summary, incident_type = (clean(text) for text in texts)
    return Card(Untrusted(reporter), Untrusted(subject), Untrusted(summary), incident_type)


def _parse_redacts(raw: str | None) -> tuple[tuple[CommentId, Link], ...]:
    if raw is None:
        return ()
    found = [_REDACTS.match(one) for one in raw.split(", ")]
    matches = [one for one in found if one is not None]
    if len(matches) != len(found):
        raise NotAFrame("Its list of removed comments is not readable.")
    return tuple((CommentId(int(one[1]), int(one[2])), Link(one[3])) for one in matches)


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise NotAFrame("One of its numbers is not one.")
    return int(text)


def _time(when: datetime) -> str:
    if when.tzinfo is None:
        raise ValueError("A time in a diary needs its time zone.")
    utc = when.astimezone(UTC)
    return f"{utc.year:04d}" + utc.strftime(_TIME.removeprefix("%Y"))  # %Y is not padded on every system


def _parse_time(text: str) -> datetime:
    when = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    if _time(when) != text:  # fromisoformat takes many spellings
        raise NotAFrame("One of its times is not spelt as it should be.")
    return when
