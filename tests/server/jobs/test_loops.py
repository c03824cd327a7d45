"""The dispatcher's threads outlive trouble, hold each other up in nothing, and one that hangs is seen."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.pg import both
from tests.server.jobs.conftest import FakeEngine, Panic, until
from webhook_server import loop
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.loop import Loop
from webhook_server.store import tables as t
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from integration.casework import Casework
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from webhook_server.store.database import Database


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


@pytest.mark.parametrize("name", ["heartbeat", "take-over", "dispatcher", "notices"])
def test_each_loop_that_hangs_is_known(
    watched: Dispatcher, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not watched.is_stuck

    monkeypatch.setattr(Loop, "is_stuck", property(lambda one: one._name == name))

    assert watched.is_stuck


@both
def test_a_slow_mail_server_does_not_hold_up_reports(
    dispatcher: Dispatcher, engine: FakeEngine, take_in: Intake, work: Casework, database: Database, told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    engine.runs = lambda inbox_id: attempt(inbox_id, work, database, Locks(database._engine))
    began, go_on = threading.Event(), threading.Event()

    def slow(_addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:  # noqa: ARG001 - the port's signature
        began.set()
        go_on.wait(30)
        return ()

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


def test_a_key_that_no_report_needs_any_more_is_destroyed_within_a_minute(
    dispatcher: Dispatcher, take_in: Intake, database: Database, clock: SetClock, tmp_path: Path
) -> None:
    """As when the disk refused it at the hand-over."""
    receipt = take_in()
    dispatcher.turn()
    with database._engine.begin() as connection:
        row = t.inbox.update().where(t.inbox.c.id == receipt.inbox_id)
        connection.execute(row.values(sealed_report=None, inbox_key=None, state="done"))
    assert 1 == len(list((tmp_path / "inbox-keys").glob("*.key")))

    clock.forward(minutes=2)
    dispatcher.turn()

    assert [] == list((tmp_path / "inbox-keys").glob("*.key"))


class CountingLog:
    """The write-ahead log; counts how often what is left in it was to be emptied."""

    tried = 0

    def empty_what_is_left(self) -> None:
        self.tried += 1


def test_each_turn_empties_what_is_left_in_the_write_ahead_log(
    dispatcher: Dispatcher, database: Database
) -> None:
    """Somebody read the database when it was to be emptied; what was erased still lies in it."""
    dispatcher.turn()  # with the tidying, which empties it too
    log = CountingLog()
    database.log = log  # type: ignore[assignment]  # what a turn needs of it

    dispatcher.turn()
    dispatcher.turn()

    assert 2 == log.tried
