"""What a picture tells besides what it shows is taken out; the picture itself stays byte for byte."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.pictures import JPEG, PNG, NotAPicture, cleaned, kind_of

CANARY = b"canary-place-52.5200N-13.4050E"


def chunk(name: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))


def segment(marker: int, inside: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(inside) + 2) + inside


HEAD = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
DATA, END = chunk(b"IDAT", zlib.compress(b"\0\1\2\3")), chunk(b"IEND", b"")
START = b"\x89PNG\r\n\x1a\n"
PLAIN_PNG = START + HEAD + DATA + END

JFIF = b"JFIF\0\1\2\0\0\1\0\1"
TABLE, FRAME = segment(0xDB, bytes(65)), segment(0xC2, bytes(15))
SCAN = segment(0xDA, bytes(10)) + b"\x12\xff\x00\x34\xff\xd3\x56"
PLAIN_JPEG = b"\xff\xd8" + segment(0xE0, JFIF + b"\0\0") + TABLE + FRAME + SCAN + TABLE + SCAN + b"\xff\xd9"


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"prVt", b"caNv"])
def test_a_png_keeps_what_is_seen_and_nothing_else(name: bytes) -> None:
    told = START + HEAD + chunk(name, CANARY) + DATA + chunk(name, CANARY) + END + CANARY

    assert cleaned(told) == PLAIN_PNG
    assert kind_of(told) == PNG


def test_a_png_keeps_its_colours_and_transparency() -> None:
    coloured = START + HEAD + chunk(b"gAMA", bytes(4)) + chunk(b"tRNS", bytes(6)) + DATA + END

    assert cleaned(coloured) == coloured


@pytest.mark.parametrize(
    "told",
    [
        segment(0xE1, b"Exif\0\0" + CANARY),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + CANARY),
        segment(0xE2, b"MPF\0" + CANARY),
        segment(0xE0, b"JFXX\0" + CANARY),
        segment(0xED, b"Photoshop 3.0\0" + CANARY),
        segment(0xFE, CANARY),
        b"\xff\xff" + segment(0xEF, CANARY)[1:],
    ],
    ids=["exif", "xmp", "more-pictures", "thumbnail", "photoshop", "comment", "filled"],
)
def test_a_jpeg_keeps_what_is_seen_and_nothing_else(told: bytes) -> None:
    at = PLAIN_JPEG.index(TABLE)
    between = PLAIN_JPEG.rindex(TABLE)
    picture = PLAIN_JPEG[:at] + told + PLAIN_JPEG[at:between] + told + PLAIN_JPEG[between:] + CANARY

    assert cleaned(picture) == PLAIN_JPEG
    assert kind_of(picture) == JPEG


def test_the_small_picture_inside_jfif_is_taken_out() -> None:
    small = b"\1\1" + CANARY[:3]
    told = PLAIN_JPEG.replace(segment(0xE0, JFIF + b"\0\0"), segment(0xE0, JFIF + small))

    assert cleaned(told) == PLAIN_JPEG


def test_a_jpeg_keeps_what_its_colours_depend_on() -> None:
    colours = segment(0xE2, b"ICC_PROFILE\0\1\1") + segment(0xEE, b"Adobe" + bytes(7))
    picture = PLAIN_JPEG.replace(TABLE, colours + TABLE, 1)

    assert cleaned(picture) == picture


@pytest.mark.parametrize("whole", [PLAIN_PNG, PLAIN_JPEG])
def test_a_picture_that_was_cut_off_is_refused(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(NotAPicture):
            cleaned(whole[:length])


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"RIFF....WEBP", b"<svg/>", b"\xff\xd8\xff\x00"])
def test_what_is_no_jpeg_or_png_is_refused(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        cleaned(content)


@given(st.binary(max_size=300), st.sampled_from([START, b"\xff\xd8\xff"]))
def test_any_bytes_are_cleaned_or_refused_and_cleaning_again_changes_nothing(
    content: bytes, start: bytes
) -> None:
    try:
        once = cleaned(start + content)
    except NotAPicture:
        return
    assert cleaned(once) == once
