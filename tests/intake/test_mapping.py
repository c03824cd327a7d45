"""From questions to report fields: nothing answered is lost, nothing free-form decides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.incident import IncidentType
from integration.report import Answer, ReportField, Submission
from integration.text import Untrusted
from webhook_server.intake.mapping import FormMapping, to_report, verbatim_report

SENT = datetime(2026, 11, 22, 13, 58, 41, tzinfo=UTC)
CONFLICT = IncidentType.CONFLICT_RESOLUTION
CONDUCT = IncidentType.CONDUCT_ENFORCEMENT


def answer(key: str, words: str) -> Answer:
    return Answer(key, Untrusted(f"{key}?"), Untrusted(words))


def submission(*answers: Answer) -> Submission:
    return Submission("s1", SENT, answers)


def test_several_questions_may_lead_to_one_field_in_the_forms_order() -> None:
    mapping = FormMapping(questions={"first": ReportField.SUBJECT, "last": ReportField.SUBJECT})

    report = to_report(submission(answer("first", "Odile"), answer("last", "Fairweather")), mapping)

    assert report.said(ReportField.SUBJECT) == "Odile\nFairweather"
    assert report.submitted_at == SENT
    assert report.other == ()


def test_unmapped_answers_stay_in_order_blank_ones_too() -> None:
    rest = (answer("c", "3"), answer("a", ""), answer("b", "2"))

    report = to_report(
        submission(rest[0], answer("what", "it"), *rest[1:]),
        FormMapping(questions={"what": ReportField.ACCOUNT}),
    )

    assert report.other == rest


def test_mapped_question_left_blank_is_no_field() -> None:
    report = to_report(
        submission(answer("hide", " \n")), FormMapping(questions={"hide": ReportField.DO_NOT_SHOW})
    )

    assert report.fields == {}


@pytest.mark.parametrize(
    ("given_answers", "expected"),
    [
        ([("kind", "Help with a conflict")], CONFLICT),
        ([("kind", "  Help with a conflict\n")], CONFLICT),
        ([("kind", "Help with a conflict\nMediation")], CONFLICT),
        ([("kind", "Help with a conflict\nHarassment")], CONDUCT),
        ([("kind", "Harassment")], CONDUCT),
        ([("kind", "help with a conflict")], CONDUCT),
        ([("kind", "")], CONDUCT),
        ([("what", "Help with a conflict")], CONDUCT),
        ([("kind", "Help with a conflict"), ("kind", "Harassment")], CONDUCT),
        ([], CONDUCT),
    ],
)
def test_only_the_type_question_decides_and_only_if_all_that_was_chosen_is_a_conflict(
    given_answers: list[tuple[str, str]], expected: IncidentType
) -> None:
    mapping = FormMapping(
        type_question="kind", conflict_answers=frozenset({"Help with a conflict", "Mediation"})
    )

    assert to_report(submission(*(answer(*one) for one in given_answers)), mapping).type is expected


def test_default_type_holds_where_the_form_does_not_ask() -> None:
    assert to_report(submission(answer("what", "it")), FormMapping(default_type=CONFLICT)).type is CONFLICT


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.text(max_size=5))),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(ReportField)),
)
def test_every_answer_that_says_something_is_in_the_report_once(
    given_answers: list[tuple[str, str]], questions: dict[str, ReportField]
) -> None:
    answers = [answer(*one) for one in given_answers]

    report = to_report(submission(*answers), FormMapping(questions=questions))

    kept = [*report.other, *(one for group in report.fields.values() for one in group)]
    expected = [one for one in answers if one.answer or one.key not in questions]
    assert sorted(map(id, expected)) == sorted(map(id, kept))


@pytest.mark.parametrize(
    ("raw", "kept", "unclear"),
    [
        (b"na\xc3\xafve", "naïve", False),
        ("naïve ".encode() + b"\xff\xfe" + "😀".encode(), "naïve \\xff\\xfe😀", True),
        ("Jörg".encode("cp1252"), "J\\xf6rg", True),
        ("Rob".encode("utf-16-le"), "R\0o\0b\0", True),
    ],
)
def test_of_a_verbatim_report_no_byte_is_lost(raw: bytes, kept: str, *, unclear: bool) -> None:
    report = verbatim_report(raw, FormMapping())

    assert report.verbatim is not None
    assert report.verbatim.reveal() == kept
    assert (report.fields, report.other, report.submitted_at) == ({}, (), None)
    assert unclear == report.wish_unclear


def test_where_a_form_asks_who_should_not_see_it_the_wish_in_a_verbatim_report_is_unclear() -> None:
    asks = FormMapping(questions={"hide": ReportField.DO_NOT_SHOW})

    assert verbatim_report(b"{}", asks).wish_unclear
