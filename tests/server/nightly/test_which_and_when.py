"""A night comes once a day, for each open incident with a ticket and nothing else waiting, whatever the clock does."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.store import NIGHTLY
from tests.pg import both
from tests.server.nightly.conftest import jobs, night
from webhook_server.store import tables as t
from webhook_server.store.chores import ChoreBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.jobs import Dispatcher
    from webhook_server.store.database import Database


@pytest.mark.usefixtures("opened")
def test_a_night_comes_once_a_day(book: ChoreBook, clock: SetClock) -> None:
    begun = []
    for _hour in range(49):
        begun.append(book.begin_night(clock.now()))
        book_is_done(book)
        clock.forward(hours=1)

    assert [1, 1, 1] == [number for number in begun if number]


def book_is_done(book: ChoreBook) -> None:
    with book._engine.begin() as connection:
        connection.execute(t.inbox.update().where(t.inbox.c.source == NIGHTLY).values(state="done"))


@pytest.mark.usefixtures("opened")
def test_a_clock_that_was_ahead_and_is_put_back_does_not_stop_the_nights(
    book: ChoreBook, clock: SetClock
) -> None:
    assert 1 == book.begin_night(clock.now() + timedelta(days=400))
    book_is_done(book)

    assert 1 == book.begin_night(clock.now())


@both
def test_incidents_with_something_waiting_are_left_out(
    opened: Receipt, take_in: Intake, book: ChoreBook, database: Database, clock: SetClock
) -> None:
    take_in()  # waits

    assert 1 == book.begin_night(clock.now())

    added = [database.job(one).incident for one in jobs(database)]
    assert [opened.incident] == added


@pytest.mark.usefixtures("opened")
def test_an_incident_whose_last_night_still_waits_gets_no_second_job(
    book: ChoreBook, database: Database, clock: SetClock
) -> None:
    book.begin_night(clock.now())
    clock.forward(hours=25)

    assert 0 == book.begin_night(clock.now())
    assert 1 == len(jobs(database))


@both
@pytest.mark.usefixtures("opened")
def test_of_several_workers_one_begins_the_night(database: Database, clock: SetClock) -> None:
    begun: list[int] = []
    together = threading.Barrier(6)

    def worker() -> None:
        mine = ChoreBook(database._engine)
        together.wait()
        begun.append(mine.begin_night(clock.now()))

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [0, 0, 0, 0, 0, 1] == sorted(begun)
    assert 1 == len(jobs(database))


@both
def test_a_chore_is_claimed_by_one_and_is_due_again_after_its_time(book: ChoreBook, clock: SetClock) -> None:
    every = timedelta(minutes=5)

    assert [True, False] == [book.claim("c", every=every, now=clock.now()) for _ in range(2)]
    clock.forward(minutes=5)
    assert [True, False] == [book.claim("c", every=every, now=clock.now()) for _ in range(2)]
    assert book.claim("another", every=every, now=clock.now())


def does_not_open(database: Database, receipt: Receipt, clock: SetClock) -> None:
    job = database.job(receipt.inbox_id)
    later = clock.now() + timedelta(days=9)
    database.job_failed(
        job, parked=True, code="does-not-open", reason="No key.", due_at=later, now=clock.now()
    )


@both
def test_a_ticket_is_compared_beside_a_report_of_its_incident_that_does_not_open(
    take_in: Intake, make_report: Callable[..., Report], database: Database, dispatcher: Dispatcher,
    book: ChoreBook, clock: SetClock, host: MemoryHost,
) -> None:  # fmt: skip
    does_not_open(database, take_in(submission="s"), clock)
    take_in(make_report(account="edited"), submission="s")
    dispatcher.turn()
    host.calls.clear()

    night(book, dispatcher, clock)

    assert ["read"] == host.calls
    clock.forward(hours=25)
    assert 1 == book.begin_night(clock.now()), "the next night too"


@both
@pytest.mark.parametrize("given_up", [False, True])
def test_a_night_opens_no_ticket_for_a_report_that_was_lost_before_it_had_one(
    take_in: Intake, database: Database, dispatcher: Dispatcher, book: ChoreBook, clock: SetClock,
    host: MemoryHost, *, given_up: bool,
) -> None:  # fmt: skip
    dead = take_in()
    does_not_open(database, dead, clock)
    if given_up:
        assert database.give_up(database.job(dead.inbox_id), clock.now(), reason="An operator gave it up.")

    night(book, dispatcher, clock, tickets=0)

    assert [] == host.tickets


@both
def test_a_night_compares_the_ticket_of_an_incident_of_which_a_report_was_given_up(
    take_in: Intake, make_report: Callable[..., Report], database: Database, dispatcher: Dispatcher,
    book: ChoreBook, clock: SetClock,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    does_not_open(database, dead, clock)
    take_in(make_report(account="edited"), submission="s")
    dispatcher.turn()
    assert database.give_up(database.job(dead.inbox_id), clock.now(), reason="An operator gave it up.")

    night(book, dispatcher, clock)
