"""How a member's desk proves to the service who is asking: ``coc-api@v1``, without any I/O.

The desk signs each request with the member's own signing key (SSHSIG, Ed25519) over origin, method,
target, body, time and nonce; the proof travels in the ``Authorization`` header. The service checks it
against the key that the roster names for the alias. The format is part of docs/diary-format.md.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from integration.diary.keys import verify_sshsig
from integration.errors import BadRequestProof, ConfigError, ReplayedRequest, StaleRequest

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE: Final = "coc-api@v1"
SCHEME: Final = "CoC-SSHSIG"
TOLERANCE: Final = timedelta(minutes=5)
"""How far a request's time may be from the service's clock, either way."""

_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
_HEADER: Final = re.compile(
    r"CoC-SSHSIG "
    r'alias="(?P<alias>[A-Za-z][A-Za-z0-9_-]{0,31})", '
    r'time="(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)", '
    r'nonce="(?P<nonce>[A-Za-z0-9_-]{22,64})", '
    r'signature="(?P<signature>[A-Za-z0-9+/]{1,1024}={0,2})"'
)
_ARMOUR: Final = re.compile(
    r"-----BEGIN SSH SIGNATURE-----(?P<blob>[A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----\s*"
)
_ARMOUR_WIDTH: Final = 70

_NOBODY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPhq+s7XdWBKmi/ii2O8A6Je+REbtGj8LdBnKEx8yAB+"
"""A key without an owner: an unknown alias costs the same work as a wrong signature."""


class Signer(Protocol):
    """What signs: an unlocked :class:`integration.diary.keys.Identity`."""

    def sign(self, namespace: str, message: bytes) -> str:
        """An armoured SSHSIG over the message."""
        ...


def new_nonce() -> str:
    """128 random bits; each request has its own."""
    return secrets.token_urlsafe(16)


def origin_of(url: str, *, where: str = "The service's address") -> str:
    """The origin that is signed: scheme, host and port, in one spelling for desk and service.

    Args:
        url: for example ``https://coc.example.org/``; without path, query or user.
        where: how to name the address in the error.

    Raises:
        ConfigError: it is not such an address, or it is plain ``http`` to another machine.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError:  # UnicodeError is one too
        raise ConfigError(where, ["it is not an address such as https://coc.example.org"]) from None
    mistakes = []
    # urlsplit drops line breaks silently: what a person sees and what is asked would be two hosts.
    if (
        parts.scheme not in {"https", "http"}
        or port == 0
        or any(char.isspace() for char in url)
        or not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:.]+", host)
    ):
        mistakes.append("it is not an address such as https://coc.example.org")
    elif parts.scheme == "http" and not is_loopback(host):
        mistakes.append("plain http is only for this machine itself (127.0.0.1, localhost); use https")
    if parts.username is not None or parts.password is not None:
        mistakes.append("it must not hold a user name or a password")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        mistakes.append("it must end after the host and the port: no path, no query")
    if mistakes:
        raise ConfigError(where, mistakes)
    shown = f"[{host}]" if ":" in host else host
    standard = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" + ("" if port in {None, standard} else f":{port}")


def is_loopback(host: str) -> bool:
    """Whether a host name means this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sign_request(
    signer: Signer,
    *,
    alias: str,
    origin: str,
    method: str,
    target: str,
    body: bytes,
    now: datetime,
    nonce: str,
) -> str:
    """The value of the ``Authorization`` header for one request.

    Args:
        signer: the member's unlocked identity.
        alias: the member's alias in the roster.
        origin: as :func:`origin_of` spells it.
        method: in capitals.
        target: path and query exactly as they stand in the request line.
        body: the body's bytes; empty for none.
        now: any time zone.
        nonce: from :func:`new_nonce`; never used twice.
    """
    time = now.astimezone(UTC).strftime(_TIME_FORMAT)
    armoured = signer.sign(NAMESPACE, _message(alias, origin, method, target, body, time, nonce))
    found = _ARMOUR.fullmatch(armoured)
    if found is None:
        raise ValueError("The signer gave no armoured SSH signature.")
    signature = "".join(found["blob"].split())
    return f'{SCHEME} alias="{alias}", time="{time}", nonce="{nonce}", signature="{signature}"'


def check_request(
    header: str | None,
    *,
    origin: str,
    method: str,
    target: str,
    body: bytes,
    now: datetime,
    key_of: Callable[[str], str | None],
    fresh: Callable[[str, str, datetime], bool],
) -> str:
    """The alias of the member whose desk made this request.

    Args:
        header: the ``Authorization`` header as it came; None if there was none.
        origin: the service's own, from its configuration, never from the request.
        method: as it came.
        target: as it came, path and query.
        body: as it came.
        now: the service's time.
        key_of: the signing key of an alias in the roster, or None.
        fresh: takes alias, nonce and the last moment at which the same proof would still be in time;
            says whether this nonce is new and remembers it until then. Only called with a valid signature.

    Raises:
        BadRequestProof: missing, malformed, unknown alias and wrong signature are told apart by nobody
            who has no key; :class:`StaleRequest` and :class:`ReplayedRequest` say what they are.
    """
    found = _HEADER.fullmatch(header or "")
    if found is None:
        raise _refusal()
    alias, time, nonce = found["alias"], found["time"], found["nonce"]
    try:
        made_at = datetime.strptime(time, _TIME_FORMAT).replace(tzinfo=UTC)
        last_moment = made_at + TOLERANCE
    except (ValueError, OverflowError):  # a 31 February, a year 0; the very last minutes of the year 9999
        raise _refusal() from None
    if abs(now - made_at) > TOLERANCE:
        raise StaleRequest(
            "The request's time is more than 5 minutes away from the service's clock.",
            meaning="Either it is an old request sent again, or one of the two clocks is wrong.",
            next_step="Set this machine's clock and ask again.",
        )
    blob = found["signature"]
    lines = "\n".join(blob[at : at + _ARMOUR_WIDTH] for at in range(0, len(blob), _ARMOUR_WIDTH))
    armoured = f"-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n"
    key = key_of(alias)
    message = _message(alias, origin, method, target, body, time, nonce)
    if not verify_sshsig(key or _NOBODY, NAMESPACE, message, armoured) or key is None:
        raise _refusal()
    if not fresh(alias, nonce, last_moment):
        raise ReplayedRequest(
            "This very request was answered before.",
            meaning="Somebody may be sending a recorded request again; they got nothing.",
            next_step="Ask again: every request has a nonce of its own.",
        )
    return alias


def _refusal() -> BadRequestProof:
    return BadRequestProof(
        "The request does not prove that it comes from a member's desk.",
        meaning="The proof is missing or malformed, or no member of the roster made it for this request.",
        next_step="Check that the service's roster has this alias with this signing key.",
    )


def _message(alias: str, origin: str, method: str, target: str, body: bytes, time: str, nonce: str) -> bytes:
    """What is signed: fixed lines, so that no value can be taken for another one."""
    lines = (
        "CoC-API: v1",
        f"Origin: {origin}",
        f"Method: {method}",
        f"Target: {target}",
        f"Body-SHA256: {hashlib.sha256(body).hexdigest()}",
        f"Alias: {alias}",
        f"Time: {time}",
        f"Nonce: {nonce}",
    )
    if any("\n" in line or "\r" in line for line in lines):
        raise _refusal()
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
