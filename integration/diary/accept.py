"""What the service checks before it seals what a desk wrote. It reads nothing but the clear parts.

:func:`accept` takes whole blocks without a seal that continue the diary's head, made with the writing key of the
newest epoch, and seals them. It cannot see who wrote them, nor what; readers check that (section 9 of
docs/diary-format.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from integration.diary import keyring as keyrings
from integration.diary import sshsig
from integration.diary.comment import (
    CommentId,
    CommentKind,
    ParsedComment,
    SealedComment,
    UnsealedComment,
    parse_unsealed,
    seal_message,
    write_message,
)
from integration.diary.epochs import has_a_key_of
from integration.diary.frame import size_step
from integration.errors import HeadConflict, WriteRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from integration.diary.chain import Head
    from integration.diary.keys import Epoch, ServiceKey
    from integration.incident import IncidentId

__all__ = ["Accepted", "Continuation", "NotContinued", "accept"]

MAX_COMMENTS: Final = 512
"""Comments in one go: an entry of 4 MB on the host with the smaller comments."""

LARGEST_PART: Final = 44_000
"""Bytes of a body in one comment on the host with the larger comments (section 8)."""

_MAX_TEXT: Final = 100_000
_AROUND: Final = 1_536
"""Bytes of a frame beside its body and card: headers and signature."""

_PAYLOAD_EXTRA: Final = 32
"""What age adds to a frame of less than 64 KiB: nonce and tag. https://c2sp.org/age"""

_MAX_HEADER: Final = 16_384
_HEADER = re.compile(rb"age-encryption\.org/v1\n((?:(?!---)[^\n]*\n)+)--- [A-Za-z0-9+/]{43}\n")
_STANZA = re.compile(rb"^-> (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Sealed comments in order; ``epoch`` is the public half of the epoch that one of them opens, if one does."""

    comments: tuple[SealedComment, ...]
    epoch: Epoch | None


def accept(
    texts: Sequence[str],
    *,
    incident: IncidentId,
    ticket: str,
    head: Head,
    epoch: Epoch,
    service: ServiceKey,
    moved_to: str | None = None,
    part_bytes: int = LARGEST_PART,
    earlier: Collection[Epoch] = (),
) -> Accepted:
    """Check what a desk sent, and seal it.

    Args:
        texts: the comments in order, one in each text.
        incident: whose diary it is.
        ticket: the name of the ticket that the newest comment names.
        head: the newest comment.
        epoch: the newest epoch's public half.
        service: the key that seals.
        moved_to: the name of the ticket where the diary stands now, if it was restored on another one; a comment
            may name it, and then all after it must.
        part_bytes: how many bytes of a body fit into one comment of this host.
        earlier: the epochs before it; no key of theirs may come back.

    Raises:
        HeadConflict: the first comment was not made for this head.
        WriteRefused: a rule is broken; the message says which. Nothing was sealed.
    """
    if head.incident != incident or head.seq < 1:
        _refuse("the diary was not begun by the service yet")
    if not 1 <= len(texts) <= MAX_COMMENTS:
        _refuse(f"it must be 1 to {MAX_COMMENTS} comments")
    comments = [_whole(text) for text in texts]
    if comments[0].incident == incident and comments[0].prev != head.link:
        raise HeadConflict(
            "The diary has moved on since it was read.",
            meaning="Somebody else wrote first. Nothing was taken.",
            next_step="Nothing is lost: read again, and it is made again for the new head.",
        )
    checking = Continuation(incident, ticket, moved_to, head, epoch, part_bytes, (*earlier, epoch))
    for comment in comments:
        checking.take(comment)
    checking.end()
    return Accepted(
        tuple(
            one.sealed(service.seal(seal_message(one.link, one.write_signature)), service.id)
            for one in comments
        ),
        checking.opened,
    )


class Continuation:
    """The state of the chain while comment after comment is taken. The seal, if there is one, is not looked at."""

    def __init__(
        self,
        incident: IncidentId,
        ticket: str,
        moved_to: str | None,
        head: Head,
        epoch: Epoch,
        part_bytes: int,
        used: Collection[Epoch],
    ) -> None:
        self.used = used
        self.incident = incident
        self.ticket = ticket
        self.moved_to = moved_to
        self.link = head.link
        self.seq = head.seq
        self.epoch = epoch
        self.part_bytes = part_bytes
        self.before: UnsealedComment | ParsedComment | None = None
        self.opened: Epoch | None = None

    def take(self, comment: UnsealedComment | ParsedComment) -> None:
        """The next comment, or a refusal."""
        self._check_place(comment)
        if self.before is None:
            self._check_first_part(comment)
        self.check_write(comment)
        _check_age(comment, self.part_bytes)
        self.link = comment.link
        if comment.id.part < comment.parts:
            self.before = comment
            return
        self.before, self.seq = None, comment.id.seq
        if comment.opens is not None:
            self.epoch = self.opened = comment.opens

    def end(self) -> None:
        """After the last comment."""
        if self.before is not None:
            _refuse("the last entry lacks parts")

    def _check_place(self, comment: UnsealedComment | ParsedComment) -> None:
        if comment.incident != self.incident:
            _refuse("a comment is of another incident")
        if comment.prev != self.link:
            _refuse("a comment does not follow the one before it")
        before = self.before
        if before is None:
            if comment.id != CommentId(self.seq + 1, 1):
                _refuse("an entry's number is not the next one")
            return
        if comment.id != CommentId(before.id.seq, before.id.part + 1):
            _refuse("the parts of an entry are not in order")
        same = (before.parts, before.kind, before.epoch, before.opens, before.ticket)
        if same != (comment.parts, comment.kind, comment.epoch, comment.opens, comment.ticket):
            _refuse("the parts of an entry do not belong together")

    def _check_first_part(self, comment: UnsealedComment | ParsedComment) -> None:
        if comment.ticket == self.moved_to:
            self.ticket = self.moved_to
        if comment.ticket != self.ticket:
            _refuse("a comment was written for another ticket")
        opens = comment.opens
        if opens is None:
            if comment.epoch != self.epoch.number:
                _refuse("an entry is not of the newest epoch")
            return
        if self.opened is not None:
            _refuse("more than one epoch would be opened")
        if opens.number != self.epoch.number + 1:
            _refuse("a keyring does not open the next epoch")
        if has_a_key_of(opens, self.used):
            _refuse("the new epoch has a key of an earlier one")

    def check_write(self, comment: UnsealedComment | ParsedComment) -> None:
        """A keyring, too, is signed with the key of the epoch before."""
        key = sshsig.public_key(self.epoch.writing_key)
        if comment.write_signature is None:
            _refuse("a comment lacks the signature with the epoch's writing key")
        if key is None or not sshsig.verify_raw(key, comment.write_signature, write_message(comment.link)):
            _refuse("a comment is not signed with the writing key of the newest epoch")


def _whole(text: str) -> UnsealedComment:
    comment = parse_unsealed(text) if len(text) <= _MAX_TEXT else None
    if comment is None:
        _refuse("a text is not exactly one whole comment without a seal")
    return comment


def _check_age(comment: UnsealedComment | ParsedComment, part_bytes: int) -> None:
    """An age file for as many readers as the format says, of a size that says nothing and fits the host."""
    header = _HEADER.match(comment.age[:_MAX_HEADER])
    if header is None:
        _refuse("the encrypted part of a comment is not an age file")
    kinds = [kind for kind in _STANZA.findall(header[1]) if not kind.endswith(b"-grease")]
    if set(kinds) != {b"X25519"}:
        _refuse("a comment is encrypted to other recipients than native age keys")
    is_keyring = comment.kind is CommentKind.KEYRING
    right = (
        len(kinds) % keyrings.PLACES == 0 and len(kinds) <= keyrings.MAX_READERS
        if is_keyring
        else len(kinds) == 1
    )
    if not right:
        _refuse("a comment does not have the number of recipients that its kind has")
    frame = len(comment.age) - header.end() - _PAYLOAD_EXTRA
    if frame < (keyrings.LEAST if is_keyring else 1) or size_step(frame) != frame:
        _refuse("a comment is not filled to a size step")
    if frame > size_step((keyrings.PART_BYTES if is_keyring else part_bytes) + _AROUND):
        _refuse("a comment is larger than the host takes")


class NotContinued(WriteRefused):
    """A comment breaks a rule of the diary's format; ``rule`` says which, in words of ours."""

    def __init__(self, rule: str) -> None:
        super().__init__(
            f"What was sent is no continuation of this diary: {rule}.",
            meaning="Nothing was taken.",
            next_step="Read the diary again and write once more. If it stays so, tell whoever runs the service.",
        )
        self.rule = rule


def _refuse(rule: str) -> NoReturn:
    raise NotContinued(rule)
