"""A delivery is done once it is on its host; trouble is waited for, and parked when a person must hear of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostLimited, HostRefused, HostUnavailable, HostUnknownOutcome, StoreError
from tests import pg
from tests.server.jobs.conftest import Panic, always
from tests.server.memory_host import SPACE
from webhook_server.jobs import attempt
from webhook_server.store import space_ids
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.casework import Casework
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


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


@pg.both
@pytest.mark.parametrize("how", ["one retry", "a space accepted"])
def test_what_is_to_be_tried_at_once_during_a_try_is_tried_after_it(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock, how: str
) -> None:
    """The operator mends the host while a try is under way that still fails."""
    inbox_id = take_in().inbox_id
    clock.forward(seconds=1)

    def meanwhile(_call: str) -> None:
        clock.forward(seconds=1)
        if how == "one retry":
            database.retry_now(inbox_id, clock.now())
        else:
            space_ids.accept(database._engine, SPACE, "4711", clock.now())
        raise HostLimited("Slower.", after=7200.0)

    host.trouble = meanwhile
    attempt(inbox_id, work, database, Locks(database._engine))
    assert [inbox_id] == [job.inbox_id for job in database.due_jobs(clock.now(), limit=1)]
    assert (1, "host-limited") == (database.job(inbox_id).attempts, database.job(inbox_id).reason_code)

    host.trouble = always(HostLimited("Slower.", after=7200.0))
    attempt(inbox_id, work, database, Locks(database._engine))
    assert [] == database.due_jobs(clock.now() + timedelta(minutes=59), limit=1)


@pg.both
def test_what_was_put_off_during_a_try_waits_as_long_as_that_was_told(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    """Others of its ticket space found the budget used up: that is no wish to try at once."""
    inbox_id = take_in().inbox_id

    def meanwhile(_call: str) -> None:
        now = clock.now()
        database.postpone(SPACE, now, code="budget", reason="Later.", due_at=now + timedelta(seconds=5))
        raise HostLimited("Slower.", after=1800.0)

    host.trouble = meanwhile
    attempt(inbox_id, work, database, Locks(database._engine))
    assert [] == database.due_jobs(clock.now() + timedelta(minutes=29), limit=1)


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
