"""Our own budget of writes makes deliveries wait, which is no trouble: nothing is parked, tried or told for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from integration.casework import receive
from integration.errors import BudgetSpent, HostLimited, HostNotRestricted, HostRefused, HostUnavailable
from integration.incident import SpaceName
from tests.pg import both
from tests.server.jobs.conftest import FakeEngine, always
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store import tables as t
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.casework import Casework
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


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


def test_a_space_that_a_try_itself_found_restricted_again_takes_no_wait_from_it(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    inbox_id = take_in().inbox_id
    clock.forward(seconds=1)
    space = database.incident(database.delivery(inbox_id).incident).space
    work.guard.book.freeze(space, ["x"], clock.now())
    with database._engine.begin() as connection:
        connection.execute(
            t.inbox.update().values(reason_code=HostNotRestricted.code, due_noted_at=clock.now())
        )
    clock.forward(seconds=1)

    def slower(call: str) -> None:
        if call == "open_ticket":
            raise HostLimited("Slower.", after=7200.0)

    host.trouble = slower
    attempt(inbox_id, work, database, Locks(database._engine))

    assert HostLimited.code == database.job(inbox_id).reason_code
    assert database.due_jobs(clock.now() + timedelta(minutes=50), limit=1) == []
