"""What was erased leaves SQLite's log soon, and nobody waits for that."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from webhook_server.store.sql import BUSY_MS
from webhook_server.store.write_ahead_log import WriteAheadLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.server.conftest import Intake
    from webhook_server.store.database import Database

LONG = 601


class Steady:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def steady(database: Database) -> Steady:
    steady = Steady()
    database.log = WriteAheadLog(database._engine, steady=steady)
    return steady


@contextmanager
def reader(folder: Path) -> Iterator[None]:
    """Somebody reads the database as it is now, for as long as the block lasts."""
    connection = sqlite3.connect(folder / "coc.sqlite", isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM inbox").fetchone()
    try:
        yield
    finally:
        connection.close()


def size(folder: Path) -> int:
    return (folder / "coc.sqlite-wal").stat().st_size


@pytest.fixture
def patience(database: Database) -> list[int]:
    """How long each try to empty the log would have waited for others, in milliseconds."""
    waits: list[int] = []

    def before(_connection: object, cursor: sqlite3.Cursor, statement: str, *_rest: object) -> None:
        if "wal_checkpoint" in statement:
            waits.append(cursor.connection.execute("PRAGMA busy_timeout").fetchone()[0])

    sa.event.listen(database._engine, "before_cursor_execute", before)
    return waits


def test_it_is_emptied_when_a_report_is_handed_over(
    take_in: Intake, hand_over: Callable[[str], None], tmp_path: Path
) -> None:
    receipt = take_in()
    assert size(tmp_path) > 0

    hand_over(receipt.inbox_id)

    assert 0 == size(tmp_path)


def test_it_waits_for_nobody_and_all_other_statements_do(
    take_in: Intake, hand_over: Callable[[str], None], tmp_path: Path, patience: list[int], database: Database
) -> None:
    receipt = take_in()

    with reader(tmp_path):
        hand_over(receipt.inbox_id)
        take_in()

    assert [0] == patience
    with database._engine.connect() as connection:
        assert BUSY_MS == connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    assert size(tmp_path) > 0


def test_what_a_reader_kept_in_it_leaves_when_he_is_gone(
    take_in: Intake, hand_over: Callable[[str], None], tmp_path: Path, steady: Steady, database: Database,
    patience: list[int],
) -> None:  # fmt: skip
    receipt = take_in()
    with reader(tmp_path):
        hand_over(receipt.inbox_id)
        database.log.empty_what_is_left()
        assert 1 == len(patience), "it is not tried at each turn of a burst"
        steady.seconds += 2
        database.log.empty_what_is_left()
        assert size(tmp_path) > 0
    steady.seconds += 2

    database.log.empty_what_is_left()

    assert 0 == size(tmp_path)
    steady.seconds += 2
    database.log.empty_what_is_left()
    assert 3 == len(patience)


def test_that_it_is_not_empty_for_long_is_said_every_ten_minutes(
    take_in: Intake, hand_over: Callable[[str], None], tmp_path: Path, steady: Steady, database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    receipt = take_in()
    with reader(tmp_path):
        hand_over(receipt.inbox_id)
        for _ in range(10):
            steady.seconds += LONG / 5
            database.log.empty_what_is_left()
        assert 2 == caplog.text.count("event=log-not-emptied")
    steady.seconds += 2
    database.log.empty_what_is_left()

    assert 2 == caplog.text.count("event=log-not-emptied")
