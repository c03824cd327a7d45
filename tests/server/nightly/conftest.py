"""An incident on its host on the day before its first night, and an engine that runs at once what it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.store import NIGHTLY
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store import tables as t
from webhook_server.store.chores import ChoreBook
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost, MemoryTicket
    from webhook_server.fellows import Fellows
    from webhook_server.store.database import Database


@dataclass
class Inline:
    """An engine that runs what it is given at once."""

    work: Casework
    database: Database
    given: list[str] = field(default_factory=list)
    runs: bool = True

    def run(self, inbox_id: str, tries: int, *, incident: str, seq: int, soon: bool = True) -> bool:
        del tries, incident, seq, soon
        self.given.append(inbox_id)
        if self.runs:
            attempt(inbox_id, self.work, self.database, Locks(self.database._engine))
        return False


@pytest.fixture
def engine(work: Casework, database: Database) -> Inline:
    return Inline(work, database)


@pytest.fixture
def dispatcher(
    work: Casework, database: Database, engine: Inline, told: Told, fellows: Fellows
) -> Dispatcher:
    return Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=fellows)  # type: ignore[arg-type]  # what it needs of an engine


@pytest.fixture
def book(database: Database) -> ChoreBook:
    return ChoreBook(database._engine)


@pytest.fixture
def opened(
    take_in: Intake, dispatcher: Dispatcher, told: Told, book: ChoreBook, clock: SetClock, host: MemoryHost
) -> Receipt:
    """An incident that is wholly on its host, told, on the day before its first night."""
    book.begin_night(clock.now())
    receipt = take_in()
    dispatcher.turn()
    told.mails.clear()
    clock.forward(hours=25)
    host.calls.clear()
    return receipt


def jobs(database: Database, source: str = NIGHTLY) -> list[str]:
    with database._engine.connect() as connection:
        return list(connection.scalars(sa.select(t.inbox.c.id).where(t.inbox.c.source == source)))


def night(book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, *, tickets: int = 1) -> None:
    """One night: all its jobs are run, and what is to be told is told."""
    assert tickets == book.begin_night(clock.now())
    for _ in range(tickets):
        dispatcher.turn()
        clock.forward(seconds=20)
    dispatcher.turn()


def ticket(host: MemoryHost) -> MemoryTicket:
    (only,) = host.tickets
    return only
