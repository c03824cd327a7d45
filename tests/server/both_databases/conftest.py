"""Servers that share a database: on SQLite and on PostgreSQL, or several processes on PostgreSQL alone."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.casework import receive
from integration.incident import SpaceName
from webhook_server.fellows import Fellows
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import GONE_AFTER, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from webhook_server.store.sealed import Sealer


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'coc.sqlite'}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
def start(url: str, sealer: Sealer, tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """Makes a server's database object; each call is another server on the same database."""
    started: list[Database] = []

    def start(name: str) -> Database:
        engine = make_engine(url)
        migrate(engine)
        started.append(Database(engine, sealer, InboxKeys(tmp_path / "inbox-keys", name)))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def deliver(make_report: Callable[..., Report], clock: SetClock) -> Callable[..., Receipt]:
    def deliver(database: Database, submission: str, **fields: str) -> Receipt:
        return receive(
            "form", SpaceName("conduct"), submission, make_report(**fields), store=database, clock=clock
        )

    return deliver


def count(database: Database, table: sa.Table) -> int:
    with database._engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def all_at_once(*work: Callable[[], object]) -> None:
    together = threading.Barrier(len(work))
    trouble: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        together.wait()
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - raised again below
            trouble.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if trouble:
        raise trouble[0]


@pytest.fixture
def shared(postgres_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


def fellows(engine: sa.Engine, name: str, sealer: Sealer) -> Fellows:
    return Fellows(name, workers=Workers(engine), locks=Locks(engine, name), sealer=sealer)


def noting(taken: list[str]) -> Callable[[str], int]:
    def take_over(name: str) -> int:
        taken.append(name)
        return 1

    return take_over


def silence(engine: sa.Engine, name: str, for_: timedelta = GONE_AFTER) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE worker SET seen_at = seen_at - :gone WHERE name = :name"),
            {"gone": (for_ + timedelta(seconds=1)) // timedelta(microseconds=1), "name": name},
        )


def cut_the_locks(engine: sa.Engine) -> None:
    """As if PostgreSQL had started again: no session is left that holds a lock."""
    with engine.connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'")
        )
