"""Whether a host's delivery is signed with the webhook's secret, as Jira and GitHub do it: HMAC-SHA256 over the raw body."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from integration.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 200


def must_be_signed(header: str, raw: bytes, secrets: Sequence[str]) -> None:
    """Return if one of the secrets signed exactly these bytes. Takes as long whatever is wrong; no secret proves nothing.

    Args:
        header: what the host sent: ``sha256=`` and the digest in hex.
        raw: the body as it came.
        secrets: the webhook's; while one is changed, the old and the new one.

    Raises:
        Unauthenticated: none did.
    """
    claimed = header[:_LONGEST].encode("utf-8", "replace")
    proven = False
    for secret in secrets or ("",):
        right = b"sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest().encode("ascii")
        proven |= hmac.compare_digest(right, claimed) and bool(secret)
    if not proven or len(header) > _LONGEST:
        raise Unauthenticated(
            "The delivery does not prove that it comes from the ticket space's webhook.",
            meaning="Nothing was stored.",
            next_step="Compare the webhook's secret on both sides.",
        )
