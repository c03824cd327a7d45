"""What a board counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from integration.board import Standing, make_board
from integration.code_name import CodeName
from integration.incident import Alias, Incident, IncidentType, SpaceName, Stage
from integration.mirror import mirror
from integration.process import default_process
from integration.risk import Level
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration.process import StepKey

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
_numbers = count(10)


def standing(done: Mapping[StepKey, bool] | None = None, **changes: Any) -> Standing:  # noqa: ANN401 - any field of an incident
    incident = Incident(
        id=new_incident_id(),
        code_name=changes.pop("code_name", None) or CodeName(f"AMBER-HERON-{next(_numbers)}"),
        type=changes.pop("type", IncidentType.CONDUCT_ENFORCEMENT),
        space=SpaceName("hub"),
        opened_at=changes.pop("opened_at", NOW - timedelta(hours=1)),
        **changes,
    )
    return Standing(mirror(incident, default_process()), done)


def test_the_matrix_counts_open_incidents_by_impact_and_likelihood() -> None:
    board = make_board(
        [
            standing(impact=Level.HIGH, likelihood=Level.LOW),
            standing(impact=Level.HIGH, likelihood=Level.LOW),
            standing(impact=Level.LOW, likelihood=Level.HIGH),
            standing(impact=Level.LOW, likelihood=Level.HIGH, stage=Stage.CLOSED),
        ],
        NOW,
    )

    assert 2 == board.matrix[Level.HIGH, Level.LOW]
    assert 1 == board.matrix[Level.LOW, Level.HIGH]
    assert 3 == sum(board.matrix.values())
    assert 9 == len(board.matrix)
    assert 0 == board.not_assessed


def test_an_incident_without_both_figures_is_not_yet_assessed() -> None:
    board = make_board([standing(), standing(impact=Level.HIGH), standing(likelihood=Level.LOW)], NOW)

    assert 3 == board.not_assessed
    assert 0 == sum(board.matrix.values())


def test_every_open_incident_has_a_row_and_no_closed_one() -> None:
    shown = standing(stage=Stage.ACTING, lead=Alias("wren"), opened_at=LONG_AGO)
    board = make_board([shown, standing(stage=Stage.CLOSED)], NOW)

    assert [shown.view] == [row.view for row in board.rows]


def test_what_asks_for_stronger_action_stands_first_then_what_is_not_assessed_then_by_risk() -> None:
    strong = standing(impact=Level.MEDIUM, likelihood=Level.HIGH)
    unknown = standing()
    grave = standing(impact=Level.HIGH, likelihood=Level.MEDIUM)
    slight = standing(impact=Level.LOW, likelihood=Level.LOW)
    older = standing(impact=Level.LOW, likelihood=Level.LOW, opened_at=NOW - timedelta(days=3))

    board = make_board([slight, grave, older, unknown, strong], NOW)

    assert [one.view for one in (strong, unknown, grave, older, slight)] == [row.view for row in board.rows]


def test_a_step_is_overdue_from_its_time_until_it_is_done_or_skipped() -> None:
    one = standing(done={}, opened_at=NOW - timedelta(days=365))
    steps = one.view.steps
    done = {steps[0].key: True, steps[1].key: False}

    (row,) = make_board([Standing(one.view, done)], NOW).rows

    assert list(range(2, len(steps) + 1)) == [step.number for step in row.overdue]
    assert [step.title for step in steps[1:]] == [step.title for step in row.overdue]


def test_a_step_is_not_overdue_before_its_time() -> None:
    one = standing(done={}, opened_at=NOW)

    assert () == make_board([one], NOW).rows[0].overdue
    assert () == make_board([one], one.view.steps[0].due_at).rows[0].overdue
    assert make_board([one], one.view.steps[0].due_at + timedelta(seconds=1)).rows[0].overdue


def test_nothing_is_called_overdue_where_nobody_looked_at_the_steps() -> None:
    assert () == make_board([standing(None, opened_at=LONG_AGO)], NOW).rows[0].overdue


def test_types_months_and_closed_ones_count_what_was_opened_in_twelve_months() -> None:
    board = make_board(
        [
            standing(type=IncidentType.CONFLICT_RESOLUTION, stage=Stage.CLOSED),
            standing(opened_at=datetime(2025, 12, 1, 0, 0, tzinfo=UTC)),
            standing(opened_at=datetime(2025, 11, 30, 23, 59, tzinfo=UTC)),
            standing(opened_at=LONG_AGO, stage=Stage.CLOSED),
        ],
        NOW,
    )

    assert {IncidentType.CONDUCT_ENFORCEMENT: 1, IncidentType.CONFLICT_RESOLUTION: 1} == board.by_type
    assert ["2025-12", "2026-01"] == list(board.by_month)[:2]
    assert "2026-11" == list(board.by_month)[-1]
    assert 12 == len(board.by_month)
    assert (1, 1) == (board.by_month["2025-12"], board.by_month["2026-11"])
    assert 1 == board.closed
    assert 2 == len(board.rows)


def test_stages_count_the_open_incidents_and_name_every_stage_but_closed() -> None:
    board = make_board([standing(stage=Stage.ACTING), standing(stage=Stage.CLOSED)], NOW)

    assert {
        stage: int(stage is Stage.ACTING) for stage in Stage if stage is not Stage.CLOSED
    } == board.by_stage


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=30)])
def test_time_alone_changes_nothing_until_a_step_falls_due(later: timedelta) -> None:
    one = standing({}, opened_at=NOW)

    assert make_board([one], NOW) == make_board([one], NOW + later)


def test_an_empty_space_has_an_empty_board() -> None:
    board = make_board([], NOW)

    assert ((), 0, 0) == (board.rows, board.not_assessed, board.closed)
    assert 12 == len(board.by_month)
