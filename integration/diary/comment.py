"""A diary comment as it stands on a ticket: plain line, armoured age file, seal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, NewType

if TYPE_CHECKING:
    from integration.incident import IncidentId
    from integration.text import SealedText

Link = NewType("Link", str)
"""43 characters of base64url: the hash that ties a comment to the one before it."""


class CommentKind(StrEnum):
    """All that a comment says of itself in clear."""

    KEYRING = "keyring"
    ENTRY = "entry"
    FILE = "file"


class CommentId(NamedTuple):
    """A comment's place in its diary: the entry's number from 1, and the part's number from 1."""

    seq: int
    part: int


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
