"""What a member's desk talks to: sealed diaries and public fields, for signed requests only.

There are no passwords, tokens or sessions. Each request carries the member's own signature over itself
(:mod:`integration.signed_request`), checked against the roster as it is now. "Not cleared" and "does not
exist" are one answer, made in one place. The service cannot open what it hands out here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from flask import Blueprint, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from integration.errors import BadRequestProof, CoCError
from integration.signed_request import SCHEME, check_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from flask import Response

    from integration.code_name import CodeName
    from integration.diary.chain import Head
    from integration.incident import Alias, IncidentId, IncidentType, Stage
    from integration.mirror import TicketName
    from integration.ports import Clock
    from integration.risk import Level
    from integration.roster import Roster
    from integration.text import SealedText

_log = logging.getLogger(__name__)

_LARGEST_BODY = 64 * 1024
"""No route takes a body yet; this much is read so that its hash can be checked."""


@dataclass(frozen=True, slots=True)
class ShelvedIncident:
    """What the service may tell a cleared member's desk about an incident: public fields only.

    ``ticket`` and ``ticket_url`` are None until the ticket is open on its host.
    """

    id: IncidentId
    code_name: CodeName
    type: IncidentType
    stage: Stage
    impact: Level | None
    likelihood: Level | None
    lead: Alias | None
    secondary: Alias | None
    ticket: TicketName | None
    ticket_url: str | None
    opened_at: datetime


class DiaryShelf(Protocol):
    """Where the service keeps the sealed diaries, and who is cleared for which. All methods but one read."""

    def cleared_incident(self, code_name: str, alias: str) -> ShelvedIncident | None:
        """The incident of this code name, if this member is cleared for it.

        None when there is none and when the member is not cleared: the same work for both, so that
        the time it takes does not tell them apart. ``code_name`` is whatever a URL held.
        """
        ...

    def cleared_incidents(self, alias: str) -> Sequence[ShelvedIncident]:
        """Every incident this member is cleared for, newest first."""
        ...

    def comments(self, incident: IncidentId) -> Sequence[SealedText]:
        """The diary's comments in order, each with plain line, ciphertext and seal."""
        ...

    def head(self, incident: IncidentId) -> Head | None:
        """The newest link of the diary; None or its genesis if it has no comment yet."""
        ...

    def use_nonce(self, alias: str, nonce: str, expires: datetime) -> bool:
        """Remember a nonce until after ``expires``; False if this member used it before. One transaction."""
        ...


def api(shelf: DiaryShelf, roster: Callable[[], Roster], *, origin: str, clock: Clock) -> Blueprint:
    """The routes under ``/api/v1``.

    Args:
        shelf: the sealed diaries.
        roster: the roster as it is now; asked at each request, so that a removed member is out at once.
        origin: the service's public address as :func:`integration.signed_request.origin_of` spells it.
            A proof made for another address is refused, wherever the request came in.
        clock: the service's time.
    """
    routes = Blueprint("api", __name__, url_prefix="/api/v1")

    def asking() -> str:
        """The alias of the member who asks, proven."""
        request.max_content_length = _LARGEST_BODY
        current = roster()

        def key_of(alias: str) -> str | None:
            member = current.member(alias)
            return member.signing_key if member is not None else None

        proofs = request.headers.getlist("Authorization")
        return check_request(
            proofs[0] if len(proofs) == 1 else None,
            origin=origin,
            method=request.method,
            target=_target(),
            body=request.get_data(cache=False),
            now=clock.now(),
            key_of=key_of,
            fresh=shelf.use_nonce,
        )

    @routes.get("/incidents")
    def incidents() -> Response:
        """Every incident the member is cleared for."""
        return jsonify(incidents=[_public(one) for one in shelf.cleared_incidents(asking())])

    @routes.get("/incidents/<code_name>/diary")
    def diary(code_name: str) -> Response:
        """One incident's sealed diary."""
        incident = shelf.cleared_incident(code_name, asking())
        if incident is None:
            answer = jsonify(
                error="not-cleared", what="There is no incident of this code name that you are cleared for."
            )
            answer.status_code = 404
            return answer
        head = shelf.head(incident.id)  # before the comments: one more of them is no contradiction
        return jsonify(
            incident=_public(incident),
            head={"seq": head.seq, "part": head.part, "link": head.link} if head and head.seq else None,
            comments=list(shelf.comments(incident.id)),
        )

    @routes.errorhandler(BadRequestProof)
    def refused(error: BadRequestProof) -> Response:
        _log.info("A desk's request was refused: %s", error.code)
        answer = _error(401, error.code, str(error))
        answer.headers["WWW-Authenticate"] = SCHEME
        return answer

    @routes.errorhandler(RequestEntityTooLarge)
    def too_large(_: HTTPException) -> Response:
        return _error(413, "too-large", "The request is larger than any that a desk makes.")

    @routes.errorhandler(CoCError)
    def unable(error: CoCError) -> Response:
        _log.error("A desk could not be answered: %s", error.code)
        return _error(503, error.code, "The service cannot answer now. Its log says more.")

    @routes.after_request
    def never_stored(answer: Response) -> Response:
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    return routes


def _error(status: int, code: str, what: str) -> Response:
    answer = jsonify(error=code, what=what)
    answer.status_code = status
    return answer


def _target() -> str:
    """Path and query as a desk signs them, made from what is really served (not from a header that names it)."""
    path = quote(request.root_path + request.path, safe="/-._~!$&'()*+,;=:@")
    return path + (f"?{request.query_string.decode('latin-1')}" if request.query_string else "")


def _public(incident: ShelvedIncident) -> dict[str, str | int | None]:
    return {
        "id": incident.id,
        "code_name": incident.code_name,
        "type": incident.type.value,
        "stage": incident.stage.value,
        "impact": incident.impact,
        "likelihood": incident.likelihood,
        "lead": incident.lead,
        "secondary": incident.secondary,
        "ticket": incident.ticket,
        "ticket_url": incident.ticket_url,
        "opened_at": incident.opened_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
