"""Who can read each ticket space is looked at every ten minutes, by one worker of several."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from integration.errors import CoCError
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from integration.guard import Guard
    from webhook_server.store.chores import ChoreBook

_log = Log("coc.audience")

EVERY: Final = timedelta(minutes=10)
"""Shorter than a proof lasts (:data:`integration.guard.PROOF_LASTS`), so that an event of a host finds a recent one."""


def audiences_looked_at(guard: Guard, book: ChoreBook) -> Callable[[datetime], None]:
    """The chore. A host that gives no answer changes nothing, and keeps no other ticket space from being looked at."""

    def run(now: datetime) -> None:
        if not book.claim("audience", every=EVERY, now=now):
            return
        for space in guard.hosts:
            try:
                guard.look(space)
            except CoCError as error:
                _log.warning("space-not-looked-at", space=space, code=error.code)

    return run
