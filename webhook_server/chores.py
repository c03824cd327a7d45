"""What is due by the clock: each minute every chore is asked whether it has something to do.

A chore that fails does not keep the others from theirs, and is asked again; its trouble is logged by code or kind.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from integration.errors import CoCError
from integration.logs import Log
from webhook_server.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from integration.ports import Clock
    from webhook_server.store.chores import ChoreBook

_log = Log("coc.chores")

_LOOK_EVERY = timedelta(minutes=1)


class Chores:
    """A loop of its own, so that neither reports nor mails wait for a chore.

    Args:
        chores: by name for the log, what to call each minute; each sees for itself whether it is due.
        clock: the time.
    """

    def __init__(self, chores: Mapping[str, Callable[[datetime], None]], clock: Clock) -> None:
        self._chores = dict(chores)
        self._clock = clock
        self._looked: datetime | None = None
        self.loop = Loop("chores", self.turn)

    def turn(self) -> None:
        """Ask every chore, if a minute has passed."""
        now = self._clock.now()
        if self._looked is not None and abs(now - self._looked) < _LOOK_EVERY:
            return
        self._looked = now
        for name, chore in self._chores.items():
            try:
                chore(now)
            except CoCError as error:
                _log.error("chore-trouble", loop=name, code=error.code)
            except Exception as error:  # noqa: BLE001 - its text may hold anything; the other chores must go on
                _log.error("chore-trouble", loop=name, error=type(error).__name__)


def nightly(book: ChoreBook) -> Callable[[datetime], None]:
    """Compare every open ticket with its incident once a day, closed ones once a week, and drop what was compared."""

    def run(now: datetime) -> None:
        added = book.begin_night(now)
        if added:
            _log.info("nightly", count=added)
        book.drop_done(now)

    return run
