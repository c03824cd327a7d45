"""Deliveries that never reached the intake: the server's door hung up before they had come whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import NotReceived, UnknownSource
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_log = Log("coc.intake")
_CODE = NotReceived.code


def not_received(
    sources: Collection[str], alert: Callable[[str, str], None], count: Callable[[str], None]
) -> Callable[[str, int], None]:
    """What :func:`webhook_server.door.make_door` tells of a request that it turned away: its path and its length so far.

    If it is a delivery, it is logged, counted and told as the intake does with what it refuses (see there). Nobody knows
    who sent it, and nobody looks at what came of it.
    """

    def tell(path: str, size: int) -> None:
        if not path.startswith("/in/"):
            return
        name = path.removeprefix("/in/")
        known = name in sources
        _log.warning("intake", source=name if known else "unknown", outcome=_CODE, size=size)
        if not known:
            count(UnknownSource.code)
            return
        count(_CODE)
        try:
            alert(name, _CODE)
        except Exception as error:  # noqa: BLE001 - all connections are looked after by the thread that tells us
            _log.error("alert-failed", source=name, code=_CODE, error=type(error).__name__)

    return tell
