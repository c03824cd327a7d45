"""Bring the database to the newest schema. Runs at every start; does nothing when it is there already."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from integration.errors import StoreError
from webhook_server.store.transactions import reading, writing

_ONE_AT_A_TIME = 0x636F632D6D6972  # of PostgreSQL's advisory locks: servers that start together take turns
_TURN_MS = 120_000
"""The others may have much to upgrade."""


def migrate(engine: sa.Engine, *, to: str = "head") -> None:
    """Upgrade in one transaction, from whatever released revision is found, to the newest or to another one.

    Raises:
        StoreError: the database did not take it, and keeps the schema it had.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with writing(engine, "The database keeps the schema it had.") as connection:
        if engine.dialect.name == "postgresql":
            _take_turns(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, to)
        except CommandError:
            raise StoreError(
                "The database's schema is not known to this version of coc-mirror.",
                meaning="A newer version made it. Nothing was changed.",
                next_step="Install the version that was in use, or a newer one.",
            ) from None


def _take_turns(connection: sa.Connection) -> None:
    """Wait longer for those that upgrade than for the tables, which servers of the version before are using."""
    usual = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_TURN_MS}")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{usual}'")


def revision(engine: sa.Engine) -> str | None:
    """The schema's revision; None if there is no schema yet."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()
