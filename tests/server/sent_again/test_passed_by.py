"""Later reports and looks at the ticket pass one that does not open, and it takes no other's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import HostUnavailable
from integration.store import NIGHTLY
from tests.pg import both
from tests.server.sent_again.conftest import due
from webhook_server.store.rows import insert_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


@both
def test_later_reports_of_the_incident_pass_one_that_does_not_open(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], clock: SetClock,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    lose_keys()
    second = take_in(make_report(account="second"), submission="s")
    third = take_in(make_report(account="third"), submission="s")
    assert [dead.inbox_id] == due(database, clock)
    tried(dead)

    assert [second.inbox_id] == due(database, clock)
    database.retry_now(dead.inbox_id, clock.now())
    assert [dead.inbox_id, second.inbox_id] == due(database, clock)
    assert "done" == tried(second)
    assert [dead.inbox_id, third.inbox_id] == due(database, clock)


@both
def test_looks_at_the_ticket_go_on_beside_it(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], clock: SetClock,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    lose_keys()
    tried(dead)
    with database._engine.begin() as connection:
        insert_job(connection, NIGHTLY, dead.incident, clock.now())

    def looks() -> list[str]:
        return [one.incident for one in database.due_jobs(clock.now(), limit=10, looks=NIGHTLY)]

    assert [dead.incident] == looks()
    take_in(make_report(account="edited"), submission="s")
    assert [] == looks()


def test_those_that_do_not_open_take_no_others_place(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    clock: SetClock,
) -> None:  # fmt: skip
    dead = [take_in(), take_in()]
    lose_keys()
    for one in dead:
        tried(one)
        database.retry_now(one.inbox_id, clock.now())
    live = take_in()

    assert [live.inbox_id] == [one.inbox_id for one in database.due_jobs(clock.now(), limit=1)]


def test_opened_after_all_it_is_a_later_entry(
    take_in: Intake, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], host: MemoryHost,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    lose_keys()
    tried(dead)
    assert "done" == tried(take_in(make_report(account="edited"), submission="s"))
    before = len(host.tickets[0].comments)

    take_in(submission="s")

    assert "done" == tried(dead)
    assert (1, before + 1) == (len(host.tickets), len(host.tickets[0].comments))


def test_its_own_ticket_is_not_asked_for_once_a_later_one_may_have_passed_it(
    take_in: Intake, tried: Callable[[Receipt], str], lose_keys: Callable[[], None], host: MemoryHost
) -> None:
    dead = take_in()
    lose_keys()
    tried(dead)
    assert ["find"] == host.calls

    def away(_call: str) -> None:
        raise HostUnavailable("No.")

    host.trouble = away

    assert "does-not-open" == tried(dead)
