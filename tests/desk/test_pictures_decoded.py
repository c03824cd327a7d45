"""Real pictures, made and looked through by another program: it finds nothing that was hidden, and the same picture."""

from __future__ import annotations

import io
import secrets
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from desk.pictures import cleaned

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary" + secrets.token_hex(16)
_GPS, _EXIF_IFD, _ARTIST, _ORIENTATION, _COMMENT = 0x8825, 0x8769, 0x013B, 0x0112, 0x9286


def scene(mode: str = "RGB") -> Image.Image:
    """Every pixel is another, so that a changed or turned one shows."""
    return (
        Image.linear_gradient("L").resize((48, 32)).convert(mode)
        if mode == "L"
        else Image.merge(
            "RGB", [Image.linear_gradient("L").resize((48, 32)).rotate(angle) for angle in (0, 90, 180)]
        ).convert(mode)
    )


def exif(way: int | None = None) -> Image.Exif:
    """Camera, owner, place and a comment; maybe which way up."""
    told = Image.Exif()
    told[_ARTIST] = CANARY
    told.get_ifd(_EXIF_IFD)[_COMMENT] = CANARY.encode()
    told.get_ifd(_GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 29: CANARY})
    if way is not None:
        told[_ORIENTATION] = way
    return told


def saved(picture: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def xmp() -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>{CANARY}</a></x:xmpmeta>'.encode()


def jpeg(**how: object) -> bytes:
    """A JPEG with everything that tells: Exif with GPS, XMP, a comment, IPTC, a second picture and bytes behind it."""
    made = saved(
        scene(), "JPEG", exif=exif(), xmp=xmp(), comment=CANARY, quality=92,
        **{"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), **how},
    )  # fmt: skip
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x2a\x1c\x02\x50\0\x26" + CANARY.encode()
    small = saved(scene().resize((16, 16)), "JPEG", comment=CANARY)
    mpf = b"MPF\0" + small
    told = b"".join(
        bytes((0xFF, marker)) + (len(inside) + 2).to_bytes(2, "big") + inside
        for marker, inside in ((0xED, iptc), (0xE2, mpf))
    )
    return made[:2] + told + made[2:] + small + CANARY.encode()


def png(**how: object) -> bytes:
    info = PngInfo()
    info.add_text("Author", CANARY)
    info.add_text("Comment", CANARY, zip=True)
    info.add_itxt("XML:com.adobe.xmp", xmp().decode(), "en", "Titel", zip=False)
    return saved(scene("RGBA"), "PNG", pnginfo=info, exif=exif(), dpi=(300, 300), **how) + CANARY.encode()


def everything(content: bytes) -> str:
    """All that Pillow finds in a file beside the pixels, and the bytes themselves."""
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        told = picture.getexif()
        inner = [dict(told.get_ifd(ifd)) for ifd in (_GPS, _EXIF_IFD)]
        found = {name: value for name, value in picture.info.items() if name != "icc_profile"}
        return f"{dict(told)} {inner} {found} {picture.getxmp()} {content!r}"


def shown(content: bytes) -> Image.Image:
    """As people see it: the right way up."""
    with Image.open(io.BytesIO(content)) as picture:
        return ImageOps.exif_transpose(picture).convert("RGBA")


@pytest.mark.parametrize("make", [jpeg, png])
@pytest.mark.filterwarnings(
    "ignore:Image appears to be a malformed MPO file"
)  # what the picture behind it is for
def test_another_program_finds_nothing_that_was_hidden_and_the_same_pixels(
    make: Callable[..., bytes],
) -> None:
    told = make()
    assert CANARY in everything(told)

    clean = cleaned(told)

    assert CANARY not in everything(clean)
    assert shown(clean).tobytes() == shown(told).tobytes()
    with Image.open(io.BytesIO(clean)) as picture:
        assert set(picture.info) <= {
            "icc_profile",
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "dpi",
        }
        assert dict(picture.getexif()) == {}
        assert getattr(picture, "n_frames", 1) == 1
        if make is jpeg:
            assert picture.info["icc_profile"], "its colours depend on it"


@pytest.mark.parametrize("way", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_turned_picture_is_still_the_right_way_up_and_says_no_more(kind: str, way: int) -> None:
    told = saved(scene(), kind, exif=exif(way))

    clean = cleaned(told)

    assert shown(clean).tobytes() == shown(told).tobytes()
    assert CANARY not in everything(clean)
    with Image.open(io.BytesIO(clean)) as picture:
        assert dict(picture.getexif()) == ({_ORIENTATION: way} if way > 1 else {})
    assert cleaned(clean) == clean


@pytest.mark.parametrize(
    "how", [{"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 1}], ids=str
)
def test_every_way_of_writing_a_jpeg_keeps_its_pixels(how: dict[str, object]) -> None:
    told = saved(scene(), "JPEG", exif=exif(), **how)

    assert shown(cleaned(told)).tobytes() == shown(told).tobytes()


@pytest.mark.parametrize("mode", ["L", "P", "LA", "1"])
def test_every_kind_of_png_keeps_its_pixels(mode: str) -> None:
    told = saved(scene("RGB").convert("L").convert(mode), "PNG", exif=exif())

    clean = cleaned(told)

    assert shown(clean).tobytes() == shown(told).tobytes()
    assert CANARY not in everything(clean)


def test_a_jpeg_for_printers_keeps_its_pixels() -> None:
    told = saved(scene("CMYK"), "JPEG", exif=exif())

    assert shown(cleaned(told)).tobytes() == shown(told).tobytes()
