"""The PostgreSQL that tests get is a real one: it keeps what it committed through a crash, and each test its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests import pg

if TYPE_CHECKING:
    from tests.pg import Postgres


def test_what_was_committed_outlives_a_crash(postgres: Postgres, postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE kept (word text)"))
        connection.execute(sa.text("INSERT INTO kept VALUES ('still here')"))
    engine.dispose()

    postgres.stop("immediate")
    postgres.start()

    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT word FROM kept")) == "still here"
        assert connection.scalar(sa.text("SHOW fsync")) == "on"
        assert connection.scalar(sa.text("SHOW listen_addresses")) == "127.0.0.1"
    engine.dispose()


def test_each_database_is_empty_and_gone_afterwards(postgres: Postgres) -> None:
    addresses = []
    for _ in range(2):
        with postgres.fresh_database() as url:
            engine = sa.create_engine(url)
            with engine.begin() as connection:
                connection.execute(sa.text("CREATE TABLE same_name (word text)"))
            engine.dispose()
        addresses.append(url)

    engine = sa.create_engine(postgres.url("postgres"))
    with engine.connect() as connection:
        left = connection.scalars(sa.text("SELECT datname FROM pg_database")).all()
    engine.dispose()
    assert [] == [name for name in left if any(url.endswith(f"/{name}") for url in addresses)]


def test_nobody_comes_in_without_the_password(postgres: Postgres) -> None:
    wrong = pg.Postgres(postgres.binaries, postgres.folder, postgres.port, password="wrong").url("postgres")
    engine = sa.create_engine(wrong)
    with pytest.raises(sa.exc.OperationalError, match="authentication failed"):
        engine.connect()
    engine.dispose()
