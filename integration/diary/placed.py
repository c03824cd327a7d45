"""A comment's decrypted content, held against the place where it stands. Who wrote it is checked by the reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from integration.diary import sshsig
from integration.diary.comment import CommentKind, ParsedComment, write_message
from integration.diary.frame import NAMESPACE, EntryContent, Frame, NotAFrame, parse
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

_KINDS = {
    CommentKind.KEYRING: frozenset({EntryContent.KEYRING}),
    CommentKind.FILE: frozenset({EntryContent.ATTACHMENT}),
    CommentKind.ENTRY: frozenset(EntryContent) - {EntryContent.KEYRING, EntryContent.ATTACHMENT},
}


class Bad(Exception):
    """A check failed: ``code`` is the finding's, ``what`` its detail, in our own words."""

    def __init__(self, code: str, what: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.what = what


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """A decrypted part that stands in its place; who wrote it is still unchecked."""

    comment: ParsedComment
    frame: Frame
    signed: bytes = field(repr=False)  # clear text
    signature: str

    @property
    def author(self) -> tuple[str, str]:
        """``member`` or ``service``, and the alias or key id."""
        role, _, name = self.frame.author.partition(":")
        return role, name

    def is_signed_by(self, line: str) -> bool:
        """Whether the author's signature is of this public key."""
        return sshsig.verify(line, NAMESPACE, self.signed, self.signature)

    def has_writing_key(self, line: str) -> bool:
        """Whether its ``CoC-Write`` is of this public key."""
        return has_writing_key(self.comment, line)


def in_place(comment: ParsedComment, content: bytes) -> PlacedPart:
    """The frame in a comment, if it was signed for just this place.

    Raises:
        Bad: it is no frame, or one for another place.
    """
    try:
        frame, signed, signature = parse(content)
    except NotAFrame as error:
        raise Bad("not-a-frame", str(error)) from None
    for what, inside, outside in (
        ("the incident", frame.incident, comment.incident),
        ("the ticket", frame.ticket, comment.ticket),
        ("the number", frame.id, comment.id),
        ("the number of parts", frame.parts, comment.parts),
        ("the comment before", frame.prev, comment.prev),
        ("the epoch", frame.epoch, comment.epoch),
        ("the kind", frame.kind, comment.kind),
    ):
        if inside != outside:
            raise Bad("misplaced", what)
    if frame.content not in _KINDS[frame.kind]:
        raise Bad("not-a-frame", "its content does not go with its kind.")
    return PlacedPart(comment, frame, signed, signature)


def has_writing_key(comment: ParsedComment, line: str) -> bool:
    """Whether the comment's ``CoC-Write`` is of this public key."""
    key = sshsig.public_key(line)
    if key is None or comment.write_signature is None:
        return False
    return sshsig.verify_raw(key, comment.write_signature, write_message(comment.link))


def joined(parts: Sequence[PlacedPart]) -> Untrusted:
    """The body of an entry, as far as its parts are there."""
    return Untrusted("".join(part.frame.body.reveal() for part in parts))


def in_common(frame: Frame) -> tuple[object, ...]:
    """What all parts of an entry have in common."""
    return frame.author, frame.content, frame.epoch, frame.parts, frame.event_at, frame.entry_at
