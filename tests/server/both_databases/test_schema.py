"""An older database of either kind is brought up with what it holds, once, whoever starts together."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from tests.server.both_databases.conftest import all_at_once
from webhook_server.store import migrate as migrating
from webhook_server.store import tables as t
from webhook_server.store.migrate import migrate, revision
from webhook_server.store.overview import newest_revision
from webhook_server.store.sql import make_engine


def brought_to(engine: sa.Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).with_name("migrations")))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_a_database_of_the_first_release_is_brought_up_with_what_it_holds(url: str) -> None:
    engine = make_engine(url)
    brought_to(engine, "0001")
    old = sa.table("nonce", sa.column("alias"), sa.column("value"), sa.column("expires_at"))
    with engine.begin() as connection:
        connection.execute(old.insert().values(alias="robert", value="n1", expires_at=1))
    assert "0001" == revision(engine)

    migrate(engine)

    with engine.connect() as connection:
        assert [] == compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), t.metadata
        )
        assert "n1" == connection.scalar(sa.select(t.nonce.c.value))
    engine.dispose()


@pytest.mark.parametrize("older", [f"{number:04}" for number in range(1, int(newest_revision()))])
def test_a_database_of_every_release_is_brought_up_and_keeps_when_a_chore_was_begun(
    url: str, older: str
) -> None:
    engine = make_engine(url)
    brought_to(engine, older)
    old = sa.table("chore", sa.column("name"), sa.column("done_at"))
    if older > "0001":  # which had none
        with engine.begin() as connection:
            connection.execute(old.insert().values(name="nightly", done_at=1))

    migrate(engine)

    assert newest_revision() == revision(engine)
    with engine.connect() as connection:
        assert [] == compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), t.metadata
        )
        begun = connection.execute(sa.select(old.c.done_at)).scalars().all()
    assert ([1] if older > "0001" else []) == begun
    engine.dispose()


def test_servers_that_start_together_migrate_once(url: str) -> None:
    engines = [make_engine(url) for _ in range(4)]

    all_at_once(*(lambda one=one: migrate(one) for one in engines))

    assert len({revision(one) for one in engines}) == 1
    for one in engines:
        one.dispose()
