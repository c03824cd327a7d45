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


def migrate(engine: sa.Engine, *, to: str = "head") -> None:
    """Upgrade in one transaction, from whatever released revision is found, to the newest or to another one.

    Raises:
        StoreError: the database did not take it, and keeps the schema it had.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with writing(engine, "The database keeps the schema it had.") as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, to)
        except CommandError:
            raise StoreError(
                "The database's schema is not known to this version of coc-mirror.",
                meaning="A newer version made it. Nothing was changed.",
                next_step="Install the version that was in use, or a newer one.",
            ) from None


def revision(engine: sa.Engine) -> str | None:
    """The schema's revision; None if there is no schema yet."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()
