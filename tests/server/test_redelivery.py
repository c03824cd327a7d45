"""A host's webhook deliveries that were lost are asked for again: once at a time, a few times, by one worker."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from integration.errors import (
    HostError,
    HostGone,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
)
from integration.ports import FailedDelivery
from tests.pg import both
from webhook_server.redelivery import EVERY, missed_webhooks
from webhook_server.store.chores import ChoreBook
from webhook_server.store.redeliveries import WAITS, Redeliveries

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.conftest import SetClock
    from webhook_server.store.database import Database


@dataclass
class FakeHook:
    """A host's memory of deliveries. ``lost`` are those that never arrive."""

    name: str = "github:acme/conduct/1"
    lost: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    looked: int = 0
    trouble: Callable[[str], None] = lambda _what: None

    def failed(self, now: datetime) -> list[FailedDelivery]:
        del now
        self.looked += 1
        self.trouble("failed")
        return [FailedDelivery(number, guid) for number, guid in enumerate(self.lost)]

    def send_again(self, delivery: FailedDelivery) -> None:
        self.asked.append(delivery.guid)
        self.trouble(delivery.guid)


@pytest.fixture
def book(database: Database) -> ChoreBook:
    return ChoreBook(database._engine)


@pytest.fixture
def asked(database: Database) -> Redeliveries:
    return Redeliveries(database._engine)


def turns(
    hooks: list[FakeHook], book: ChoreBook, asked: Redeliveries, clock: SetClock, *, hours: float
) -> None:
    chore = missed_webhooks(hooks, book, asked)
    for _ in range(int(hours * 60)):
        chore(clock.now())
        clock.forward(minutes=1)


def test_a_hook_is_looked_at_every_ten_minutes(book: ChoreBook, asked: Redeliveries, clock: SetClock) -> None:
    hook = FakeHook()

    turns([hook], book, asked, clock, hours=1)

    assert timedelta(hours=1) / EVERY == hook.looked


def test_what_does_not_arrive_is_asked_for_a_few_times_with_growing_waits_and_then_no_more(
    book: ChoreBook, asked: Redeliveries, clock: SetClock
) -> None:
    hook = FakeHook(lost=["a"])
    begin, at = clock.now(), []
    chore = missed_webhooks([hook], book, asked)

    for _ in range(3 * 24 * 6):
        before = len(hook.asked)
        chore(clock.now())
        at += [clock.now() - begin] * (len(hook.asked) - before)
        clock.forward(minutes=10)

    assert 1 + len(WAITS) == len(at)
    waits = [after - before for before, after in pairwise(at)]
    assert sorted(waits) == waits
    assert all(least <= wait <= least + EVERY for least, wait in zip(WAITS, waits, strict=True))


@both
def test_what_arrived_is_not_asked_for_again(book: ChoreBook, asked: Redeliveries, clock: SetClock) -> None:
    hook = FakeHook(lost=["a", "b"])
    turns([hook], book, asked, clock, hours=0.2)
    hook.lost.remove("a")

    turns([hook], book, asked, clock, hours=1)

    assert 1 == hook.asked.count("a")
    assert 2 == hook.asked.count("b")


@pytest.mark.parametrize("error", [HostGone, HostRejected, HostUnknownOutcome])
def test_trouble_with_one_delivery_leaves_the_others_alone(
    book: ChoreBook, asked: Redeliveries, clock: SetClock, error: type[HostError]
) -> None:
    hook = FakeHook(lost=["a", "b"])

    def trouble(what: str) -> None:
        if what == "a":
            raise error("No.")

    hook.trouble = trouble

    turns([hook], book, asked, clock, hours=0.2)

    assert ["a", "b"] == hook.asked


@pytest.mark.parametrize("error", [HostRefused, HostUnavailable])
def test_trouble_with_one_hook_leaves_the_others_alone_and_is_logged_by_its_code(
    book: ChoreBook,
    asked: Redeliveries,
    clock: SetClock,
    error: type[HostError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = FakeHook("first"), FakeHook("second", lost=["x"])

    def trouble(_what: str) -> None:
        raise error("No.")

    first.trouble = trouble

    turns([first, second], book, asked, clock, hours=0.1)

    assert ["x"] == second.asked
    assert f"event=webhooks-not-listed code={error.code}" in caplog.text


def test_a_long_outage_is_worked_off_in_bounded_steps(
    book: ChoreBook, asked: Redeliveries, clock: SetClock
) -> None:
    hook = FakeHook(lost=[str(number) for number in range(120)])

    turns([hook], book, asked, clock, hours=0.1)
    assert [str(number) for number in range(50)] == hook.asked

    turns([hook], book, asked, clock, hours=0.5)
    assert {str(number) for number in range(120)} <= set(hook.asked)


def test_of_several_workers_one_asks(database: Database, clock: SetClock) -> None:
    hook = FakeHook(lost=["a", "b", "c"])
    together = threading.Barrier(4)

    def worker() -> None:
        chore = missed_webhooks([hook], ChoreBook(database._engine), Redeliveries(database._engine))
        together.wait()
        chore(clock.now())

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert ["a", "b", "c"] == hook.asked


def test_two_workers_that_ask_for_one_delivery_at_once_ask_once(asked: Redeliveries, clock: SetClock) -> None:
    assert asked.may_ask("h", "a", clock.now())
    together, answers = threading.Barrier(4), []
    clock.forward(hours=1)

    def worker() -> None:
        together.wait()
        answers.append(asked.may_ask("h", "a", clock.now()))

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [False, False, False, True] == sorted(answers)


@both
def test_what_cannot_be_sent_again_any_more_is_forgotten(
    book: ChoreBook, asked: Redeliveries, clock: SetClock, database: Database
) -> None:
    turns([FakeHook(lost=["a"])], book, asked, clock, hours=0.1)
    clock.forward(days=5)

    turns([FakeHook()], book, asked, clock, hours=0.1)

    with database._engine.connect() as connection:
        assert [] == connection.exec_driver_sql("SELECT * FROM redelivery").all()


def test_a_clock_that_is_put_back_stops_nothing(asked: Redeliveries, clock: SetClock) -> None:
    assert asked.may_ask("h", "a", clock.now() + timedelta(days=300))

    assert asked.may_ask("h", "a", clock.now())
