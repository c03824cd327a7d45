"""Reads a Typeform webhook: joins each answer to its question, and drops all Typeform adds about a person.

An allow-list: the response's token, its time, and the answers with their questions' texts. Hidden fields,
``landed_at``, calculated scores, variables, endings and anything Typeform may add later are not read.

See https://www.typeform.com/developers/webhooks/example-payload/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.report import Answer, Submission
from integration.text import Untrusted
from webhook_server.intake.reading import (
    MAX_ANSWERS,
    Ignored,
    compact_json,
    is_token,
    parse_json,
    time_of,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXTS = frozenset({"text", "email", "url", "file_url", "phone_number", "date"})


def read(raw: bytes, content_type: str) -> Submission | Ignored:
    """The submission in a ``form_response`` event.

    ``form_response_partial`` holds the words of somebody who decided not to send them: it is ignored
    before anything in it is looked at, like every other event.

    Raises:
        UnreadableSubmission: it has not the shape of a Typeform delivery.
    """
    del content_type  # always JSON
    event = _table(parse_json(raw), "The delivery")
    kind = event.get("event_type")
    if not isinstance(kind, str):
        unreadable("It has no event_type.")
    if kind == "form_response_partial":
        return Ignored("partial")
    if kind != "form_response":
        unreadable("Its event_type is not form_response.")  # an edited one, say: it may be a report
    response = _table(event.get("form_response"), "form_response")
    token, answers = response.get("token"), response.get("answers")
    if not isinstance(token, str) or not is_token(token):
        unreadable("form_response.token is not an id.")
    if not isinstance(answers, list):
        unreadable("form_response.answers is not a list.")
    if len(answers) > MAX_ANSWERS:
        unreadable(f"It has more than {MAX_ANSWERS} answers.")
    fields = _fields(response.get("definition"))
    questions = _texts(fields)
    return Submission(
        token,
        time_of(response.get("submitted_at")),
        tuple(_answer(one, number, questions) for number, one in enumerate(answers, start=1)),
        frozenset(key for field in fields if (key := _key(_names(field))) is not None) or None,
    )


def _fields(definition: object) -> list[Mapping[str, object]]:
    """All questions of the form; those inside a group stand in the group's properties."""
    found: list[Mapping[str, object]] = []
    waiting = [definition]
    while waiting:
        holder = waiting.pop()
        fields = holder.get("fields") if isinstance(holder, dict) else None
        for field in fields if isinstance(fields, list) else ():
            if not isinstance(field, dict):
                continue
            found.append(field)
            properties = field.get("properties")
            if properties:
                waiting.append(properties)
    return found


def _texts(fields: list[Mapping[str, object]]) -> dict[str, str]:
    """Question texts by ref and by id."""
    texts: dict[str, str] = {}
    for field in fields:
        title = field.get("title")
        if isinstance(title, str) and title.strip():
            for name in _names(field):
                texts[name] = title
    return texts


def _key(names: list[str]) -> str | None:
    """By which of its names a question is known to us."""
    return next((name for name in names if is_token(name)), None)


def _answer(raw: object, number: int, questions: Mapping[str, str]) -> Answer:
    entry = _table(raw, "An answer")
    names = _names(entry.get("field"))
    key = _key(names) or f"answer-{number}"
    question = next((questions[name] for name in names if name in questions), names[0] if names else key)
    return Answer(key, Untrusted(question), Untrusted(_value(entry)))


def _names(field: object) -> list[str]:
    """The ref, which the form's owner can set, before the id, which they cannot."""
    if not isinstance(field, dict):
        return []
    return [name for name in (field.get("ref"), field.get("id")) if isinstance(name, str) and name]


def _value(entry: Mapping[str, object]) -> str:
    """What was answered, as text; what is of no known form stays as compact JSON rather than being lost."""
    kind = entry.get("type")
    value = entry.get(kind) if isinstance(kind, str) else None
    if value is None:
        return compact_json({name: part for name, part in entry.items() if name != "field"})
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and kind in _TEXTS:
        return value
    if isinstance(value, dict) and kind in {"choice", "choices"}:
        chosen = _chosen(value)
        if chosen is not None:
            return chosen
    return compact_json(value)


def _chosen(value: Mapping[str, object]) -> str | None:
    """The labels that were ticked and what was typed beside "other", each on a line of its own."""
    labels = value.get("labels")
    parts = [value.get("label"), *(labels if isinstance(labels, list) else [labels]), value.get("other")]
    given = [part for part in parts if part is not None]
    texts = [part for part in given if isinstance(part, str)]
    return "\n".join(texts) if texts and len(texts) == len(given) else None


def _table(raw: object, name: str) -> dict[str, object]:
    if not isinstance(raw, dict):
        unreadable(f"{name} is not an object.")
    return raw
