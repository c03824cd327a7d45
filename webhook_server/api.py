"""What a member's desk talks to: sealed diaries and public fields, for signed requests only.

There are no passwords, tokens or sessions. Each request carries the member's own signature over itself
(:mod:`integration.signed_request`), checked against the roster as it is now. "Not cleared" and "does not
exist" are one answer, made in one place. The service cannot open what it hands out here.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from integration.diary.attachment import MAX_STORED, is_file_name
from integration.diary.chain import Head
from integration.diary.comment import Link
from integration.errors import BadRequestProof, CoCError, HeadConflict, WriteRefused
from integration.incident import Alias
from integration.logs import Log
from integration.signed_request import SCHEME, check_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.incident import IncidentId
    from integration.ports import Clock
    from integration.roster import Roster
    from webhook_server.api_ports import DeskWork, DiaryShelf, ShelvedIncident, Waiting

_log = Log("coc.api")

_LARGEST_BODY = 4 * 1024 * 1024
"""What a desk may send at once: an entry of a hundred parts."""


def api(
    shelf: DiaryShelf, work: DeskWork, roster: Callable[[], Roster], *, origin: str, clock: Clock
) -> Blueprint:
    """The routes under ``/api/v1``.

    Args:
        shelf: the sealed diaries.
        work: takes what desks write.
        roster: the roster as it is now; asked at each request, so that a removed member is out at once.
        origin: the service's public address as :func:`integration.signed_request.origin_of` spells it.
            A proof made for another address is refused, wherever the request came in.
        clock: the service's time.
    """
    routes = Blueprint("api", __name__, url_prefix="/api/v1")
    asking = _Asking(shelf, roster, origin, clock)
    _say_refusals(routes)

    @routes.get("/incidents")
    def incidents() -> Response:
        """Every incident the member is cleared for."""
        return jsonify(incidents=[_public(one) for one in shelf.cleared_incidents(asking.alias())])

    @routes.get("/log")
    def log() -> Response:
        """Every incident's public fields, for the Master Incident Log. Any member sees them on the host too."""
        listed = shelf.all_incidents(asking.alias())
        return jsonify(incidents=[{**_public(one), "cleared": cleared} for one, cleared in listed])

    @routes.get("/incidents/<code_name>/diary")
    def diary(code_name: str) -> Response:
        """One incident's sealed diary."""
        incident = asking.about(code_name)
        return jsonify(
            incident=_public(incident),
            head=_head(shelf.head(incident.id)),
            comments=list(shelf.comments(incident.id)),
            part_bytes=incident.part_bytes,
            waiting=_waiting(shelf.waiting(incident.id)),
        )

    @routes.post("/incidents/<code_name>/diary")
    def write(code_name: str) -> Response:
        """Comments that a desk wrote for the head it knows.

        A member who is not cleared may still hand over a keyring: who reads with a recovery key is cleared by
        nobody. That the keyring is good proves that they had the epoch's key; for anything else they get the
        answer that everybody gets who is not cleared.
        """
        incident, refusal = asking.about_to_write(code_name)
        with refusal:
            texts, head, readers = _written(incident.id)
            return jsonify(head=_head(work.record(incident.id, texts, head, readers)))

    @routes.get("/incidents/<code_name>/files/<name>")
    def fetch(code_name: str, name: str) -> Response:
        """The ciphertext of an attachment."""
        content = shelf.file(asking.about(code_name).id, name)
        if content is None:
            return _error(404, "no-file", "There is no file of this name with this diary.")
        return Response(content, content_type="application/octet-stream")

    @routes.post("/incidents/<code_name>/files/<name>")
    def attach(code_name: str, name: str) -> Response:
        """The ciphertext of an attachment whose entry stands in the diary."""
        incident = asking.about(code_name, largest=MAX_STORED)
        if not is_file_name(name):
            raise WriteRefused("This is not the name of a diary's file.")
        work.attach(incident.id, name, request.get_data(cache=True))
        answer = jsonify(queued=True)
        answer.status_code = 202
        return answer

    _change_the_ticket(routes, asking, work)
    return routes


def _change_the_ticket(routes: Blueprint, asking: _Asking, work: DeskWork) -> None:
    """What changes nothing in the diary, and lets a job change what stands on the ticket."""

    @routes.post("/incidents/<code_name>/restore")
    def restore(code_name: str) -> Response:
        """Let what the ticket lacks be written again."""
        incident = asking.about(code_name)
        work.restore(incident.id, new_ticket=_object().get("new_ticket") is True)
        answer = jsonify(queued=True)
        answer.status_code = 202
        return answer

    @routes.post("/incidents/<code_name>/erase")
    def erase(code_name: str) -> Response:
        """Erase an entry that a recorded redaction names."""
        incident, body = asking.about(code_name), _object()
        seq, redaction = body.get("seq"), body.get("redaction")
        if type(seq) is not int or type(redaction) is not int:
            raise WriteRefused("The request does not say which entry, and which one redacts it.")
        work.erase(incident.id, seq, redaction)
        answer = jsonify(queued=True)
        answer.status_code = 202
        return answer


class _Asking:
    """Who asks, proven, and what they may ask about."""

    def __init__(self, shelf: DiaryShelf, roster: Callable[[], Roster], origin: str, clock: Clock) -> None:
        self._shelf = shelf
        self._roster = roster
        self._origin = origin
        self._clock = clock

    def alias(self, *, largest: int = _LARGEST_BODY) -> str:
        """The alias of the member who asks, proven by the request's signature. ``largest``: bytes of its body."""
        request.max_content_length = largest
        current = self._roster()

        def key_of(alias: str) -> str | None:
            member = current.member(alias)
            return member.signing_key if member is not None else None

        proofs = request.headers.getlist("Authorization")
        return check_request(
            proofs[0] if len(proofs) == 1 else None,
            origin=self._origin,
            method=request.method,
            target=_target(),
            body=request.get_data(cache=True),
            now=self._clock.now(),
            key_of=key_of,
            fresh=self._shelf.use_nonce,
        )

    def about(self, code_name: str, *, largest: int = _LARGEST_BODY) -> ShelvedIncident:
        """The incident of this code name, if who asks is cleared for it."""
        incident = self._shelf.cleared_incident(code_name, self.alias(largest=largest))
        if incident is None:
            raise _NotCleared
        return incident

    def about_to_write(self, code_name: str) -> tuple[ShelvedIncident, AbstractContextManager[None]]:
        """The incident of this code name, and what a refusal sounds like to who asks."""
        for incident, cleared in self._shelf.all_incidents(self.alias()):
            if incident.code_name == code_name:
                return incident, nullcontext() if cleared else _not_cleared()
        raise _NotCleared


@contextmanager
def _not_cleared() -> Iterator[None]:
    """Any refusal is the one that everybody gets who is not cleared."""
    try:
        yield
    except CoCError:
        raise _NotCleared from None


def _say_refusals(routes: Blueprint) -> None:
    """Every refusal has one form: a code and a sentence, never a word of anybody's."""

    @routes.errorhandler(_NotCleared)
    def not_cleared(_: Exception) -> Response:
        return _error(404, "not-cleared", "There is no incident of this code name that you are cleared for.")

    @routes.errorhandler(HeadConflict)
    def conflict(error: HeadConflict) -> Response:
        return _error(409, error.code, str(error))

    @routes.errorhandler(WriteRefused)
    def write_refused(error: WriteRefused) -> Response:
        return _error(422, error.code, str(error))

    @routes.errorhandler(BadRequestProof)
    def refused(error: BadRequestProof) -> Response:
        _log.info("desk-refused", code=error.code)
        answer = _error(401, error.code, str(error))
        answer.headers["WWW-Authenticate"] = SCHEME
        return answer

    @routes.errorhandler(RequestEntityTooLarge)
    def too_large(_: HTTPException) -> Response:
        return _error(413, "too-large", "The request is larger than any that a desk makes.")

    @routes.errorhandler(CoCError)
    def unable(error: CoCError) -> Response:
        _log.error("desk-not-answered", code=error.code)
        return _error(503, error.code, "The service cannot answer now. Its log says more.")

    @routes.after_request
    def never_stored(answer: Response) -> Response:
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer


class _NotCleared(Exception):
    """Not cleared, or no such incident: one answer for both."""


def _written(incident: IncidentId) -> tuple[list[str], Head, list[Alias]]:
    body = _object()
    texts, head, readers = body.get("comments"), body.get("head"), body.get("readers") or []
    if (
        not isinstance(texts, list)
        or not texts
        or not all(isinstance(one, str) for one in texts)
        or not isinstance(readers, list)
        or not all(isinstance(one, str) for one in readers)
        or not isinstance(head, dict)
        or not isinstance(head.get("seq"), int)
        or not isinstance(head.get("part"), int)
        or not isinstance(head.get("link"), str)
    ):
        raise WriteRefused("The request does not hold comments and the head they were made for.")
    known = Head(incident, head["seq"], head["part"], Link(head["link"]))
    return texts, known, [Alias(one) for one in readers]


def _object() -> dict[str, Any]:
    try:
        body = json.loads(request.get_data(cache=True) or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise WriteRefused("The request's body is not a JSON object.")
    return body


def _head(head: Head | None) -> dict[str, int | str] | None:
    return {"seq": head.seq, "part": head.part, "link": head.link} if head and head.seq else None


def _waiting(waiting: Waiting | None) -> dict[str, int | str | bool | None] | None:
    if waiting is None:
        return None
    return {"jobs": waiting.jobs, "code": waiting.code, "parked": waiting.parked}


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
        "ticket_id": incident.ticket_id,
        "opened_at": incident.opened_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
