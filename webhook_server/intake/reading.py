"""What all readers share: strict JSON, the limits, and the answer "this is not a report".

A reader is a function ``read(raw, content_type)``. It returns a Submission, or :class:`Ignored` for an
event that is not a report, or raises :class:`~integration.errors.UnreadableSubmission`; the caller then
seals the delivery as it came, so that being strict here loses nothing.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from integration.errors import UnreadableSubmission

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Submission

MAX_ANSWERS = 200
"""More answers than a form has: such a delivery is sealed verbatim."""

_TOKEN = re.compile(r"[A-Za-z0-9_.:=-]{1,200}")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Ignored:
    """An authentic delivery that is not a report. ``reason`` is a word of ours, safe to log."""

    reason: str


if TYPE_CHECKING:
    Read = Callable[[bytes, str], Submission | Ignored]


_FIRST_YEAR, _LAST_YEAR = 1971, 2200


def is_token(value: object) -> bool:
    """Whether this can be an id or a question's key: up to 200 letters, digits and ``_.:=-``.

    Ids and keys are stored and logged in clear, so nothing a person typed may pass as one by accident.
    """
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def parse_json(raw: bytes) -> object:
    """Strict JSON: UTF-8, with or without a byte order mark, no key twice, no NaN or infinity, no half of a surrogate pair.

    Raises:
        UnreadableSubmission: it is not that, or nested too deeply. The message holds nothing of it.
    """
    strict = False
    document: object = None
    with suppress(ValueError, RecursionError):  # UnicodeError and JSONDecodeError are ValueErrors
        text = raw.decode("utf-8-sig")  # some programs put a mark at the beginning, which says nothing
        document = _STRICT.decode(text)
        if b"\\u" in raw and _SURROGATE_ESCAPE.search(text):
            json.dumps(document, ensure_ascii=False).encode("utf-8")
        strict = True
    if not strict:  # raised out here, since a JSONDecodeError in the context would hold the whole delivery
        unreadable("It is not strict JSON.")
    return document


def compact_json(value: object) -> str:
    """A part of a parsed document as it was sent, on one line.

    Raises:
        UnreadableSubmission: it is nested too deeply.
    """
    text = None
    with suppress(RecursionError):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if text is None:
        unreadable("It is nested too deeply.")
    return text


def unreadable(why: str) -> NoReturn:
    """Raise :class:`~integration.errors.UnreadableSubmission`; ``why`` is a sentence of ours."""
    raise UnreadableSubmission(
        f"An authentic delivery was not understood. {why}",
        meaning="It is sealed as it came; no report is lost.",
        next_step="Read it in the diary, and check the source's settings.",
    )


def time_of(value: object) -> datetime | None:
    """An ISO 8601 time with its zone, in UTC; anything else is no time, and no reason to refuse a report.

    Nor is a time that no report can have: a sender's zero time (year 1, or 1970) is none.
    """
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None or not _FIRST_YEAR <= time.year <= _LAST_YEAR:
            return None
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError
    return table


def _not_finite(_: str) -> NoReturn:
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError
    return number


# Made once: it is much of the work of reading a small document.
_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_not_finite, parse_float=_finite)
