"""POST /in/<source>: the door for reports.

What it answers decides whether a report is lost, so there are six answers and no others: 200, 401, 405,
413 and 503, all with an empty body. 403, 404, 406 and 410 make some form tool switch itself off for good.
The body is read first and whole, its origin is proven, then it is read, stored and acknowledged; nothing
of it reaches a log, and what cannot be read is stored as it came.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

from flask import Blueprint
from werkzeug.wrappers import Request

from integration.errors import (
    IntakeError,
    Unauthenticated,
    UnknownSource,
    UnreadableSubmission,
)
from integration.incident import SpaceName
from integration.logs import Log
from webhook_server.answers import empty, probe, raw_body, why
from webhook_server.intake.mapping import (
    QUESTION_MISSING,
    FormMapping,
    missing_questions,
    to_report,
    verbatim_report,
)
from webhook_server.intake.reading import Ignored
from webhook_server.intake.registry import READERS
from webhook_server.intake.schemes import PRESETS, verify
from webhook_server.intake.sources import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask, Response
    from flask.blueprints import BlueprintSetupState

    from integration.ports import Clock
    from integration.report import Report

_log = Log("coc.intake")


def intake(
    sources: Mapping[str, Source],
    receive: Callable[[Source, str, Report], object],
    clock: Clock,
    alert: Callable[[str, str], None],
    count: Callable[[str], None] = lambda _outcome: None,
) -> Blueprint:
    """The blueprint with the intake's routes.

    Args:
        sources: the configured forms by name.
        receive: seals and stores a report under (source, submission id). It has returned only when the
            report is safe, takes the same one twice as one, and raises if it could not.
        clock: what signed times are compared with.
        alert: tells whoever can mend it, by source name and code, that something was not stored (``intake``), was
            refused (``unauthenticated``, ``stale-delivery``, ``too-large``), or was stored but not understood
            (``unreadable-submission``), or not all of it (``question-missing``). It returns at once, and limits how
            often it tells: strangers can bring some of these about as often as they like.
        count: is told the outcome of each delivery: ``received``, ``unreadable``, ``ignored``, ``failed``, or the
            code of the refusal.
    """
    blueprint = Blueprint("intake", __name__)
    door = _Door(sources, receive, clock, alert, count)

    @blueprint.record_once
    def put_in_front(state: BlueprintSetupState) -> None:
        app = cast("Flask", state.app)
        app.wsgi_app = _Front(app.wsgi_app, door)  # type: ignore[method-assign] # Flask's own way to put something in front

    return blueprint


class _Front:
    """Takes all of ``/in`` before Flask looks at it.

    So Flask's own 404, redirect and 405 never leave an intake path; and a delivery needs neither Flask's routing nor its
    contexts, which take as long as reading it.
    """

    def __init__(self, others: WSGIApplication, door: _Door) -> None:
        self._others = others
        self._door = door

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what is for the intake, and hand on all else."""
        request = Request(environ)
        if request.path != "/in" and not request.path.startswith("/in/"):
            return self._others(environ, start_response)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        name = request.path.removeprefix("/in").removeprefix("/")
        if not name or "//" in request.path or request.method not in {"GET", "HEAD", "POST"}:
            _log.warning("intake", source="unknown", outcome="no-such-path")
            return probe(request.method) or empty(401)
        return probe(request.method) or self._door.answer(name, request)


class _Outcome(NamedTuple):
    """What became of a delivery, and why: under ``code`` one of our codes, or under ``error`` the kind of an error."""

    name: str
    why: dict[str, str]


class _NotStored(Exception):
    """The report is not safe; carries why, as :class:`_Outcome` has it."""

    def __init__(self, why: dict[str, str]) -> None:
        self.why = why
        super().__init__()


class _Door:
    """What happens between a request and its answer."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        receive: Callable[[Source, str, Report], object],
        clock: Clock,
        alert: Callable[[str, str], None],
        count: Callable[[str], None],
    ) -> None:
        self._sources = sources
        self._receive = receive
        self._clock = clock
        self._alert = alert
        self._count = count
        # An unknown source is checked against a secret nobody has, so that it takes as long as a wrong proof.
        self._decoy = Source(
            name="unknown",
            reader="generic",
            scheme=PRESETS["standard-webhooks"],
            secrets=(secrets.token_bytes(32),),
            mapping=FormMapping(),
            space=SpaceName(""),
        )

    def answer(self, name: str, request: Request) -> Response:
        """Answer one delivery; whatever happens, the sender gets one of our codes."""
        source = self._sources.get(name, self._decoy)
        raw = b""
        try:
            raw = raw_body(request)
            self._authenticate(source, request, raw)
            outcome, status = self._take(source, request.content_type or "", raw), 200
        except IntakeError as error:
            outcome, status = _Outcome(error.code, {}), error.status
            self._tell(source, error.code)
        except Exception as error:  # noqa: BLE001 - whatever failed is our trouble: the sender must try again
            outcome, status = _Outcome("failed", _why(error)), 503
            self._tell(source, IntakeError.code)
        log = _log.info if status == 200 else _log.warning  # noqa: PLR2004 - HTTP
        size = len(raw) or request.content_length or 0
        log("intake", source=source.name, outcome=outcome.name, size=size, **outcome.why)
        self._count(outcome.name)
        return empty(status)

    def _authenticate(self, source: Source, request: Request, raw: bytes) -> None:
        now = self._clock.now()
        # By name: going over all of a request's headers takes far longer. WSGI has joined one that was sent twice.
        given = request.headers
        headers = {name: given.get(name, "") for name in source.scheme.headers}
        if source is self._decoy:
            with suppress(Unauthenticated):
                verify(source.scheme, headers, raw, source.secrets, now)
            raise UnknownSource("No source of this name is configured.", meaning="Nothing was stored.")
        verify(source.scheme, headers, raw, source.secrets, now)

    def _take(self, source: Source, content_type: str, raw: bytes) -> _Outcome:
        """Read and store an authentic delivery."""
        trouble = ""
        missing: list[str] = []
        try:
            submission = READERS[source.reader].read(raw, content_type)
            if isinstance(submission, Ignored):
                return _Outcome("ignored", {"code": submission.reason})
            report, submission_id = to_report(submission, source.mapping), submission.id
            missing = missing_questions(submission, source.mapping)
        except Exception as error:  # noqa: BLE001 - a reader's bug must not lose a report
            trouble = type(error).__name__
            report, submission_id = (
                verbatim_report(raw, source.mapping),
                f"unreadable-{hashlib.sha256(raw).hexdigest()}",
            )
        try:
            self._receive(source, submission_id, report)
        except Exception as error:  # noqa: BLE001 - whatever failed, it is not stored: the sender must try again
            raise _NotStored(_why(error)) from None
        if trouble:
            self._tell(source, UnreadableSubmission.code)
            return _Outcome("unreadable", {"error": trouble})
        if missing:
            _log.warning("question-missing", source=source.name, count=len(missing))
            self._tell(source, QUESTION_MISSING)
        return _Outcome("received", {})

    def _tell(self, source: Source, code: str) -> None:
        """Alert whoever can mend it: a report may be lost. A failing alert changes no answer; an unknown source alerts nobody."""
        if source is self._decoy:
            return
        try:
            self._alert(source.name, code)
        except Exception as error:  # noqa: BLE001 - any failure of the mail is only a line in the log
            _log.error("alert-failed", source=source.name, code=code, error=type(error).__name__)


def _why(error: Exception) -> dict[str, str]:
    """What may be logged of an error: our own code, or the name of its type, and never its message."""
    if isinstance(error, _NotStored):
        return error.why
    return why(error)
