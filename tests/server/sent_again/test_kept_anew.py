"""Sent again, a report that does not open is kept anew under its receipt; one that opens is left as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.pg import both
from tests.server.sent_again.conftest import due, give_up, row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


@both
def test_sent_again_a_report_without_its_key_is_kept_anew_under_the_same_receipt(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], host: MemoryHost, canary: str,
) -> None:  # fmt: skip
    first = take_in(submission="s")
    lose_keys()
    assert "does-not-open" == tried(first)

    again = take_in(make_report(account=canary), submission="s")

    assert (first.inbox_id, first.incident, True) == (again.inbox_id, again.incident, again.duplicate)
    report = database.delivery(first.inbox_id).report
    assert report is not None
    assert canary.encode() in report
    assert "done" == tried(first)
    assert 1 == len(host.tickets)


@both
def test_it_is_due_at_once_and_counts_as_not_tried(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    clock: SetClock,
) -> None:  # fmt: skip
    first = take_in(submission="s")
    lose_keys()
    tried(first)
    assert [] == due(database, clock)

    take_in(submission="s")

    assert [first.inbox_id] == due(database, clock)
    job = database.job(first.inbox_id)
    assert ("waiting", None, None, 0) == (job.state, job.reason_code, job.reason, job.attempts - job.waits)


def test_a_try_that_ends_after_it_was_kept_anew_does_not_put_it_off(
    take_in: Intake, database: Database, lose_keys: Callable[[], None], clock: SetClock
) -> None:
    first = take_in(submission="s")
    lose_keys()
    under_way = database.job(first.inbox_id)
    take_in(submission="s")

    later = clock.now() + timedelta(hours=1)
    database.job_failed(
        under_way, parked=True, code="does-not-open", reason="No key.", due_at=later, now=clock.now()
    )

    assert [first.inbox_id] == due(database, clock)


@both
def test_a_duplicate_whose_key_is_there_changes_nothing(
    take_in: Intake, database: Database, clock: SetClock
) -> None:
    first = take_in(submission="s")
    before = row(database, first)
    clock.forward(minutes=1)

    take_in(submission="s")

    assert before == row(database, first)


def test_a_report_that_is_in_its_diary_is_not_kept_again(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None]
) -> None:
    first = take_in(submission="s")
    assert "done" == tried(first)
    lose_keys()
    before = row(database, first)

    take_in(submission="s")

    assert before == row(database, first)


def test_a_report_that_a_try_could_not_open_is_kept_anew_though_its_key_is_there(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], tmp_path: Path
) -> None:
    first = take_in(submission="s")
    (key,) = (tmp_path / "inbox-keys").iterdir()
    key.write_bytes(bytes(32))
    tried(first)
    database.forget()  # as each minute: what comes next is sealed with another key

    take_in(submission="s")

    assert database.delivery(first.inbox_id).report is not None


def test_a_report_that_opens_again_since_it_was_noted_is_left_as_it_is(
    take_in: Intake, database: Database, clock: SetClock
) -> None:
    first = take_in(submission="s")
    job = database.job(first.inbox_id)
    database.job_failed(job, parked=True, code="does-not-open", reason="No key.", due_at=clock.now())
    before = row(database, first)

    take_in(submission="s")

    assert before == row(database, first)


def test_what_was_given_up_is_kept_anew_when_it_is_sent_again(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], clock: SetClock
) -> None:
    first = take_in(submission="s")
    give_up(database, first, clock.now())

    take_in(submission="s")

    assert "done" == tried(first)
    assert database.delivery(first.inbox_id).report is None
