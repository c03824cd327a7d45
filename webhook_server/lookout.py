"""Who can read each ticket space is looked at every ten minutes, by one worker of several, and at once when a host says so."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from integration.errors import CoCError
from integration.logs import Log
from webhook_server.chores import noted
from webhook_server.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from integration.guard import Guard
    from integration.incident import SpaceName
    from integration.ports import Clock
    from webhook_server.store.chores import ChoreBook

_log = Log("coc.audience")

EVERY: Final = timedelta(minutes=10)
"""Shorter than a proof lasts (:data:`integration.guard.PROOF_LASTS`), so that an event of a host finds a recent one."""
_TRY_AGAIN: Final = timedelta(seconds=30)


def audiences_looked_at(guard: Guard, book: ChoreBook) -> Callable[[datetime], None]:
    """The chore. A host that gives no answer changes nothing, and keeps no other ticket space from being looked at."""

    def run(now: datetime) -> None:
        if not book.claim("audience", every=EVERY, now=now):
            return
        for space in guard.hosts:
            try:
                with noted(book, "audience", space, now):
                    guard.look(space)
            except CoCError as error:
                _not_looked_at(space, error)

    return run


class Lookout:
    """Looks at ticket spaces in a loop of its own, so that no webhook of a host waits for it."""

    def __init__(self, guard: Guard, clock: Clock) -> None:
        self._guard = guard
        self._clock = clock
        self._due: dict[SpaceName, datetime] = {}
        self._lock = threading.Lock()
        self._begun = False
        self.loop = Loop("audience", self.turn)

    def look_now(self, space: SpaceName) -> None:
        """For any thread: no earlier proof counts from now on, and the look follows at once. Returns before it.

        A process that dies in between leaves the doubt in the database, so that each job asks the host itself.

        Raises:
            StoreError: the doubt was not noted; the host is to send its event again.
        """
        self._guard.doubt(space)
        with self._lock:
            self._due[space] = self._clock.now()
        self.loop.wake()

    def turn(self) -> None:
        """Look at what is due. Where the host does not say, it is asked again half a minute later.

        A process that starts looks at what is frozen: it may have been started with a new exception for it.
        """
        now = self._clock.now()
        if not self._begun:
            frozen = [space for space in self._guard.hosts if self._guard.is_frozen(space)]
            with self._lock:
                self._due = {**dict.fromkeys(frozen, now), **self._due}
            self._begun = True
        with self._lock:
            due = [space for space, at in self._due.items() if at <= now or at > now + _TRY_AGAIN]
            for space in due:
                del self._due[space]
        for space in due:
            if not _look(self._guard, space):
                with self._lock:
                    self._due.setdefault(space, now + _TRY_AGAIN)


def _look(guard: Guard, space: SpaceName) -> bool:
    """Whether the host said who can read."""
    try:
        guard.look(space)
    except CoCError as error:
        _not_looked_at(space, error)
        return False
    return True


def _not_looked_at(space: SpaceName, error: CoCError) -> None:
    _log.warning("space-not-looked-at", space=space, code=error.code)
