"""What a person told us.

A form tool's delivery is read into a :class:`Submission` (tool-shaped: questions and answers in
order) and mapped to a :class:`Report` (our fields). All words in both are untrusted text.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from integration.incident import IncidentType
from integration.text import Untrusted


class ReportField(StrEnum):
    """The questions every form may map to. Anything not mapped is kept, in order, as it was asked."""

    REPORTER = "reporter"
    CONTACT = "contact"
    SUBJECT = "subject"
    SUMMARY = "summary"
    ACCOUNT = "account"
    WHEN = "when"
    WHERE = "where"
    WITNESSES = "witnesses"
    DO_NOT_SHOW = "do_not_show"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of a form and what was answered. ``key`` is the tool's own stable name of the question."""

    key: str
    question: Untrusted
    answer: Untrusted


@dataclass(frozen=True, slots=True)
class Submission:
    """What a form tool says that one person sent. Nothing about their network or device is in it.

    ``id`` stays the same when the tool retries, and in some tools when the person edits. ``questions`` are the keys of
    all questions of the form, answered or not, if the tool says which there are.
    """

    id: str
    submitted_at: datetime | None
    answers: tuple[Answer, ...]
    questions: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A reporter's account in our fields, made by the source's mapping.

    ``fields`` holds only the mapped questions that were answered; ``other`` the rest, in the form's
    order. ``verbatim`` is set instead when an authentic delivery could not be read: then it is the
    delivery itself, as text, and everything else is empty. ``type`` is what the source's configuration
    makes of a multiple-choice answer, never a judgement about free text. ``wish_unclear`` is set where
    somebody may have been named who should not see it, and nobody can tell who.
    """

    submitted_at: datetime | None
    type: IncidentType = IncidentType.CONDUCT_ENFORCEMENT
    fields: dict[ReportField, tuple[Answer, ...]] = field(default_factory=dict)
    other: tuple[Answer, ...] = ()
    verbatim: Untrusted | None = None
    wish_unclear: bool = False

    def said(self, name: ReportField) -> str:
        """The words given for one field, several answers on lines of their own; empty if none."""
        return "\n".join(answer.answer.reveal() for answer in self.fields.get(name, ()))


def dump_report(report: Report) -> bytes:
    """The report as JSON, for sealing only: this is clear text."""
    return json.dumps(
        {
            "submitted_at": report.submitted_at.isoformat() if report.submitted_at else None,
            "type": report.type.value,
            "fields": {
                name.value: [_plain(answer) for answer in answers] for name, answers in report.fields.items()
            },
            "other": [_plain(answer) for answer in report.other],
            "verbatim": report.verbatim.reveal() if report.verbatim is not None else None,
            "wish_unclear": report.wish_unclear,
        },
        ensure_ascii=True,
    ).encode("ascii")


def load_report(data: bytes) -> Report:
    """What :func:`dump_report` made."""
    raw = json.loads(data)
    return Report(
        submitted_at=datetime.fromisoformat(raw["submitted_at"]) if raw["submitted_at"] else None,
        type=IncidentType(raw["type"]),
        fields={ReportField(name): tuple(map(_answer, answers)) for name, answers in raw["fields"].items()},
        other=tuple(map(_answer, raw["other"])),
        verbatim=Untrusted(raw["verbatim"]) if raw["verbatim"] is not None else None,
        wish_unclear=raw.get("wish_unclear", False),  # an earlier version did not say
    )


def normalised_answers(report: Report) -> bytes:
    """The same bytes for the same answers, whatever a retry changes around them. Clear text: digest it with a key.

    Order, line ends, composition of accents, questions without an answer and the source's mapping make no difference.
    """
    answers = [
        [answer.key, words]
        for answers in (*report.fields.values(), report.other)
        for answer in answers
        if (words := _normalised(answer.answer.reveal()))
    ]
    verbatim = report.verbatim.reveal() if report.verbatim is not None else None
    return json.dumps([sorted(answers), verbatim], ensure_ascii=True).encode("ascii")


def _normalised(words: str) -> str:
    return unicodedata.normalize("NFC", words).replace("\r\n", "\n").replace("\r", "\n").strip()


def _plain(answer: Answer) -> list[str]:
    return [answer.key, answer.question.reveal(), answer.answer.reveal()]


def _answer(raw: list[str]) -> Answer:
    key, question, answer = raw
    return Answer(key, Untrusted(question), Untrusted(answer))
