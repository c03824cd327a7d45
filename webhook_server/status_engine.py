"""Whether the engine's own database is there: without it reports are taken in, and none is brought to its ticket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from webhook_server.store.sql import engine_that_notices
from webhook_server.store.troubles import engine_trouble

if TYPE_CHECKING:
    from webhook_server.config import Config
    from webhook_server.status_report import Status

_TABLES = {
    "sqlite": "SELECT count(*) FROM sqlite_master",
    "postgresql": "SELECT count(*) FROM pg_catalog.pg_tables",
}


def look_at_engine(status: Status, config: Config) -> None:
    """Warn if the engine's database cannot be read. One that lies in that of the reports was looked at with it."""
    url = sa.make_url(config.engine_url)
    kind = url.get_backend_name()
    if config.engine_url == config.database_url or (
        kind == "sqlite" and not Path(url.database or "").exists()  # the next start makes it
    ):
        return
    sql = engine_that_notices(url, pool=sa.NullPool)
    try:
        with sql.connect() as connection:
            connection.exec_driver_sql(_TABLES[kind])
    except sa.exc.SQLAlchemyError as error:
        trouble = engine_trouble(error)
        status.warn(trouble.what, f"{trouble.meaning} {trouble.next_step}")
    finally:
        sql.dispose()
