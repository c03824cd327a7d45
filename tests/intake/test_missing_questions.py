"""A form that lacks a question which the configuration names: it is told, and its report taken in all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from integration.report import Answer, ReportField, Submission
from integration.text import Untrusted
from webhook_server.intake.mapping import FormMapping, missing_questions, to_report

if TYPE_CHECKING:
    from tests.intake.conftest import Door


@pytest.mark.parametrize(
    ("questions", "missing"),
    [
        (None, []),
        ({"what", "who-not", "kind"}, []),
        ({"what", "who_not"}, ["kind", "who-not"]),
        ({"who-not", "kind"}, []),
    ],
)
def test_a_question_of_the_mapping_is_missing_if_the_form_has_others_only(
    questions: set[str] | None, missing: list[str]
) -> None:
    mapping = FormMapping(
        questions={"what": ReportField.ACCOUNT, "who-not": ReportField.DO_NOT_SHOW}, type_question="kind"
    )
    answered = Answer("what", Untrusted("What?"), Untrusted("it"))
    known = None if questions is None else frozenset(questions)

    assert missing == missing_questions(Submission("s1", None, (answered,), known), mapping)


def test_the_operator_is_told_and_the_report_taken_in(
    door: Door, typeform_report: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    response = typeform_report["form_response"]
    for field in (*response["definition"]["fields"], *(one["field"] for one in response["answers"])):
        if field.get("ref") == "about":
            field["ref"] = "about_whom"

    assert 200 == door.typeform(typeform_report).status_code

    ((_source, _submission_id, report),) = door.received
    assert "Odile Fairweather" in [one.answer.reveal() for one in report.other]
    assert [("paper", "question-missing")] == door.alerts
    assert "event=question-missing source=paper count=1" in caplog.messages


@pytest.mark.parametrize(("questions", "unclear"), [({"what", "who_not"}, True), ({"who-not"}, False)])
def test_where_the_question_who_should_not_see_it_is_missing_the_wish_is_unclear(
    questions: set[str], *, unclear: bool
) -> None:
    mapping = FormMapping(questions={"what": ReportField.ACCOUNT, "who-not": ReportField.DO_NOT_SHOW})
    answers = (Answer("who_not", Untrusted("Who should not see this?"), Untrusted("only Miriam")),)

    assert unclear == to_report(Submission("s1", None, answers, frozenset(questions)), mapping).wish_unclear


def test_a_form_with_all_its_questions_is_not_told_of_though_one_was_not_answered(
    door: Door, typeform_report: dict[str, Any]
) -> None:
    answers = typeform_report["form_response"]["answers"]
    answers[:] = [one for one in answers if one["field"].get("ref") != "about"]

    assert 200 == door.typeform(typeform_report).status_code

    assert 1 == len(door.received)
    assert [] == door.alerts
