"""How a board looks on GitHub: Markdown tables, and Mermaid charts, which GitHub draws.

The tables say everything; the charts repeat two of them for the eye, since nobody can tell which Mermaid GitHub runs.
https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/creating-diagrams

No time of making stands in it: a board that did not change is the same text, and costs no write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from integration.github.text import MAX_COMMENT, plain
from integration.risk import Level, in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integration.board import Board, Row

TITLE: Final = "Incident board"
LABEL: Final = "coc-board"
_MARKER: Final = "<!-- coc:board v1 -->"
"""Of another form than a ticket's marker, so that the board is never taken for one (integration/github/text.py)."""

_NONE = "–"
_SHOWN_STEPS = 3
_NUMBER = re.compile(r"[1-9][0-9]*\Z")


def is_board(body: object) -> bool:
    """Whether a body is a board's: our marker is its last line, where no row of a table can bring it."""
    return isinstance(body, str) and body.rstrip().rpartition("\n")[2] == _MARKER


def board_body(board: Board) -> str:
    """The whole text: at most as many characters as GitHub takes, the most urgent incidents first."""
    head = "\n\n".join([_INTRODUCTION, _matrix(board), _charts(board)])
    tail = f"\n\n{_stages(board)}\n\n{_last_months(board)}\n\n{_ENDING}\n\n{_MARKER}\n"
    return head + _open_ones(board.rows, MAX_COMMENT - len(head) - len(tail)) + tail


_INTRODUCTION = (
    "All incidents of this ticket space, as their tickets and our records show them. The service renews this by itself: "
    "what is changed here by hand goes away again."
)
_ENDING = (
    "Please write nothing about people here. Impact and likelihood go from 1 to 3, risk is their product, and stronger action "
    "is asked for if an incident is likely to recur and its impact is 2 or 3."
)


def _matrix(board: Board) -> str:
    """Impact downwards, likelihood to the right, the gravest corner at the top right."""
    rows = [
        [f"**impact {int(impact)}**", *(_count(board.matrix[impact, likely]) for likely in Level)]
        for impact in reversed(Level)
    ]
    table = _table(["", *(f"likelihood {int(likely)}" for likely in Level)], rows)
    return (
        f"## Open incidents by risk\n\n{table}\n\nNot yet assessed: **{board.not_assessed}**. "
        f"Open in all: **{len(board.rows)}**."
    )


def _open_ones(rows: Sequence[Row], room: int) -> str:
    """The open incidents, and under them their overdue steps, each cut where GitHub's limit is near."""
    shown = _cut(
        "## Open incidents",
        ["Ticket", "Incident", "Type", "Stage", "Risk", "Stronger action", "Lead", "Secondary", "Overdue", "Opened"],
        [_cells(row) for row in rows],
        room,
    )  # fmt: skip
    late = [[_ticket(row), plain(row.view.code_name), _steps(row)] for row in rows if row.overdue]
    return shown + _cut("## Overdue steps", ["Ticket", "Incident", "Steps"], late, room - len(shown))


def _cut(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> str:
    """A table that is at most so long, with a line that says what it lacks; nothing if not even that has room."""
    begin = f"\n\n{title}\n\n"
    if not rows:
        return f"{begin}There are none." if len(begin) + 20 < room else ""
    begin += _table(heads, [])
    room -= len(begin) + len(_left_out(len(rows), len(rows)))
    if room < 0:
        return ""
    lines: list[str] = []
    for row in rows:
        line = "\n" + _line(row)
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    return begin + "".join(lines) + _left_out(len(rows) - len(lines), len(rows))


def _left_out(count: int, total: int) -> str:
    if not count:
        return ""
    return (
        f"\n\n**{count} of {total} incidents are not in this table**: GitHub takes no longer text. The most urgent come first, "
        "and the counts hold them all."
    )


def _cells(row: Row) -> list[str]:
    view = row.view
    return [
        _ticket(row),
        plain(view.code_name),
        view.type.value,
        view.stage.value,
        in_words(view.impact, view.likelihood).replace("*", "×"),
        "**yes**" if view.stronger_action else "no",
        plain(view.lead) if view.lead else _NONE,
        plain(view.secondary) if view.secondary else _NONE,
        _count(len(row.overdue)),
        f"{view.opened_at:%Y-%m-%d}",
    ]


def _ticket(row: Row) -> str:
    """``#17``: GitHub makes a link of it, to a ticket that everybody who reads this can read as well."""
    number = row.ticket.id if row.ticket is not None else ""
    return f"#{number}" if _NUMBER.match(number) else _NONE


def _steps(row: Row) -> str:
    """The first overdue steps by number and title, and how many more there are."""
    steps = [f"{step.number}. {_in_cell(step.title)}" for step in row.overdue[:_SHOWN_STEPS]]
    more = len(row.overdue) - len(steps)
    return "; ".join([*steps, *([f"and {more} more"] if more else [])])


def _in_cell(text: str) -> str:
    """Words of the process file in a cell: on one line, and nothing of them means anything to GitHub."""
    return plain(" ".join(text.split()))


def _stages(board: Board) -> str:
    rows = [[stage.value, _count(count)] for stage, count in board.by_stage.items()]
    return f"## Open incidents by stage\n\n{_table(['Stage', 'Incidents'], rows)}"


def _last_months(board: Board) -> str:
    types = _table(["Type", "Incidents"], [[kind.value, _count(n)] for kind, n in board.by_type.items()])
    months = _table(["Month", "Incidents"], [[month, _count(n)] for month, n in board.by_month.items()])
    return (
        f"## Opened in the last {len(board.by_month)} months\n\n{types}\n\n{months}\n\n"
        f"Of these {sum(board.by_month.values())}, **{board.closed}** are closed."
    )


# The charts ---------------------------------------------------------------------------------------------


def _charts(board: Board) -> str:
    if not any(board.by_month.values()):
        return "Nothing was opened in the last months, so there are no charts."
    return f"{_fenced(pie_by_type(board))}\n\n{_fenced(bars_by_month(board))}"


def pie_by_type(board: Board) -> str:
    """A pie. A part that is zero is left out: Mermaid refuses or hides it, depending on its version."""
    parts = [f"    {_label(kind.value)} : {count}" for kind, count in board.by_type.items() if count]
    return "\n".join([f"pie showData title Incidents by type, last {len(board.by_month)} months", *parts])


def bars_by_month(board: Board) -> str:
    """Bars. The name ends in -beta, which older and newer versions of Mermaid understand."""
    counts = list(board.by_month.values())
    return "\n".join(
        [
            "xychart-beta",
            f"    title {_label('Incidents opened by month')}",
            f"    x-axis [{', '.join(_label(_short(month)) for month in board.by_month)}]",
            f"    y-axis {_label('Incidents')} 0 --> {max(counts)}",
            f"    bar [{', '.join(str(count) for count in counts)}]",
        ]
    )


def _short(month: str) -> str:
    """``11/26``: twelve of the longer form run into each other."""
    return f"{month[5:7]}/{month[2:4]}"


def _label(text: str) -> str:
    """A label in a chart. Within it a quotation mark ends it, and a few other signs begin something else."""
    safe = re.sub(r"[^\w ,./()×–-]", " ", text)
    return f'"{safe}"'


def _fenced(chart: str) -> str:
    return f"```mermaid\n{chart}\n```"


# Tables -------------------------------------------------------------------------------------------------


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    heads = list(heads)
    return "\n".join([_line(heads), _line(["---"] * len(heads)), *(_line(row) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _count(number: int) -> str:
    return str(number) if number else _NONE
