"""The Master Incident Log as CSV, Markdown and on a terminal: hostile text stays text."""

from __future__ import annotations

import csv
import io
import re
import threading
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from desk import log_cli
from desk.log_table import as_csv, as_markdown, heading, line
from desk.served import LoggedIncident, ServedIncident
from desk.show import visible
from integration.code_name import CodeName
from integration.incident import Alias, IncidentId, IncidentType, Stage
from integration.log import COLUMNS, LogRow, not_cleared
from integration.risk import Level
from integration.text import Untrusted

URL = "https://acme.example/browse/COC-7?a=1&b=2"


NAME, LEAD = CodeName("BLUE-JAY-27"), Alias("Rachel")


@dataclass(frozen=True)
class Public:
    code_name: CodeName = NAME
    type: IncidentType = IncidentType.CONFLICT_RESOLUTION
    impact: Level | None = Level.MEDIUM
    likelihood: Level | None = Level.LOW
    lead: Alias | None = LEAD
    ticket_url: str | None = URL


def row(summary: str = "Offensive comments in tech docs", *, url: str = URL, remark: str = "") -> LogRow:
    return LogRow(Public(ticket_url=url), Untrusted("Noah"), Untrusted("Alice"), Untrusted(summary), remark)


def summary_in_csv(words: str) -> str:
    _, cells = csv.reader(io.StringIO(as_csv([row(words)]), newline=""))
    return cells[3]


def test_the_csv_begins_with_exactly_this_header() -> None:
    assert as_csv([]).encode() == (
        b"Issue Reporter,Issue About,Conduct Enforcement or Conflict Resolution,Summary,"
        b"Impact * Likelihood of Recurrence = risk,Team Lead,Diary Link\r\n"
    )


def test_the_sample_row_goes_into_csv_and_out_again() -> None:
    header, sample = csv.reader(io.StringIO(as_csv([row()]), newline=""))

    assert tuple(header) == COLUMNS
    assert sample == [
        "Noah",
        "Alice",
        "Conflict Resolution",
        "Offensive comments in tech docs",
        "2 * 1 = 2",
        "Rachel",
        f"BLUE-JAY-27 {URL}",
    ]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])  # noqa: RUF001 - full-width on purpose
@pytest.mark.parametrize("before", ["", " ", "\t", "\r", "\n", "\u3000"])
def test_no_cell_begins_as_a_formula(sign: str, before: str) -> None:
    shown = summary_in_csv(f"{before}{sign}HYPERLINK(A1)")

    assert "'" + sign in shown
    assert shown.lstrip()[0] in "'\\"


@pytest.mark.parametrize("char", ["\t", "\r", "\n", "\x00"])
def test_no_cell_begins_with_a_control_character(char: str) -> None:
    assert unicodedata.category(summary_in_csv(f"{char}words")[0]) != "Cc"


def test_a_cell_stays_harmless_where_a_spreadsheet_splits_at_semicolons() -> None:
    assert summary_in_csv('x";=cmd()') == "x\";'=cmd()"


@given(st.text(alphabet="x;\"=+@-\t\r\n ,'\uff1d") | st.just("x;\"=cmd|' /C calc'!A0;y"))
def test_no_cell_begins_as_a_formula_for_a_program_that_splits_elsewhere(words: str) -> None:
    text = as_csv([row(words)])

    for delimiter in ",;\t":
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            assert not [cell for cell in cells if cell.strip()[:1] in {"=", "+", "-", "@", "\uff1d"}]


@given(st.text())
def test_any_words_are_one_field_of_one_line(words: str) -> None:
    text = as_csv([row(words), row()])

    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [len(cells) for cells in read] == [7, 7, 7]
    assert text.count("\r\n") == 3
    assert text.count("\n") == 3
    assert {unicodedata.category(char) for char in read[1][3]}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})


def test_quotes_and_separators_follow_rfc_4180() -> None:
    assert '"say ""no"", twice"' in as_csv([row('say "no", twice')])


def test_control_and_direction_characters_become_visible_everywhere() -> None:
    hostile = row("\x1b[2J abc\u202egnp.exe")
    out = Console(file=io.StringIO(), width=160, markup=False, emoji=False)
    line(out, hostile)
    assert isinstance(out.file, io.StringIO)

    for text in (as_csv([hostile]), as_markdown([hostile]), out.file.getvalue()):
        assert "x1b" in text
        assert "u202e" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_markdown_is_a_table_with_a_link_to_the_ticket() -> None:
    header, rule, sample = as_markdown([row()]).splitlines()

    assert header == f"| {' | '.join(COLUMNS)} |"
    assert rule.count("---") == 7
    assert sample == (
        "| ` Noah ` | ` Alice ` | ` Conflict Resolution ` | ` Offensive comments in tech docs ` | ` 2 * 1 = 2 ` "
        "| ` Rachel ` | [` BLUE-JAY-27 `](https://acme.example/browse/COC-7?a=1&amp;b=2) |"
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a | b", "` a \\x7c b `"),
        ("two\r\nlines\nhere", "` two lines here `"),
        ("<img src=x onerror=alert(1)>&amp;", "` <img src=x onerror=alert(1)>&amp; `"),
        ("![beacon](https://evil.example/x.png)", "` ![beacon](https://evil.example/x.png) `"),
        (
            "https://evil.example www.evil.example a@evil.example @octocat",
            "` https://evil.example www.evil.example a@evil.example @octocat `",
        ),
        ("`code` **bold** ``` \\|", "```` `code` **bold** ``` \\\\x7c ````"),
        ("", "–"),
    ],
)
def test_nothing_in_a_markdown_cell_is_rendered(words: str, shown: str) -> None:
    assert f"| {shown} |" in as_markdown([row(words)])


@given(st.text())
def test_any_words_are_one_cell_of_a_markdown_table(words: str) -> None:
    table = as_markdown([row(words)])

    assert table.count("\n") == 3
    third = table.splitlines()[2]
    assert third.count("|") == 8
    shown = visible(words.replace("\r\n", " ").replace("\n", " ")).plain.replace("|", "\\x7c")
    summary = third.split("|")[4].strip()
    if shown.strip():
        ticks = re.match("`+", summary)
        assert ticks is not None
        assert summary == f"{ticks[0]} {shown} {ticks[0]}"
        assert ticks[0] not in re.findall("`+", shown), "a code span ends at the first run of as many ticks"
    else:
        assert summary == "–"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x.example/) ![](https://evil.example/", "https://x.example/a|b"]
)
def test_an_address_that_is_not_plain_is_text_and_no_link(url: str) -> None:
    last = as_markdown([row(url=url)]).splitlines()[2].split(" | ")[-1]

    assert re.fullmatch(r"` .* ` \|", last)


def test_a_remark_stands_behind_the_link() -> None:
    last = as_markdown([row(remark="found: missing")]).splitlines()[2]

    assert last.endswith(") – ` found: missing ` |")


def test_rows_printed_one_by_one_stand_under_their_columns() -> None:
    out = Console(file=io.StringIO(), width=160, markup=False, emoji=False)
    heading(out)
    line(out, row("short"))
    line(out, row("a rather long summary " * 20))
    assert isinstance(out.file, io.StringIO)

    lines = out.file.getvalue().splitlines()
    at = lines[0].index("Summary")
    assert [one[at : at + 5] for one in lines if one[at : at + 5] in {"short", "a rat"}] == ["short", "a rat"]


def test_rows_and_progress_do_not_wait_for_a_slow_diary(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first diary answers only when all the other rows are on the screen, and the bar counts them."""

    class Terminal(io.StringIO):
        """A terminal that says when something was printed."""

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            written = super().write(text)
            if all(f"BLUE-JAY-{number}" in self.getvalue() for number in range(1, 20)):
                others_are_shown.set()
            return written

    others_are_shown = threading.Event()
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    listed = [_listed(number) for number in range(20)]
    in_time = []

    def row(one: LoggedIncident) -> LogRow:
        if one is listed[0]:
            in_time.append(others_are_shown.wait(60))
        return not_cleared(one.incident)

    rows = log_cli.show_rows(listed, row, quiet=False)

    assert in_time == [True], "the other rows waited for the first"
    assert [one.public.code_name for one in rows] == [one.incident.code_name for one in listed]
    shown = screen.getvalue()
    assert shown.rindex("BLUE-JAY-0") > shown.index("BLUE-JAY-19")


def _listed(number: int) -> LoggedIncident:
    incident = ServedIncident(
        id=IncidentId("inc_" + "a" * 26), code_name=CodeName(f"BLUE-JAY-{number}"), type=IncidentType.CONDUCT_ENFORCEMENT,
        stage=Stage.REPORTED, impact=None, likelihood=None, lead=None, secondary=None, ticket=None, ticket_url=None,
        opened_at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip
    return LoggedIncident(incident, cleared=False)
