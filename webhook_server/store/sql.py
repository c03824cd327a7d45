"""The connection to our own tables: SQLite by default, PostgreSQL by another address.

On SQLite a write transaction begins with BEGIN IMMEDIATE, so that what it reads is still true when it writes, and a
commit is on disk before it returns (WAL, synchronous=FULL).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

BUSY_MS = 30_000
"""Milliseconds that a statement waits for whoever holds the database."""

_NOTICED_HERE = {
    "keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000, "connect_timeout": 10,
}  # fmt: skip
_NOTICED_THERE = "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


def noticed_when_cut(url: sa.URL) -> dict[str, Any]:
    """What a connection is opened with so that a machine that died is noticed, on both sides, within a minute.

    A machine that lost its power says no goodbye. Without this whoever waits for its answer waits for a quarter of an hour or
    longer, and with the one thread that writes all intake; and its locks stay. What the address itself says goes first.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
    https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-TCP-KEEPALIVES-IDLE
    """
    if url.get_backend_name() != "postgresql":
        return {}
    said = url.normalized_query
    here = {name: value for name, value in _NOTICED_HERE.items() if name not in said}
    return {**here, "options": " ".join([_NOTICED_THERE, *said.get("options", ())])}


def make_engine(url: str) -> sa.Engine:
    """An engine for our own tables, with SQLite set so that a commit is on disk."""
    engine = sa.create_engine(url, connect_args=noticed_when_cut(sa.make_url(url)))
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin)
    return engine


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
