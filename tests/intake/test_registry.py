"""Every reader is complete: fixtures with their origin, a section in the docs, a row in both tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webhook_server.intake.reading import Ignored
from webhook_server.intake.registry import READERS, Reader
from webhook_server.intake.schemes import PRESETS

HERE = Path(__file__).parent
DOCS = (HERE.parent.parent / "docs" / "intake.md").read_text(encoding="utf-8")
readers = pytest.mark.parametrize("reader", READERS.values(), ids=lambda reader: reader.name)


@readers
def test_reader_has_fixtures_and_each_says_where_it_comes_from(reader: Reader) -> None:
    folder = HERE / reader.name
    origin = (folder / "origin.md").read_text(encoding="utf-8")
    files = [path.name for path in (folder / "fixtures").iterdir()]

    assert files
    assert [name for name in files if f"`{name}`" not in origin] == []


@readers
def test_reader_has_a_section_and_a_row_of_what_it_drops(reader: Reader) -> None:
    assert f"\n## {reader.heading}\n" in DOCS
    assert re.search(rf"^\| `{reader.name}` \|", DOCS, re.MULTILINE)


@readers
def test_reader_reads_all_its_fixtures(reader: Reader) -> None:
    for path in (HERE / reader.name / "fixtures").iterdir():
        found = reader.read(path.read_bytes(), "application/json")

        assert isinstance(found, Ignored) == (path.stem == "partial"), path.name


@readers
def test_usual_scheme_exists(reader: Reader) -> None:
    assert reader.usual_scheme in PRESETS


def test_every_scheme_is_named_in_the_docs() -> None:
    assert [name for name in PRESETS if f"`{name}`" not in DOCS] == []
