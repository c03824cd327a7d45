"""Every delivery ends on its host or is parked where somebody hears of it."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from integration.casework import receive
from integration.errors import (
    BudgetSpent,
    HostLimited,
    HostRefused,
    HostUnavailable,
    HostUnknownOutcome,
    NotifyError,
    StoreError,
)
from integration.incident import SpaceName
from tests.pg import both
from webhook_server import loop
from webhook_server.fellows import Fellows
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.loop import Loop
from webhook_server.store.database import Database
from webhook_server.store.locks import Locks
from webhook_server.store.sealed import Sealer
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integration.casework import Casework
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost


def always(error: BaseException) -> Callable[[str], None]:
    def trouble(_call: str) -> None:
        raise error

    return trouble


# One attempt ----------------------------------------------------------------------------------------


def test_a_delivery_that_is_on_its_host_is_done(take_in: Intake, work: Casework, database: Database) -> None:
    receipt = take_in()

    assert "done" == attempt(receipt.inbox_id, work, database, Locks(database._engine))
    assert "done" == database.job(receipt.inbox_id).state


def test_trouble_that_passes_is_waited_for(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = always(HostUnavailable("The host is away."))

    assert "host-unavailable" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    job = database.job(receipt.inbox_id)
    assert ("waiting", 1, "host-unavailable", "The host is away.") == (
        job.state, job.attempts, job.reason_code, job.reason
    )  # fmt: skip


def test_trouble_that_needs_a_person_is_parked_at_once_and_still_tried(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    host.trouble = always(HostRefused("The key is not accepted."))

    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    job = database.job(receipt.inbox_id)
    assert ("parked", clock.now() + timedelta(minutes=15)) == (job.state, job.due_at)
    host.trouble = lambda _call: None
    assert "done" == attempt(receipt.inbox_id, work, database, Locks(database._engine))


def waits(receipt_id: str, work: Casework, database: Database, clock: SetClock, times: int) -> list[float]:
    found = []
    for _ in range(times):
        attempt(receipt_id, work, database, Locks(database._engine))
        found.append((database.job(receipt_id).due_at - clock.now()).total_seconds())
    return found


def test_waits_double_with_jitter_and_have_an_end(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    host.trouble = always(HostUnavailable("x"))

    found = waits(take_in().inbox_id, work, database, clock, 14)

    for tries, wait in enumerate(found):
        longest = min(900, 5 * 2**tries)
        assert longest / 2 <= wait <= longest


def test_two_deliveries_do_not_come_back_in_step(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    host.trouble = always(HostUnavailable("x"))

    first, second = (waits(take_in().inbox_id, work, database, clock, 6) for _ in range(2))

    assert first != second


@pytest.mark.parametrize(("asked", "waited"), [(120.0, 120.0), (1e300, 86_400.0), (86_401.0, 86_400.0)])
def test_a_host_is_not_asked_before_the_time_it_named(
    take_in: Intake,
    work: Casework,
    database: Database,
    host: MemoryHost,
    clock: SetClock,
    asked: float,
    waited: float,
) -> None:
    host.trouble = always(HostLimited("Slower.", after=asked))

    assert [waited] == waits(take_in().inbox_id, work, database, clock, 1)


def test_a_delivery_that_fails_too_often_is_parked(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = always(HostUnavailable("x"))
    states = []

    for _ in range(9):
        attempt(receipt.inbox_id, work, database, Locks(database._engine))
        states.append(database.job(receipt.inbox_id).state)

    assert ["waiting"] * 7 + ["parked"] * 2 == states


def test_patience_outlasts_a_lagging_search(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    """A write of unknown outcome is looked for until the host's search has settled, and nobody is disturbed."""
    receipt = take_in()

    def lose_the_first_answer(call: str) -> None:
        if call == "open_ticket" and host.calls.count(call) == 1:
            raise HostUnknownOutcome("The answer was lost.")

    host.trouble = lose_the_first_answer
    states = []
    for _ in range(100):
        if database.delivery(receipt.inbox_id).finished:
            break
        attempt(receipt.inbox_id, work, database, Locks(database._engine))
        states.append(database.job(receipt.inbox_id).state)
        wait = database.job(receipt.inbox_id).due_at - clock.now()
        clock.forward(seconds=max(0.0, wait.total_seconds()))

    assert database.delivery(receipt.inbox_id).finished
    assert "parked" not in states
    assert 1 == len(host.tickets)


def test_of_a_foreign_exception_only_the_type_is_kept(
    take_in: Intake,
    work: Casework,
    database: Database,
    host: MemoryHost,
    canary: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receipt = take_in()
    host.trouble = always(RuntimeError(canary))

    assert "unexpected" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    job = database.job(receipt.inbox_id)
    assert ("waiting", "Unexpected trouble of the kind RuntimeError.") == (job.state, job.reason)
    assert canary not in caplog.text


def test_trouble_of_the_database_is_tried_again_soon(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = always(StoreError("The diary has moved on."))

    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    assert "waiting" == database.job(receipt.inbox_id).state


def test_the_log_names_code_names_and_codes_only(
    take_in: Intake, work: Casework, database: Database, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    receipt = take_in()

    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    code_name = database.job(receipt.inbox_id).code_name
    assert f"event=delivery-done incident={code_name} delivery={receipt.inbox_id}" in caplog.text
    assert canary not in caplog.text


# Our own budget of writes ---------------------------------------------------------------------------


def test_waiting_for_our_turn_is_no_trouble_and_never_parks(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    host.spent = BudgetSpent("Used up for now.", after=54.0)

    for _ in range(20):
        assert "host-budget" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    job = database.job(receipt.inbox_id)
    assert ("waiting", 20, "host-budget", "Used up for now.", clock.now() + timedelta(seconds=54)) == (
        job.state, job.attempts, job.reason_code, job.reason, job.due_at
    )  # fmt: skip
    assert [] == host.calls, "the host is not even asked who can read"
    host.spent = None
    host.trouble = always(HostUnavailable("x"))
    states = []
    for _ in range(8):
        attempt(receipt.inbox_id, work, database, Locks(database._engine))
        states.append(database.job(receipt.inbox_id).state)
    assert ["waiting"] * 7 + ["parked"] == states


def test_our_turn_may_be_over_in_the_middle_and_the_rest_follows(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = lambda call: always(BudgetSpent("x", after=9.0))(call) if call == "write" else None

    assert "host-budget" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    assert "waiting" == database.job(receipt.inbox_id).state
    host.trouble = lambda _call: None
    assert "done" == attempt(receipt.inbox_id, work, database, Locks(database._engine))
    assert 1 == len(host.tickets)


@both
def test_what_is_parked_stays_parked_with_its_reason_while_it_waits_for_its_turn(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, dispatcher: Dispatcher,
    clock: SetClock,
) -> None:  # fmt: skip
    receipt = take_in()
    host.trouble = always(HostRefused("The key is not accepted."))
    attempt(receipt.inbox_id, work, database, Locks(database._engine))
    host.spent = BudgetSpent("x", after=600.0)

    attempt(receipt.inbox_id, work, database, Locks(database._engine))
    clock.forward(hours=1)
    dispatcher.turn()

    job = database.job(receipt.inbox_id)
    assert ("parked", "host-refused", "The key is not accepted.") == (job.state, job.reason_code, job.reason)
    assert clock.now() + timedelta(minutes=10) == job.due_at


def test_nobody_is_mailed_for_an_hour_about_what_waits_for_its_turn(
    take_in: Intake, host: MemoryHost, dispatcher: Dispatcher, told: Told, clock: SetClock
) -> None:
    take_in()
    host.spent = BudgetSpent("Used up for now.", after=600.0)
    for _ in range(5):
        dispatcher.turn()
        clock.forward(minutes=10)
    dispatcher.turn()
    assert [] == told.mails

    clock.forward(minutes=10)
    dispatcher.turn()

    assert ["Used up for now." in text for _, _, text in told.mails] == [True]


def test_while_nothing_may_be_written_to_a_space_its_deliveries_stay_in_the_inbox(
    take_in: Intake, database: Database, host: MemoryHost, dispatcher: Dispatcher,
    engine: FakeEngine, clock: SetClock, make_report: Callable[..., Report],
) -> None:  # fmt: skip
    host.at_once = 2
    other = SpaceName("other")
    waiting = [take_in().inbox_id for _ in range(5)]
    elsewhere = receive("form", other, "s", make_report(), store=database, clock=clock).inbox_id
    host.spent = BudgetSpent("x", after=54.0)

    dispatcher.hand_over_due()

    assert [elsewhere] == [given[0] for given in engine.given], "what is full keeps nobody else waiting"
    assert {(0, "host-budget")} == {
        (database.job(one).attempts, database.job(one).reason_code) for one in waiting
    }
    host.spent = None
    clock.forward(seconds=54)
    database.finish(elsewhere, clock.now())
    dispatcher.hand_over_due()
    assert waiting[:4] == [given[0] for given in engine.given[1:]], "the oldest go first"


def test_what_waits_for_its_turn_is_not_held_up_by_a_clock_that_was_put_back(
    take_in: Intake, host: MemoryHost, dispatcher: Dispatcher, engine: FakeEngine, clock: SetClock
) -> None:
    receipt = take_in()
    host.spent = BudgetSpent("x", after=3600.0)
    dispatcher.turn()
    host.spent = None
    clock.forward(minutes=59)
    dispatcher.turn()
    assert [] == engine.given

    clock.forward(hours=-3)
    dispatcher.turn()

    assert [receipt.inbox_id] == [given[0] for given in engine.given]


def until(happened: Callable[[], object]) -> None:
    """Wait until it has happened; the limit only ends a test that hangs."""
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


# The dispatcher -------------------------------------------------------------------------------------


@dataclass
class FakeEngine:
    """Remembers what it was given. ``over`` answers; ``runs`` really tries, as the engine would."""

    over: bool = False
    runs: Callable[[str], str] | None = None
    given: list[tuple[str, int, str, int]] = field(default_factory=list)
    taken_over: list[str] = field(default_factory=list)
    forgot: list[datetime] = field(default_factory=list)
    hurried: list[bool] = field(default_factory=list)
    started: int = 0
    stopped: int = 0

    def run(self, inbox_id: str, attempt: int, *, incident: str, seq: int, soon: bool = True) -> bool:
        self.hurried.append(soon)
        again = (inbox_id, attempt, incident, seq) in self.given
        self.given.append((inbox_id, attempt, incident, seq))
        if self.runs is not None and not again:
            self.runs(inbox_id)
        return self.over

    def take_over(self, name: str) -> int:
        self.taken_over.append(name)
        return 1

    def forget(self, now: datetime) -> None:
        self.forgot.append(now)

    def start(self) -> None:
        self.started += 1

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def alone_on(database: Database) -> Fellows:
    engine = database._engine
    return Fellows("server", workers=Workers(engine), locks=Locks(engine), sealer=database._sealer)


@pytest.fixture
def dispatcher(work: Casework, database: Database, engine: FakeEngine, told: Told) -> Dispatcher:
    return Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=alone_on(database))  # type: ignore[arg-type]  # what it needs of an engine


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


def test_members_are_told_once_that_a_report_is_there(
    dispatcher: Dispatcher, take_in: Intake, work: Casework, database: Database, told: Told
) -> None:
    receipt = take_in()
    dispatcher.turn()
    assert [] == told.mails
    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    dispatcher.turn()
    dispatcher.turn()

    code_name = database.job(receipt.inbox_id).code_name
    assert [f"{code_name}: a report has come in"] == [subject for _, subject, _ in told.mails]


def test_a_parked_report_is_told_with_its_reason_and_again_after_a_day(
    dispatcher: Dispatcher,
    take_in: Intake,
    work: Casework,
    database: Database,
    host: MemoryHost,
    told: Told,
    clock: SetClock,
) -> None:
    receipt = take_in()
    host.trouble = always(HostRefused("The key is not accepted."))
    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    dispatcher.turn()
    clock.forward(hours=23)
    dispatcher.turn()
    assert 1 == len(told.mails)
    assert "The key is not accepted." in told.mails[0][2]
    clock.forward(hours=1)
    dispatcher.turn()
    dispatcher.turn()
    assert 2 == len(told.mails)
    host.trouble = lambda _call: None
    attempt(receipt.inbox_id, work, database, Locks(database._engine))
    dispatcher.turn()

    assert [True, True, False] == ["waits and needs you" in subject for _, subject, _ in told.mails]


def test_while_mail_fails_it_is_tried_again_each_minute(
    dispatcher: Dispatcher,
    take_in: Intake,
    work: Casework,
    database: Database,
    told: Told,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        attempt(take_in().inbox_id, work, database, Locks(database._engine))
    tries: list[int] = []
    told.trouble = NotifyError("The mail server is away.")
    tell = told.tell

    def counted(addresses: Sequence[str], *, subject: str, text: str) -> None:
        tries.append(1)
        tell(addresses, subject=subject, text=text)

    monkeypatch.setattr(told, "tell", counted)

    dispatcher.turn()
    assert 1 == len(tries), "a mail server that is away costs one try in a turn"
    for _ in range(5):
        dispatcher.turn()
    assert 3 == len(tries), "each notice is tried once, then it waits"
    clock.forward(seconds=60)
    told.trouble = None
    dispatcher.turn()

    assert 6 == len(tries)
    assert 3 == len(told.mails)


def test_a_notice_that_cannot_be_made_does_not_keep_others_from_being_told(
    dispatcher: Dispatcher, take_in: Intake, database: Database, work: Casework, told: Told, clock: SetClock,
    caplog: pytest.LogCaptureFixture, canary: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    broken, good = take_in(), take_in()
    database.job_failed(database.job(broken.inbox_id), parked=True, code="x", reason="y", due_at=clock.now())
    attempt(good.inbox_id, work, database, Locks(database._engine))
    trouble = [ValueError(canary)]
    tell = told.tell

    def failing(addresses: Sequence[str], *, subject: str, text: str) -> None:
        if trouble:
            raise trouble.pop()
        tell(addresses, subject=subject, text=text)

    monkeypatch.setattr(told, "tell", failing)

    dispatcher.turn()
    dispatcher.turn()

    assert 1 == len(told.mails)
    assert re.search(r"event=notice-failed incident=\S+ error=ValueError", caplog.text)
    assert canary not in caplog.text


def test_a_stopped_dispatcher_has_stopped_its_engine(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, work: Casework, database: Database
) -> None:
    engine.runs = lambda inbox_id: attempt(inbox_id, work, database, Locks(database._engine))
    receipt = take_in()

    dispatcher.start()
    dispatcher.wake()
    until(lambda: database.delivery(receipt.inbox_id).finished)
    dispatcher.stop()

    assert (1, 1) == (engine.started, engine.stopped)


def test_the_dispatcher_outlives_trouble(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, work: Casework, database: Database,
    caplog: pytest.LogCaptureFixture, canary: str,
) -> None:  # fmt: skip
    trouble = [RuntimeError(canary)]

    def runs(inbox_id: str) -> str:
        if trouble:
            engine.given.clear()
            raise trouble.pop()
        return attempt(inbox_id, work, database, Locks(database._engine))

    engine.runs = runs
    receipt = take_in()

    dispatcher.start()
    until(lambda: database.delivery(receipt.inbox_id).finished)
    dispatcher.stop()

    assert "event=loop-trouble loop=dispatcher error=RuntimeError" in caplog.text
    assert canary not in caplog.text


# Nothing waits unheard ------------------------------------------------------------------------------


class Panic(BaseException):
    """As a library written in Rust raises it."""


def test_a_panic_is_noted_like_any_other_trouble(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, canary: str
) -> None:
    receipt = take_in()
    host.trouble = always(Panic(canary))

    assert "unexpected" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    job = database.job(receipt.inbox_id)
    assert ("waiting", 1, "Unexpected trouble of the kind Panic.") == (job.state, job.attempts, job.reason)


def test_an_interrupt_is_not_trouble(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = always(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        attempt(receipt.inbox_id, work, database, Locks(database._engine))

    assert 0 == database.job(receipt.inbox_id).attempts


@pytest.mark.parametrize("trouble", [RuntimeError("the engine's database is full"), Panic()])
def test_members_are_told_though_the_engine_is_broken(
    dispatcher: Dispatcher,
    engine: FakeEngine,
    take_in: Intake,
    told: Told,
    clock: SetClock,
    trouble: BaseException,
) -> None:
    def runs(_inbox_id: str) -> str:
        engine.given.clear()
        raise trouble

    engine.runs = runs
    take_in()

    dispatcher.turn()
    clock.forward(hours=1)
    dispatcher.turn()

    (mail,) = told.mails
    assert "It has not been tried yet." in mail[2]


def test_what_waits_for_an_hour_is_told_once_and_then_each_day(
    dispatcher: Dispatcher, take_in: Intake, told: Told, clock: SetClock
) -> None:
    """The engine took it and never runs it."""
    take_in()
    counts = []

    for minutes in (0, 59, 1, 5, 23 * 60, 54, 1, 60):
        clock.forward(minutes=minutes)
        dispatcher.turn()
        counts.append(len(told.mails))

    assert [0, 0, 1, 1, 1, 1, 2, 2] == counts
    assert told.mails[0][1].endswith("a report waits and needs you")


def test_what_waits_because_a_host_asks_for_a_day_is_told_with_the_reason(
    dispatcher: Dispatcher, take_in: Intake, work: Casework, database: Database, host: MemoryHost, told: Told,
    clock: SetClock,
) -> None:  # fmt: skip
    receipt = take_in()
    host.trouble = always(HostLimited("The host asks us to wait.", after=86_400))
    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    clock.forward(hours=1)
    dispatcher.turn()

    assert "The host asks us to wait." in told.mails[0][2]


def test_trouble_that_changes_its_name_is_not_told_again_each_time(
    dispatcher: Dispatcher, take_in: Intake, database: Database, told: Told, clock: SetClock
) -> None:
    receipt = take_in()
    clock.forward(hours=1)

    for code in ("host-limited", "host-unavailable", "store"):
        database.job_failed(
            database.job(receipt.inbox_id), parked=False, code=code, reason="y", due_at=clock.now()
        )
        dispatcher.turn()

    assert 1 == len(told.mails)


def test_what_is_late_is_told_once_more_when_it_is_there(
    dispatcher: Dispatcher, take_in: Intake, work: Casework, database: Database, told: Told, clock: SetClock
) -> None:
    receipt = take_in()
    clock.forward(hours=2)
    dispatcher.turn()
    attempt(receipt.inbox_id, work, database, Locks(database._engine))
    dispatcher.turn()

    assert ["waits and needs you", "has come in"] == [
        subject.partition("a report ")[2] for _, subject, _ in told.mails
    ]


def test_a_notice_that_cannot_be_noted_is_not_sent_at_each_turn(
    dispatcher: Dispatcher, take_in: Intake, work: Casework, database: Database, told: Told, clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The disk is full: what was told cannot be written down."""
    for _ in range(2):
        attempt(take_in().inbox_id, work, database, Locks(database._engine))
    monkeypatch.setattr(database, "told", lambda _job, _now: always(StoreError("The disk is full."))(""))

    for _ in range(5):
        dispatcher.turn()
    clock.forward(minutes=5)
    dispatcher.turn()

    assert 2 == len(told.mails)


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


# Who is told when nobody can be ---------------------------------------------------------------------

OPERATOR = "operator@example.org"


@pytest.fixture
def watched(work: Casework, database: Database, engine: FakeEngine, told: Told) -> Dispatcher:
    return Dispatcher(
        work=work, jobs=database, engine=engine, notifier=told, fellows=alone_on(database), operator=OPERATOR,  # type: ignore[arg-type]  # what it needs of an engine
    )  # fmt: skip


def test_the_operator_is_told_when_no_member_can_be(
    watched: Dispatcher, take_in: Intake, make_report: Callable[..., Report], team: Team, work: Casework,
    database: Database, told: Told, clock: SetClock,
) -> None:  # fmt: skip
    team.recovery = []
    receipt = take_in(make_report(subject="Robert and Miriam"))
    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    watched.turn()
    watched.turn()
    clock.forward(hours=24)
    watched.turn()

    assert 2 == len(told.mails)
    addresses, subject, text = told.mails[0]
    assert ((OPERATOR,), "A report waits, and nobody on the team could be told") == (addresses, subject)
    assert "coc-server jobs list" in text
    assert receipt.inbox_id in text
    assert database.job(receipt.inbox_id).code_name not in subject + text


def test_the_operator_is_told_of_a_diary_whose_readers_have_all_left(
    watched: Dispatcher, take_in: Intake, team: Team, work: Casework, database: Database, told: Told
) -> None:
    attempt(take_in().inbox_id, work, database, Locks(database._engine))
    team.members, team.recovery = [], []

    watched.turn()
    watched.turn()

    assert [((OPERATOR,), "A report has come in, and nobody on the team could be told")] == [
        mail[:2] for mail in told.mails
    ]


def test_with_another_root_key_the_recovery_keys_holders_are_told(
    take_in: Intake, work: Casework, database: Database, engine: FakeEngine, told: Told
) -> None:
    receipt = take_in()
    other = Database(database._engine, Sealer(bytes(32)), database._inbox_keys)
    work = replace(work, store=other)
    attempt(receipt.inbox_id, work, other, Locks(other._engine))
    other.job_failed(
        other.job(receipt.inbox_id),
        parked=True,
        code="does-not-open",
        reason="Another key.",
        due_at=work.clock.now(),
    )

    Dispatcher(work=work, jobs=other, engine=engine, notifier=told, fellows=alone_on(other)).turn()  # type: ignore[arg-type]  # what it needs of an engine

    (mail,) = told.mails
    assert ("paper@board.example.org",) == mail[0]
    assert "Another key." in mail[2]
    assert "cannot find out whom the report could mean" in mail[2]


def test_the_operator_hears_that_members_cannot_be_mailed(
    watched: Dispatcher, take_in: Intake, work: Casework, database: Database, told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    attempt(take_in().inbox_id, work, database, Locks(database._engine))
    tell = told.tell

    def refusing(addresses: Sequence[str], *, subject: str, text: str) -> None:
        if tuple(addresses) != (OPERATOR,):
            raise NotifyError("The mail server refused every address.")
        tell(addresses, subject=subject, text=text)

    monkeypatch.setattr(told, "tell", refusing)

    for _ in range(4):
        watched.turn()

    (mail,) = told.mails
    assert "takes no notice for members" in mail[2]


def who_leads_is_not_known() -> bool:
    raise StoreError("The database is away.")


@pytest.mark.parametrize("leads", [who_leads_is_not_known, lambda: False])
def test_an_alert_needs_neither_a_database_nor_the_lead(
    watched: Dispatcher, told: Told, leads: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched._fellows, "leads", leads)
    watched.alert("form", "intake")

    watched.turn()

    (mail,) = told.mails
    assert (OPERATOR,) == mail[0]
    assert "could not be stored" in mail[2]


def test_the_operator_is_told_what_to_do_about_a_root_key_file_that_is_not_taken(
    watched: Dispatcher, told: Told
) -> None:
    watched.alert("", "root-key")

    watched.turn()

    (mail,) = told.mails
    assert (OPERATOR,) == mail[0]
    assert "Put the right root.key back before you stop the server" in mail[2]


@pytest.mark.parametrize("name", ["heartbeat", "take-over", "dispatcher", "notices"])
def test_each_loop_that_hangs_is_known(
    watched: Dispatcher, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not watched.is_stuck

    monkeypatch.setattr(Loop, "is_stuck", property(lambda one: one._name == name))

    assert watched.is_stuck


# A ticket that is gone ------------------------------------------------------------------------------


def test_who_deleted_a_ticket_too_early_is_told_how_to_go_on(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.stubborn_fields = True
    attempt(receipt.inbox_id, work, database, Locks(database._engine))
    host.tickets.clear()

    assert "host-gone" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    assert f"coc-server jobs reopen {receipt.inbox_id}" in (database.job(receipt.inbox_id).reason or "")


def test_a_diary_that_has_begun_is_not_reopened(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, make_report: Callable[..., Report]
) -> None:
    attempt(take_in(submission="s1").inbox_id, work, database, Locks(database._engine))
    second = take_in(make_report(account="more"), submission="s1")
    host.tickets.clear()

    assert "host-gone" == attempt(second.inbox_id, work, database, Locks(database._engine))

    assert "reopen" not in (database.job(second.inbox_id).reason or "")


# The threads ----------------------------------------------------------------------------------------


@both
def test_a_slow_mail_server_does_not_hold_up_reports(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, work: Casework, database: Database, told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    engine.runs = lambda inbox_id: attempt(inbox_id, work, database, Locks(database._engine))
    began, go_on = threading.Event(), threading.Event()

    def slow(_addresses: Sequence[str], *, subject: str, text: str) -> None:  # noqa: ARG001 - the port's signature
        began.set()
        go_on.wait(30)

    monkeypatch.setattr(told, "tell", slow)
    attempt(take_in().inbox_id, work, database, Locks(database._engine))
    dispatcher.start()
    assert began.wait(30)

    receipt = take_in()
    dispatcher.wake()
    try:
        until(lambda: database.delivery(receipt.inbox_id).finished)
        assert not go_on.is_set()
    finally:
        go_on.set()
        dispatcher.stop()


def test_the_dispatcher_outlives_a_panic(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, work: Casework, database: Database
) -> None:
    trouble = [Panic()]

    def runs(inbox_id: str) -> str:
        if trouble:
            engine.given.clear()
            raise trouble.pop()
        return attempt(inbox_id, work, database, Locks(database._engine))

    engine.runs = runs
    receipt = take_in()

    dispatcher.start()
    until(lambda: database.delivery(receipt.inbox_id).finished)
    dispatcher.stop()


class Time:
    """The monotonic clock of a loop."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.mark.parametrize("broken", [True, False])
def test_a_loop_that_gets_through_no_turn_is_seen(monkeypatch: pytest.MonkeyPatch, *, broken: bool) -> None:
    time_ = Time()
    monkeypatch.setattr(loop, "time", time_)
    hold, trouble = threading.Event(), [RuntimeError()] if broken else []

    def turn() -> None:
        if trouble:
            raise trouble[0]
        hold.wait(30)

    one = Loop("notices", turn)
    seen = []
    time_.seconds += 10_000
    seen.append(one.is_stuck)  # it does not run yet
    one.start()
    for seconds in (299, 2):
        time_.seconds += seconds
        seen.append(one.is_stuck)

    assert [False, False, True] == seen

    trouble.clear()
    hold.set()
    until(lambda: not one.is_stuck)
    one.stop()


def test_what_is_over_is_dropped_once_a_minute_and_holds_up_nothing(
    work: Casework, database: Database, engine: FakeEngine, take_in: Intake, told: Told, clock: SetClock
) -> None:
    tidied: list[object] = []

    def tidy(now: object) -> None:
        tidied.append(now)
        raise StoreError("The database is busy.")

    one = Dispatcher(
        work=work, jobs=database, engine=engine, notifier=told, fellows=alone_on(database), tidy=tidy,  # type: ignore[arg-type]  # what it needs of an engine
    )  # fmt: skip
    take_in()

    one.turn()
    one.turn()
    clock.forward(seconds=60)
    one.turn()

    assert 2 == len(tidied)
    assert 3 == len(engine.given)
