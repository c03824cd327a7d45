"""Reading and writing transactions; a database's own error never leaves here with its parameters in it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from integration.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator


_LONGEST_LINE = 30.0  # seconds
_LINES: WeakKeyDictionary[sa.Engine, threading.Lock] = WeakKeyDictionary()
_GUARD = threading.Lock()


class Collision(StoreError):
    """Another transaction wrote the same thing first; what it wrote can be read now."""


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
        with one_after_another(engine), engine.begin() as connection:
            yield connection
    except sa.exc.IntegrityError:
        raise Collision("Something else wrote the same at the same moment.", meaning=consequence) from None
    except sa.exc.SQLAlchemyError as error:
        raise safe_error(error, consequence) from None


@contextmanager
def one_after_another(engine: sa.Engine) -> Iterator[None]:
    """SQLite has one writer at a time, and who finds another one sleeps for up to 100 ms before it looks again.

    So the threads of this process stand in line here. It keeps nothing right: after a while SQLite itself has the word.
    https://www.sqlite.org/c3ref/busy_timeout.html
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    with _GUARD:
        line = _LINES.setdefault(engine, threading.Lock())
    has_turn = line.acquire(timeout=_LONGEST_LINE)
    try:
        yield
    finally:
        if has_turn:
            line.release()


def safe_error(error: sa.exc.SQLAlchemyError, consequence: str) -> StoreError:
    """Our own error: SQLAlchemy's text holds the statement's parameters."""
    cause = type(getattr(error, "orig", None) or error).__name__
    return StoreError(
        f"The database had trouble ({cause}).",
        meaning=consequence,
        next_step="See that its disk is not full and that the server may write to it.",
    )
