"""Takes out of a picture what its maker did not see in it: place, camera, owner, thumbnail, comments.

Only JPEG and PNG, without decoding: what is needed to show the picture stays byte for byte, everything else is
left out, also what stands behind the picture's end. Of Exif stays which way up the picture is, in a block that we
write ourselves. A kind of picture that is not known here is refused, never passed on as it is. Why not by a library
that decodes: docs/adr/0006. JPEG: ITU-T T.81, annex B; PNG: https://www.w3.org/TR/png-3/; Exif: CIPA DC-008
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"

_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP bKGD hIST acTL fcTL fdAT".split()
)
_PNG_FRAME: Final = 12
"""Bytes of a chunk around its content: length, name, check sum."""

_JPEG_START: Final = b"\xff\xd8"
_JPEG_END: Final = 0xD9
_SCAN: Final = 0xDA
_COMMENT: Final = 0xFE
_APPS: Final = range(0xE0, 0xF0)
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: the restarts, and one for temporary use."""
_JFIF_BYTES: Final = 12
"""Of JFIF's segment, up to the size of the thumbnail that may follow."""
_ADOBE_BYTES: Final = 12

_EXIF: Final = b"Exif\0\0"
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_WAYS_UP: Final = range(2, 9)
"""What Orientation may say; 1 is the usual way, which needs no word."""


_OTHERS: Final = (b"GIF8", b"II*\0", b"MM\0*", b"BM", b"\0\0\1\0", b"8BPS", b"\xff\x0a", b"\0\0\0\x0cJXL ")
"""How GIF, TIFF (and most cameras' raw files), BMP, ICO, PSD and JPEG XL begin."""
_HEIF: Final = re.compile(rb"....ftyp(?:hei|hev|mif1|msf1|avi)", re.DOTALL)
_WEBP: Final = re.compile(rb"RIFF....WEBP", re.DOTALL)


class NotAPicture(ValueError):
    """The bytes do not have the form that their beginning promises."""


def kind_of(content: bytes) -> str | None:
    """The media type of a picture we can clean, by its first bytes."""
    if content.startswith(_PNG_START):
        return PNG
    return JPEG if content.startswith(_JPEG_START + b"\xff") else None


def is_other_picture(content: bytes) -> bool:
    """Whether the bytes begin like a picture of a kind that we cannot clean, whatever their name says."""
    return content.startswith(_OTHERS) or bool(_HEIF.match(content) or _WEBP.match(content))


def cleaned(content: bytes) -> bytes:
    """The picture without what nobody sees in it.

    Raises:
        NotAPicture: it is no JPEG or PNG, or a damaged one.
    """
    kind = kind_of(content)
    if kind == PNG:
        return b"".join([_PNG_START, *_chunks(content)])
    if kind == JPEG:
        return b"".join([_JPEG_START, *_segments(content)])
    raise NotAPicture


def _chunks(content: bytes) -> Iterator[bytes]:
    at, name = len(_PNG_START), b""
    while name != b"IEND":
        if at + _PNG_FRAME > len(content):
            raise NotAPicture
        (length,) = struct.unpack_from(">I", content, at)
        name, end = content[at + 4 : at + 8], at + _PNG_FRAME + length
        if end > len(content):
            raise NotAPicture
        if name in _PNG_KEPT:
            yield content[at:end]
        elif name == b"eXIf" and (way := _way_up(content[at + 8 : end - 4])) is not None:
            yield _chunk(b"eXIf", _only_way_up(way))
        at = end


def _chunk(name: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))


def _segments(content: bytes) -> Iterator[bytes]:
    at = len(_JPEG_START)
    while True:
        marker, at = _marker(content, at)
        if marker == _JPEG_END:
            yield b"\xff\xd9"
            return
        if marker in _ALONE:
            yield bytes((0xFF, marker))
            continue
        if at + 2 > len(content):
            raise NotAPicture
        (length,) = struct.unpack_from(">H", content, at)
        end = at + length
        if length < 2 or end > len(content):  # noqa: PLR2004 - the length counts its own two bytes
            raise NotAPicture
        kept = _kept(marker, content[at + 2 : end])
        if kept is not None:
            yield bytes((0xFF, marker)) + struct.pack(">H", len(kept) + 2) + kept
        at = end
        if marker == _SCAN:
            end = _end_of_scan(content, at)
            yield content[at:end]
            at = end


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """The next marker and where it ends; it may be filled up with 0xFF before."""
    start = at
    while at < len(content) and content[at] == 0xFF:  # noqa: PLR2004 - what begins a marker
        at += 1
    if at == start or at >= len(content) or content[at] == 0:
        raise NotAPicture
    return content[at], at + 1


def _kept(marker: int, inside: bytes) -> bytes | None:
    """What stays of a segment; None if nothing does. Of the applications' ones: what colours and direction depend on."""
    if marker == _COMMENT:
        return None
    if marker not in _APPS:
        return inside
    if marker == 0xE0 and inside.startswith(b"JFIF\0"):  # noqa: PLR2004 - APP0
        return inside[:_JFIF_BYTES] + b"\0\0"
    if marker == 0xE1 and inside.startswith(_EXIF):  # noqa: PLR2004 - APP1
        way = _way_up(inside[len(_EXIF) :])
        return None if way is None else _EXIF + _only_way_up(way)
    if marker == 0xEE and inside.startswith(b"Adobe"):  # noqa: PLR2004 - APP14
        return inside[:_ADOBE_BYTES]
    is_profile = marker == 0xE2 and inside.startswith(b"ICC_PROFILE\0")  # noqa: PLR2004 - APP2
    return inside if is_profile else None


def _way_up(tiff: bytes) -> int | None:
    """Which way up the picture is, as its Exif says; None if that is the usual way, or not said properly."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for number in range(count):
            tag, kind, many, value = struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * number)
            if (tag, kind, many) == (_ORIENTATION, _SHORT, 1):
                return value if value in _WAYS_UP else None
    except struct.error:
        return None
    return None


def _only_way_up(way: int) -> bytes:
    """Exif that says nothing else: one directory with one entry."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, way, 0, 0)


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the picture's data end: before a marker that is neither a restart nor an escaped 0xFF."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise NotAPicture
        if content[at + 1] not in {0, *range(0xD0, 0xD8)}:
            return at
        at += 2
