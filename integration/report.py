"""What a person told us.

A form tool's delivery is read into a :class:`Submission` (tool-shaped: questions and answers in
order) and mapped to a :class:`Report` (our fields). All words in both are untrusted text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from integration.incident import IncidentType

if TYPE_CHECKING:
    from datetime import datetime

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

    ``id`` stays the same when the tool retries, and in some tools when the person edits.
    """

    id: str
    submitted_at: datetime | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A reporter's account in our fields, made by the source's mapping.

    ``fields`` holds only the mapped questions that were answered; ``other`` the rest, in the form's
    order. ``verbatim`` is set instead when an authentic delivery could not be read: then it is the
    delivery itself, decoded as far as possible, and everything else is empty. ``type`` is what the
    source's configuration makes of a multiple-choice answer, never a judgement about free text.
    """

    submitted_at: datetime | None
    type: IncidentType = IncidentType.CONDUCT_ENFORCEMENT
    fields: dict[ReportField, tuple[Answer, ...]] = field(default_factory=dict)
    other: tuple[Answer, ...] = ()
    verbatim: Untrusted | None = None

    def said(self, name: ReportField) -> str:
        """The words given for one field, several answers on lines of their own; empty if none."""
        return "\n".join(answer.answer.reveal() for answer in self.fields.get(name, ()))
