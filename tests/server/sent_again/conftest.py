"""A report that does not open any more, because its key is lost; what tries it, gives it up and tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from webhook_server.jobs import attempt
from webhook_server.store import tables as t
from webhook_server.store.locks import Locks
from webhook_server.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from integration.casework import Casework
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.mail import Told
    from webhook_server.store.database import Database

OPERATOR = "operator@team.example.org"


@pytest.fixture
def lose_keys(tmp_path: Path) -> Callable[[], None]:
    def lose() -> None:
        for key in (tmp_path / "inbox-keys").iterdir():
            key.unlink()

    return lose


@pytest.fixture
def tried(work: Casework, database: Database) -> Callable[[Receipt], str]:
    return lambda receipt: attempt(receipt.inbox_id, work, database, Locks(database._engine))


@pytest.fixture
def teller(work: Casework, database: Database, told: Told) -> Teller:
    return Teller(work=work, jobs=database, notifier=told, operator=OPERATOR)


def give_up(database: Database, receipt: Receipt, now: datetime) -> None:
    assert database.give_up(database.job(receipt.inbox_id), now, reason="An operator gave it up.")


def due(database: Database, clock: SetClock) -> list[str]:
    return [one.inbox_id for one in database.due_jobs(clock.now(), limit=10)]


def row(database: Database, receipt: Receipt) -> sa.Row[tuple[object, ...]]:
    with database._engine.connect() as connection:
        return connection.execute(sa.select(t.inbox).where(t.inbox.c.id == receipt.inbox_id)).one()
