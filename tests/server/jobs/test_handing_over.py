"""What is due is handed to the engine, the oldest first; no host, clock or attempt that ended badly holds it up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from integration.casework import receive
from integration.errors import BudgetSpent, HostRefused, StoreError
from integration.incident import SpaceName
from tests.server.conftest import alone_on
from tests.server.jobs.conftest import FakeEngine, always
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store.locks import Locks
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from integration.casework import Casework
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


def test_a_turn_hands_over_what_is_due_in_order(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    take_in(make_report(account="more"), submission="s1")
    second = take_in(submission="s2")

    dispatcher.turn()

    assert [(first.inbox_id, 0, first.incident, 1), (second.inbox_id, 0, second.incident, 3)] == engine.given


def test_a_ticket_space_is_given_twice_as_many_incidents_as_its_host_takes_at_once_and_the_oldest(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, host: MemoryHost, database: Database,
    clock: SetClock,
) -> None:  # fmt: skip
    host.at_once = 2
    ids = [take_in().inbox_id for _ in range(6)]

    dispatcher.hand_over_due()
    clock.forward(seconds=1)
    dispatcher.hand_over_due()
    assert ids[:4] == [one[0] for one in engine.given]
    assert [True, True, False, False] == engine.hurried, "who only stands ready need not be begun soon"

    database.finish(ids[1], clock.now())
    dispatcher.hand_over_due()

    assert ids[:5] == [one[0] for one in engine.given]


def test_without_room_for_more_than_run_at_once_none_stands_ready_and_nothing_is_put_off(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, host: MemoryHost, database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    host.at_once = 2
    ids = [take_in().inbox_id for _ in range(4)]

    def ready(incidents: int = 1) -> None:
        if incidents > host.at_once:
            raise BudgetSpent("x", after=54.0)

    monkeypatch.setattr(host, "ready", ready)

    dispatcher.hand_over_due()

    assert ids[:2] == [one[0] for one in engine.given]
    assert {None} == {database.job(one).reason_code for one in ids}


def test_a_host_that_hangs_holds_up_no_other(
    work: Casework, database: Database, engine: FakeEngine, told: Told, take_in: Intake, host: MemoryHost,
    clock: SetClock, make_report: Callable[..., Report],
) -> None:  # fmt: skip
    other = SpaceName("other")
    host.at_once = 2
    work = replace(work, hosts={**work.hosts, other: replace(host, space=other, at_once=1)})
    fellows = alone_on(database)
    dispatcher = Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=fellows)  # type: ignore[arg-type]  # what it needs of an engine
    hanging = [take_in().inbox_id for _ in range(5)]
    elsewhere = [
        receive("form", other, f"s{n}", make_report(), store=database, clock=clock).inbox_id for n in range(3)
    ]

    dispatcher.hand_over_due()
    assert [*hanging[:4], *elsewhere[:2]] == [one[0] for one in engine.given]

    database.finish(elsewhere[0], clock.now())
    clock.forward(seconds=1)
    dispatcher.hand_over_due()

    assert elsewhere[2] == engine.given[-1][0]


def test_what_is_for_a_ticket_space_that_is_not_configured_is_tried_one_by_one(
    dispatcher: Dispatcher, engine: FakeEngine, database: Database, clock: SetClock,
    make_report: Callable[..., Report],
) -> None:  # fmt: skip
    """Somebody must hear that it cannot be brought anywhere."""
    gone = [
        receive("form", SpaceName("gone"), f"s{n}", make_report(), store=database, clock=clock).inbox_id
        for n in range(3)
    ]

    dispatcher.hand_over_due()

    assert gone[:1] == [one[0] for one in engine.given]


def test_as_many_as_there_are_processes_are_given_more(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, database: Database, host: MemoryHost
) -> None:
    """A process that died a moment ago may hold its part until another is sure of it."""
    host.at_once = 1
    ids = [take_in().inbox_id for _ in range(5)]
    for name in ("server", "second"):
        Workers(database._engine).beat(name, root_key_id="k", starts=True)

    dispatcher.hand_over_due()

    assert ids[:4] == [one[0] for one in engine.given]


def test_what_is_not_due_is_not_handed_over(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    database.job_failed(
        database.job(receipt.inbox_id),
        parked=False,
        code="x",
        reason="y",
        due_at=clock.now() + timedelta(seconds=9),
    )

    dispatcher.turn()
    clock.forward(seconds=9)
    dispatcher.turn()

    assert [(receipt.inbox_id, 1, receipt.incident, 1)] == engine.given


def test_an_attempt_under_way_is_left_alone(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, database: Database
) -> None:
    receipt = take_in()

    dispatcher.turn()
    dispatcher.turn()

    assert 0 == database.job(receipt.inbox_id).attempts
    assert {(receipt.inbox_id, 0, receipt.incident, 1)} == set(engine.given)


def test_an_attempt_that_ended_without_a_note_is_made_again(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, database: Database
) -> None:
    receipt = take_in()
    engine.over = True

    dispatcher.turn()

    job = database.job(receipt.inbox_id)
    assert ("waiting", 1, "interrupted") == (job.state, job.attempts, job.reason_code)
    dispatcher.turn()
    assert [0, 1] == [one[1] for one in engine.given]


def test_an_attempt_that_noted_its_result_is_not_counted_twice(
    dispatcher: Dispatcher,
    engine: FakeEngine,
    take_in: Intake,
    work: Casework,
    database: Database,
    host: MemoryHost,
) -> None:
    failing, good = take_in(), take_in()
    engine.over = True
    engine.runs = lambda inbox_id: attempt(inbox_id, work, database, Locks(database._engine))
    host.trouble = lambda _call: (
        always(HostRefused("No."))("") if len(host.tickets) == 0 and len(engine.given) == 1 else None
    )

    dispatcher.turn()

    assert ("host-refused", 1) == (
        database.job(failing.inbox_id).reason_code,
        database.job(failing.inbox_id).attempts,
    )
    assert ("done", 0) == (database.job(good.inbox_id).state, database.job(good.inbox_id).attempts)


def test_a_clock_put_back_delays_neither_tries_nor_mails(
    take_in: Intake, work: Casework, database: Database, told: Told, clock: SetClock
) -> None:
    clock.forward(days=365)
    receipt = take_in()
    engine = FakeEngine()
    early = Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=alone_on(database))  # type: ignore[arg-type]  # what it needs of an engine
    database.told(database.job(receipt.inbox_id), clock.now())
    clock.forward(days=-365)

    early.turn()

    assert [receipt.inbox_id] == [one[0] for one in engine.given]
    assert 1 == len(told.mails)


def test_what_is_over_is_dropped_once_a_minute_and_holds_up_nothing(
    work: Casework, database: Database, engine: FakeEngine, take_in: Intake, told: Told, clock: SetClock
) -> None:
    tidied: list[object] = []

    def fail(now: object) -> None:
        tidied.append(now)
        raise StoreError("The database is busy.")

    one = Dispatcher(
        work=work, jobs=database, engine=engine, notifier=told, fellows=alone_on(database), tidy=[fail, tidied.append],  # type: ignore[arg-type]  # what it needs of an engine
    )  # fmt: skip
    take_in()

    one.turn()
    one.turn()
    clock.forward(seconds=60)
    one.turn()

    assert 2 * 2 == len(tidied)
    assert 3 == len(engine.given)
