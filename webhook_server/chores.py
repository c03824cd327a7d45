"""What is due by the clock: each minute every chore is asked whether it has something to do.

A chore that fails does not keep the others from theirs, and is asked again; its trouble is logged by code or kind, and
noted in the database. Most chores claim what is due before they do it, and have nothing to do when they are asked again
a minute later. So what was claimed is noted by the chore itself (:func:`noted`, with the ticket space or webhook it is
about), and only what fails outside of that is noted here, with an empty part: it is tried again each minute.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from integration.errors import BudgetSpent, CoCError
from integration.logs import Log
from webhook_server.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from integration.ports import Clock
    from webhook_server.store.chores import ChoreBook

_log = Log("coc.chores")

_LOOK_EVERY = timedelta(minutes=1)
_UNEXPECTED = "unexpected"


def note(book: ChoreBook, chore: str, part: str, error: Exception | None, now: datetime) -> None:
    """Note how what was due has ended, for ``coc-server status`` and the metrics: by its code, or that it succeeded.

    A database that is away takes no note of anything; that ends neither the chore nor the loop.
    """
    try:
        if error is None:
            book.succeeded(chore, part)
        else:
            book.failed(chore, part, error.code if isinstance(error, CoCError) else _UNEXPECTED, now)
    except CoCError as trouble:
        _log.warning("chore-not-noted", loop=chore, code=trouble.code)


@contextmanager
def noted(book: ChoreBook, chore: str, part: str, now: datetime) -> Iterator[None]:
    """Do in this block what was claimed, whole: that it raises, or gets through, is noted. It is raised on.

    To wait for our own budget of writes is neither: reports go first.
    """
    try:
        yield
    except BudgetSpent:
        raise
    except Exception as error:
        note(book, chore, part, error, now)
        raise
    note(book, chore, part, None, now)


class Chores:
    """A loop of its own, so that neither reports nor mails wait for a chore.

    Args:
        chores: by name for the log, what to call each minute; each sees for itself whether it is due.
        clock: the time.
        book: where it is noted what fails.
    """

    def __init__(
        self, chores: Mapping[str, Callable[[datetime], None]], clock: Clock, book: ChoreBook
    ) -> None:
        self._chores = dict(chores)
        self._book = book
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
                with noted(self._book, name, "", now):
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
