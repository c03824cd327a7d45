"""Events that come while other transactions of their incident are under way: none is lost, and none waits in a circle."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from integration.casework import Casework, open_incident
from integration.errors import StoreError
from integration.host_events import HostEvent, Touched
from integration.incident import SpaceName
from integration.store import HOST, StepNote
from tests.pg import both
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from webhook_server.store.database import Database

SPACE = SpaceName("conduct")
A_WHILE = 2.0
"""Seconds for which a transaction is given the chance to overtake another one, if nothing keeps it."""


def event(delivery: str, touched: Touched = Touched.COMMENTS) -> HostEvent:
    return HostEvent(delivery, touched, "1", "robert-gh", own=False)


@pytest.fixture
def incident(take_in: Intake, work: Casework) -> Any:  # noqa: ANN401 - an incident's id
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    return receipt.incident


@dataclass
class Halt:
    """Stops the first transaction of one thread right before it is committed."""

    engine: sa.Engine
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        sa.event.listen(self.engine, "commit", self._stop)

    def _stop(self, _connection: sa.Connection) -> None:
        if threading.current_thread().name == "first" and not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(60)


def overlapping(
    database: Database, first: Callable[[], object], second: Callable[[], object]
) -> list[object]:
    """What two calls gave, of which the second began before the first was committed."""
    halt, given = Halt(database._engine), dict.fromkeys(("first", "second"), object())

    def run(name: str, call: Callable[[], object]) -> None:
        given[name] = call()

    one = threading.Thread(target=run, args=("first", first), name="first")
    two = threading.Thread(target=run, args=("second", second), name="second")
    one.start()
    assert halt.reached.wait(60)
    two.start()
    two.join(A_WHILE)
    halt.go_on.set()
    one.join()
    two.join()
    return list(given.values())


@both
@pytest.mark.parametrize("order", ["event first", "job first"])
def test_an_event_that_comes_while_a_job_ends_has_a_job(
    database: Database, clock: SetClock, incident: Any, order: str  # noqa: ANN401 - an incident's id
) -> None:  # fmt: skip
    database.note_event(SPACE, event("delivery-1", Touched.TICKET), clock.now())
    (job,) = database.unfinished_jobs()
    upto = database.hints(incident).upto
    calls: list[Callable[[], object]] = [
        lambda: database.note_event(SPACE, event("delivery-2"), clock.now()),
        lambda: database.observed(job.inbox_id, upto, clock.now()),
    ]

    overlapping(database, *(calls if order == "event first" else reversed(calls)))

    assert {Touched.COMMENTS} == database.hints(incident).touched
    (left,) = database.unfinished_jobs()
    assert (left.only_looks, incident) == (True, left.incident)
    assert left.inbox_id != job.inbox_id


@both
def test_of_a_delivery_that_two_servers_take_at_the_same_moment_one_is_noted(
    database: Database, clock: SetClock, incident: str
) -> None:
    assert incident

    def note() -> str:
        return database.note_event(SPACE, event("delivery-1"), clock.now())

    assert ["noted", "again"] == overlapping(database, note, note)
    assert 1 == len(database.unfinished_jobs())


@both
def test_two_events_of_one_ticket_at_the_same_moment_get_one_job(
    database: Database, clock: SetClock, incident: str
) -> None:
    assert incident

    given = overlapping(
        database,
        lambda: database.note_event(SPACE, event("delivery-1"), clock.now()),
        lambda: database.note_event(SPACE, event("delivery-2"), clock.now()),
    )

    assert ["noted", "noted"] == given
    assert 1 == len(database.unfinished_jobs())


@pytest.mark.parametrize("elsewhere", ["postgresql"], indirect=True)
def test_only_a_delivery_that_is_there_already_came_before(
    database: Database, clock: SetClock, incident: Any  # noqa: ANN401 - an incident's id
) -> None:  # fmt: skip
    """Any other collision is trouble: answered 200, the host would never send the event again."""
    with database._engine.begin() as connection:  # a row whose number PostgreSQL gives next
        row = t.host_hint.insert().values(id=1, incident_id=incident, touched="ticket", account="")
        connection.execute(row)

    with pytest.raises(StoreError, match="at the same moment"):
        database.note_event(SPACE, event("delivery-1"), clock.now())

    assert "noted" == database.note_event(SPACE, event("delivery-1"), clock.now())


@both
def test_transactions_of_one_incident_do_not_wait_in_a_circle_and_no_hint_is_without_a_job(
    database: Database,
    clock: SetClock,
    incident: Any,  # noqa: ANN401 - an incident's id
    a_comment: Callable[[Head], SealedComment],
) -> None:
    known = database.incident(incident)

    def looks(_number: int) -> None:
        upto = database.hints(incident).upto
        for job in database.due_jobs(clock.now(), limit=9, looks=HOST):
            database.observed(job.inbox_id, upto, clock.now())

    def changes(_number: int) -> None:
        head = database.head(incident)
        database.change(
            known, before=known, steps={}, exposed={}, head=head, comments=[a_comment(head)], now=clock.now()
        )
        (step, note), *_ = database.steps(incident).items()
        database.keep_steps(incident, {step: StepNote("done", clock.now(), note.host_id)})

    def fails(_number: int) -> None:
        now = clock.now()
        for job in database.unfinished_jobs():
            database.job_failed(job, parked=True, code="host", reason="-", due_at=now, now=now)
            database.wake_if_touched(incident, 0, now)
        database.postpone(SPACE, now, code="host-budget", reason="-", due_at=now)

    def notes(name: str) -> Callable[[int], object]:
        return lambda number: database.note_event(
            SPACE, event(f"delivery-{name}-{number}", list(Touched)[number % 3]), clock.now()
        )

    trouble = all_at_once([notes("one"), notes("two"), looks, looks, changes, fails])

    assert [] == trouble
    clock.forward(minutes=2)
    assert not database.hints(incident).touched or database.due_jobs(clock.now(), limit=9, looks=HOST)
    assert 1 >= len(database.unfinished_jobs())


def all_at_once(calls: Sequence[Callable[[int], object]], *, rounds: int = 25) -> list[Exception]:
    """Make calls again and again, each in a thread of its own; what they raised."""
    trouble: list[Exception] = []

    def often(call: Callable[[int], object]) -> None:
        try:
            for number in range(rounds):
                call(number)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must say so
            trouble.append(error)

    threads = [threading.Thread(target=often, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return trouble
