"""The inbox seen as work: what is due when, how a try ended, whom to tell, and a clock that is put back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.audience import AdminProof
from integration.casework import receive
from integration.errors import HostUnproven
from integration.incident import SpaceName
from tests.pg import both
from webhook_server.store.audiences import Audiences
from webhook_server.store.overview import Overview
from webhook_server.store.space_ids import accept

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from webhook_server.store.database import Database

SPACE = SpaceName("conduct")


def test_due_jobs_are_the_oldest_of_each_incident_only(
    database: Database, take_in: Intake, make_report: Callable[..., Report], clock: SetClock
) -> None:
    first = take_in(submission="s1")
    later = take_in(make_report(account="other"), submission="s1")
    alone = take_in(submission="s2")

    assert [first.inbox_id, alone.inbox_id] == [
        one.inbox_id for one in database.due_jobs(clock.now(), limit=10)
    ]

    database.finish(first.inbox_id, clock.now())

    assert [later.inbox_id, alone.inbox_id] == [
        one.inbox_id for one in database.due_jobs(clock.now(), limit=10)
    ]


def test_a_later_report_waits_while_the_first_is_not_due(
    database: Database, take_in: Intake, make_report: Callable[..., Report], clock: SetClock
) -> None:
    first = take_in(submission="s1")
    take_in(make_report(account="other"), submission="s1")
    database.job_failed(
        database.job(first.inbox_id),
        parked=True,
        code="x",
        reason="y",
        due_at=clock.now() + timedelta(hours=1),
        now=clock.now(),
    )

    assert [] == database.due_jobs(clock.now(), limit=10)


def test_of_each_ticket_space_the_oldest_due_jobs_are_given(
    database: Database, take_in: Intake, clock: SetClock, make_report: Callable[..., Report]
) -> None:
    ids = [take_in().inbox_id for _ in range(5)]
    other = receive("form", SpaceName("other"), "s", make_report(), store=database, clock=clock).inbox_id

    assert [*ids[:3], other] == [one.inbox_id for one in database.due_jobs(clock.now(), limit=3)]


def test_a_failed_job_keeps_its_reason_and_counts_its_tries(
    database: Database, take_in: Intake, clock: SetClock
) -> None:
    receipt = take_in()
    due = clock.now() + timedelta(minutes=3)

    database.job_failed(
        database.job(receipt.inbox_id), parked=False, code="host-limited", reason="Slower.", due_at=due
    )
    database.job_failed(
        database.job(receipt.inbox_id), parked=True, code="host-refused", reason="No.", due_at=due
    )

    job = database.job(receipt.inbox_id)
    assert ("parked", 2, due, "host-refused", "No.") == (
        job.state,
        job.attempts,
        job.due_at,
        job.reason_code,
        job.reason,
    )
    assert [job] == database.unfinished_jobs()


def test_a_finished_job_is_done_and_has_no_reason(
    database: Database, take_in: Intake, clock: SetClock
) -> None:
    receipt = take_in()
    database.job_failed(database.job(receipt.inbox_id), parked=True, code="x", reason="y", due_at=clock.now())

    database.finish(receipt.inbox_id, clock.now())

    job = database.job(receipt.inbox_id)
    assert ("done", None, None) == (job.state, job.reason_code, job.reason)
    assert [] == database.unfinished_jobs()
    assert database.delivery(receipt.inbox_id).finished


@both
def test_retry_now_makes_it_due(database: Database, take_in: Intake, clock: SetClock) -> None:
    receipt = take_in()
    database.job_failed(
        database.job(receipt.inbox_id),
        parked=True,
        code="x",
        reason="y",
        due_at=clock.now() + timedelta(hours=1),
        now=clock.now(),
    )

    database.retry_now(receipt.inbox_id, clock.now())

    assert [receipt.inbox_id] == [one.inbox_id for one in database.due_jobs(clock.now(), limit=10)]


def test_a_state_is_told_once_and_a_parked_one_again_after_a_day(
    database: Database, take_in: Intake, clock: SetClock
) -> None:
    receipt = take_in()
    day = timedelta(hours=24)

    def untold() -> list[str]:
        return [one.state for one in database.untold(clock.now(), again_after=day, overdue_after=day)]

    assert [] == untold()
    database.job_failed(database.job(receipt.inbox_id), parked=True, code="x", reason="y", due_at=clock.now())
    assert ["parked"] == untold()
    database.told(database.job(receipt.inbox_id), clock.now())
    assert [] == untold()
    clock.forward(hours=24)
    assert ["parked"] == untold()
    database.told(database.job(receipt.inbox_id), clock.now())
    database.job_failed(database.job(receipt.inbox_id), parked=True, code="z", reason="y", due_at=clock.now())
    assert ["parked"] == untold()
    database.finish(receipt.inbox_id, clock.now())
    database.told(database.job(receipt.inbox_id), clock.now())
    clock.forward(hours=48)
    assert [] == untold()


def test_what_waits_too_long_is_told_again_after_a_day(
    database: Database, take_in: Intake, clock: SetClock
) -> None:
    take_in()
    day, hour = timedelta(hours=24), timedelta(hours=1)

    def untold() -> list[str]:
        return [one.state for one in database.untold(clock.now(), again_after=day, overdue_after=hour)]

    assert [] == untold()
    clock.forward(hours=1)
    assert ["waiting"] == untold()
    database.told(database.unfinished_jobs()[0], clock.now())
    assert [] == untold()
    clock.forward(hours=24)
    assert ["waiting"] == untold()


@both
def test_what_is_still_untold_is_counted(database: Database, take_in: Intake, clock: SetClock) -> None:
    done, parked, _waiting = (take_in().inbox_id for _ in range(3))
    overview, day, hour = Overview(database._engine), timedelta(hours=24), timedelta(hours=1)

    def untold(minutes: int) -> int:
        then = clock.now() - timedelta(minutes=minutes)
        return overview.untold(then, again_after=day, overdue_after=hour)

    clock.forward(hours=2)
    database.finish(done, clock.now())
    database.job_failed(database.job(parked), parked=True, code="x", reason="y", due_at=clock.now())

    assert [3, 2, 1, 0] == [untold(minutes) for minutes in (0, 1, 90, 121)]
    database.told(database.job(done), clock.now())
    assert 2 == untold(0)


def test_times_from_before_the_clock_was_put_back_are_not_believed(
    database: Database, take_in: Intake, clock: SetClock
) -> None:
    later = clock.now() + timedelta(days=365)
    receipt = take_in()
    day = timedelta(hours=24)
    database.job_failed(
        database.job(receipt.inbox_id), parked=True, code="x", reason="y", due_at=later, now=later
    )
    database.told(database.job(receipt.inbox_id), later)

    assert [receipt.inbox_id] == [one.inbox_id for one in database.due_jobs(clock.now(), limit=10)]
    assert ["parked"] == [
        one.state for one in database.untold(clock.now(), again_after=day, overdue_after=day)
    ]


def test_the_longest_wait_is_waited_for(database: Database, take_in: Intake, clock: SetClock) -> None:
    receipt = take_in()
    now = clock.now()
    due = now + timedelta(hours=24)
    database.job_failed(
        database.job(receipt.inbox_id), parked=True, code="x", reason="y", due_at=due, now=now
    )

    assert [] == database.due_jobs(clock.now(), limit=10)


def retried(database: Database, receipt: Receipt, now: datetime) -> None:
    database.retry_now(receipt.inbox_id, now)


def proven(database: Database, receipt: Receipt, now: datetime) -> None:
    later = now + timedelta(hours=1)
    job = database.job(receipt.inbox_id)
    database.job_failed(job, parked=True, code=HostUnproven.code, reason="y", due_at=later, now=now)
    Audiences(database._engine).admin_passed(SPACE, AdminProof(now, now + timedelta(days=90), "1", ()), now)


def restored(database: Database, receipt: Receipt, now: datetime) -> None:
    database.restore(receipt.incident, gone=None, now=now)


def its_space_accepted(database: Database, _receipt: Receipt, now: datetime) -> None:
    accept(database._engine, SPACE, "another", now)


def waits_for_its_turn(database: Database, receipt: Receipt, now: datetime) -> None:
    job = database.job(receipt.inbox_id)
    database.job_waits(job, code="host-budget", reason="y", due_at=now + timedelta(minutes=1), now=now)


def interrupted(database: Database, receipt: Receipt, now: datetime) -> None:
    job = database.job(receipt.inbox_id)
    database.job_failed(job, parked=False, code="interrupted", reason="y", due_at=now)


def all_postponed(database: Database, _receipt: Receipt, now: datetime) -> None:
    database.postpone(SPACE, now, code="host-budget", reason="y", due_at=now + timedelta(minutes=1))


@pytest.mark.parametrize(
    "noted", [retried, proven, restored, its_space_accepted, waits_for_its_turn, interrupted, all_postponed]
)
def test_whatever_says_when_a_job_is_due_is_not_believed_after_the_clock_was_put_back(
    database: Database, take_in: Intake, clock: SetClock, noted: Callable[[Database, Receipt, datetime], None]
) -> None:
    receipt, right = take_in(), clock.now()
    job = database.job(receipt.inbox_id)
    database.job_failed(job, parked=True, code=HostUnproven.code, reason="y", due_at=right, now=right)

    noted(database, receipt, right + timedelta(hours=3))

    assert right + timedelta(hours=3) <= database.job(receipt.inbox_id).due_at
    assert [receipt.inbox_id] == [one.inbox_id for one in database.due_jobs(right, limit=10)]
