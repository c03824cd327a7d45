"""POST /from/<space>: the door for a host's webhooks, one address for each ticket space.

What an event says is a hint: which ticket to read again, and by whom the host says it was changed. Only ids are kept
of it. It is answered at once, 200, 401, 405, 413 or 503 with an empty body, and looked at by a job.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from requests.structures import CaseInsensitiveDict

from integration.errors import IntakeError, Unauthenticated, UnknownSource, UnreadableSubmission
from integration.host_events import Touched
from integration.incident import SpaceName
from integration.logs import Log
from integration.webhook_signature import must_be_signed
from webhook_server.answers import empty, probe, raw_body, why

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integration.host_events import HostEvent, HostEvents

_log = Log("coc.events")


def events(
    spaces: Mapping[SpaceName, HostEvents],
    note: Callable[[SpaceName, HostEvent], str],
    look_now: Callable[[SpaceName], object],
    count: Callable[[str], None] = lambda _outcome: None,
) -> Blueprint:
    """The blueprint with the door.

    Args:
        spaces: what reads a space's deliveries; a space that has no webhook's secret is not among them.
        note: keeps what an event touched, with a job; it has returned only when that is on disk. Gives the outcome:
            ``noted``, ``again`` or ``ignored``.
        look_now: has the audience of a ticket space looked at; returns at once.
        count: is told the outcome of each delivery: one of these, ``own``, ``space``, ``unreadable``, ``failed``, or the
            code of the refusal.
    """
    blueprint = Blueprint("events", __name__)
    door = _Door(spaces, note, look_now, count)

    @blueprint.before_app_request
    def no_other_answers() -> Response | None:
        """Flask's own 404, redirect and 405 never leave one of these paths."""
        problem = request.routing_exception
        if problem is None or (request.path != "/from" and not request.path.startswith("/from/")):
            return None
        return probe(request.method) or empty(401)

    @blueprint.route("/from/<path:space>", methods=["GET", "POST"], provide_automatic_options=False)
    def deliver(space: str) -> Response:
        return probe(request.method) or door.answer(space)

    return blueprint


class _Door:
    """What happens between a request and its answer."""

    def __init__(
        self,
        spaces: Mapping[SpaceName, HostEvents],
        note: Callable[[SpaceName, HostEvent], str],
        look_now: Callable[[SpaceName], object],
        count: Callable[[str], None],
    ) -> None:
        self._spaces = spaces
        self._note = note
        self._look_now = look_now
        self._count = count
        self._decoy = secrets.token_hex(32)

    def answer(self, name: str) -> Response:
        """Answer one delivery; whatever happens, the host gets one of our codes."""
        reader = self._spaces.get(SpaceName(name))
        space = SpaceName(name if reader is not None else "unknown")
        reason: dict[str, str] = {}
        try:
            raw = raw_body(request)
            outcome, status = self._take(space, reader, raw), 200
        except IntakeError as error:
            outcome, status = error.code, error.status
        except UnreadableSubmission:
            outcome, status = "unreadable", 200  # sent again it would be the same
        except Exception as error:  # noqa: BLE001 - whatever failed is our trouble: the host may send it again
            outcome, status, reason = "failed", 503, why(error)
        log = _log.info if status == 200 else _log.warning  # noqa: PLR2004 - HTTP
        log("host-event", space=space, outcome=outcome, **reason)
        self._count(outcome)
        return empty(status)

    def _take(self, space: SpaceName, reader: HostEvents | None, raw: bytes) -> str:
        if reader is None:  # as much work as for a wrong signature, so that names cannot be tried out
            with suppress(Unauthenticated):
                must_be_signed(request.headers.get("X-Hub-Signature", ""), raw, [self._decoy])
            raise UnknownSource("No webhook of a ticket space of this name is configured.")
        event = reader.read(CaseInsensitiveDict(request.headers.items()), raw)
        if event is None:
            return "ignored"
        # By our own account too: a look at who can read only reads, so it brings about no event.
        if event.touched is Touched.SPACE:
            self._look_now(space)
            return "space"
        if event.own:  # what we wrote to a ticket; a look at it could write again
            return "own"
        return self._note(space, event)
