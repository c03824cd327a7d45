"""Keeps a key in being while a transaction may still bring forth a report that needs it.

When the connection breaks during COMMIT, nobody here knows whether the report will stand in the database. Asking the database too
early says that no report needs the key; destroyed then, the key takes the report with it. So a transaction that
seals holds a lock of PostgreSQL's own until it is over and all can see what came of it, and keys are destroyed only under the same lock,
taken for oneself. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

SQLite has one process, whose commit is over when it returns.
"""

from __future__ import annotations

import sqlalchemy as sa

from webhook_server.store.locks import lock_key
from webhook_server.store.sql import may_be_silent


def begin_sealing(connection: sa.Connection, process: str) -> None:
    """Before a key of this process is taken: it stays until the transaction is over, whoever hears of its end."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_key(process))))


def nothing_is_being_sealed(connection: sa.Connection, process: str) -> bool:
    """Whether no transaction is open that sealed with keys of this process. If so, none begins before this one is over.

    However slow the folder of the keys is, PostgreSQL must not end this one while they are being destroyed.
    """
    if connection.dialect.name != "postgresql":
        return True
    may_be_silent(connection)
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_key(process)))))


def _key(process: str) -> int:
    return lock_key(f"inbox keys {process}")
