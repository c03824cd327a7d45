"""The search must find a canary in every shape, or the leak tests prove nothing."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.leaks.conftest import Canary


@pytest.mark.parametrize(
    "hide",
    [
        str.encode,
        lambda text: json.dumps({"a": text}).encode(),
        lambda text: quote(text).encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.b64encode(b"1" + text.encode()),
        lambda text: base64.urlsafe_b64encode(b"12" + text.encode()),
        lambda text: text.upper().encode(),
        lambda text: text.encode().hex().encode(),
        lambda text: text.encode("utf-16-le"),
        lambda text: "".join(f"\\u{ord(char):04x}" for char in text).encode(),
        lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    ],
)
def test_it_is_found_in_every_shape(canary: Canary, hide: object) -> None:
    assert callable(hide)
    text = canary.text("subject")

    assert canary.found_in("here", b"before " + hide(text) + b" after")


def test_it_is_not_found_where_it_is_not(canary: Canary) -> None:
    canary.text("subject")

    assert [] == canary.found_in("here", b"nothing of that kind" * 100)
