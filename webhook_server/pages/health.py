"""Whether the server lives, and whether it can take reports. Nothing else is said to strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from integration.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable


def health(
    is_there: Callable[[], None], can_store: Callable[[], bool], is_stuck: Callable[[], bool]
) -> Blueprint:
    """``/health/live`` and ``/health/ready``.

    Args:
        is_there: raises :class:`StoreError` if the database is away; it writes nothing.
        can_store: whether reports can be stored, as far as that is known without writing.
        is_stuck: whether the jobs have not got through a turn for minutes.
    """
    pages = Blueprint("health", __name__, url_prefix="/health")

    @pages.get("/live")
    def live() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @pages.get("/ready")
    def ready() -> Response:
        try:
            is_there()
        except StoreError:
            return Response("the database is away\n", status=503, mimetype="text/plain")
        if not can_store():
            return Response("reports cannot be stored\n", status=503, mimetype="text/plain")
        if is_stuck():
            return Response("the jobs do not turn\n", status=503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    return pages
