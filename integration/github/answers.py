"""What GitHub's answers mean: the one place where HTTP and GraphQL become a HostError.

An answer's body is looked at here for a few known words and goes nowhere else: the errors are made of our
own words, the repository's name and a status. A write without a usable answer is always an unknown
outcome, so that the caller reads before it writes again.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
import urllib3.exceptions

from integration.errors import (
    HostError,
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
"""An object of GitHub's JSON."""

_OK = frozenset({200, 201, 202, 204})
_BAD_REQUEST, _FORBIDDEN, _REQUEST_TIMEOUT, _TOO_MANY, _SERVER_ERROR = 400, 403, 408, 429, 500
_PARALLEL_ADD = "priority has already been taken"
"""What GitHub says when two sub-issues are added to one ticket at the same moment."""
_SECONDARY_WAIT = 60.0
"""Seconds to wait after a secondary limit without a header.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

_LONGEST_WAIT = 3601.0
"""Seconds: GitHub's primary limit begins anew each hour. However long it says to wait, we look again then."""

_OUR_FIELDS = ("title", "body", "labels", "issue_field_values", "sub_issue_id", "repositories", "permissions")
"""All property names that we ever send; only these may be named in an error."""

_NOT_EXECUTED = frozenset(
    {
        "FORBIDDEN",
        "NOT_FOUND",
        "UNPROCESSABLE",
        "INSUFFICIENT_SCOPES",
        "undefinedField",
        "undefinedType",
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
        "missingRequiredArguments",
        "variableMismatch",
    }
)
"""GraphQL error types after which the mutation they stand for surely changed nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """One HTTP answer. Its text never leaves this module and :meth:`json`."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> object:
        """The parsed body; ``None`` if it is not valid JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Deed:
    """What we were doing, for people: ``open a ticket`` in ``acme/conduct``; and whether it changes anything.

    ``later`` says that GitHub answers with 202: it will do it.
    """

    what: str
    where: str
    changes: bool = False
    later: bool = False

    def __str__(self) -> str:
        return f"{self.what} in {self.where}"


class Redirected(Exception):
    """GitHub answered with another address. Raised by our connections, because PyGithub would follow."""


class Later(ConnectionError):
    """GitHub answered with 202. PyGithub would ask again and again; and nobody knows yet what comes of it."""


class Moved(HostNotRestricted):
    """The repository or the ticket answers under another address; we do not follow it."""

    code = "host-not-restricted"


class KeyRefused(HostRefused):
    """GitHub does not know our key (any more)."""

    code = "host-refused"


class GraphQLRefused(HostRefused):
    """GitHub would not execute the GraphQL document; nothing was written, and REST may be asked instead."""

    code = "host-refused"


def no_answer(error: BaseException, deed: Deed) -> HostError:
    """The meaning of an exception that came instead of an answer."""
    if isinstance(error, HostError):
        return error
    if isinstance(error, Redirected):
        return Moved(
            f"GitHub answers under another address when asked to {deed}.",
            meaning="The repository was renamed or moved, or the ticket was transferred. Nothing was written: "
            "who can read the other place is not known.",
            next_step="Look where it went. Correct the repository's name in the configuration, or move the ticket back.",
        )
    if deed.changes and not _never_sent(error):
        return unknown_outcome(deed)
    return HostUnavailable(
        f"GitHub could not be reached to {deed}.",
        meaning="Nothing was written.",
        next_step="Nothing; the job tries again by itself. If it lasts, look at the network and at GitHub's status page.",
    )


def unknown_outcome(deed: Deed, *, after: float | None = None) -> HostUnknownOutcome:
    """A write was sent and it is not known what became of it, or only a part of it was done."""
    return HostUnknownOutcome(
        f"It is not known what became of our request to {deed}.",
        meaning="It was sent, and GitHub gave no answer that can be relied on: all, a part or nothing of it was done.",
        next_step="Nothing; the job reads what is there and writes only what is missing.",
        after=after,
    )


def refusal(answer: Answer, deed: Deed) -> HostError | None:
    """The meaning of an answer's status; ``None`` if it is a success."""
    status = answer.status
    if status in _OK:
        return None
    if status == _TOO_MANY or (status == _FORBIDDEN and _is_limit(answer)):
        return limited(answer, deed)
    if status in _MEANINGS:
        return _MEANINGS[status](status, deed)
    if _BAD_REQUEST <= status < _SERVER_ERROR and status != _REQUEST_TIMEOUT:
        return _rejected(answer, deed)
    if deed.changes:
        return unknown_outcome(deed)
    return HostUnavailable(
        f"GitHub had trouble of its own when asked to {deed} ({status}).",
        meaning="Nothing was written.",
        next_step="Nothing; the job tries again by itself.",
    )


def _key_refused(status: int, deed: Deed) -> HostError:
    return KeyRefused(
        f"GitHub refused to {deed} ({status}).",
        meaning="It does not accept our key: it was revoked, has expired or is another one's.",
        next_step="Check the App's installation or the token.",
    )


def _no_right(status: int, deed: Deed) -> HostError:
    return HostRefused(
        f"GitHub refused to {deed} ({status}).",
        meaning="Our key lacks a permission there.",
        next_step="Compare its rights with those that docs/hosts/github.md lists.",
    )


def _not_there(status: int, deed: Deed) -> HostError:
    return HostGone(
        f"GitHub does not find what is needed to {deed} ({status}).",
        meaning="It is not there (any more), or our key does not see it.",
        next_step="Check that the repository exists, has issues switched on, and that our key was given access to it.",
    )


def _conflict(status: int, deed: Deed) -> HostError:
    return HostUnavailable(
        f"GitHub could not {deed}, because something else was changed there at the same moment ({status}).",
        meaning="Nothing was written.",
        next_step="Nothing; the job tries again by itself.",
    )


_MEANINGS = {401: _key_refused, 403: _no_right, 404: _not_there, 409: _conflict, 410: _not_there}


def _rejected(answer: Answer, deed: Deed) -> HostError:
    if _PARALLEL_ADD in answer.text.casefold():
        return _conflict(answer.status, deed)
    fields = _complained_about(answer)
    named = f"; it names {', '.join(fields)}" if fields else ""
    return HostRejected(
        f"GitHub did not accept what we sent to {deed} ({answer.status}{named}).",
        fields=fields,
        meaning="Nothing was written.",
        next_step="This is a mistake of ours or a limit of the repository; please report the status and the names.",
    )


def unusable(deed: Deed) -> HostError:
    """A success whose body is not what GitHub documents: cut off, not JSON, or about something else."""
    if deed.changes:
        return unknown_outcome(deed)
    return HostUnavailable(
        f"GitHub's answer could not be read when asked to {deed}.",
        meaning="It was cut off or is not what GitHub documents. Nothing was written.",
        next_step="Nothing; the job tries again by itself.",
    )


def limited(answer: Answer, deed: Deed) -> HostLimited:
    """GitHub asks us to wait; for how long stands in its headers, or is a minute."""
    after = _wait(answer)
    return HostLimited(
        f"GitHub asks us to slow down and did not {deed}.",
        meaning="Nothing was written.",
        next_step=f"Nothing; the job tries again by itself in {after:.0f} seconds.",
        after=after,
    )


def graphql_data(answer: Answer, deed: Deed) -> Json | HostError:
    """The ``data`` of a GraphQL answer, or what its errors mean.

    GraphQL answers 200 with errors in the body. After a mutation any success beside an error is an
    unknown outcome: some aliases were carried out, and the caller finds out which by reading.
    """
    status = refusal(answer, deed)
    if isinstance(status, (HostGone, HostRejected)) or (status is not None and answer.status == _FORBIDDEN):
        return status if isinstance(status, HostLimited) else _graphql_refused(deed)
    if status is not None:
        return status
    body = answer.json()
    if not isinstance(body, dict):
        return unusable(deed)
    data, errors = body.get("data"), body.get("errors")
    if not errors:
        return data if isinstance(data, dict) else unusable(deed)
    return _graphql_errors(answer, deed, data, errors)


def _graphql_errors(answer: Answer, deed: Deed, data: object, errors: object) -> HostError:
    listed = objects(errors)
    kinds = {_kind(one) for one in listed}
    words = " ".join(str(one.get("message", "")) for one in listed).casefold()
    slow_down = (
        bool(kinds & {"RATE_LIMITED", "RATE_LIMIT"})
        or "was submitted too quickly" in words
        or "secondary rate limit" in words
    )
    something_done = isinstance(data, dict) and any(value is not None for value in data.values())
    if deed.changes and something_done:
        return unknown_outcome(deed, after=_wait(answer) if slow_down else None)
    if slow_down:
        return limited(answer, deed)
    if _PARALLEL_ADD in words:
        return unknown_outcome(deed)
    # A document that was never run has no data at all, and its errors point into the document, not at a result.
    invalid = "data" not in _keys(answer) and all("locations" in one and "path" not in one for one in listed)
    if not deed.changes or (listed and (invalid or kinds <= _NOT_EXECUTED)):
        return _graphql_refused(deed)
    return unknown_outcome(deed)


def _graphql_refused(deed: Deed) -> GraphQLRefused:
    return GraphQLRefused(
        f"GitHub's GraphQL would not {deed}.",
        meaning="Nothing was written by that request.",
        next_step="Nothing; the same is asked by REST.",
    )


def _kind(error: Json) -> str:
    """The type of a GraphQL error; validation errors carry it as ``extensions.code``."""
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return str(error.get("type") or code or "")


def _keys(answer: Answer) -> frozenset[str]:
    body = answer.json()
    return frozenset(body) if isinstance(body, dict) else frozenset()


def _never_sent(error: BaseException) -> bool:
    """Whether the connection was never made, so that nothing can have happened."""
    if isinstance(error, (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    cause = error.args[0] if isinstance(error, requests.exceptions.ConnectionError) and error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.NewConnectionError)


def _is_limit(answer: Answer) -> bool:
    """Whether a 403 is a rate limit, primary or secondary, and not a missing permission."""
    if "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0":
        return True
    body = answer.json()
    message = str(body.get("message", "")).casefold() if isinstance(body, dict) else ""
    return "rate limit" in message or "abuse detection" in message or "submitted too quickly" in message


def _wait(answer: Answer) -> float:
    """Seconds until GitHub wants to hear from us again; at least one, and at most :data:`_LONGEST_WAIT`."""
    retry_after = answer.headers.get("retry-after", "")
    if retry_after.isdecimal():
        return min(max(1.0, float(retry_after)), _LONGEST_WAIT)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return min(max(1.0, float(reset) - time.time() + 1), _LONGEST_WAIT)
    return _SECONDARY_WAIT


def _complained_about(answer: Answer) -> tuple[str, ...]:
    """Which of our own property names a validation error is about."""
    body = answer.json()
    named = [one.get("field") for one in objects(body.get("errors") if isinstance(body, dict) else None)]
    return tuple(field for field in _OUR_FIELDS if field in named)


def is_number(value: object) -> bool:
    """Whether this can be an issue's number. To Python ``true`` is one, too."""
    return isinstance(value, int) and not isinstance(value, bool)


def objects(value: object) -> list[Json]:
    """The objects in a list of GitHub's; anything else that stands there is passed over."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
