"""The connection to our own tables: SQLite by default, PostgreSQL by another address.

On SQLite a write transaction begins with BEGIN IMMEDIATE, so that what it reads is still true when it writes, and a
commit is on disk before it returns (WAL, synchronous=FULL).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

BUSY_MS = 30_000
"""Milliseconds that a statement waits for whoever holds the database."""

LOCK_MS = 3_000
"""On PostgreSQL, where each waits for a row only and not for the whole database: a form tool waits 10
seconds at least for its answer, which may come after two such waits."""
IDLE_MS = 15_000
"""Milliseconds after which PostgreSQL ends a transaction whose process says nothing. One that was stopped (SIGSTOP, a paused virtual
machine) would otherwise keep its locks for as long as it stands still: its kernel still answers. No transaction of ours is silent so
long but those that say :func:`may_be_silent`."""

_NOTICED_HERE = {
    "keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000, "connect_timeout": 10,
}  # fmt: skip
_NOTICED_THERE = {
    "tcp_keepalives_idle": 20, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3,
    "idle_in_transaction_session_timeout": IDLE_MS,
}  # fmt: skip


def engine_that_notices(
    url: str | sa.URL, *, name: str = "", pool: type[sa.Pool] | None = None, lock_ms: int | None = None
) -> sa.Engine:
    """An engine whose connections notice within a minute, on both sides, that the other machine died or stands still.

    A machine that lost its power says no goodbye. Without this whoever waits for its answer waits for a quarter of an hour or
    longer, and with the one thread that writes all intake; and its locks stay. What the address itself says goes first.
    The other side is told once the connection stands: PgBouncer refuses one that begins with ``options``.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
    https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-TCP-KEEPALIVES-IDLE

    ``name`` is what the database shows of these connections. ``lock_ms`` is for how long a statement waits for another's lock
    on PostgreSQL; the durable engine has none, because it takes the end of such a wait for an error for good.
    https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
    """
    address = sa.make_url(url)
    if address.get_backend_name() != "postgresql":
        return sa.create_engine(address, poolclass=pool)
    said = address.normalized_query
    here = {name: value for name, value in _NOTICED_HERE.items() if name not in said}
    of_theirs = " ".join(said.get("options", ()))
    theirs = _NOTICED_THERE | ({"lock_timeout": lock_ms} if lock_ms else {})
    there = [f"SET {name} = {value}" for name, value in theirs.items() if name not in of_theirs]

    def tell(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
        connection.autocommit = True  # otherwise it would end with a transaction that is rolled back
        connection.execute("; ".join(there))
        connection.autocommit = False

    own = {"application_name": name} if name else {}
    engine = sa.create_engine(address, connect_args=here | own, poolclass=pool)
    sa.event.listen(engine, "connect", tell)
    return engine


def make_engine(url: str) -> sa.Engine:
    """An engine for our own tables, with SQLite set so that a commit is on disk."""
    engine = engine_that_notices(url, lock_ms=LOCK_MS)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin)
    return engine


def may_be_silent(connection: sa.Connection) -> None:
    """Let this transaction last for as long as its process takes: for one on whose locks nobody waits, or which must not end halfway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    connection.isolation_level = None  # we begin transactions ourselves, see _begin
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # what is erased does not stay readable in free pages
        f"busy_timeout={BUSY_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("coc_plain"):
        return
    connection.exec_driver_sql(
        "BEGIN" if connection.get_execution_options().get("coc_reads") else "BEGIN IMMEDIATE"
    )
