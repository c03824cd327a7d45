"""What may still be written to each host, counted in the database because several processes may write to one.

Each request that writes is a row: when, and how many writes the host counts for it. A request finds its place
after the rows before it; the processes take turns at looking and adding, so that none sees a place as free that
another has just taken. Rows that no limit looks back to are dropped.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import BudgetSpent
from webhook_server.store import tables as t
from webhook_server.store.sql import IDLE_MS
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from integration.ports import Clock, Pace

LONGEST_WAIT = 5.0
"""Seconds that a job stands still for its turn. If it takes longer, the job goes back into the inbox and others run."""

LONGEST_PAUSE = timedelta(hours=1)
_LOOKS_BACK = timedelta(hours=1)  # as far as any host's limit does
_CLOCK_SLACK = timedelta(minutes=1)
"""How far a write may lie ahead of now: the clocks of two machines differ. What lies further ahead was noted by a
clock that has been put back since; believed, it would keep everybody from writing until then."""


class SharedBudget:
    """The :class:`integration.ports.Budget` of all processes on one database."""

    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def reserve(self, name: str, pace: Pace, writes: int) -> float:
        """Reserve writes in one request; the seconds to wait before it is sent.

        Raises:
            BudgetSpent: it would be more than :data:`LONGEST_WAIT`. Nothing was reserved.
            StoreError: the database is away. Nothing was reserved.
        """
        with writing(self._engine, "Nothing was sent to the host.") as connection:
            _take_turns(connection, name)
            now = self._clock.now()
            at = _place(connection, name, pace, writes, now)
            _not_too_late(name, at, now)
            connection.execute(t.host_write.insert().values(budget=name, at=at, writes=writes))
        return (at - now).total_seconds()

    def check(self, name: str, pace: Pace, writes: int) -> None:
        """Return if so many writes could be reserved now.

        Raises:
            BudgetSpent: they could not.
            StoreError: the database is away.
        """
        now = self._clock.now()
        too_many = [seconds for most, seconds in pace.limits if writes > most]
        with reading(self._engine) as connection:
            at = _place(connection, name, pace, writes, now)
        _not_too_late(name, max(at, now + timedelta(seconds=max(too_many, default=0))), now)

    def pause(self, name: str, seconds: float) -> None:
        """Nobody writes for so long: a row without writes stands at the end of the pause."""
        until = self._clock.now() + min(LONGEST_PAUSE, timedelta(seconds=min(seconds, 1e6)))
        with writing(self._engine, "The host's wish to wait was not noted.") as connection:
            connection.execute(t.host_write.insert().values(budget=name, at=until, writes=0))

    def forget(self, now: datetime) -> None:
        """Drop what no limit looks back to, and what a clock noted that has been put back since."""
        at = t.host_write.c.at
        with writing(self._engine, "Old writes stay counted.") as connection:
            connection.execute(
                t.host_write.delete().where(sa.or_(at <= now - _LOOKS_BACK, at > now + LONGEST_PAUSE))
            )


def _take_turns(connection: sa.Connection, name: str) -> None:
    """Until the end of the transaction nobody else reserves under this name. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256(f"coc-mirror|budget|{name}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        # In turn, and each only for as long as one commit: on a slow disk that may add up. One that stands still is ended.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {2 * IDLE_MS}")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _place(connection: sa.Connection, name: str, pace: Pace, writes: int, now: datetime) -> datetime:
    """The earliest time from now on, and after every place that is taken, at which so many writes are allowed.

    A request that alone counts more than a limit allows gets that limit for itself.
    """
    row = t.host_write.c
    oldest = now - timedelta(seconds=max([pace.gap, *(seconds for _, seconds in pace.limits)]))
    taken = connection.execute(
        sa.select(row.at, row.writes)
        .where(
            row.budget == name,
            row.at > oldest,
            sa.or_(row.at <= now + _CLOCK_SLACK, sa.and_(row.writes == 0, row.at <= now + LONGEST_PAUSE)),
        )
        .order_by(row.at.desc(), row.id.desc())
    ).all()
    at: datetime = max([now, *(one.at + timedelta(seconds=pace.gap) for one in taken[:1])])
    for most, seconds in pace.limits:
        together = min(writes, most)
        for one in taken:
            together += one.writes
            if together > most:
                at = max(at, one.at + timedelta(seconds=seconds))
                break
    return at


def _not_too_late(name: str, at: datetime, now: datetime) -> None:
    after = (at - now).total_seconds()
    if after > LONGEST_WAIT:
        raise BudgetSpent(
            f"What may be written to {name} in a while is used up for now.",
            meaning="Nothing is wrong: the host allows only so many writes. What was written stays there.",
            next_step=f"Nothing; the rest follows by itself, not before {after:.0f} seconds.",
            after=after,
        )
