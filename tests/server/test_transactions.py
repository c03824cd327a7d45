"""Threads that write to SQLite stand in line: nobody sleeps in SQLite until it looks again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from integration.errors import StoreError
from webhook_server.store.sql import make_engine
from webhook_server.store.transactions import writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """A database that refuses who finds another writer."""
    engine = make_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")

    def never_waits(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
        connection.execute("PRAGMA busy_timeout=0")

    sa.event.listen(engine, "connect", never_waits)
    with writing(engine, "x") as connection:
        connection.exec_driver_sql("CREATE TABLE one (n INTEGER)")
    yield engine
    engine.dispose()


def test_threads_write_one_after_another(engine: sa.Engine) -> None:
    refused: list[StoreError] = []
    together = threading.Barrier(8)

    def write(n: int) -> None:
        together.wait(30)
        try:
            for _ in range(10):
                with writing(engine, "x") as connection:
                    connection.exec_driver_sql("INSERT INTO one VALUES (?)", (n,))
        except StoreError as error:
            refused.append(error)

    threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [] == refused
    with engine.connect() as connection:
        assert 80 == connection.exec_driver_sql("SELECT count(*) FROM one").scalar()


def test_trouble_of_one_keeps_nobody_in_line(engine: sa.Engine) -> None:
    with pytest.raises(StoreError), writing(engine, "x") as connection:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    with writing(engine, "x") as connection:
        connection.exec_driver_sql("INSERT INTO one VALUES (1)")
