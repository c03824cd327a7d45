"""How a sender proves where a delivery comes from, as data.

Two families cover every sender we read: an HMAC over the raw body (with or without a signed time), and
Standard Webhooks. Each vendor is one line in :data:`PRESETS`. :func:`verify` does the same work whatever
is wrong with a delivery, and raises nothing but :class:`~integration.errors.Unauthenticated`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

from integration.errors import StaleDelivery, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LONGEST_HEADER = 4096
_MOST_SIGNATURES = 10
_SECONDS = re.compile(r"[0-9]{1,11}")
_STANDARD_KEY_BYTES = range(24, 65)
_SHORTEST_SECRET = 16
_NOT_PROVEN = "The delivery does not prove that it comes from the configured source."
_NOT_TAKEN = "Nothing was stored."


class HeaderItems(Protocol):
    """Headers as pairs: a ``dict`` and Flask's ``request.headers`` both are."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Names and values; a name that was sent twice may come twice."""
        ...


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a delivery's headers say: text signed before the body, signatures, signed time if the scheme has one."""

    before_body: bytes
    signatures: tuple[str, ...]
    time: str | None


@dataclass(frozen=True, slots=True)
class Hmac:
    """HMAC-SHA256 over the raw body, in one header.

    Without ``time_part`` the header is ``prefix`` and the signature, and the body alone is signed: a
    replay is harmless only because the same submission id is the same report. With ``time_part`` the
    header is a comma-separated list such as ``t=1700000000,v1=…``, and ``{t}.{body}`` is signed.
    """

    header: str
    encoding: Literal["hex", "base64"]
    prefix: str = ""
    time_part: str = ""
    tolerance: timedelta = timedelta(minutes=5)

    def key(self, secret: str | bytes) -> bytes:
        """The key in a secret as the vendor shows it.

        Raises:
            ValueError: the secret is too short to be one.
        """
        key = secret.encode() if isinstance(secret, str) else secret
        if len(key) < _SHORTEST_SECRET:
            raise ValueError(f"it is shorter than {_SHORTEST_SECRET} characters")
        return key

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that are read."""
        return (self.header,)

    def claim(self, headers: HeaderItems) -> _Claim:
        """What the header claims."""
        value = _only(headers, self.header)
        if not self.time_part:
            signature = value.removeprefix(self.prefix) if value.startswith(self.prefix) else ""
            return _Claim(b"", (signature,), None)
        parts = [part.strip() for part in value.split(",")]
        times = [part for part in parts if part.startswith(f"{self.time_part}=")]
        time = times[0].partition("=")[2] if len(times) == 1 else ""
        signatures = tuple(part.removeprefix(self.prefix) for part in parts if part.startswith(self.prefix))
        return _Claim(f"{time}.".encode("ascii"), signatures if _SECONDS.fullmatch(time) else (), time)

    def encode(self, digest: bytes) -> bytes:
        """A signature as the vendor writes it."""
        return digest.hex().encode("ascii") if self.encoding == "hex" else base64.b64encode(digest)


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """Standard Webhooks, specification 1.0, symmetric signatures (``v1``).

    Signs ``{id}.{time}.{body}``; several signatures, separated by spaces, let two keys overlap during
    rotation. Other versions in the list (``v1a``) are passed over, a malformed list is refused.

    See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    tolerance: timedelta = timedelta(minutes=5)

    def key(self, secret: str | bytes) -> bytes:
        """The key in a secret such as ``whsec_…``: base64 of 24 to 64 bytes.

        Raises:
            ValueError: the secret is not of this form.
        """
        text = secret if isinstance(secret, str) else secret.decode("ascii", errors="replace")
        try:
            key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except (ValueError, binascii.Error):
            raise ValueError("it is not base64 with or without whsec_ before it") from None
        if len(key) not in _STANDARD_KEY_BYTES:
            raise ValueError("it does not hold 24 to 64 bytes, as Standard Webhooks asks")
        return key

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that are read."""
        return ("webhook-id", "webhook-timestamp", "webhook-signature")

    def claim(self, headers: HeaderItems) -> _Claim:
        """What the three headers claim."""
        message, time, listed = (_only(headers, name) for name in self.headers)
        items = [item.split(",") for item in listed.split(" ")]
        well_formed = (
            bool(message)
            and _SECONDS.fullmatch(time) is not None
            and all(len(item) == 2 and all(item) for item in items)  # noqa: PLR2004 - version and signature
        )
        signatures = tuple(item[1] for item in items if item[0] == "v1") if well_formed else ()
        return _Claim(f"{message}.{time}.".encode("ascii"), signatures, time)

    def encode(self, digest: bytes) -> bytes:
        """A signature as the specification writes it, without the version."""
        return base64.b64encode(digest)


Scheme = Hmac | StandardWebhooks

PRESETS: Mapping[str, Scheme] = MappingProxyType(
    {
        # https://www.typeform.com/developers/webhooks/secure-your-webhooks/
        "typeform": Hmac("Typeform-Signature", "base64", prefix="sha256="),
        # https://tally.so/help/webhooks
        "tally": Hmac("Tally-Signature", "base64"),
        # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        "github": Hmac("X-Hub-Signature-256", "hex", prefix="sha256="),
        # https://developer.atlassian.com/cloud/jira/platform/webhooks/
        "jira": Hmac("X-Hub-Signature", "hex", prefix="sha256="),
        # https://help.formspree.io/ (page on webhook signatures)
        "formspree": Hmac("Formspree-Signature", "hex", prefix="v1=", time_part="t"),
        "standard-webhooks": StandardWebhooks(),
    }
)
"""Every scheme a source can name."""


def verify(scheme: Scheme, headers: HeaderItems, raw: bytes, secrets: Sequence[bytes], now: datetime) -> None:
    """Return if one of the ``secrets`` signed exactly these bytes, lately where the scheme has a time.

    All secrets and all claimed signatures are compared, in constant time, and the body is hashed even
    if no header could be right. ``secrets`` are keys, as :meth:`Hmac.key` gives them; none at all
    proves nothing.

    Raises:
        StaleDelivery: rightly signed, but more than the tolerance before or after ``now``.
        Unauthenticated: anything else that is wrong, missing, doubled, malformed or too long.
    """
    claim = scheme.claim(headers)
    claimed = [signature.encode("ascii") for signature in claim.signatures[:_MOST_SIGNATURES]]
    expected = [
        scheme.encode(hmac.digest(secret, claim.before_body + raw, "sha256")) for secret in secrets if secret
    ]
    proven = False
    for right in expected:
        for one in claimed:
            proven |= hmac.compare_digest(right, one)
    if not proven or len(claim.signatures) > _MOST_SIGNATURES:
        raise Unauthenticated(_NOT_PROVEN, meaning=_NOT_TAKEN, next_step="Compare the secret on both sides.")
    if claim.time is not None:
        distance = abs(now - datetime.fromtimestamp(int(claim.time), UTC))
        if distance > scheme.tolerance:
            raise StaleDelivery(
                "The delivery is rightly signed, but not lately.",
                meaning=_NOT_TAKEN,
                next_step="If the sender is genuine, compare its clock with this server's.",
            )


def _only(headers: HeaderItems, name: str) -> str:
    """The one value of a header; empty if it is missing, doubled, too long or not ASCII."""
    wanted = name.lower()
    values = [value for key, value in headers.items() if key.lower() == wanted]
    if len(values) != 1 or len(values[0]) > _LONGEST_HEADER or not values[0].isascii():
        return ""
    return values[0]
