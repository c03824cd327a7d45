"""Hostile words are harmless in every format, and a first reading renews the keys but never fails for it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from integration.errors import WriteRefused
from integration.text import SealedText
from tests.desk.diary_checks.conftest import NAME

if TYPE_CHECKING:
    import pytest

    from tests.desk.conftest import At, Shelf

HOSTILE = (
    "\x1b[2J\u202eevil\x7f `` ``` \n```\n# Heading\n<img src=https://evil.example/x>\n"
    "![x](https://evil.example/y) [z](https://evil.example) @everyone ```` \n~~~"
)


def test_markdown_holds_hostile_words_as_code_only(robert: At, shelf: Shelf) -> None:
    shelf.write(HOSTILE)

    text = robert("diary", "read", NAME, "--format", "markdown", "--read-only").stdout

    lines = text.split("\n")
    fences = [at for at, line in enumerate(lines) if re.fullmatch(r"`{3,}(text)?", line)]
    opening = next(at for at in fences if lines[at] == "`````text")
    closing = next(at for at in fences if at > opening and lines[at] == "`````")
    inside = "\n".join(lines[opening + 1 : closing])
    outside = "\n".join([*lines[:opening], *lines[closing + 1 :]])
    assert "evil.example" in inside
    assert "evil.example" not in outside
    assert "@everyone" not in outside
    assert "\\x1b[2J\\u202eevil\\x7f" in inside
    assert not {"\x1b", "\u202e", "\x7f"} & set(text)


def test_a_hostile_card_stays_in_its_code_span(robert: At) -> None:
    robert("diary", "write", NAME, "--summary", "a ` b `` <script> ![x](https://evil.example/y)\n# c")

    text = robert("diary", "read", NAME, "--format", "markdown").stdout

    (line,) = [line for line in text.split("\n") if line.startswith("- Summary: ")]
    assert line == "- Summary: ``` a ` b `` <script> ![x](https://evil.example/y)\\x0a# c ```"


def test_json_keeps_the_words_and_is_harmless_on_a_terminal(robert: At, shelf: Shelf) -> None:
    shelf.write(HOSTILE)

    text = robert("diary", "read", NAME, "--format", "json").stdout

    assert HOSTILE == json.loads(text)["entries"][-1]["body"]
    assert text.isascii()
    assert {"\n"} == {char for char in text if not char.isprintable()}


def test_only_the_newest_entries_are_shown_and_the_rest_is_counted(robert: At, shelf: Shelf) -> None:
    shelf.write("the second")
    shelf.write("the third")

    result = robert("diary", "read", NAME, "--last", "1", "--read-only")

    assert "the third" in result.stdout
    assert "the second" not in result.stdout
    assert "2 older entries were checked and are not shown." in result.stdout
    assert "Checked, 3 entries" in result.stdout
    assert robert("diary", "read", NAME, "--last", "1", "--all").exit_code == 2


def test_the_first_reading_renews_the_keys_and_says_so_unless_told_not_to(robert: At, shelf: Shelf) -> None:
    only = robert("diary", "read", NAME, "--read-only")
    seq = shelf.newest.seq
    first = robert("diary", "read", NAME)
    second = robert("diary", "read", NAME)

    assert (only.exit_code, only.stderr, seq) == (0, "", 2)
    assert "They were renewed" in first.stderr
    assert "Epoch 2 of BLUE-JAY-27 is open; it is read by robert." in first.stderr
    assert (second.stderr, shelf.newest.seq) == ("", 3)


def test_a_reading_does_not_fail_because_the_keys_cannot_be_renewed(
    robert: At, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise WriteRefused("Not now.")

    monkeypatch.setattr(type(shelf), "record", refuse)

    result = robert("diary", "read", NAME)

    assert result.exit_code == 0
    assert shelf.account in result.stdout
    assert "could not be renewed: The service does not take this: Not now." in result.stderr


def test_a_diary_with_findings_is_not_renewed(robert: At, shelf: Shelf) -> None:
    shelf.write("a second report")
    text = shelf.sealed[-1].text
    at = text.index("\n", text.index("BEGIN AGE")) + 70
    shelf.sealed[-1] = replace(
        shelf.sealed[-1],
        text=SealedText(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]),
    )

    result = robert("diary", "read", NAME)

    assert result.exit_code == 3
    assert "were not renewed because of what was found" in result.stderr
    assert shelf.newest.seq == 3
