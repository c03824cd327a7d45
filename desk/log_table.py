"""The Master Incident Log on a terminal, as CSV and as Markdown.

Words from a report are neutralised for each: control and bidirectional characters become visible, a line
break becomes a blank, and what a spreadsheet would calculate or a Markdown page would render stays text.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

from rich.table import Table

from desk.formats import code
from desk.show import visible
from integration.log import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from integration.log import LogRow

_LINE_END: Final = re.compile(r"\r\n|\n")

_FORMULA: Final = re.compile(r"(^|[;\t\r\n])([\s\"]*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
"""What a spreadsheet may take for a formula: at the start of a cell, and where a program set to semicolons or
tabs would begin a new one; such a program drops quotes there, too. The full-width signs count: some programs read
them like the plain ones."""

_PLAIN_URL: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&=%+,;-]+\Z")

_WIDTHS: Final = (3, 3, 3, 6, 3, 2, 6)
"""Shares of a terminal's width, so that rows printed one by one stand under each other."""


def heading(out: Console) -> None:
    """The columns' names, above the rows that :func:`line` prints."""
    _print(out, COLUMNS, style="bold")


def line(out: Console, row: LogRow) -> None:
    """One row. On a terminal of usual width a row takes several lines; nothing is cut off."""
    _print(out, [_one_line(cell) for cell in row.cells()], style="yellow" if row.remark else "")


def as_csv(rows: Iterable[LogRow]) -> str:
    """RFC 4180, with a header; a cell that a spreadsheet would calculate begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(COLUMNS)
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_one_line(_FORMULA.sub(r"\1\2'\3", cell)).plain for cell in row.cells()])
    return text.getvalue()


def as_markdown(rows: Iterable[LogRow]) -> str:
    r"""A table in GitHub's Markdown. Cells are code, where no renderer makes a link or mention of anything.

    A bar would end the cell even there, so it is shown as ``\x7c``. Only the ticket is a link.
    """
    lines = [_markdown_row(COLUMNS), _markdown_row(["---"] * len(COLUMNS))]
    for row in rows:
        cells = [_markdown(cell) for cell in row.cells()]
        url = row.public.ticket_url or ""
        if _PLAIN_URL.match(url):
            link = f"[{_markdown(row.public.code_name)}]({url.replace('&', '&amp;')})"
            cells[-1] = f"{link} – {_markdown(row.remark)}" if row.remark else link
        lines.append(_markdown_row(cells))
    return "".join(f"{one}\n" for one in lines)


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(words: str) -> str:
    return code(_LINE_END.sub(" ", words)).replace("|", r"\x7c")


def _one_line(words: str) -> Text:
    return visible(_LINE_END.sub(" ", words))


def _print(out: Console, cells: Iterable[str | Text], *, style: str) -> None:
    table = Table.grid(padding=(0, 1), expand=True)
    for share in _WIDTHS:
        table.add_column(ratio=share, overflow="fold")
    table.add_row(*cells, style=style)
    out.print(table)
