"""A sealed value works with its own key, in its own place, unchanged, and nowhere else."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.errors import ConfigError, StoreError
from webhook_server.store.sealed import Sealer, new_root_key

if TYPE_CHECKING:
    from pathlib import Path

PLACE = {"table": "inbox", "column": "sealed_report", "row": "in_1"}
SEALER = Sealer(bytes(range(32)))
CANARY = b"canary-1f6c0d92ab"


@given(st.binary(max_size=200))
def test_what_is_sealed_is_opened_again(clear: bytes) -> None:
    assert clear == SEALER.open(SEALER.seal(clear, **PLACE), **PLACE)


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert SEALER.seal(CANARY, **PLACE) != SEALER.seal(CANARY, **PLACE)


@pytest.mark.parametrize("other", [{"table": "epoch"}, {"column": "sealed_readers"}, {"row": "in_2"}])
def test_a_value_works_only_where_it_was_put(other: dict[str, str]) -> None:
    with pytest.raises(StoreError, match="was changed or moved"):
        SEALER.open(SEALER.seal(CANARY, **PLACE), **{**PLACE, **other})


def test_a_place_cannot_be_spelt_in_two_ways() -> None:
    sealed = SEALER.seal(CANARY, table="a", column="b", row="c|d")

    with pytest.raises(StoreError):
        SEALER.open(sealed, table="a", column="b|c", row="d")


def test_every_changed_byte_is_noticed() -> None:
    version, key_id, data = SEALER.seal(CANARY, **PLACE).split(".")
    raw = base64.b64decode(data)

    for at in range(len(raw)):
        changed = base64.b64encode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode()
        with pytest.raises(StoreError, match="was changed or moved"):
            SEALER.open(f"{version}.{key_id}.{changed}", **PLACE)


@pytest.mark.parametrize("data", ["", "AAAA", "no base64!", "A"])
def test_what_is_not_a_sealed_value_is_refused_in_our_words(data: str) -> None:
    with pytest.raises(StoreError, match="was changed or moved"):
        SEALER.open(f"v1.{SEALER.key_id}.{data}", **PLACE)


@pytest.mark.parametrize("sealed", ["", "v1", "v2.00000000.AAAA", "clear text"])
def test_another_version_is_refused(sealed: str) -> None:
    with pytest.raises(StoreError):
        SEALER.open(sealed, **PLACE)


def test_another_root_key_is_said_to_be_the_reason() -> None:
    with pytest.raises(StoreError, match="another root key"):
        Sealer(bytes(32)).open(SEALER.seal(CANARY, **PLACE), **PLACE)


def test_an_error_shows_nothing_of_the_value() -> None:
    with pytest.raises(StoreError) as raised:
        SEALER.open(SEALER.seal(CANARY, **PLACE), **{**PLACE, "row": "in_2"})

    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_digest_is_equal_for_equal_parts_only() -> None:
    digest = SEALER.digest("answers", b"ab", b"c")

    assert digest == Sealer(bytes(range(32))).digest("answers", b"ab", b"c")
    others = [
        SEALER.digest("answers", b"a", b"bc"),
        SEALER.digest("answers", b"abc"),
        SEALER.digest("answers", b"ab", b"c", b""),
        SEALER.digest("submission", b"ab", b"c"),
        Sealer(bytes(32)).digest("answers", b"ab", b"c"),
    ]
    assert digest not in others
    assert len(set(others)) == len(others)


def test_a_root_key_file_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    file.write_bytes(new_root_key())

    sealed = Sealer.load(file).seal(CANARY, **PLACE)

    assert CANARY == Sealer.load(file).open(sealed, **PLACE)
    assert new_root_key() != new_root_key()


@pytest.mark.parametrize(
    "content", [b"", b"short", base64.b64encode(bytes(31)), base64.b64encode(bytes(33)), b"\xff"]
)
def test_what_is_no_root_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "root.key"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match="32 bytes in base64"):
        Sealer.load(file)


def test_a_missing_root_key_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is not there"):
        Sealer.load(tmp_path / "root.key")


def test_a_root_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"short")


def test_a_sealer_does_not_show_its_key() -> None:
    assert f"<Sealer {SEALER.key_id}>" == repr(SEALER)
    assert bytes(range(32)).hex()[:8] not in repr(SEALER)
