"""A diary comment as it stands on a ticket: plain line, armoured age file, seal.

:func:`find_blocks` finds the comments in any text, :func:`render` writes one; both as section 3 of
docs/diary-format.md says. What a desk sends to be sealed is a comment without its last line:
:func:`parse_unsealed`. Nothing here decrypts, and no hostile text makes it raise.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, NewType

from integration.diary.keys import Epoch, is_recipient, is_signing_key
from integration.incident import IncidentId
from integration.text import SealedText

if TYPE_CHECKING:
    from collections.abc import Iterable

Link = NewType("Link", str)
"""43 characters of base64url: the hash that ties a comment to the one before it."""

_NUMBER = r"[1-9][0-9]{0,8}"
_PLAIN = re.compile(
    r"CoC-Diary: v1 inc=(inc_[a-z2-7]{26}) ticket=([A-Za-z0-9][A-Za-z0-9._:/#-]{0,199}) "
    rf"seq=({_NUMBER}) part=({_NUMBER})/({_NUMBER}) epoch=({_NUMBER}) "
    r"kind=(keyring|entry|file) prev=([A-Za-z0-9_-]{43})\Z",
    re.ASCII,
)
_EPOCH = re.compile(rf"CoC-Epoch: ({_NUMBER}) (age1\S+) (ssh-ed25519 \S+)\Z", re.ASCII)
_WRITE = re.compile(r"CoC-Write: ([A-Za-z0-9_-]{86})\Z", re.ASCII)
_SEAL = re.compile(r"CoC-Seal: ([A-Za-z0-9_-]{86}) key=([A-Za-z0-9][A-Za-z0-9_.-]{0,31})\Z", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z", re.ASCII)
_BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----"
_END = "-----END AGE ENCRYPTED FILE-----"
_START = "CoC-Diary:"
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_BLANKS = " \t\u00a0\ufeff"
_ARMOUR_WIDTH = 64


class CommentKind(StrEnum):
    """All that a comment says of itself in clear."""

    KEYRING = "keyring"
    ENTRY = "entry"
    FILE = "file"


class CommentId(NamedTuple):
    """A comment's place in its diary: the entry's number from 1, and the part's number from 1."""

    seq: int
    part: int

    def __str__(self) -> str:
        return f"{self.seq}/{self.part}"


@dataclass(frozen=True, slots=True)
class SealedComment:
    """One comment, ready for the host. ``text`` is the whole of it, without any host's markup."""

    incident: IncidentId
    ticket: str
    id: CommentId
    parts: int
    epoch: int
    kind: CommentKind
    prev: Link
    link: Link
    text: SealedText


@dataclass(frozen=True, slots=True)
class ParsedComment:
    """A whole comment that was found in a text. Whole is all that is known: no signature was checked.

    ``opens`` is the public half of the epoch that a keyring opens. ``age`` is the age file in binary,
    ``write_signature`` and ``seal`` are 64 bytes each. ``text`` is the comment in its canonical spelling.
    """

    incident: IncidentId
    ticket: str
    id: CommentId
    parts: int
    epoch: int
    kind: CommentKind
    prev: Link
    link: Link
    opens: Epoch | None
    age: bytes
    write_signature: bytes | None
    seal: bytes
    seal_key: str
    text: SealedText

    def sealed(self) -> SealedComment:
        """The same comment as it was made for the host."""
        return SealedComment(
            self.incident, self.ticket, self.id, self.parts, self.epoch, self.kind, self.prev, self.link, self.text
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnsealedComment:
    """A whole comment but for the seal: what a desk writes, with ``CoC-Write``, and sends to the service.

    ``text`` is its canonical spelling, for the service alone: it is not to be posted. Of one that was parsed no
    signature was checked.
    """

    incident: IncidentId
    ticket: str
    id: CommentId
    parts: int
    epoch: int
    kind: CommentKind
    prev: Link
    link: Link
    opens: Epoch | None
    age: bytes = field(repr=False)
    write_signature: bytes | None
    text: str

    def sealed(self, seal: bytes, seal_key: str) -> SealedComment:
        """The comment for the host, with the service's seal."""
        text = SealedText(f"{self.text}\n{seal_line(seal, seal_key)}")
        return SealedComment(
            self.incident, self.ticket, self.id, self.parts, self.epoch, self.kind, self.prev, self.link, text
        )


@dataclass(frozen=True, slots=True)
class DamagedComment:
    """A ``CoC-Diary:`` line without a whole comment after it. ``id`` is None if that line itself is damaged."""

    incident: IncidentId | None
    id: CommentId | None
    parts: int
    what: str


def plain_line(
    incident: IncidentId, ticket: str, place: CommentId, parts: int, epoch: int, kind: CommentKind, prev: Link
) -> str:
    """The first line of a comment.

    Raises:
        ValueError: a value does not fit into the line; it names none of them.
    """
    line = (
        f"CoC-Diary: v1 inc={incident} ticket={ticket} seq={place.seq} part={place.part}/{parts} "
        f"epoch={epoch} kind={kind} prev={prev}"
    )
    if not _PLAIN.match(line):
        raise ValueError("The plain line of a diary comment cannot hold one of its values.")
    return line


def head_lines(plain: str, opens: Epoch | None) -> str:
    """What of a comment stands in clear and is hashed: the plain line and a keyring's epoch line."""
    if opens is None:
        return plain
    return f"{plain}\nCoC-Epoch: {opens.number} {opens.recipient} {opens.writing_key}"


def link_of(head: str, age: bytes) -> Link:
    """The link of the comment with these head lines and this age file (binary)."""
    digest = hashlib.sha256(
        b"coc-diary/v1/link\0" + head.encode("ascii") + b"\0" + hashlib.sha256(age).digest()
    )
    return Link(to_b64url(digest.digest()))


def write_message(link: Link) -> bytes:
    """What ``CoC-Write`` signs."""
    return b"coc-diary/v1/write\0" + from_b64url(link)


def seal_message(link: Link, write_signature: bytes | None) -> bytes:
    """What ``CoC-Seal`` signs."""
    return b"coc-diary/v1/seal\0" + from_b64url(link) + (write_signature or b"")


def render(head: str, age: bytes, write_signature: bytes | None, seal: bytes, seal_key: str) -> SealedText:
    """The comment's text, each line ended by a line feed but the last."""
    return SealedText(f"{render_unsealed(head, age, write_signature)}\n{seal_line(seal, seal_key)}")


def render_unsealed(head: str, age: bytes, write_signature: bytes | None) -> str:
    """The same without the seal."""
    coded = base64.b64encode(age).decode("ascii")
    lines = [
        head,
        _BEGIN,
        *(coded[at : at + _ARMOUR_WIDTH] for at in range(0, len(coded), _ARMOUR_WIDTH)),
        _END,
        *([f"CoC-Write: {to_b64url(write_signature)}"] if write_signature is not None else []),
    ]
    return "\n".join(lines)


def seal_line(seal: bytes, seal_key: str) -> str:
    """The last line of a comment."""
    return f"CoC-Seal: {to_b64url(seal)} key={seal_key}"


def find_comments(text: str) -> list[ParsedComment]:
    """Every whole diary comment in a text, in order, whatever stands around it."""
    return [block for block in find_blocks(text) if isinstance(block, ParsedComment)]


def opened(comments: Iterable[SealedComment]) -> list[Epoch]:
    """The public halves of the epochs that these comments open."""
    keyrings = (one for one in comments if one.kind is CommentKind.KEYRING)
    parsed = (one for keyring in keyrings for one in find_comments(keyring.text))
    return [one.opens for one in parsed if one.opens is not None]


def find_blocks(text: str) -> list[ParsedComment | DamagedComment]:
    """Every diary comment in a text, in order, the damaged ones too."""
    lines = lines_of(text)
    found: list[ParsedComment | DamagedComment] = []
    at = 0
    while at < len(lines):
        if not lines[at].startswith(_START):
            at += 1
            continue
        block, at = _block(lines, at)
        found.append(block)
    return found


@dataclass(slots=True)
class OnTicket:
    """The diary comments of one incident on its ticket, as a host's listing is gone through.

    ``whole`` maps each to the host's id of what it stands in, the oldest if it stands there twice; ``damaged`` are
    the places of those that are not whole.
    """

    incident: IncidentId
    whole: dict[SealedText, str] = field(default_factory=dict)
    damaged: set[CommentId] = field(default_factory=set)

    def take(self, text: str, host_id: str) -> None:
        """What one comment of the host says."""
        for block in find_blocks(text):
            if block.incident != self.incident:
                continue
            if isinstance(block, ParsedComment):
                self.whole.setdefault(block.text, host_id)
            elif block.id is not None:
                self.damaged.add(block.id)


def parse_unsealed(text: str) -> UnsealedComment | None:
    """The comment that a desk wrote; None if the text is anything but one whole comment without a seal."""
    lines = lines_of(text)
    plain = _PLAIN.match(lines[0]) if lines else None
    if plain is None:
        return None
    try:
        comment, at = _unsealed(lines, 0, plain)
    except _Broken:
        return None
    return comment if at == len(lines) else None


def lines_of(text: str) -> list[str]:
    """The lines that count, as far as white space can be damaged on their way: section 3 of docs/diary-format.md."""
    return [stripped for line in _LINE_ENDS.split(text) if (stripped := line.strip(_BLANKS))]


class _Broken(Exception):
    """A block breaks off at a line."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at


def _block(lines: list[str], start: int) -> tuple[ParsedComment | DamagedComment, int]:
    """The block that begins at this line, and the line to go on from."""
    plain = _PLAIN.match(lines[start])
    if plain is None:
        return DamagedComment(None, None, 0, "its plain line is damaged"), start + 1
    try:
        return _rest(lines, start, plain)
    except _Broken as broken:
        place = CommentId(int(plain[3]), int(plain[4]))
        return DamagedComment(IncidentId(plain[1]), place, int(plain[5]), broken.what), broken.at


def _rest(lines: list[str], start: int, plain: re.Match[str]) -> tuple[ParsedComment, int]:
    """The comment with this plain line, seal included."""
    one, at = _unsealed(lines, start, plain)
    seal = _SEAL.match(lines[at]) if at < len(lines) else None
    if seal is None:
        raise _Broken("its seal is missing or damaged", at)
    seal_signature = from_b64url(seal[1])
    if not seal_signature:
        raise _Broken("one of its signatures is not proper base64", at)
    comment = ParsedComment(
        incident=one.incident, ticket=one.ticket, id=one.id, parts=one.parts, epoch=one.epoch, kind=one.kind,
        prev=one.prev, link=one.link, opens=one.opens, age=one.age, write_signature=one.write_signature,
        seal=seal_signature, seal_key=seal[2],
        text=SealedText(f"{one.text}\n{seal_line(seal_signature, seal[2])}"),
    )  # fmt: skip
    return comment, at + 1


def _unsealed(lines: list[str], start: int, plain: re.Match[str]) -> tuple[UnsealedComment, int]:
    """The comment up to its seal. Line by line, in the one order that is right."""
    place, parts = CommentId(int(plain[3]), int(plain[4])), int(plain[5])
    if place.part > parts:
        raise _Broken("its part number is higher than the number of its parts", start + 1)
    kind = CommentKind(plain[7])
    opens, at = _opens(lines, start + 1, int(plain[6])) if kind is CommentKind.KEYRING else (None, start + 1)
    age, at = _armoured(lines, at)
    write = _WRITE.match(lines[at]) if at < len(lines) else None
    at += write is not None
    write_signature = from_b64url(write[1]) if write is not None else None
    if write_signature == b"":
        raise _Broken("one of its signatures is not proper base64", at)
    head = head_lines(lines[start], opens)
    comment = UnsealedComment(
        incident=IncidentId(plain[1]), ticket=plain[2], id=place, parts=parts, epoch=int(plain[6]), kind=kind,
        prev=Link(plain[8]), link=link_of(head, age), opens=opens, age=age, write_signature=write_signature,
        text=render_unsealed(head, age, write_signature),
    )  # fmt: skip
    return comment, at


def _opens(lines: list[str], at: int, number: int) -> tuple[Epoch, int]:
    found = _EPOCH.match(lines[at]) if at < len(lines) else None
    if found is None or int(found[1]) != number or not is_recipient(found[2]) or not is_signing_key(found[3]):
        raise _Broken("its epoch line is missing or damaged", at)
    return Epoch(number, found[2], found[3]), at + 1


def _armoured(lines: list[str], at: int) -> tuple[bytes, int]:
    """The age file. Lines of any length are taken, since links are over decoded bytes."""
    if at >= len(lines) or lines[at] != _BEGIN:
        raise _Broken("its encrypted part does not begin where it should", at)
    first = at = at + 1
    while at < len(lines) and _BASE64.match(lines[at]):
        at += 1
    if at >= len(lines) or lines[at] != _END:
        raise _Broken("its encrypted part is broken off, or holds characters that do not belong there", at)
    age = _decoded("".join(lines[first:at]))
    if age is None:
        raise _Broken("its encrypted part is not proper base64", at)
    return age, at + 1


def _decoded(coded: str) -> bytes | None:
    """Strict base64: padded and canonical, as age's armour asks."""
    try:
        raw = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if raw and base64.b64encode(raw).decode("ascii") == coded else None


def to_b64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def from_b64url(text: str) -> bytes:
    """The bytes of canonical base64url without padding; empty if it is not that."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
    return raw if to_b64url(raw) == text else b""
