"""Whichever answer is lost and wherever the process dies, in the end there is one whole ticket and no second."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.casework import SETTLE, Casework, is_retryable, open_incident
from integration.errors import (
    ConfigError,
    HostError,
    HostGone,
    HostLimited,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnavailable,
    HostUnknownOutcome,
    NoReaders,
    StoreError,
)
from tests.server.casework.interrupted import Crash, Once, dying
from tests.server.casework.whole import STEPS, assert_whole

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

LOST = HostUnknownOutcome("The answer was lost.")


def open_but_lose_the_answer(host: MemoryHost, monkeypatch: pytest.MonkeyPatch) -> None:
    real = host.open_ticket

    def lossy(view: Any) -> Any:  # noqa: ANN401 - the port's own types
        real(view)
        monkeypatch.setattr(host, "open_ticket", real)
        raise LOST

    monkeypatch.setattr(host, "open_ticket", lossy)


def test_a_ticket_whose_answer_was_lost_is_found(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = take_in()
    open_but_lose_the_answer(host, monkeypatch)

    with pytest.raises(HostUnknownOutcome):
        open_incident(receipt.inbox_id, work)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def test_while_the_search_may_lag_no_second_ticket_is_risked(
    take_in: Intake,
    work: Casework,
    host: MemoryHost,
    database: Database,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt = take_in()
    host.lag = timedelta(minutes=2)
    open_but_lose_the_answer(host, monkeypatch)

    with pytest.raises(HostUnknownOutcome):
        open_incident(receipt.inbox_id, work)
    with pytest.raises(HostUnknownOutcome, match="not known yet") as raised:
        open_incident(receipt.inbox_id, work)
    assert 30 == raised.value.after
    clock.forward(minutes=2)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def test_after_the_search_has_settled_not_there_is_believed(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    host.trouble = Once("open_ticket", LOST)

    with pytest.raises(HostUnknownOutcome):
        open_incident(receipt.inbox_id, work)
    clock.forward(seconds=SETTLE.total_seconds() - 10)
    with pytest.raises(HostUnknownOutcome) as raised:
        open_incident(receipt.inbox_id, work)
    assert 10 == raised.value.after
    clock.forward(seconds=10)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


@pytest.mark.parametrize(
    "error", [HostUnavailable, HostLimited, HostRefused, HostRejected, HostGone, HostNotRestricted]
)
def test_after_a_definite_failure_the_next_try_does_not_wait(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, error: type[HostError]
) -> None:
    receipt = take_in()
    host.trouble = Once("open_ticket", error("No."))

    with pytest.raises(error):
        open_incident(receipt.inbox_id, work)
    assert database.ticket(receipt.incident).attempted_at is None
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


@pytest.mark.parametrize("lost", [1, 3, 5, 12])
def test_what_a_host_dropped_is_written_the_next_time(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, lost: int
) -> None:
    receipt = take_in()
    host.loses = lost

    with pytest.raises(HostUnknownOutcome, match="does not show yet"):
        open_incident(receipt.inbox_id, work)
    host.loses = 0
    open_incident(receipt.inbox_id, work)

    mine = host.tickets[0]
    assert set(STEPS) == set(mine.steps)
    assert list(database.comments(receipt.incident)) == sorted(mine.comments, key=lambda one: one.id)
    assert database.delivery(receipt.inbox_id).finished


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 41))
def test_after_a_crash_at_any_call_there_is_one_whole_ticket(
    take_in: Intake,
    work: Casework,
    host: MemoryHost,
    database: Database,
    clock: SetClock,
    canary: str,
    at: int,
    *,
    after: bool,
) -> None:
    receipt = take_in()
    mortal, calls = dying(work, host, at, after=after)
    host.lag = timedelta(minutes=1)

    try:
        open_incident(receipt.inbox_id, mortal)
    except Crash:
        pass
    else:
        assert calls[0] < at, "every call of the straight way is tried"
    for _ in range(3):
        clock.forward(minutes=4)
        try:
            open_incident(receipt.inbox_id, work)
        except HostUnknownOutcome:
            continue

    assert_whole(receipt, host, database)
    assert canary not in repr(host)


def test_the_crashes_above_reach_every_call(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    mortal, calls = dying(work, host, 0, after=False)

    open_incident(take_in().inbox_id, mortal)

    assert 10 < calls[0] < 41


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (HostUnavailable("x"), True),
        (HostLimited("x"), True),
        (HostUnknownOutcome("x"), True),
        (StoreError("x"), True),
        (HostRefused("x"), False),
        (HostNotRestricted("x"), False),
        (NoReaders("x"), False),
        (ConfigError("x", []), False),
        (KeyError("x"), False),
    ],
)
def test_what_passes_by_itself_is_tried_again(error: Exception, again: bool) -> None:  # noqa: FBT001 - the expectation
    assert again is is_retryable(error)
