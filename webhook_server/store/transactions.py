"""Reading and writing transactions; a database's own error never leaves here with its parameters in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.errors import Busy, StoreError
from webhook_server.store.troubles import kind_of, next_step_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Collision(StoreError):
    """Another transaction wrote the same thing first; what it wrote can be read now."""


class Unavailable(StoreError):
    """The database itself has trouble (its connection, a lock, its disk) or the folder of keys has. Who comes next meets the same."""


_UNAVAILABLE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
_OF_ONE_TRANSACTION = ("40", "54")
"""How those SQLSTATEs begin that are of the same types: two transactions stood in each other's way; a value is too large."""

_STOOD_STILL = "25P03"
"""PostgreSQL ended the session, because this process said nothing in a transaction: see :data:`webhook_server.store.sql.IDLE_MS`."""


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection for one read. On SQLite it waits for no writer."""
    try:
        with engine.connect().execution_options(coc_reads=True) as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        raise safe_error(error, "Nothing was read.") from None


@contextmanager
def writing(engine: sa.Engine, consequence: str) -> Iterator[sa.Connection]:
    """A transaction that is on disk when the block is left, or was never there."""
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.IntegrityError:
        raise Collision("Something else wrote the same at the same moment.", meaning=consequence) from None
    except sa.exc.SQLAlchemyError as error:
        raise safe_error(error, consequence) from None


def safe_error(error: sa.exc.SQLAlchemyError, consequence: str) -> StoreError:
    """Our own error: SQLAlchemy's text holds the statement's parameters. What to do depends on the driver's kind of error."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None) or ""
    is_away = isinstance(error, _UNAVAILABLE) and not state.startswith(_OF_ONE_TRANSACTION)
    kind = Unavailable if is_away or state == _STOOD_STILL else StoreError
    return kind(
        f"The database had trouble ({kind_of(cause)}).", meaning=consequence, next_step=next_step_for(cause)
    )


def done_by_another() -> Busy:
    """For a transaction whose work is there already: who makes it lost its lock meanwhile, and another server went on."""
    return Busy(
        "Another server has done this meanwhile; nothing was written a second time.",
        next_step="Nothing; it is tried again, and finds what was done.",
    )


class Transacting:
    """What the methods of a part of the database are made of: each is one transaction."""

    _engine: sa.Engine

    def _one(self, query: sa.Select[Any], what: str) -> sa.Row[Any]:
        row = self._first(query)
        if row is None:
            raise StoreError(f"The database does not hold {what}.", next_step="Restore it from a backup.")
        return row

    def _first(self, query: sa.Select[Any]) -> sa.Row[Any] | None:
        with self._read() as connection:
            return connection.execute(query).first()

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return reading(self._engine)

    def _write(self, consequence: str) -> AbstractContextManager[sa.Connection]:
        return writing(self._engine, consequence)
