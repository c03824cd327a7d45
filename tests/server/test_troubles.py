"""Each kind of a database's trouble has its own next step, and nothing of the driver's text is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa

from integration.errors import StoreError
from tests.leaks.conftest import Canary
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine
from webhook_server.store.transactions import Unavailable, reading, safe_error, writing
from webhook_server.store.troubles import engine_trouble, next_step_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAMAGED, ROOM, OPEN, LOCKED = (
    "restore the newest backup",
    "disk is not full",
    "folder is there",
    "keeps it locked",
)
POSTGRESQL_AWAY = "See that PostgreSQL runs"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "coc.sqlite"


@pytest.fixture
def engine(file: Path) -> Iterator[sa.Engine]:
    engine = make_engine(f"sqlite:///{file}")
    yield engine
    engine.dispose()


def trouble(engine: sa.Engine, statement: str = "CREATE TABLE b (x)") -> StoreError:
    with pytest.raises(StoreError) as raised, writing(engine, "Nothing.") as connection:
        connection.exec_driver_sql(statement)
    return raised.value


def garbage(_engine: sa.Engine, file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def broken_pages(engine: sa.Engine, file: Path) -> None:
    migrate(engine)
    engine.dispose()
    raw = bytearray(file.read_bytes())
    raw[100:4096] = b"\xff" * 3996
    file.write_bytes(raw)


def full(engine: sa.Engine, _file: Path) -> None:
    with writing(engine, "") as connection:
        connection.exec_driver_sql("CREATE TABLE a (x)")
    sa.event.listen(engine, "begin", lambda one: one.exec_driver_sql("PRAGMA max_page_count=2"))


def read_only(engine: sa.Engine, _file: Path) -> None:
    sa.event.listen(engine, "connect", lambda one, _: one.execute("PRAGMA query_only=1"))


def no_folder(_engine: sa.Engine, file: Path) -> None:
    file.parent.rmdir()


@pytest.mark.parametrize(
    ("spoil", "step"),
    [(garbage, DAMAGED), (broken_pages, DAMAGED), (full, ROOM), (read_only, ROOM), (no_folder, OPEN)],
)
def test_each_trouble_of_sqlite_says_what_helps_against_it(
    spoil: Callable[[sa.Engine, Path], None], step: str, engine: sa.Engine, file: Path
) -> None:
    spoil(engine, file)

    error = trouble(engine)

    assert step in error.next_step
    assert [step] == [one for one in (DAMAGED, ROOM, OPEN, LOCKED) if one in error.next_step]


def test_a_database_that_another_program_locks_is_said_to_be_locked(engine: sa.Engine, file: Path) -> None:
    migrate(engine)
    engine.dispose()
    sa.event.listen(engine, "connect", lambda one, _: one.execute("PRAGMA busy_timeout=0"))
    other = make_engine(f"sqlite:///{file}")

    with writing(other, ""):
        error = trouble(engine)
    other.dispose()

    assert LOCKED in error.next_step
    assert isinstance(error, Unavailable)


def test_postgresql_that_does_not_run_is_to_be_started_and_its_password_is_not_shown(free_port: int) -> None:
    canary = Canary()
    password = canary.text("password")
    url = sa.URL.create("postgresql+psycopg", "coc", password, "127.0.0.1", free_port, "coc")
    engine = make_engine(url.render_as_string(hide_password=False))

    with pytest.raises(StoreError) as raised, reading(engine):
        pass

    assert POSTGRESQL_AWAY in raised.value.next_step
    assert "[server].database" in raised.value.next_step
    assert isinstance(raised.value, Unavailable)
    assert [] == canary.found_in("error", str(raised.value).encode())


def test_a_wrong_name_of_the_database_leads_to_its_address(postgres_url: str) -> None:
    engine = make_engine(postgres_url.replace(sa.make_url(postgres_url).database or "?", "not_there"))

    with pytest.raises(StoreError) as raised, reading(engine):
        pass

    assert POSTGRESQL_AWAY in raised.value.next_step


def test_a_postgresql_that_takes_no_writes_leads_to_rights_and_a_read_only_copy(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    sa.event.listen(engine, "begin", lambda one: one.exec_driver_sql("SET TRANSACTION READ ONLY"))

    error = trouble(engine, "CREATE TABLE b (x int)")
    engine.dispose()

    assert "read-only copy" in error.next_step


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        (psycopg.errors.DiskFull, ROOM),
        (psycopg.errors.IoError, ROOM),
        (psycopg.errors.AdminShutdown, POSTGRESQL_AWAY),
        (psycopg.errors.CannotConnectNow, POSTGRESQL_AWAY),
        (psycopg.errors.TooManyConnections, POSTGRESQL_AWAY),
        (psycopg.errors.InvalidPassword, POSTGRESQL_AWAY),
        (psycopg.errors.ConnectionTimeout, POSTGRESQL_AWAY),
        (psycopg.OperationalError, POSTGRESQL_AWAY),
        (psycopg.errors.DataCorrupted, DAMAGED),
        (psycopg.errors.DeadlockDetected, LOCKED),
        (psycopg.errors.LockNotAvailable, LOCKED),
        (psycopg.errors.InsufficientPrivilege, "right to write"),
        (psycopg.ProgrammingError, ROOM),
    ],
)
def test_each_kind_of_postgresqls_errors_has_its_step(kind: type[Exception], step: str) -> None:
    canary = Canary()
    wrapped = sa.exc.DBAPIError(canary.text("statement"), {}, kind(canary.text("text")))

    error = safe_error(wrapped, "Nothing was stored.")

    assert step in error.next_step
    assert kind.__name__ in error.what
    assert [] == canary.found_in("error", str(error).encode())


def test_what_no_driver_says_keeps_the_general_step() -> None:
    assert ROOM in next_step_for(sa.exc.TimeoutError())


@pytest.mark.parametrize(
    ("kind", "each_meets_it"),
    [
        (psycopg.OperationalError, True),
        (psycopg.errors.ConnectionTimeout, True),
        (psycopg.errors.AdminShutdown, True),
        (psycopg.errors.DiskFull, True),
        (psycopg.errors.DeadlockDetected, False),
        (psycopg.errors.ProgramLimitExceeded, False),
        (psycopg.DataError, False),
    ],
)
def test_what_one_transaction_may_have_brought_about_itself_is_no_trouble_of_the_database(
    kind: type[psycopg.Error], *, each_meets_it: bool
) -> None:
    wrapped = sa.exc.DBAPIError.instance("", {}, kind(), psycopg.Error)

    assert isinstance(wrapped, sa.exc.SQLAlchemyError)
    assert each_meets_it is isinstance(safe_error(wrapped, ""), Unavailable)


def test_no_free_connection_is_trouble_of_the_database() -> None:
    assert isinstance(safe_error(sa.exc.TimeoutError(), ""), Unavailable)


# The engine's own database ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "step"),
    [(garbage, "move it away"), (broken_pages, "move it away"), (full, ROOM), (no_folder, OPEN)],
)
def test_each_trouble_of_the_engines_file_says_what_helps_and_never_to_restore_a_backup(
    spoil: Callable[[sa.Engine, Path], None], step: str, engine: sa.Engine, file: Path
) -> None:
    spoil(engine, file)

    with pytest.raises(sa.exc.SQLAlchemyError) as raised, engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE b (x)")
    said = engine_trouble(raised.value)

    assert step in said.next_step
    assert "restore" not in str(said)
    assert "Nothing is lost" in said.meaning


def test_a_postgresql_of_the_engine_that_is_away_is_not_taken_for_a_disk(free_port: int) -> None:
    away = sa.create_engine(f"postgresql+psycopg://coc:database-canary@127.0.0.1:{free_port}/engine")
    with pytest.raises(sa.exc.OperationalError) as raised:
        away.connect()
    wrapped = RuntimeError("the engine's own")
    wrapped.__cause__ = raised.value

    said = str(engine_trouble(wrapped))

    assert POSTGRESQL_AWAY in said
    assert "[server].engine_database has its right address" in said
    assert "disk" not in said
    assert "canary" not in said


def test_what_is_no_databases_trouble_is_not_taken_for_a_disk_either() -> None:
    said = str(engine_trouble(RuntimeError("canary")))
    assert "(RuntimeError)" in said
    assert "disk" not in said
    assert "canary" not in said
