"""SQLite's write-ahead log, emptied of what was erased from the database.

Until then it holds the older pages. To empty it needs a moment in which nobody reads or writes, and whoever waits for
that moment holds up every delivery. So it is tried, and tried again, and never waited for.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from integration.logs import Log
from webhook_server.store.sql import BUSY_MS
from webhook_server.store.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

_log = Log("coc.store")

_PAUSE = 2.0
"""Seconds between two tries: each writes to the disk what came since, and a burst of deliveries needs the disk."""
_LONG = 600.0  # seconds


class WriteAheadLog:
    """The log of one database. On another database than SQLite there is none, and nothing is done."""

    def __init__(self, engine: sa.Engine, *, steady: Callable[[], float] = time.monotonic) -> None:
        """``steady`` gives seconds of a clock that nobody puts forward or back."""
        self._engine = engine
        self._steady = steady
        self._lock = threading.Lock()
        self._tried: float | None = None
        """When it was tried in vain; None if nothing is left."""
        self._said = 0.0

    def empty(self) -> None:
        """Something was erased: empty the log, or have :meth:`empty_what_is_left` do so later.

        Raises:
            StoreError: the database cannot be read.
        """
        if self._engine.dialect.name == "sqlite":
            with self._lock:
                self._try()

    def empty_what_is_left(self) -> None:
        """Try again what could not be done before. Costs nothing if there is nothing left; to be called often.

        Raises:
            StoreError: the database cannot be read.
        """
        tried = self._tried
        if tried is not None and self._steady() - tried >= _PAUSE:
            self.empty()

    def _try(self) -> None:
        with reading(self._engine.execution_options(coc_plain=True)) as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            try:
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MS}")
        now = self._steady()
        if not busy:
            self._tried = None
            return
        if self._tried is None:
            self._said = now
        elif now - self._said > _LONG:
            self._said = now
            _log.warning("log-not-emptied")
        self._tried = now
