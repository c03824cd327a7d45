"""Two servers whose machines' clocks differ keep together what each would keep alone: they go by the database's."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from integration.checks import Outcome
from integration.errors import BudgetSpent, StoreError
from integration.ports import Pace
from tests.conftest import SetClock
from webhook_server import doctor, wiring
from webhook_server.config import load_config
from webhook_server.fellows import Fellows
from webhook_server.intake.routes import intake
from webhook_server.store.budget import SharedBudget
from webhook_server.store.chores import NIGHT, ChoreBook
from webhook_server.store.clocks import SharedClock, SystemClock, common_time
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.ports import Clock
    from integration.store import Receipt
    from webhook_server.store.sealed import Sealer

_DAY = timedelta(days=1, hours=1)
_SOON = timedelta(seconds=30)


def wrong_by(ahead: timedelta) -> SetClock:
    return SetClock(datetime.now(UTC) + ahead)


def of_a_server(shared: sa.Engine, machine: SetClock) -> SharedClock:
    clock = SharedClock(shared, machine)
    clock.look()
    return clock


@pytest.fixture(params=[-_DAY, timedelta(minutes=-2), timedelta(minutes=2), _DAY], ids=str)
def machine(request: pytest.FixtureRequest) -> SetClock:
    """The clock of the other machine."""
    ahead: timedelta = request.param
    return wrong_by(ahead)


def test_they_agree_what_time_it_is(shared: sa.Engine, machine: SetClock) -> None:
    right, wrong = wrong_by(timedelta(0)), machine
    one, other = of_a_server(shared, right), of_a_server(shared, wrong)
    assert abs(one.now() - other.now()) < _SOON
    assert abs(one.now() - common_time(shared)) < _SOON

    for clock in (right, wrong):
        clock.forward(minutes=5)
    assert abs(one.now() - other.now()) < _SOON
    assert one.now() > common_time(shared) + timedelta(minutes=4)
    wrong.time -= timedelta(days=300)  # somebody sets it
    assert abs(one.now() - other.now()) < _SOON
    one.look()
    assert abs(one.now() - common_time(shared)) < _SOON


def test_a_wait_that_a_host_asked_for_is_kept_by_the_other(
    shared: sa.Engine, machine: SetClock, sealer: Sealer, tmp_path: Path, deliver: Callable[..., Receipt]
) -> None:
    one, other = of_a_server(shared, wrong_by(timedelta(0))), of_a_server(shared, machine)
    database = Database(shared, sealer, InboxKeys(tmp_path / "inbox-keys", "a"))
    inbox_id = deliver(database, "s1").inbox_id
    now = one.now()
    database.job_failed(
        database.job(inbox_id), parked=False, code="host-limited", reason="Slower.", due_at=now + timedelta(hours=1), now=now
    )  # fmt: skip

    assert [] == database.due_jobs(other.now(), limit=1)
    assert [] == database.due_jobs(other.now() + timedelta(minutes=59), limit=1)
    assert [inbox_id] == [
        job.inbox_id for job in database.due_jobs(other.now() + timedelta(minutes=61), limit=1)
    ]


def test_they_have_one_budget(shared: sa.Engine, machine: SetClock) -> None:
    pace = Pace(limits=((5, 3600.0),), gap=0.0)
    clocks = wrong_by(timedelta(0)), machine
    budgets = [SharedBudget(shared, of_a_server(shared, clock)) for clock in clocks]
    sent = 0
    for _ in range(5):
        for budget in budgets:
            try:
                budget.reserve("github:x", pace, 1)
                sent += 1
            except BudgetSpent:
                pass
            budget.forget(common_time(shared))
    assert 5 == sent


def test_a_night_comes_once(shared: sa.Engine, machine: SetClock) -> None:
    book = ChoreBook(shared)
    clocks = of_a_server(shared, wrong_by(timedelta(0))), of_a_server(shared, machine)
    assert 1 == sum(book.claim("nightly", every=NIGHT, now=clock.now()) for clock in clocks * 3)


def test_the_heartbeat_keeps_a_server_at_the_time_of_the_others(shared: sa.Engine, sealer: Sealer) -> None:
    machine = wrong_by(_DAY)
    clock = SharedClock(shared, machine)
    one = Fellows(
        "a", workers=Workers(shared), locks=Locks(shared, "a"), sealer=sealer, look_at_clock=clock.look
    )
    one.join()
    one.beat()
    assert abs(clock.now() - common_time(shared)) < _SOON
    one.leave()


def test_all_that_a_server_notes_is_by_that_clock_and_signed_times_by_its_own(
    filled_in: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database whose clock is wrong must keep no report out."""
    filled_in.write_text(
        filled_in.read_text().replace("[server]\n", f'[server]\ndatabase = "{postgres_url}"\n')
    )
    (filled_in.parent / "inbox-keys").mkdir(mode=0o700)
    wrong = wrong_by(_DAY)
    monkeypatch.setattr(SystemClock, "now", lambda _self: wrong.now())
    asked: list[Clock] = []

    def noting(sources: object, receive: object, clock: Clock, *rest: Any) -> Any:  # noqa: ANN401 - passed on
        asked.append(clock)
        return intake(sources, receive, clock, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(wiring, "intake", noting)
    parts = wiring.join(load_config(filled_in))
    try:
        assert abs(parts.work.clock.now() - datetime.now(UTC)) < _SOON
        assert [wrong.now()] == [clock.now() for clock in asked]
    finally:
        parts.close()


def test_while_the_database_is_away_the_time_goes_on(shared: sa.Engine) -> None:
    machine = wrong_by(_DAY)
    clock = of_a_server(shared, machine)
    before = clock.now()
    clock._engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(StoreError):
        clock.look()
    machine.forward(minutes=10)
    assert before + timedelta(minutes=10) == clock.now()


def test_a_look_that_took_long_does_not_count(shared: sa.Engine) -> None:
    machine = wrong_by(timedelta(0))
    clock = of_a_server(shared, machine)
    before = clock.now()
    sa.event.listen(shared, "before_cursor_execute", lambda *_: machine.forward(seconds=20))
    clock.look()
    assert before + timedelta(seconds=machine.passed) == clock.now()


def test_the_log_says_once_that_they_differ(shared: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    machine = wrong_by(_DAY)
    with caplog.at_level(logging.WARNING, "coc.server"):
        clock = of_a_server(shared, machine)
        clock.look()
        assert 1 == len(caplog.records)
        assert "clock-differs" in caplog.text
        machine.time = datetime.now(UTC)
        clock.look()
        machine.time += _DAY
        clock.look()
    assert 2 == len(caplog.records)


def test_the_doctor_names_the_clock(shared: sa.Engine) -> None:
    assert Outcome.FAIL is doctor._database_clock(shared, wrong_by(_DAY)).outcome
    assert Outcome.PASS is doctor._database_clock(shared, SystemClock()).outcome
    away = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    assert Outcome.FAIL is doctor._database_clock(away, SystemClock()).outcome


def test_on_sqlite_it_is_the_machines_own(clock: SetClock) -> None:
    alone = SharedClock(make_engine("sqlite://"), clock)
    alone.look()
    clock.time -= _DAY
    assert clock.now() == alone.now()
    assert clock.steady() == alone.steady()
