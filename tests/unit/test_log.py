"""The Master Incident Log's rows: what stands in each column, and what a member who is not cleared sees."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from integration.code_name import CodeName
from integration.diary.comment import CommentId
from integration.diary.findings import finding
from integration.diary.frame import Card
from integration.incident import Alias, IncidentType
from integration.log import COLUMNS, not_cleared, not_read, opened
from integration.risk import Level
from integration.text import Untrusted

NAME, LEAD = CodeName("BLUE-JAY-27"), Alias("Rachel")


@dataclass(frozen=True)
class Public:
    code_name: CodeName = NAME
    type: IncidentType = IncidentType.CONFLICT_RESOLUTION
    impact: Level | None = Level.MEDIUM
    likelihood: Level | None = Level.LOW
    lead: Alias | None = LEAD
    ticket_url: str | None = "https://github.example/acme/conduct/issues/17"


SAMPLE = Card(
    Untrusted("Noah"), Untrusted("Alice"), Untrusted("Offensive comments in tech docs"), "Conflict Resolution"
)


def test_the_columns_are_those_of_the_process_letter_by_letter() -> None:
    assert (
        "Issue Reporter",
        "Issue About",
        "Conduct Enforcement or Conflict Resolution",
        "Summary",
        "Impact * Likelihood of Recurrence = risk",
        "Team Lead",
        "Diary Link",
    ) == COLUMNS


def test_the_sample_row_of_the_process_comes_out_with_the_type_as_a_whole_phrase() -> None:
    row = opened(Public(), SAMPLE, [])

    assert (
        "Noah",
        "Alice",
        "Conflict Resolution",
        "Offensive comments in tech docs",
        "2 * 1 = 2",
        "Rachel",
        "BLUE-JAY-27 https://github.example/acme/conduct/issues/17",
    ) == row.cells()


@pytest.mark.parametrize(("impact", "likelihood"), [(None, None), (Level.HIGH, None), (None, Level.HIGH)])
def test_risk_is_not_yet_assessed_while_either_half_is_not(
    impact: Level | None, likelihood: Level | None
) -> None:
    row = opened(Public(impact=impact, likelihood=likelihood), SAMPLE, [])

    assert row.cells()[4] == "not yet assessed"


def test_who_is_not_cleared_sees_the_code_name_and_public_fields_only() -> None:
    assert (
        "(not cleared)",
        "(not cleared)",
        "Conflict Resolution",
        "(not cleared)",
        "2 * 1 = 2",
        "Rachel",
        "BLUE-JAY-27 https://github.example/acme/conduct/issues/17",
    ) == not_cleared(Public()).cells()


def test_an_incident_without_lead_and_ticket_says_so() -> None:
    cells = not_cleared(Public(lead=None, ticket_url=None)).cells()

    assert cells[5:] == ("", "BLUE-JAY-27 (no ticket yet)")


def test_a_finding_is_said_in_the_last_column_where_no_words_of_a_report_stand() -> None:
    found = [
        finding("damaged", CommentId(3, 1), "cut off"),
        finding("damaged", CommentId(4, 1), "cut off"),
        finding("missing", CommentId(5, 1), "entry 5"),
        finding("duplicate", CommentId(2, 1)),
    ]

    row = opened(Public(), SAMPLE, found)

    assert row.cells()[0] == "Noah"
    assert row.cells()[6].endswith(" – found: damaged, missing; say: coc diary read BLUE-JAY-27")


def test_a_member_whom_a_later_epoch_left_out_is_told_that_the_card_may_be_old() -> None:
    row = opened(Public(), SAMPLE, [finding("not-cleared", CommentId(4, 1))])

    assert "not-cleared" in row.remark


def test_a_diary_without_a_readable_card_is_a_row_all_the_same() -> None:
    damaged = opened(Public(), None, [finding("damaged", CommentId(2, 1), "cut off")])

    assert damaged.cells()[:2] == ("(not read)", "(not read)")
    assert "damaged" in damaged.remark
    assert opened(Public(), None, []).cells()[3] == "(no card)"
    assert (
        not_read(Public(), "The service did not answer.")
        .cells()[6]
        .endswith(" – The service did not answer.")
    )


def test_a_row_does_not_show_a_reports_words_when_it_is_formatted_or_logged() -> None:
    assert "Noah" not in repr(opened(Public(), SAMPLE, []))
