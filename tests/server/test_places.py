"""Of each ticket space so many incidents are brought to its host at once as it takes, whatever stands ready."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from integration.casework import receive
from integration.incident import SpaceName
from webhook_server.jobs import Dispatcher, attempt_in_turn
from webhook_server.places import Places
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.casework import Casework
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.fellows import Fellows
    from webhook_server.store.database import Database

ONE, OTHER = SpaceName("one"), SpaceName("other")


@dataclass
class Crowd:
    """Threads that want a place, and keep it until they are let go."""

    places: Places = field(default_factory=Places)
    has: Counter[SpaceName] = field(default_factory=Counter)
    order: list[int] = field(default_factory=list)
    sent_away: list[int] = field(default_factory=list)
    let_go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    changed: threading.Condition = field(default_factory=threading.Condition)
    threads: list[threading.Thread] = field(default_factory=list)

    def comes(self, space: SpaceName, seq: int, *, at_once: int = 1) -> None:
        """One more, who waits already when this returns or has a place."""
        thread = threading.Thread(target=self._stay, args=(space, at_once, seq), daemon=True)
        self.threads.append(thread)
        thread.start()
        with self.places._changed:
            stands = self.places._changed.wait_for(
                lambda: seq in self.places._waiting.get(space, []) or seq in self.order, timeout=30
            )
        assert stands

    def _stay(self, space: SpaceName, at_once: int, seq: int) -> None:
        with self.places.taken(space, at_once, seq) as has_one:
            with self.changed:
                (self.order if has_one else self.sent_away).append(seq)
                self.has[space] += has_one
                self.changed.notify_all()
            if has_one:
                self.let_go.acquire()
            with self.changed:
                self.has[space] -= has_one

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait until it has happened; the limit only ends a test that hangs."""
        with self.changed:
            assert self.changed.wait_for(happened, timeout=30)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    yield made
    made.places.close()
    for _ in made.threads:
        made.let_go.release()
    for thread in made.threads:
        thread.join(30)
        assert not thread.is_alive()


def test_no_more_than_a_space_takes_have_a_place_and_the_oldest_is_next(crowd: Crowd) -> None:
    crowd.comes(ONE, 1)
    crowd.until(lambda: crowd.order == [1])
    for seq in (4, 2, 3):
        crowd.comes(ONE, seq)
    assert 1 == crowd.has[ONE]

    for _ in range(3):
        before = len(crowd.order)
        crowd.let_go.release()
        crowd.until(lambda before=before: len(crowd.order) > before)  # type: ignore[misc]
        assert 1 == crowd.has[ONE]
    assert [1, 2, 3, 4] == crowd.order


def test_whoever_keeps_its_place_holds_up_no_other_space(crowd: Crowd) -> None:
    for seq in (1, 2):
        crowd.comes(ONE, seq)
    crowd.comes(OTHER, 3)

    crowd.until(lambda: crowd.order == [1, 3])


def test_a_place_is_free_again_after_trouble() -> None:
    places = Places()
    with pytest.raises(RuntimeError), places.taken(ONE, 1, 1):
        raise RuntimeError

    with places.taken(ONE, 1, 2) as has_one:
        assert has_one


def test_at_the_end_whoever_waits_is_sent_away_and_whoever_has_a_place_keeps_it(crowd: Crowd) -> None:
    for seq in (1, 2):
        crowd.comes(ONE, seq)

    crowd.places.close()

    crowd.until(lambda: crowd.sent_away == [2])
    assert [1] == crowd.order


def test_a_delivery_that_stands_ready_while_the_server_stops_is_tried_after_the_next_start(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    """It was no try of its own, so that it is not parked after many starts."""
    receipt, places, locks = take_in(), Places(), Locks(database._engine)
    places.close()

    assert "interrupted" == attempt_in_turn(receipt.inbox_id, work, database, locks, places)
    job = database.job(receipt.inbox_id)
    assert ("waiting", 0, work.clock.now()) == (job.state, job.attempts - job.waits, job.due_at)
    assert [] == host.tickets

    places.open()
    assert "done" == attempt_in_turn(receipt.inbox_id, work, database, locks, places)


@dataclass
class Threads:
    """An engine that begins all it is given at once, each in a thread."""

    runs: Callable[[str], str]
    begun: list[threading.Thread] = field(default_factory=list)

    def run(self, inbox_id: str, attempt: int, *, incident: str, seq: int, soon: bool = True) -> bool:
        del attempt, incident, seq, soon
        self.begun.append(threading.Thread(target=self.runs, args=(inbox_id,), daemon=True))
        self.begun[-1].start()
        return False


def test_a_host_that_hangs_has_as_many_incidents_as_it_takes_and_another_goes_on(
    work: Casework, database: Database, host: MemoryHost, take_in: Intake, clock: SetClock,
    make_report: Callable[..., Report], told: Told, fellows: Fellows,
) -> None:  # fmt: skip
    host.at_once = 2
    hangs, goes_on = threading.Semaphore(0), threading.Semaphore(0)
    healthy = replace(host, space=OTHER, tickets=[], at_once=1)

    def hang(_call: str) -> None:
        hangs.release()
        assert goes_on.acquire(timeout=30)

    host.trouble = hang
    work = replace(work, hosts={**work.hosts, OTHER: healthy})
    hanging = [take_in().inbox_id for _ in range(5)]
    elsewhere = receive("form", OTHER, "s", make_report(), store=database, clock=clock).inbox_id
    places, locks = Places(), Locks(database._engine)
    engine = Threads(lambda one: attempt_in_turn(one, work, database, locks, places))
    dispatcher = Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=fellows)  # type: ignore[arg-type]  # what it needs of an engine

    dispatcher.hand_over_due()

    assert 5 == len(engine.begun), "four for the host that hangs, two of which stand ready"
    engine.begun[-1].join(30)
    assert 1 == database.job(elsewhere).attempts, "nobody has proven that space, so that its try is soon over"
    assert hangs.acquire(timeout=30)
    assert hangs.acquire(timeout=30)
    with places._changed:
        assert places._changed.wait_for(lambda: len(places._waiting[host.space]) == 2, timeout=30)
    assert not hangs.acquire(blocking=False), "who stands ready has asked it nothing"
    for _ in range(1000):
        goes_on.release()
    for thread in engine.begun:
        thread.join(30)
    assert [*["done"] * 4, "waiting"] == [database.job(one).state for one in hanging]
