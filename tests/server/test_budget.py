"""No host gets more writes than it allows, from however many processes; nobody waits longer than that needs."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.errors import BudgetSpent, StoreError
from integration.ports import Pace
from sandbox.rehearsal import SetClock as RunningClock
from webhook_server.store import tables as t
from webhook_server.store.budget import LONGEST_WAIT, SharedBudget
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.conftest import SetClock

NAME = "github:api.github.com/acme"
PACE = Pace(limits=((80, 60.0), (500, 3600.0)), gap=1.0)
"""GitHub's."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'coc.sqlite'}"


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    made = make_engine(url)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def budget(engine: sa.Engine, clock: SetClock) -> SharedBudget:
    return SharedBudget(engine, clock)


def rows(engine: sa.Engine) -> list[tuple[datetime, int]]:
    with engine.connect() as connection:
        found = connection.execute(sa.select(t.host_write).order_by(t.host_write.c.at)).all()
    return [(row.at, row.writes) for row in found]


def fill(
    budget: SharedBudget, clock: SetClock | RunningClock, sizes: list[int], pace: Pace = PACE
) -> list[datetime]:
    """Reserve these one after another, waiting as one is told to; when each may be sent."""
    sent = []
    for size in sizes:
        while True:
            try:
                wait = budget.reserve(NAME, pace, size)
            except BudgetSpent as spent:
                clock.forward(seconds=spent.after or 0)
            else:
                break
        clock.forward(seconds=wait)
        sent.append(clock.now())
    return sent


def test_on_an_idle_budget_only_the_second_between_writes_is_waited(
    budget: SharedBudget, clock: SetClock
) -> None:
    waits = []
    for size in (1, 6, 6, 1):
        waits.append(budget.reserve(NAME, PACE, size))
        clock.forward(seconds=waits[-1])

    assert [0.0, 1.0, 1.0, 1.0] == waits


def test_the_81st_write_of_a_minute_waits_in_the_inbox(budget: SharedBudget, clock: SetClock) -> None:
    start = clock.now()
    fill(budget, clock, [20, 20, 20, 20])

    with pytest.raises(BudgetSpent) as caught:
        budget.reserve(NAME, PACE, 1)

    assert caught.value.retry
    assert caught.value.after == pytest.approx(57)
    assert [start + timedelta(minutes=1)] == fill(budget, clock, [1])


def test_the_501st_write_of_an_hour_waits_for_the_next(budget: SharedBudget, clock: SetClock) -> None:
    start = clock.now()
    sent = fill(budget, clock, [20] * 26)

    assert sent[24] < start + timedelta(minutes=7)
    assert sent[25] == start + timedelta(hours=1)


def test_what_is_refused_and_what_is_only_checked_takes_no_place(
    budget: SharedBudget, clock: SetClock, engine: sa.Engine
) -> None:
    fill(budget, clock, [80])
    before = rows(engine)

    for ask in (budget.reserve, budget.check):
        with pytest.raises(BudgetSpent):
            ask(NAME, PACE, 1)
    clock.forward(minutes=1)
    budget.check(NAME, PACE, 14)

    assert before == rows(engine)


def test_room_for_a_few_is_not_room_for_an_incident(budget: SharedBudget, clock: SetClock) -> None:
    fill(budget, clock, [35, 35])
    clock.forward(seconds=1)

    budget.check(NAME, PACE, 10)
    with pytest.raises(BudgetSpent):
        budget.check(NAME, PACE, 14)


def test_names_share_nothing(budget: SharedBudget, clock: SetClock) -> None:
    fill(budget, clock, [80])

    assert 0.0 == budget.reserve("github:api.github.com/other", PACE, 80)


def test_a_request_that_counts_more_than_a_limit_gets_the_limit_for_itself(
    budget: SharedBudget, clock: SetClock
) -> None:
    pace = Pace(limits=((20, 2.0),))
    start = clock.now()

    assert [start, start + timedelta(seconds=2), start + timedelta(seconds=4)] == fill(
        budget, clock, [20, 50, 1], pace
    )


@settings(max_examples=40)
@given(steps=st.lists(st.tuples(st.integers(1, 9), st.floats(0, 15)), min_size=1, max_size=25))
def test_whatever_is_asked_for_no_window_holds_more_than_its_limit(steps: list[tuple[int, float]]) -> None:
    pace = Pace(limits=((7, 10.0), (15, 60.0)), gap=1.0)
    clock = RunningClock()
    engine = sa.create_engine("sqlite://")
    t.metadata.create_all(engine, tables=[t.host_write])
    budget = SharedBudget(engine, clock)
    sent: list[tuple[datetime, int]] = []
    for size, idle in steps:
        clock.forward(seconds=idle)
        sent += [(at, size) for at in fill(budget, clock, [size], pace)]
    engine.dispose()

    assert all(after - before >= timedelta(seconds=pace.gap) for (before, _), (after, _) in pairwise(sent))
    for most, seconds in pace.limits:
        for start, _ in sent:
            inside = [
                min(size, most) for at, size in sent if start <= at < start + timedelta(seconds=seconds)
            ]
            assert sum(inside) <= most


def test_processes_that_ask_at_once_get_a_second_each_and_no_two_the_same(
    url: str, engine: sa.Engine, clock: SetClock
) -> None:
    """Each with a connection of its own, all at the same moment: what is left for them are five seconds."""
    gate = threading.Barrier(12)
    waits: list[float] = []
    refused: list[float | None] = []

    def ask() -> None:
        own = make_engine(url)
        gate.wait()
        try:
            waits.append(SharedBudget(own, clock).reserve(NAME, PACE, 6))
        except BudgetSpent as spent:
            refused.append(spent.after)
        own.dispose()

    threads = [threading.Thread(target=ask) for _ in range(gate.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [0.0, 1.0, 2.0, 3.0, 4.0, LONGEST_WAIT] == sorted(waits)
    assert [6.0] * 6 == refused
    assert 6 == len(rows(engine))


def test_when_a_host_asks_to_wait_nobody_writes_before(budget: SharedBudget, clock: SetClock) -> None:
    budget.pause(NAME, 120)

    for ask in (budget.check, budget.reserve):
        with pytest.raises(BudgetSpent) as caught:
            ask(NAME, Pace(), 1)
        assert 120.0 == caught.value.after
    assert 0.0 == budget.reserve("jira:acme.atlassian.net", Pace(), 1)
    clock.forward(seconds=120)
    assert 0.0 == budget.reserve(NAME, Pace(), 1)


def test_a_shorter_wish_to_wait_does_not_end_a_longer_one(budget: SharedBudget, clock: SetClock) -> None:
    budget.pause(NAME, 600)
    budget.pause(NAME, 5)

    clock.forward(seconds=10)

    with pytest.raises(BudgetSpent):
        budget.check(NAME, PACE, 1)


@pytest.mark.parametrize("asked", [3601.0, 1e9, 1e300, float("inf")])
def test_no_wish_to_wait_lasts_longer_than_an_hour(
    budget: SharedBudget, clock: SetClock, asked: float
) -> None:
    budget.pause(NAME, asked)

    clock.forward(hours=1)

    budget.check(NAME, Pace(), 1)


def test_a_clock_that_was_put_back_keeps_nobody_from_writing_for_long(
    budget: SharedBudget, clock: SetClock
) -> None:
    fill(budget, clock, [80] * 6)
    clock.forward(hours=-5)

    assert 0.0 == budget.reserve(NAME, PACE, 1)


def test_clocks_of_two_machines_may_differ_a_little(budget: SharedBudget, clock: SetClock) -> None:
    """The other machine is half a minute ahead; what it wrote still counts."""
    fill(budget, clock, [80])
    clock.forward(seconds=-30)

    with pytest.raises(BudgetSpent) as caught:
        budget.reserve(NAME, PACE, 1)
    assert 90.0 == caught.value.after


def test_what_no_limit_looks_back_to_is_dropped(
    budget: SharedBudget, clock: SetClock, engine: sa.Engine
) -> None:
    fill(budget, clock, [1, 1])
    clock.forward(minutes=59)
    (last,) = fill(budget, clock, [1])
    clock.forward(minutes=2)
    budget.forget(clock.now())
    assert [(last, 1)] == rows(engine)

    clock.forward(hours=-5)
    budget.forget(clock.now())
    assert [] == rows(engine)


def test_without_a_database_nothing_is_sent(tmp_path: Path, clock: SetClock) -> None:
    lost = make_engine(f"sqlite:///{tmp_path / 'nowhere' / 'coc.sqlite'}")
    with pytest.raises(StoreError, match="Nothing was sent"):
        SharedBudget(lost, clock).reserve(NAME, PACE, 1)


def test_a_refusal_says_that_nothing_is_wrong_and_when_it_goes_on(
    budget: SharedBudget, clock: SetClock
) -> None:
    fill(budget, clock, [80])

    with pytest.raises(BudgetSpent) as caught:
        budget.reserve(NAME, PACE, 1)

    assert "host-budget" == caught.value.code
    assert "Nothing is wrong" in str(caught.value)
    assert "not before 60 seconds" in str(caught.value)


def test_on_a_slow_disk_who_waits_for_many_before_it_gets_its_turn(postgres_url: str) -> None:
    """Each holds the budget until its commit is on disk, and together that is longer than a lock is waited for elsewhere."""
    engines = [make_engine(postgres_url) for _ in range(3)]
    migrate(engines[0])
    for engine in engines:
        sa.event.listen(engine, "commit", lambda _connection: time.sleep(0.35))
    got: list[str] = []

    def reserve(engine: sa.Engine) -> None:
        try:
            SharedBudget(engine, RunningClock()).reserve(NAME, Pace(limits=((80, 60.0),), gap=0.0), 1)
            got.append("a turn")
        except StoreError as error:
            got.append(str(error))

    threads = [threading.Thread(target=reserve, args=(engine,)) for engine in engines for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.dispose()

    assert ["a turn"] * 12 == got
