"""What is due by the clock and fails is noted, from the first failure to the next success, whoever claimed it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.errors import CoCError, HostRefused, HostUnavailable, NotifyError, StoreError
from integration.incident import SpaceName
from tests.pg import both
from tests.server.both_databases.conftest import all_at_once
from tests.server.memory_host import SPACE
from webhook_server.chores import Chores
from webhook_server.lookout import EVERY, audiences_looked_at
from webhook_server.redelivery import missed_webhooks
from webhook_server.store.chores import ChoreBook, ChoreTrouble
from webhook_server.store.overview import Overview
from webhook_server.store.redeliveries import Redeliveries
from webhook_server.store.sql import make_engine
from webhook_server.store.strays import Strays
from webhook_server.strays import unknown_tickets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from integration.guard import Guard
    from integration.marked import MarkedTicket
    from integration.ports import FailedDelivery
    from tests.conftest import SetClock
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database
    from webhook_server.store.strays import Stray


@pytest.fixture
def book(database: Database) -> ChoreBook:
    return ChoreBook(database._engine)


@pytest.fixture
def elsewhere_too(database: Database) -> Iterator[ChoreBook]:
    """The book of another server on the same database."""
    engine = make_engine(database._engine.url.render_as_string(hide_password=False))
    yield ChoreBook(engine)
    engine.dispose()


@pytest.fixture
def seen(database: Database) -> Overview:
    return Overview(database._engine)


def minutes(chores: Chores, clock: SetClock, count: int) -> None:
    for _ in range(count):
        chores.turn()
        clock.forward(minutes=1)


class Ailing:
    """A chore that raises what it is told to each time it is asked."""

    def __init__(self, trouble: Exception | None) -> None:
        self.trouble = trouble
        self.asked = 0

    def __call__(self, _now: datetime) -> None:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble


@both
def test_a_chore_that_never_claims_is_noted_from_its_first_failure_until_it_succeeds(
    book: ChoreBook, seen: Overview, clock: SetClock
) -> None:
    ailing, began = Ailing(HostRefused("no")), clock.now()
    chores = Chores({"ailing": ailing, "well": Ailing(None)}, clock, book)

    minutes(chores, clock, 3)
    assert [ChoreTrouble("ailing", "", began, "host-refused")] == seen.chore_troubles()
    ailing.trouble = ValueError("a canary that must not be kept")
    minutes(chores, clock, 2)
    assert [ChoreTrouble("ailing", "", began, "unexpected")] == seen.chore_troubles()

    ailing.trouble = None
    minutes(chores, clock, 1)
    assert [] == seen.chore_troubles()


@both
@pytest.mark.parametrize(
    ("trouble", "code"), [(HostUnavailable("away"), "host-unavailable"), (ValueError("x"), "unexpected")]
)
def test_a_look_that_was_claimed_and_failed_stays_noted_while_nothing_is_due(
    guard: Guard, host: MemoryHost, book: ChoreBook, seen: Overview, clock: SetClock, trouble: Exception, code: str
) -> None:  # fmt: skip
    def fails(_call: str) -> None:
        raise trouble

    host.trouble = fails
    chores, began = Chores({"audience": audiences_looked_at(guard, book)}, clock, book), clock.now()

    minutes(chores, clock, 35)
    assert clock.now() - seen.chores()["audience"] <= EVERY, "it looks fresh"
    assert [ChoreTrouble("audience", SPACE, began, code)] == seen.chore_troubles()

    host.trouble = lambda _call: None
    minutes(chores, clock, 10)
    assert [] == seen.chore_troubles()


def test_a_space_that_may_not_be_written_to_was_looked_at_all_the_same(
    guard: Guard, host: MemoryHost, book: ChoreBook, seen: Overview, clock: SetClock
) -> None:
    host.accounts.append("mallory")

    minutes(Chores({"audience": audiences_looked_at(guard, book)}, clock, book), clock, 1)

    assert guard.is_frozen(SPACE)
    assert [] == seen.chore_troubles()


@both
def test_another_server_clears_it_by_its_own_success_and_not_because_nothing_is_due(
    guard: Guard, host: MemoryHost, book: ChoreBook, elsewhere_too: ChoreBook, seen: Overview, clock: SetClock
) -> None:
    def fails(_call: str) -> None:
        raise HostUnavailable("away")

    host.trouble = fails
    audiences_looked_at(guard, book)(clock.now())
    host.trouble = lambda _call: None
    other = Chores({"audience": audiences_looked_at(guard, elsewhere_too)}, clock, elsewhere_too)

    minutes(other, clock, 5)
    assert ["host-unavailable"] == [one.code for one in seen.chore_troubles()]
    minutes(other, clock, 6)
    assert [] == seen.chore_troubles()


@both
def test_two_servers_that_note_the_same_at_the_same_moment_leave_one_row(
    book: ChoreBook, elsewhere_too: ChoreBook, seen: Overview, clock: SetClock
) -> None:
    now = clock.now()
    for _ in range(10):
        all_at_once(
            *(lambda one=one: one.failed("boards", "conduct", "store", now) for one in (book, elsewhere_too))
        )
        assert [ChoreTrouble("boards", "conduct", now, "store")] == seen.chore_troubles()
        all_at_once(*(lambda one=one: one.succeeded("boards", "conduct") for one in (book, elsewhere_too)))
        assert [] == seen.chore_troubles()


def test_a_database_that_takes_no_note_keeps_no_chore_from_its_turn(
    book: ChoreBook, database: Database, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    with database._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE chore_trouble RENAME TO gone"))
    ailing, well = Ailing(StoreError("away")), Ailing(None)
    chores = Chores({"ailing": ailing, "well": well}, clock, book)

    minutes(chores, clock, 3)

    assert (3, 3) == (ailing.asked, well.asked)
    assert "event=chore-trouble loop=ailing code=store" in caplog.text
    assert "event=chore-not-noted loop=ailing code=store" in caplog.text


def test_what_fails_each_minute_is_written_once(book: ChoreBook, database: Database, clock: SetClock) -> None:
    """A write takes the lock that deliveries wait for."""
    chores = Chores({"ailing": Ailing(HostRefused("no")), "well": Ailing(None)}, clock, book)
    minutes(chores, clock, 1)
    written: list[str] = []

    def note(_c: object, _m: object, statement: str, *_rest: object) -> None:
        if statement != "BEGIN" and not statement.startswith("SELECT"):  # a write begins with BEGIN IMMEDIATE
            written.append(statement)

    sa.event.listen(database._engine, "before_cursor_execute", note)
    minutes(chores, clock, 3)

    assert [] == written


class Hook:
    """A webhook whose host does not say what was lost, as long as it has trouble."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trouble: CoCError | None = None

    def failed(self, now: datetime) -> list[FailedDelivery]:
        del now
        if self.trouble is not None:
            raise self.trouble
        return []

    def send_again(self, delivery: FailedDelivery) -> None:
        raise AssertionError(delivery)


@both
def test_each_webhook_has_a_trouble_of_its_own(
    book: ChoreBook, database: Database, seen: Overview, clock: SetClock
) -> None:
    hooks = [Hook("github:acme/conduct/1"), Hook("github:acme/conduct/2")]
    chore = missed_webhooks(hooks, book, Redeliveries(database._engine))
    hooks[0].trouble, began = HostRefused("no"), clock.now()
    chores = Chores({"missed-webhooks": chore}, clock, book)

    minutes(chores, clock, 25)
    assert [ChoreTrouble("missed-webhooks", hooks[0].name, began, "host-refused")] == seen.chore_troubles()

    hooks[0].trouble = None
    minutes(chores, clock, 10)
    assert [] == seen.chore_troubles()


class Space:
    """A ticket space that is listed, unless it has trouble."""

    def __init__(self, trouble: CoCError | None = None) -> None:
        self.trouble = trouble

    def marked(self) -> Sequence[MarkedTicket]:
        if self.trouble is not None:
            raise self.trouble
        return []


@both
def test_a_space_that_is_not_listed_at_night_is_noted_the_whole_day(
    book: ChoreBook, database: Database, seen: Overview, clock: SetClock
) -> None:
    spaces = {SpaceName("east"): Space(), SpaceName("west"): Space(HostUnavailable("away"))}
    chore = unknown_tickets(spaces, book=book, strays=Strays(database._engine), tell=lambda _found: None)
    chores, began = Chores({"unknown-tickets": chore}, clock, book), clock.now()

    minutes(chores, clock, 30)
    assert [ChoreTrouble("unknown-tickets", "west", began, "host-unavailable")] == seen.chore_troubles()

    spaces[SpaceName("west")].trouble = None
    clock.forward(hours=24)
    minutes(chores, clock, 1)
    assert [] == seen.chore_troubles()


def test_what_was_found_and_cannot_be_told_is_noted_until_it_is_told(
    book: ChoreBook, database: Database, seen: Overview, clock: SetClock
) -> None:
    """It is told again each minute, and claims nothing."""
    trouble: list[Exception] = [NotifyError("away")]

    def tell(_found: Sequence[Stray]) -> None:
        for one in trouble:
            raise one

    strays = Strays(database._engine)
    with database._engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO stray (space, key, found_at, is_second) VALUES ('conduct', 'COC-1', 1, false)"
            )
        )
    chores = Chores(
        {"unknown-tickets": unknown_tickets({}, book=book, strays=strays, tell=tell)}, clock, book
    )

    minutes(chores, clock, 3)
    assert [("unknown-tickets", "", "notify")] == [
        (one.chore, one.part, one.code) for one in seen.chore_troubles()
    ]

    trouble.clear()
    minutes(chores, clock, 1)
    assert [] == seen.chore_troubles()


def test_a_clock_that_is_put_back_loses_no_trouble(book: ChoreBook, seen: Overview, clock: SetClock) -> None:
    ailing = Ailing(HostRefused("no"))
    chores, began = Chores({"ailing": ailing}, clock, book), clock.now()
    minutes(chores, clock, 1)

    clock.forward(seconds=-timedelta(hours=2).total_seconds())
    minutes(chores, clock, 2)

    assert [began] == [one.since for one in seen.chore_troubles()]
