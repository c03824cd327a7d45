"""From a form's questions to our report fields, as each source's configuration says.

Pure functions. Nothing that was answered is lost: what no field is named for stays in the form's order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from integration.incident import IncidentType
from integration.report import Answer, Report, ReportField, Submission
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Mapping


QUESTION_MISSING = "question-missing"
"""The code under which it is told that a form lacks a question of the mapping."""


@dataclass(frozen=True, slots=True)
class FormMapping:
    """What a form's questions mean. Keys are the tool's own: Typeform's ``ref``, the generic ``id``.

    ``type_question`` is the one multiple-choice question that decides the type of the incident. If all
    that was chosen is in ``conflict_answers``, it is Conflict Resolution; a mixed or unknown choice is
    Conduct Enforcement, the route with more steps. Without an answer, ``default_type`` holds.
    """

    questions: Mapping[str, ReportField] = field(default_factory=lambda: MappingProxyType({}))
    type_question: str | None = None
    conflict_answers: frozenset[str] = frozenset()
    default_type: IncidentType = IncidentType.CONDUCT_ENFORCEMENT


def to_report(submission: Submission, mapping: FormMapping) -> Report:
    """The report a submission holds. Several questions may lead to one field; they keep their order.

    Where the form lacks the question that asks who should not see the report, the answer stands under another, or nowhere.
    """
    fields: dict[ReportField, tuple[Answer, ...]] = {}
    other: list[Answer] = []
    for answer in submission.answers:
        name = mapping.questions.get(answer.key)
        if name is None:
            other.append(answer)
        elif answer.answer:
            fields[name] = (*fields.get(name, ()), answer)
    return Report(
        submitted_at=submission.submitted_at,
        type=_type(submission, mapping),
        fields=fields,
        other=tuple(other),
        wish_unclear=any(
            mapping.questions.get(key) is ReportField.DO_NOT_SHOW
            for key in missing_questions(submission, mapping)
        ),
    )


def missing_questions(submission: Submission, mapping: FormMapping) -> list[str]:
    """The keys in the mapping that the form does not have, as far as the tool says which it has.

    Such an answer is not lost, but it is not what we take it for.
    """
    if submission.questions is None:
        return []
    there = submission.questions | {answer.key for answer in submission.answers}
    named = {*mapping.questions, *([mapping.type_question] if mapping.type_question is not None else [])}
    return sorted(named - there)


def verbatim_report(raw: bytes, mapping: FormMapping) -> Report:
    r"""A report that is the delivery itself, for one that is authentic but could not be read.

    Bytes that are no UTF-8 stand in it as ``\xNN``, so that none is lost. Whom a text names that is not UTF-8, or has
    characters apart as UTF-16 has, cannot be told; nor what was answered where the form asks who should not see it.
    """
    text = raw.decode("utf-8", errors="backslashreplace")
    is_text = text.encode() == raw and "\0" not in text
    asks_who_should_not_see_it = ReportField.DO_NOT_SHOW in mapping.questions.values()
    return Report(
        submitted_at=None, verbatim=Untrusted(text), wish_unclear=asks_who_should_not_see_it or not is_text
    )


def _type(submission: Submission, mapping: FormMapping) -> IncidentType:
    chosen = {
        line.strip()
        for answer in submission.answers
        if mapping.type_question is not None and answer.key == mapping.type_question
        for line in answer.answer.reveal().splitlines()
        if line.strip()
    }
    if not chosen:
        return mapping.default_type
    return (
        IncidentType.CONFLICT_RESOLUTION
        if chosen <= mapping.conflict_answers
        else IncidentType.CONDUCT_ENFORCEMENT
    )
