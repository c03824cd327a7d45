"""Every delivery ends on its host or is parked where somebody hears of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.errors import (
    HostLimited,
    HostRefused,
    HostUnavailable,
    HostUnknownOutcome,
    NotifyError,
    StoreError,
)
from webhook_server import jobs
from webhook_server.jobs import Dispatcher, attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integration.casework import Casework
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, MemoryHost, Told
    from webhook_server.store.database import Database


def always(error: BaseException) -> Callable[[str], None]:
    def trouble(_call: str) -> None:
        raise error

    return trouble


# One attempt ----------------------------------------------------------------------------------------


def test_a_delivery_that_is_on_its_host_is_done(take_in: Intake, work: Casework, database: Database) -> None:
    receipt = take_in()

    assert "done" == attempt(receipt.inbox_id, work, database)
    assert "done" == database.job(receipt.inbox_id).state


def test_trouble_that_passes_is_waited_for(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = always(HostUnavailable("The host is away."))

    assert "host-unavailable" == attempt(receipt.inbox_id, work, database)

    job = database.job(receipt.inbox_id)
    assert ("waiting", 1, "host-unavailable", "The host is away.") == (
        job.state, job.attempts, job.reason_code, job.reason
    )  # fmt: skip


def test_trouble_that_needs_a_person_is_parked_at_once_and_still_tried(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    host.trouble = always(HostRefused("The key is not accepted."))

    attempt(receipt.inbox_id, work, database)

    job = database.job(receipt.inbox_id)
    assert ("parked", clock.now() + timedelta(minutes=15)) == (job.state, job.due_at)
    host.trouble = lambda _call: None
    assert "done" == attempt(receipt.inbox_id, work, database)


def waits(receipt_id: str, work: Casework, database: Database, clock: SetClock, times: int) -> list[float]:
    found = []
    for _ in range(times):
        attempt(receipt_id, work, database)
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
        attempt(receipt.inbox_id, work, database)
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
    while not database.delivery(receipt.inbox_id).finished:
        attempt(receipt.inbox_id, work, database)
        states.append(database.job(receipt.inbox_id).state)
        clock.time = max(clock.time, database.job(receipt.inbox_id).due_at)

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

    assert "unexpected" == attempt(receipt.inbox_id, work, database)

    job = database.job(receipt.inbox_id)
    assert ("waiting", "Unexpected trouble of the kind RuntimeError.") == (job.state, job.reason)
    assert canary not in caplog.text


def test_trouble_of_the_database_is_tried_again_soon(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = always(StoreError("The diary has moved on."))

    attempt(receipt.inbox_id, work, database)

    assert "waiting" == database.job(receipt.inbox_id).state


def test_the_log_names_code_names_and_codes_only(
    take_in: Intake, work: Casework, database: Database, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    receipt = take_in()

    attempt(receipt.inbox_id, work, database)

    code_name = database.job(receipt.inbox_id).code_name
    assert f"incident {code_name}: delivery {receipt.inbox_id} is on its host" in caplog.text
    assert canary not in caplog.text


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
    started: int = 0
    stopped: int = 0

    def run(self, inbox_id: str, attempt: int, *, incident: str, seq: int) -> bool:
        again = (inbox_id, attempt, incident, seq) in self.given
        self.given.append((inbox_id, attempt, incident, seq))
        if self.runs is not None and not again:
            self.runs(inbox_id)
        return self.over

    def start(self) -> None:
        self.started += 1

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def dispatcher(work: Casework, database: Database, engine: FakeEngine, told: Told) -> Dispatcher:
    return Dispatcher(work=work, jobs=database, engine=engine, notifier=told)  # type: ignore[arg-type]  # what it needs of an engine


def test_a_turn_hands_over_what_is_due_in_order(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    take_in(make_report(account="more"), submission="s1")
    second = take_in(submission="s2")

    dispatcher.turn()

    assert [(first.inbox_id, 0, first.incident, 1), (second.inbox_id, 0, second.incident, 3)] == engine.given


def test_the_window_is_bounded(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "WINDOW", 3)
    ids = [take_in().inbox_id for _ in range(5)]

    dispatcher.turn()

    assert ids[:3] == [one[0] for one in engine.given]


def test_what_is_not_due_is_not_handed_over(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    database.job_failed(
        receipt.inbox_id, parked=False, code="x", reason="y", due_at=clock.now() + timedelta(seconds=9)
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
    engine.runs = lambda inbox_id: attempt(inbox_id, work, database)
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
    attempt(receipt.inbox_id, work, database)

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
    attempt(receipt.inbox_id, work, database)

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
    attempt(receipt.inbox_id, work, database)
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
        attempt(take_in().inbox_id, work, database)
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
    database.job_failed(broken.inbox_id, parked=True, code="x", reason="y", due_at=clock.now())
    attempt(good.inbox_id, work, database)
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
    assert "could not be told: ValueError" in caplog.text
    assert canary not in caplog.text


def test_a_stopped_dispatcher_has_stopped_its_engine(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, work: Casework, database: Database
) -> None:
    engine.runs = lambda inbox_id: attempt(inbox_id, work, database)
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
        return attempt(inbox_id, work, database)

    engine.runs = runs
    receipt = take_in()

    dispatcher.start()
    until(lambda: database.delivery(receipt.inbox_id).finished)
    dispatcher.stop()

    assert "dispatcher: trouble of the kind RuntimeError" in caplog.text
    assert canary not in caplog.text
