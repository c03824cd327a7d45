"""What the doors for deliveries have in common: the raw body is read first and whole, and every answer has an empty body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response
from werkzeug.exceptions import ClientDisconnected

from integration.errors import CoCError, TooLarge

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

MAX_BODY = 2_000_000
"""Bytes of a delivery. Real ones have a few thousand; attachments come as links."""

RETRY_AFTER_SECONDS = 120


def raw_body(request: Request) -> bytes:
    """The raw body, before anything else touches the request.

    Raises:
        TooLarge: over the limit by its own declaration (then nothing is read) or by being longer.
        ClientDisconnected: it is shorter than declared.
    """
    declared = request.environ.get("CONTENT_LENGTH") or ""
    length = int(declared) if declared.isascii() and declared.isdigit() else None
    if length is not None and length > MAX_BODY:
        raise _too_large()
    # One byte more than allowed: a body without a declared length is cut there and seen to be too long.
    raw: bytes = request.environ["wsgi.input"].read(MAX_BODY + 1 if length is None else length)
    if len(raw) > MAX_BODY:
        raise _too_large()
    if length is not None and len(raw) < length:
        raise ClientDisconnected
    return raw


def _too_large() -> TooLarge:
    return TooLarge(f"The delivery is over {MAX_BODY} bytes.", meaning="Nothing was stored.")


def why(error: Exception) -> dict[str, str]:
    """What may be logged of an error: our own code, or the name of its type, and never its message."""
    return {"code": error.code} if isinstance(error, CoCError) else {"error": type(error).__name__}


def probe(method: str) -> Response | None:
    """The answer to a sender that only looks whether there is a door; ``None`` if it delivers."""
    if method == "HEAD":
        return empty(200)
    return empty(405, Allow="POST, HEAD") if method != "POST" else None


def empty(status: int, **headers: str) -> Response:
    """An answer with nothing in it; 503 says when to come back."""
    if status == 503:  # noqa: PLR2004 - HTTP
        headers = {"Retry_After": str(RETRY_AFTER_SECONDS), **headers}
    answer = Response(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    del answer.headers["Content-Type"]
    return answer
