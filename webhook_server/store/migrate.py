"""Bring the database to the newest schema. Runs at every start; does nothing when it is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

from webhook_server.store.transactions import writing

if TYPE_CHECKING:
    import sqlalchemy as sa


def migrate(engine: sa.Engine) -> None:
    """Upgrade in one transaction, from whatever released revision is found."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with writing(engine, "The database keeps the schema it had.") as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
