"""Members hear once that a report is there, and again and again of one that waits, whatever else is broken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostLimited, HostRefused, NotifyError, StoreError
from tests.server.jobs.conftest import FakeEngine, Panic, always
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.casework import Casework
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


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

    def counted(addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        tries.append(1)
        return tell(addresses, subject=subject, text=text)

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


def test_a_slow_mail_server_leaves_time_for_alerts_between_notices(
    dispatcher: Dispatcher, take_in: Intake, work: Casework, database: Database, told: Told, clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for _ in range(5):
        attempt(take_in().inbox_id, work, database, Locks(database._engine))
    tell = told.tell

    def slowly(addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        clock.forward(seconds=40)
        return tell(addresses, subject=subject, text=text)

    monkeypatch.setattr(told, "tell", slowly)

    told_by = []
    for _ in range(3):
        dispatcher.turn()
        told_by.append(len(told.mails))

    assert [2, 4, 5] == told_by


def test_a_notice_that_cannot_be_made_does_not_keep_others_from_being_told(
    dispatcher: Dispatcher, take_in: Intake, database: Database, work: Casework, told: Told, clock: SetClock,
    caplog: pytest.LogCaptureFixture, canary: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    broken, good = take_in(), take_in()
    database.job_failed(database.job(broken.inbox_id), parked=True, code="x", reason="y", due_at=clock.now())
    attempt(good.inbox_id, work, database, Locks(database._engine))
    trouble = [ValueError(canary)]
    tell = told.tell

    def failing(addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        if trouble:
            raise trouble.pop()
        return tell(addresses, subject=subject, text=text)

    monkeypatch.setattr(told, "tell", failing)

    dispatcher.turn()
    dispatcher.turn()

    assert 1 == len(told.mails)
    assert re.search(r"event=notice-failed incident=\S+ error=ValueError", caplog.text)
    assert canary not in caplog.text


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
