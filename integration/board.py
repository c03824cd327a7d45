"""The board of a ticket space: how many open incidents there are, how grave, how old, and which steps are overdue.

:func:`make_board` counts; it is pure. A :class:`Board` holds what a mirror view holds and nothing else: code names,
public fields, the process's own steps. A host that cannot count by itself shows it (``integration/github/board.py``);
Jira counts by itself, for each viewer anew (``integration/jira/board.py``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from integration.incident import IncidentType, Stage
from integration.risk import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from integration.incident import SpaceName
    from integration.mirror import MirrorView, TicketRef
    from integration.process import StepKey
    from integration.text import PublicText

MONTHS = 12
"""So many months are looked back, the present one included."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident as the board is to count it.

    ``done`` says of each step whether it needs no more work (done, or skipped); a step that is not in it is not done.
    None: nobody has looked at its steps yet, so that nothing is said about them. ``ticket`` is where its ticket is.
    """

    view: MirrorView
    done: Mapping[StepKey, bool] | None = None
    ticket: TicketRef | None = None


@dataclass(frozen=True, slots=True)
class OverdueStep:
    """A step that should have been done by now. ``number`` counts from 1 along the incident's route."""

    number: int
    title: PublicText


@dataclass(frozen=True, slots=True)
class Row:
    """An open incident, with its overdue steps in the order of the process."""

    view: MirrorView
    ticket: TicketRef | None
    overdue: tuple[OverdueStep, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A ticket space at one time.

    ``matrix`` counts the open incidents by impact and likelihood, ``not_assessed`` those that have not both; ``rows``
    are the open ones, the most urgent first; ``by_stage`` counts the open ones. ``by_type`` and ``by_month`` count what was
    opened in the last :data:`MONTHS` calendar months (keys such as ``2026-11``, oldest first), and ``closed`` how many of
    these are closed.
    """

    matrix: Mapping[tuple[Level, Level], int]
    not_assessed: int
    rows: tuple[Row, ...]
    by_stage: Mapping[Stage, int]
    by_type: Mapping[IncidentType, int]
    by_month: Mapping[str, int]
    closed: int


def make_board(standings: Iterable[Standing], now: datetime) -> Board:
    """The board of these incidents. Equal input gives an equal board until a step falls due or a month ends."""
    every = list(standings)
    open_ones = [one for one in every if one.view.stage is not Stage.CLOSED]
    months = _months(now)
    recent = [one.view for one in every if _month(one.view.opened_at) in months]
    cells = Counter((one.view.impact, one.view.likelihood) for one in open_ones)
    matrix = {(impact, likely): cells[impact, likely] for impact in Level for likely in Level}
    by_stage = Counter(one.view.stage for one in open_ones)
    by_type = Counter(view.type for view in recent)
    by_month = Counter(_month(view.opened_at) for view in recent)
    return Board(
        matrix=matrix,
        not_assessed=len(open_ones) - sum(matrix.values()),
        rows=tuple(sorted((_row(one, now) for one in open_ones), key=_urgency)),
        by_stage={stage: by_stage[stage] for stage in Stage if stage is not Stage.CLOSED},
        by_type={kind: by_type[kind] for kind in IncidentType},
        by_month={month: by_month[month] for month in months},
        closed=sum(view.stage is Stage.CLOSED for view in recent),
    )


def overdue(view: MirrorView, done: Mapping[StepKey, bool], now: datetime) -> tuple[OverdueStep, ...]:
    """The steps that are past their time and need work still."""
    return tuple(
        OverdueStep(number, step.title)
        for number, step in enumerate(view.steps, start=1)
        if step.due_at < now and not done.get(step.key, False)
    )


def _row(one: Standing, now: datetime) -> Row:
    return Row(one.view, one.ticket, () if one.done is None else overdue(one.view, one.done, now))


def _urgency(row: Row) -> tuple[object, ...]:
    """What asks for stronger action first, then what nobody has assessed, then by risk; the older one first."""
    view = row.view
    return (
        not view.stronger_action,
        view.risk is not None,
        -(view.risk or 0),
        view.opened_at,
        view.code_name,
    )


def _month(time: datetime) -> str:
    return f"{time.year:04}-{time.month:02}"


def _months(now: datetime) -> list[str]:
    """The last months, oldest first."""
    last = now.year * 12 + now.month - 1
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(last - MONTHS + 1, last + 1)]


@dataclass(frozen=True, slots=True)
class BoardRecord:
    """What we know of a board that stands on a host: the host's id of it, and a digest of what it shows."""

    host_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """A board that surely stands on its host now. ``deeds`` says in sentences what was done; empty: it was right."""

    record: BoardRecord
    deeds: Sequence[str] = field(default=())


class HostBoard(Protocol):
    """A board on one host, for one ticket space."""

    @property
    def space(self) -> SpaceName:
        """The ticket space."""
        ...

    def digest(self, board: Board) -> str:
        """A digest of what would be shown. As long as it stays the same, there is nothing to write."""
        ...

    def show(self, board: Board, known: BoardRecord | None) -> Renewed:
        """Read what is there, make or put right what differs, read it back. Repeatable.

        ``known`` is where it was last seen. The caller has proven before that only the team can read the space.

        Raises:
            HostError: as its subclasses say.
        """
        ...
