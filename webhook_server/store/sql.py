"""The connection to our own tables: SQLite by default, PostgreSQL by another address.

On SQLite a write transaction begins with BEGIN IMMEDIATE, so that what it reads is still true when it writes, and a
commit is on disk before it returns (WAL, synchronous=FULL).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

BUSY_MS = 30_000
"""Milliseconds that a statement waits for whoever holds the database."""


def make_engine(url: str) -> sa.Engine:
    """An engine for our own tables, with SQLite set so that a commit is on disk."""
    engine = sa.create_engine(url)
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
