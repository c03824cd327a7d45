"""What Jira's answers mean: the one place where HTTP becomes a HostError.

Of an answer's body only our own names of the fields that Jira complains about are taken. A write without a usable
answer is always an unknown outcome, so that the caller reads before it writes again.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import requests
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import NewConnectionError

from integration.errors import (
    HostError,
    HostGone,
    HostLimited,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Intent = Literal["read", "write"]

_LONGEST_WAIT = 3600.0
"""Seconds: however long Jira says to wait, the job looks again after an hour."""

_DELAY = re.compile(r"[0-9]{1,9}\Z")
_TROUBLE = 500
_REDIRECT = range(300, 400)
_NOT_TAKEN = {HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}
"""By these the server says that it did not act; the older redirects are also sent after acting."""
_CANNOT_TELL = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.LOCKED, HTTPStatus.TOO_EARLY}
_READ_FIRST = "It may or may not have happened; the job reads the ticket before it writes again."
_NOTHING = "Nothing was written."
_AGAIN = "The job tries again by itself."


def refusal(answer: requests.Response, what: str, intent: Intent, names: Mapping[str, str]) -> HostError:
    """The error for an answer that is not 2xx.

    Args:
        answer: what Jira sent.
        what: our words for the call: "read the ticket".
        intent: whether something may have been written.
        names: our names of its fields.
    """
    status = answer.status_code
    said = f"Jira answered {status} when asked to {what}."
    after = _wait(answer.headers)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or signed_out(answer.headers):
        return HostRefused(
            said,
            meaning=f"The service's key is not accepted, or its account lacks a right for this. {_NOTHING}",
            next_step="See whether the API token has expired, and which rights docs/hosts/jira.md lists.",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return HostLimited(
            said, meaning=f"Jira asks us to slow down. {_NOTHING}", next_step=_AGAIN, after=after
        )
    if status in _REDIRECT:
        return _redirected(status, said, intent)
    if status >= _TROUBLE or status in _CANNOT_TELL:
        return _trouble(said, intent, after)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return HostGone(
            said,
            meaning="It is not there any more, or the service's account cannot see it.",
            next_step="See whether somebody deleted or moved it, or took the account's access away.",
        )
    fields = _complaints(answer, names)
    about = f" It complains about: {', '.join(fields)}." if fields else ""
    return HostRejected(
        said + about,
        fields=fields,
        meaning=f"Jira does not take what we sent. {_NOTHING}",
        next_step="Compare the project's fields, options, screens and limits with docs/hosts/jira.md.",
    )


def _redirected(status: int, said: str, intent: Intent) -> HostError:
    where = "It sent us to another address, where we do not go."
    check = "Compare the configured site with the address in the browser."
    if intent == "write" and status not in _NOT_TAKEN:
        return HostUnknownOutcome(said, meaning=f"{where} {_READ_FIRST}", next_step=check)
    return HostRejected(said, meaning=f"{where} {_NOTHING}", next_step=check)


def _trouble(said: str, intent: Intent, after: float | None) -> HostError:
    if intent == "write":
        return HostUnknownOutcome(said, meaning=_READ_FIRST, next_step=_AGAIN, after=after)
    return HostUnavailable(
        said, meaning=f"Jira has trouble of its own. {_NOTHING}", next_step=_AGAIN, after=after
    )


def no_connection(error: requests.ConnectionError, what: str, intent: Intent) -> HostError:
    """A connection that was never made has surely sent nothing; one that broke may have."""
    cause = error.args[0] if error.args else None
    never = isinstance(error, requests.ConnectTimeout) or isinstance(
        getattr(cause, "reason", None), NewConnectionError
    )
    if not never:
        return no_answer(what, intent)
    return HostUnavailable(
        f"Jira could not be reached to {what}.",
        meaning=_NOTHING,
        next_step=f"{_AGAIN} If this stays, see whether this machine reaches the site.",
    )


def no_answer(what: str, intent: Intent) -> HostError:
    """The error where the answer did not come, or not to its end."""
    return _trouble(f"Jira gave no whole answer when asked to {what}.", intent, None)


def unreadable(what: str, intent: Intent) -> HostError:
    """The error for an answer of success that does not say what Jira's description promises."""
    return _trouble(f"Jira's answer could not be understood when asked to {what}.", intent, None)


def _complaints(answer: requests.Response, names: Mapping[str, str]) -> tuple[str, ...]:
    """Our names of the fields in an error's body; the rest of it, texts and unknown keys, stays unread."""
    try:
        body = json.loads(answer.content)
    except (OSError, Urllib3Error, ValueError, RecursionError):
        return ()
    return named(body, names)


def named(body: object, names: Mapping[str, str]) -> tuple[str, ...]:
    """Our names of the fields Jira complains about, in a single answer or in each element of a bulk answer."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if isinstance(errors, list):
        inner = [one.get("elementErrors") for one in errors if isinstance(one, dict)]
        return tuple(dict.fromkeys(name for one in inner for name in named(one, names)))
    keys = errors if isinstance(errors, dict) else {}
    return tuple(dict.fromkeys(names[key] for key in keys if key in names))


def signed_out(headers: Mapping[str, str]) -> bool:
    """Jira serves a bad credential as a stranger and answers 404; only this header tells it from "gone"."""
    return "AUTHENTICATED_FAILED" in headers.get("X-Seraph-LoginReason", "")


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by ``Retry-After``, which is a number or a date; ``None`` without a usable one."""
    said = headers.get("Retry-After", "").strip()
    if _DELAY.match(said):
        return min(float(said), _LONGEST_WAIT)
    until, now = _date(said), _date(headers.get("Date", "")) or datetime.now(UTC)
    return None if until is None else min(max((until - now).total_seconds(), 0.0), _LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
