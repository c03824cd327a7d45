"""Whether the server lives, and whether it can take reports. Nothing else is said to strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from integration.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable


def health(can_store: Callable[[], None]) -> Blueprint:
    """``/health/live`` and ``/health/ready``. ``can_store`` raises :class:`StoreError` if the database is away."""
    pages = Blueprint("health", __name__, url_prefix="/health")

    @pages.get("/live")
    def live() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @pages.get("/ready")
    def ready() -> Response:
        try:
            can_store()
        except StoreError:
            return Response("the database is away\n", status=503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    return pages
