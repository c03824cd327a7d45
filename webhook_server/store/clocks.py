"""The time: by this machine's clock, or, where several servers share a database, by that of the database's machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.logs import Log
from webhook_server.store.transactions import reading

if TYPE_CHECKING:
    from integration.ports import SteadyClock

_log = Log("coc.server")

MOST_APART = timedelta(minutes=1)
"""Further apart, one of the two clocks is wrong. Nothing of ours depends on it, but hosts and form tools compare signed times."""
_LONGEST_LOOK = 1.0
"""Seconds. After a longer one nobody knows when in it the database looked at its clock: what was seen before is better."""


class SystemClock:
    """The real time, as this machine believes it to be."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC)

    def steady(self) -> float:
        """Seconds that nobody puts back or forward."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class _Seen:
    time: datetime
    at: float


class SharedClock:
    """The clock by which all servers on one database go: on PostgreSQL the database's, on SQLite the machine's own.

    What one of them notes the others read: when a job is due, what was written to a host, when a night was. By clocks of their
    own, which differ, they would not keep what a host asked for, and count its limits twice. Between two looks
    the time goes on by this machine's steady clock, so that it may be put right, or wrong, without any effect.
    """

    def __init__(self, engine: sa.Engine, machine: SteadyClock | None = None) -> None:
        """Before the first :meth:`look` it is the machine's own time."""
        self._engine = engine
        self._machine = machine or SystemClock()
        self._seen: _Seen | None = None
        self._is_told = False

    def now(self) -> datetime:
        """The current time in UTC."""
        seen = self._seen
        if seen is None:
            return self._machine.now()
        return seen.time + timedelta(seconds=self._machine.steady() - seen.at)

    def steady(self) -> float:
        """Seconds that nobody puts back or forward."""
        return self._machine.steady()

    def look(self) -> None:
        """Ask the database for the time. To be called at a start, and again and again.

        Raises:
            StoreError: the database is away; the time goes on as it did.
        """
        if self._engine.dialect.name != "postgresql":
            return
        with reading(self._engine) as connection:
            connection.execute(sa.text("SELECT 1"))  # the session stands, and the transaction has begun
            before = self._machine.steady()
            theirs = database_time(connection)
            after = self._machine.steady()
        if self._seen is None or after - before <= _LONGEST_LOOK:
            self._seen = _Seen(theirs, (before + after) / 2)
        self._tell(theirs - self._machine.now())

    def _tell(self, apart: timedelta) -> None:
        """Once, and again after they had agreed."""
        is_wrong = abs(apart) > MOST_APART
        if is_wrong and not self._is_told:
            _log.warning("clock-differs", seconds=round(abs(apart).total_seconds()))
        self._is_told = is_wrong


def common_time(engine: sa.Engine) -> datetime:
    """The time now, as all servers on this database note it.

    Raises:
        StoreError: the database is away.
    """
    clock = SharedClock(engine)
    clock.look()
    return clock.now()


def database_time(connection: sa.Connection) -> datetime:
    """The time by the clock of the database's machine. On SQLite that is this one."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)
    return datetime.now(UTC)
