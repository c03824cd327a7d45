"""Reads the generic signed JSON: what a script, a form relay or any tool with templates can send.

The format is ours, published as docs/schemas/report-submitted.schema.json, in the envelope that Standard
Webhooks recommends. Only this is accepted: an entry we do not know makes the delivery unreadable (sealed
as it came, and the team told) rather than silently losing what a sender thought we would keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.report import Answer, Submission
from integration.text import Untrusted
from webhook_server.intake.reading import MAX_ANSWERS, Ignored, is_token, parse_json, time_of, unreadable

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_LONGEST_TIME = 64


_PINGS = frozenset({"ping", "test", "webhook.test"})
"""Types by which senders try a webhook out. Every other type is kept: it may be a report."""


def read(raw: bytes, content_type: str) -> Submission | Ignored:
    """The submission in a ``report.submitted`` event; a test event is ignored.

    Raises:
        UnreadableSubmission: it does not fit the schema.
    """
    del content_type  # senders name JSON in many ways; the bytes decide
    event = _table(parse_json(raw), "type")
    kind = event["type"]
    if not isinstance(kind, str):
        unreadable("Its type is not a text.")
    if kind in _PINGS:
        return Ignored("ping")
    if kind != "report.submitted":
        unreadable("Its type is not report.submitted.")  # whoever sends it may mean a report
    _exactly(event, {"type", "timestamp", "data"})
    timestamp = event["timestamp"]
    if not isinstance(timestamp, str) or len(timestamp) > _LONGEST_TIME:
        unreadable("Its timestamp is not a text of at most 64 characters.")
    data = _exactly(event["data"], {"submission_id", "answers"})
    submission_id, answers = data["submission_id"], data["answers"]
    if not isinstance(submission_id, str) or not is_token(submission_id):
        unreadable("Its submission_id is not an id.")
    if not isinstance(answers, list):
        unreadable("Its answers are not a list.")
    if len(answers) > MAX_ANSWERS:
        unreadable(f"It has more than {MAX_ANSWERS} answers.")
    return Submission(submission_id, time_of(timestamp), tuple(_answer(one) for one in answers))


def _answer(raw: object) -> Answer:
    table = _exactly(raw, {"id", "question", "answer"})
    key, question, answer = table["id"], table["question"], table["answer"]
    if not isinstance(key, str) or not is_token(key):
        unreadable("An answer's id is not an id.")
    if not isinstance(question, str) or not isinstance(answer, str):
        unreadable("A question or an answer is not a text.")
    return Answer(key, Untrusted(question), Untrusted(answer))


def _exactly(raw: object, entries: AbstractSet[str]) -> dict[str, object]:
    table = _table(raw, *entries)
    if table.keys() != entries:
        unreadable("It has an entry that the schema does not know.")
    return table


def _table(raw: object, *entries: str) -> dict[str, object]:
    if not isinstance(raw, dict) or not raw.keys() >= set(entries):
        unreadable("It lacks an entry that the schema asks for.")
    return raw
