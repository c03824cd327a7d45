"""What the doors for deliveries have in common: the raw body is read first and whole, and every answer has an empty body."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flask import Response
from werkzeug.exceptions import RequestEntityTooLarge

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
    """
    # One byte more than allowed: a body without a declared length is cut there and seen to be too long.
    request.max_content_length = MAX_BODY + 1
    request.max_form_memory_size = MAX_BODY
    raw = None
    if (request.content_length or 0) <= MAX_BODY:
        with suppress(RequestEntityTooLarge):
            raw = request.get_data(cache=False)
    if raw is None or len(raw) > MAX_BODY:
        raise TooLarge(f"The delivery is over {MAX_BODY} bytes.", meaning="Nothing was stored.")
    return raw


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
