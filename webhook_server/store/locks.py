"""Locks between the processes that share a database. One that dies holds none: its connection is gone.

On PostgreSQL they are advisory locks of a session, each on a connection of its own, so not through a pooler that
shares sessions. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
On SQLite there is one process (:mod:`webhook_server.store.alone`), so its own threads are all that has to be kept out.

Who lost its lock while the database was away must not write on: :meth:`Locks.check` is asked before each write to a host.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import Busy
from webhook_server.store.sql import engine_that_notices
from webhook_server.store.transactions import safe_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


# The view shows the locks of every database of the server; ours are those of this one.
_HELD = (
    "held.locktype = 'advisory' AND held.granted AND held.objsubid = 1 "
    "AND ((held.classid::bigint << 32) | held.objid::bigint) = :key "
    "AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_IS_HELD = sa.text(f"SELECT EXISTS (SELECT 1 FROM pg_locks held WHERE {_HELD})")  # noqa: S608 - our own words
_END_HOLDER = sa.text(
    "SELECT pg_terminate_backend(session.pid, 5000) "  # noqa: S608 - our own words
    "FROM pg_locks held JOIN pg_stat_activity session USING (pid) "
    f"WHERE {_HELD} AND session.application_name = ANY(:names)"
)

_under: ContextVar[_Session | None] = ContextVar("lock", default=None)
"""The lock under which this thread works."""


def lock_key(name: str) -> int:
    """The number by which PostgreSQL knows a lock of ours."""
    return int.from_bytes(hashlib.sha256(f"coc-mirror|{name}".encode()).digest()[:8], "big", signed=True)


def _session_name(worker: str) -> str:
    return f"coc-mirror {worker}"


class Locks:
    """Locks by name on one database."""

    def __init__(self, engine: sa.Engine, name: str = "server") -> None:
        """``name`` is what the database shows of our sessions, for others to know whose they are."""
        self._shared = engine.dialect.name == "postgresql"
        # Apart from the pool of the work: a lock is held for as long as an attempt takes.
        self._engine = (
            engine_that_notices(engine.url, name=_session_name(name), pool=sa.NullPool)
            if self._shared
            else engine
        )
        self._ours: set[str] = set()
        self._guard = threading.Lock()

    @contextmanager
    def held(self, name: str, otherwise: str) -> Iterator[None]:
        """Hold a lock while the block runs. Waits for nobody.

        Raises:
            Busy: another process, or thread, holds it; ``otherwise`` says what that means.
            StoreError: the database is away.
        """
        with self._held_here(name, otherwise):
            if not self._shared:
                yield
                return
            lock = _Session(self._engine, name)
            try:
                if not lock.is_ours():
                    raise Busy(otherwise, next_step="Nothing; it is tried again.")
                before = _under.set(lock)
                try:
                    yield
                finally:
                    _under.reset(before)
            finally:
                lock.close()

    def check(self) -> None:
        """Return if this thread still has the lock under which it works, or works under none.

        Raises:
            Busy: the lock was lost; another process may have it, or have had it.
            StoreError: the database is away, and so is the lock.
        """
        lock = _under.get()
        if lock is not None and not lock.is_still_ours():
            raise Busy(
                "The lock on the incident was lost while the database was away; another server may write now.",
                next_step="Nothing; it is tried again.",
            )

    def is_free(self, name: str) -> bool:
        """Whether no process holds a lock. Does not take it, so that nobody finds it taken because we looked.

        Raises:
            StoreError: the database is away.
        """
        if not self._shared:
            return name not in self._ours
        try:
            with self._engine.connect() as connection:
                return not connection.scalar(_IS_HELD, {"key": lock_key(name)})
        except sa.exc.SQLAlchemyError as error:
            raise safe_error(error, "It is not known who else works on this database.") from None

    @contextmanager
    def _held_here(self, name: str, otherwise: str) -> Iterator[None]:
        with self._guard:
            if name in self._ours:
                raise Busy(otherwise, next_step="Nothing; it is tried again.")
            self._ours.add(name)
        try:
            yield
        finally:
            with self._guard:
                self._ours.discard(name)

    def lease(self, name: str) -> Lease:
        """A lock to be held for as long as the process lives."""
        return Lease(_Session(self._engine, name) if self._shared else None)


class Lease:
    """A lock that is taken when it becomes free, kept, and taken again after the database was away."""

    def __init__(self, session: _Session | None) -> None:
        self._session = session
        self._lock = threading.Lock()

    def is_ours(self) -> bool:
        """Whether this process holds it now; tries to take it if not.

        Raises:
            StoreError: the database is away, and so is the lock.
        """
        with self._lock:
            return self._session is None or self._session.is_ours()

    def take_from(self, holders: Collection[str]) -> None:
        """End the session that holds this lock, if it is of a process of one of these names."""
        with self._lock:
            if self._session is not None and holders:
                self._session.end_holder(holders)

    def close(self) -> None:
        """Give it to others."""
        with self._lock:
            if self._session is not None:
                self._session.close()


class _Session:
    """A connection that holds, or asks for, one advisory lock."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._key = lock_key(name)
        self._connection: sa.Connection | None = None
        self._has = False

    def is_ours(self) -> bool:
        try:
            if self._connection is None:
                self._has = False
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if self._has:
                self._connection.execute(sa.text("SELECT 1"))  # raises if the session, and the lock, are gone
            else:
                self._has = bool(self._connection.scalar(sa.select(sa.func.pg_try_advisory_lock(self._key))))
        except sa.exc.SQLAlchemyError as error:
            self.close()
            raise safe_error(error, "It is not known who else works on this database.") from None
        return self._has

    def is_still_ours(self) -> bool:
        """As :meth:`is_ours`, but a lock that was lost is not taken again: another may have held it meanwhile."""
        return self._has and self.is_ours()

    def end_holder(self, names: Collection[str]) -> None:
        """Let the database end the session that holds this lock, if it is of a process of one of these names."""
        if self._connection is None:
            return
        try:
            self._connection.execute(
                _END_HOLDER, {"key": self._key, "names": [_session_name(one) for one in names]}
            )
        except sa.exc.SQLAlchemyError as error:
            self.close()
            raise safe_error(error, "Who stands still keeps the lead for now.") from None

    def close(self) -> None:
        connection, had, self._connection, self._has = self._connection, self._has, None, False
        if connection is None:
            return
        with suppress(sa.exc.SQLAlchemyError):  # then the session is gone, and the lock with it
            if had:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(self._key)))
        connection.invalidate()
        connection.close()
