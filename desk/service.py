"""The desk's way to the service: signed requests, and answers that are checked before anything uses them.

The service is not trusted with content and hardly with form: an answer has a largest size, its fields
have our shapes or it is refused, a redirect is never followed, and plain http leaves this machine never.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from desk.home import head_from_json, head_to_json
from desk.served import is_code_name, read_diary, read_incidents, read_log
from integration.diary.attachment import is_file_name
from integration.errors import HeadConflict, NotCleared, ServiceRefused, ServiceUnreachable, WriteRefused
from integration.signed_request import TOLERANCE, is_loopback, new_nonce, origin_of, sign_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desk.served import LoggedIncident, ServedDiary, ServedIncident
    from integration.diary.chain import Head
    from integration.ports import Clock
    from integration.signed_request import Signer

_TIMEOUT: Final = (10, 60)
"""Seconds to connect, and between two bytes."""

_LARGEST_ANSWER: Final = 256 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_JSON: Final = "application/json"
_BYTES: Final = "application/octet-stream"
_LONGEST_SENTENCE: Final = 1000


def _file_target(code_name: str, name: str) -> str:
    if not is_code_name(code_name) or not is_file_name(name):
        raise ValueError("not a code name, or not a file's name")
    return f"/api/v1/incidents/{code_name}/files/{name}"


class _Proof(AuthBase):
    """Sets our header. Being an ``auth`` it also keeps requests from putting a ``.netrc`` password there."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        prepared.headers["Authorization"] = self._header
        return prepared


class Service:
    """The team's service, asked by one member."""

    def __init__(self, *, origin: str, alias: str, signer: Signer, clock: Clock) -> None:
        self._origin = origin_of(origin)
        self._alias = alias
        self._signer = signer
        self._clock = clock
        self._session = requests.Session()
        # A proxy named in the environment is for other machines. It must not see what stays on this one.
        self._session.trust_env = not is_loopback(urlsplit(self._origin).hostname or "")

    def incidents(self) -> tuple[ServedIncident, ...]:
        """Every incident this member is cleared for.

        Raises:
            ServiceUnreachable: no usable answer.
            ServiceRefused: the service does not accept the signature.
        """
        answer = self._get("/api/v1/incidents")
        try:
            return read_incidents(answer)
        except (ValueError, KeyError, TypeError):
            _not_understood()

    def log(self) -> tuple[LoggedIncident, ...]:
        """Every incident of the team, newest first, whether or not this member is cleared for it.

        Raises:
            ServiceUnreachable: no usable answer.
            ServiceRefused: the service does not accept the signature.
        """
        answer = self._get("/api/v1/log")
        try:
            return read_log(answer)
        except (ValueError, KeyError, TypeError):
            _not_understood()

    def diary(self, code_name: str) -> ServedDiary:
        """One incident's sealed diary.

        Raises:
            NotCleared: not cleared, or no such incident; the service does not say which.
            ServiceUnreachable: no usable answer.
            ServiceRefused: the service does not accept the signature.
        """
        if not is_code_name(code_name):
            raise ValueError("not a code name")
        answer = self._get(f"/api/v1/incidents/{code_name}/diary")
        try:
            return read_diary(answer, code_name)
        except (ValueError, KeyError, TypeError):
            _not_understood()

    def write(
        self,
        code_name: str,
        *,
        head: Head,
        comments: Sequence[str],
        readers: Sequence[str] | None,
    ) -> Head:
        """Hand finished comments over, to be sealed, stored and posted.

        Args:
            code_name: whose diary.
            head: the comment after which they were made.
            comments: blocks without the service's seal, in their order.
            readers: with a keyring, the aliases in it, so that the service knows whom to serve.

        Returns:
            The head as the service has it now.

        Raises:
            HeadConflict: somebody else was faster; nothing was taken.
            WriteRefused: the service does not take them; nothing was taken.
            NotCleared: not cleared, or no such incident.
            ServiceUnreachable: no usable answer; whether they were taken is not known.
            ServiceRefused: the service does not accept the signature.
        """
        if not is_code_name(code_name):
            raise ValueError("not a code name")
        answer = self._post(
            f"/api/v1/incidents/{code_name}/diary",
            {
                "head": head_to_json(head),
                "comments": list(comments),
                "readers": None if readers is None else list(readers),
            },
        )
        try:
            return head_from_json(answer["head"], head.incident)
        except (ValueError, KeyError, TypeError):
            _not_understood()

    def restore(self, code_name: str, *, new_ticket: bool) -> None:
        """Ask the service to post again what stands in its store and not on the ticket.

        Raises:
            WriteRefused: the service does not do it.
            NotCleared: not cleared, or no such incident.
            ServiceUnreachable: no usable answer.
            ServiceRefused: the service does not accept the signature.
        """
        if not is_code_name(code_name):
            raise ValueError("not a code name")
        self._post(f"/api/v1/incidents/{code_name}/restore", {"new_ticket": new_ticket})

    def erase(self, code_name: str, seq: int, *, redaction: int) -> None:
        """Ask that an entry be erased, as the recorded entry ``redaction`` says. Repeatable.

        Raises:
            WriteRefused: the service does not do it.
            NotCleared: not cleared, or no such incident.
            ServiceUnreachable: no usable answer.
            ServiceRefused: the service does not accept the signature.
        """
        if not is_code_name(code_name):
            raise ValueError("not a code name")
        self._post(f"/api/v1/incidents/{code_name}/erase", {"seq": seq, "redaction": redaction})

    def upload(self, code_name: str, name: str, content: bytes) -> None:
        """Hand over the ciphertext of an attachment whose entry was taken. Repeatable with the same bytes.

        Raises:
            WriteRefused: the service does not take it.
            NotCleared: not cleared, or no such incident.
            ServiceUnreachable: no usable answer.
            ServiceRefused: the service does not accept the signature.
        """
        self._exchange("POST", _file_target(code_name, name), content, kind=_BYTES)

    def download(self, code_name: str, name: str) -> bytes:
        """The ciphertext of an attachment.

        Raises:
            NotCleared: not cleared, or no such incident.
            ServiceUnreachable: no usable answer, or the service does not have the file.
            ServiceRefused: the service does not accept the signature.
        """
        return self._exchange("GET", _file_target(code_name, name), b"", accept=_BYTES)

    def _get(self, target: str) -> dict[str, Any]:
        return self._ask("GET", target, b"")

    def _post(self, target: str, content: dict[str, Any]) -> dict[str, Any]:
        return self._ask("POST", target, json.dumps(content, ensure_ascii=True).encode("ascii"))

    def _ask(self, method: str, target: str, content: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(self._exchange(method, target, content))
        except (ValueError, RecursionError):
            _not_understood()
        if not isinstance(answer, dict):
            _not_understood()
        return answer

    def _exchange(
        self, method: str, target: str, content: bytes, *, kind: str = _JSON, accept: str = _JSON
    ) -> bytes:
        proof = sign_request(
            self._signer,
            alias=self._alias,
            origin=self._origin,
            method=method,
            target=target,
            body=content,
            now=self._clock.now(),
            nonce=new_nonce(),
        )
        headers = {"Accept": accept}
        if content:
            headers["Content-Type"] = kind
        try:
            with self._session.request(
                method,
                self._origin + target,
                data=content or None,
                auth=_Proof(proof),
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as reply:
                body = _read(reply)
        except requests.exceptions.SSLError:
            raise ServiceUnreachable(
                f"{self._origin} does not prove with a valid certificate that it is the service.",
                meaning="It may be set up wrongly, or somebody stands in between. Nothing but a signed request was sent.",
                next_step="Do not go around this. Ask whoever runs the service.",
            ) from None
        except requests.Timeout:
            raise self._unreachable("did not answer in time") from None
        except requests.RequestException:
            raise self._unreachable("could not be reached") from None
        if reply.status_code not in {requests.codes.ok, requests.codes.accepted}:
            if method == "POST":
                self._refuse_write(reply.status_code, body)
            self._refuse(reply, body)
        return body

    def _refuse_write(self, status: int, body: bytes) -> None:
        """What only a write can be told; else nothing."""
        code = _error_code(body)
        if status == requests.codes.conflict and code == "head-conflict":
            raise HeadConflict(
                "Somebody else wrote into this diary at the same moment.",
                meaning="Nothing of yours was taken.",
                next_step="Say the same again; the desk then signs for the new head.",
            )
        if status == requests.codes.unprocessable_entity and code == "write-refused":
            raise WriteRefused(
                "The service does not take this: " + (_said(body) or "it does not say why."),
                meaning="Nothing was stored or posted.",
                next_step="Read the diary again. If it looks right, ask whoever runs the service; its log says more.",
            )
        if status == requests.codes.request_entity_too_large:
            raise WriteRefused(
                "The service does not take this: it is larger than what it accepts at once.",
                meaning="Nothing was stored or posted.",
                next_step="Write it as several shorter entries.",
            )
        if status in {requests.codes.not_found, requests.codes.method_not_allowed} and not code:
            raise WriteRefused(
                f"{self._origin} does not know this request.",
                meaning="The service is older than this desk. Nothing was stored or posted.",
                next_step="Ask whoever runs the service to update it.",
            )

    def _refuse(self, reply: requests.Response, body: bytes) -> NoReturn:
        status = reply.status_code
        if status == requests.codes.unauthorized:
            raise self._not_accepted(reply, body)
        if status == requests.codes.not_found and _error_code(body) == "not-cleared":
            raise NotCleared(
                "There is no incident of this code name that you are cleared for.",
                meaning="Whether it exists at all is not said to anyone who is not cleared for it.",
                next_step="See your own list with: coc incidents. A cleared member can clear you.",
            )
        if status == requests.codes.not_found and _error_code(body) == "no-file":
            raise ServiceUnreachable(
                "The service does not have this file.",
                meaning="Its entry was written, and the file itself was not handed over yet.",
                next_step="Ask the member who attached it to say: coc diary attach CODE-NAME",
            )
        if 300 <= status < 400:  # noqa: PLR2004 - HTTP's redirects
            raise ServiceUnreachable(
                f"{self._origin} answered with a redirect ({status}), which a desk never follows.",
                meaning="A redirect could lead the signed request to somebody else.",
                next_step="Ask whoever runs the service for its right address, then: coc connect URL --roster FILE",
            )
        if status >= 500:  # noqa: PLR2004 - HTTP's server errors
            raise self._unreachable(f"has trouble of its own (it answered {status})")
        raise ServiceUnreachable(
            f"{self._origin} answered {status}, which the service never does.",
            meaning="Something else may be answering at this address.",
            next_step="Check the address with whoever runs the service.",
        )

    def _not_accepted(self, reply: requests.Response, body: bytes) -> ServiceRefused:
        if _error_code(body) == "stale-request":
            theirs = _date(reply.headers.get("Date", ""))
            apart = "" if theirs is None else f" by about {_minutes(abs(self._clock.now() - theirs))}"
            return ServiceRefused(
                f"This machine's clock and the service's differ{apart}.",
                meaning=f"A request counts for {TOLERANCE.seconds // 60} minutes, so that nobody can send it again later.",
                next_step="Set this machine's clock. If it is right, tell whoever runs the service.",
            )
        return ServiceRefused(
            f"The service does not accept your key for the alias {self._alias}.",
            meaning="Its roster has no such member, or another signing key for it, or its own address "
            f"is configured as something other than {self._origin}.",
            next_step="Compare the lines of `coc key show` with the service's roster, and the address.",
        )

    def _unreachable(self, what: str) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"{self._origin} {what}.",
            meaning="Nothing was read; what this desk remembers is unchanged.",
            next_step="Check your connection and try again; then ask whoever runs the service. "
            "The diary also stands on its ticket: docs/diary-format.md says how to open it without the service.",
        )


def _read(reply: requests.Response) -> bytes:
    body = bytearray()
    for chunk in reply.iter_content(_CHUNK):
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise ServiceUnreachable(
                "The service's answer is larger than any diary.",
                meaning="Something else may be answering at this address.",
                next_step="Ask whoever runs the service.",
            )
    return bytes(body)


def _not_understood() -> NoReturn:
    raise ServiceUnreachable(
        "The service's answer is not one that this desk understands.",
        meaning="Desk and service may be of different versions, or something else is answering.",
        next_step="Update the desk, and ask whoever runs the service.",
    ) from None


def _error_code(body: bytes) -> str:
    return _member_of(body, "error")


def _said(body: bytes) -> str:
    """The service's own sentence, as far as it is one harmless line."""
    return "".join(
        char if " " <= char <= "~" else "?" for char in _member_of(body, "what")[:_LONGEST_SENTENCE]
    )


def _member_of(body: bytes, name: str) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(answer.get(name, "")) if isinstance(answer, dict) else ""


def _date(header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _minutes(apart: timedelta) -> str:
    return f"{round(apart.total_seconds() / 60)} minutes"
