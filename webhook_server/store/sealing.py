"""Keeps a key in being while a transaction may still bring forth a report that needs it.

When the connection breaks during COMMIT, nobody here knows whether the report will stand in the database. Asking the database too
early says that no report needs the key; destroyed then, the key takes the report with it. So a transaction that
seals holds a lock of PostgreSQL's own until it is over and all can see what came of it, and keys are destroyed only under the same lock,
taken for oneself. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

The same holds for a root key that is to leave its file: what was sealed with it and is not committed yet is seen by nobody,
so it is not sealed anew, and never opens again. So whoever seals anything holds a second shared lock, the same for all processes.

SQLite has one writer at a time, whose commit is over when it returns.
"""

from __future__ import annotations

import sqlalchemy as sa

from webhook_server.store.locks import lock_key
from webhook_server.store.sql import may_be_silent
from webhook_server.store.transactions import writing

_ROOT_KEYS = lock_key("root keys")


def begin_sealing(connection: sa.Connection, process: str) -> None:
    """Before a key of this process is taken: it stays until the transaction is over, whoever hears of its end."""
    _share(connection, _key(process), _ROOT_KEYS)


def begin_sealing_with_root_key(connection: sa.Connection) -> None:
    """Before a value is sealed with the root key alone: that key stays in its file until the transaction is over."""
    _share(connection, _ROOT_KEYS)


def all_sealed_is_committed(engine: sa.Engine) -> bool:
    """Whether all that was sealed until now can be seen, or never will be. Waits for nobody but SQLite's writer.

    Raises:
        StoreError: the database is away, or another program keeps it locked.
    """
    # On SQLite it begins when the last writer has ended.
    with writing(engine, "The older root key stays.") as connection:
        if engine.dialect.name != "postgresql":
            return True
        return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_ROOT_KEYS))))


def nothing_is_being_sealed(connection: sa.Connection, process: str) -> bool:
    """Whether no transaction is open that sealed with keys of this process. If so, none begins before this one is over.

    However slow the folder of the keys is, PostgreSQL must not end this one while they are being destroyed.
    """
    if connection.dialect.name != "postgresql":
        return True
    may_be_silent(connection)
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_key(process)))))


def _share(connection: sa.Connection, *keys: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(*map(sa.func.pg_advisory_xact_lock_shared, keys)))


def _key(process: str) -> int:
    return lock_key(f"inbox keys {process}")
