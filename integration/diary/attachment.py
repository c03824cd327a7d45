"""A file that belongs to a diary: its signed entry says what it is, an age file of its own holds it.

The service keeps and posts the age file and can read neither. Section 6 of docs/diary-format.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

import pyrage

from integration.text import Untrusted

MAX_BYTES: Final = 25 * 1024 * 1024
"""Bytes of a file before encryption."""

MAX_STORED: Final = MAX_BYTES + 64 * 1024
"""Bytes of its age file: a header, and 16 bytes for each 64 KiB."""

LONGEST_NAME: Final = 255

_FILE: Final = re.compile(r"(?:[0-9]{4}|[1-9][0-9]{4,8})\.age\Z", re.ASCII)
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,100}\Z", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Attachment:
    """What the entry says. ``size`` is of the clear file, ``sha256`` (hex) of the age file as stored under ``file``."""

    name: Untrusted
    type: str
    size: int
    file: str
    sha256: str


def file_name(seq: int) -> str:
    """The name on the host of the file whose entry has this number: ``0007.age``."""
    return f"{seq:04d}.age"


def is_file_name(text: str) -> bool:
    """Whether a text has the form of such a name; only such texts go into an address."""
    return _FILE.match(text) is not None


def seal_file(content: bytes, recipient: str) -> bytes:
    """The file as a binary age file to the epoch's reading key.

    Raises:
        ValueError: it is larger than :data:`MAX_BYTES`.
    """
    if len(content) > MAX_BYTES:
        raise ValueError("larger than an attachment may be")
    return pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(recipient)])


def describe(*, seq: int, name: str, media_type: str, size: int, sealed: bytes) -> Attachment:
    """What the entry of this number says of a file."""
    digest = hashlib.sha256(sealed).hexdigest()
    return Attachment(Untrusted(name[:LONGEST_NAME]), media_type, size, file_name(seq), digest)


def dump(attachment: Attachment) -> Untrusted:
    """The entry's body: JSON in ASCII, so that no character of the name steers anything."""
    return Untrusted(
        json.dumps(
            {
                "name": attachment.name.reveal(),
                "type": attachment.type,
                "size": attachment.size,
                "file": attachment.file,
                "sha256": attachment.sha256,
            },
            indent=1,
        )
    )


def parse(body: Untrusted, *, seq: int) -> Attachment:
    """What :func:`dump` made of the entry with this number.

    Raises:
        ValueError: it is something else, or speaks of another entry's file. The message quotes nothing.
    """
    try:
        raw = json.loads(body.reveal())
        found = Attachment(Untrusted(raw["name"]), raw["type"], raw["size"], raw["file"], raw["sha256"])
        whole = (
            isinstance(raw["name"], str)
            and type(found.size) is int
            and 0 <= found.size <= MAX_BYTES
            and _TYPE.match(found.type) is not None
            and _HASH.match(found.sha256) is not None
            and found.file == file_name(seq)
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise ValueError("not the description of this entry's file") from None
    return found


def is_intact(attachment: Attachment, sealed: bytes) -> bool:
    """Whether these are the bytes that the entry's author signed for."""
    return hashlib.sha256(sealed).hexdigest() == attachment.sha256
