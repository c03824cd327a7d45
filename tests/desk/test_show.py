"""What comes out on a terminal: hostile text shows itself and does nothing."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from desk.show import _behind_bar, visible


def terminal(width: int = 40) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        width=width,
        markup=False,
        emoji=False,
    )


def written(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("\u2066hidden\u2069", "\\u2066hidden\\u2069"),
        ("one\u2028two\u0085three", "one\\u2028two\\x85three"),
        ("over\rwritten\x08\x08", "over\\x0dwritten\\x08\\x08"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("a\ufe01b\U000e0100c", "a\\ufe01b\\U000e0100c"),
        ("fill\u3164er \u2800\u115f\u1160\uffa0", "fill\\u3164er \\u2800\\u115f\\u1160\\uffa0"),
        ("a\u034f\u17b4\u180b", "a\\u034f\\u17b4\\u180b"),
        ("\u2764\ufe0f stays", "\u2764\ufe0f stays"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ("two\nlines", "two\\x0alines"),
        ("[bold red]not markup[/] :smile:", "[bold red]not markup[/] :smile:"),
        ("naïve שלום مرحبا 漢字 👩\u200d💻", "naïve שלום مرحبا 漢字 👩\u200d💻"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(words: str, shown: str) -> None:
    assert visible(words).plain == shown


def test_line_breaks_stay_where_lines_are_meant_and_a_lone_return_is_shown() -> None:
    assert visible("one\r\ntwo\nthree\rfour", lines=True).plain == "one\ntwo\nthree\\x0dfour"


@given(st.text())
def test_nothing_invisible_or_obeyed_is_left_of_any_text(words: str) -> None:
    shown = visible(words, lines=True).plain

    left = {char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert left <= {"\n", "\u200c", "\u200d"}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_no_line_of_a_body_stands_without_its_bar_on_a_narrow_terminal(words: str) -> None:
    """Else a body could print a heading, or "Checked", as if the desk said it."""
    out = terminal()
    out.no_color = True

    _behind_bar(out, visible(words, lines=True))

    lines = Text.from_ansi(written(out)).plain.split("\n")
    assert [line for line in lines if line and not line.startswith("  │")] == []


def test_the_only_escape_sequences_are_our_own_colours() -> None:
    out = terminal()

    _behind_bar(
        out, visible("\x1b[31mred\x1b[0m and \x1b]8;;https://evil.example\x07link\x1b]8;;\x07", lines=True)
    )

    assert "\x1b]" not in written(out)
    assert "\\x1b[31mred" in Text.from_ansi(written(out)).plain.replace("\n", "")
