"""An event makes the job due that looks at its ticket, however long that was put off."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.casework import Casework, open_incident
from integration.errors import HostRefused, HostRejected
from integration.host_events import HostEvent, Touched
from integration.incident import SpaceName
from integration.store import HOST
from tests.pg import both
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database
    from webhook_server.store.job_list import Job

SPACE = SpaceName("conduct")
DAY = timedelta(hours=24)
ROBERT = "robert-gh"


@pytest.fixture
def incident(take_in: Intake, work: Casework) -> Any:  # noqa: ANN401 - an incident's id
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    return receipt.incident


def note(
    database: Database, clock: SetClock, delivery: str, account: str = ROBERT, *, own: bool = False
) -> None:
    event = HostEvent(delivery, Touched.COMMENTS, "1", account, own=own)
    assert "noted" == database.note_event(SPACE, event, clock.now())


def look(database: Database) -> Job:
    (job,) = [one for one in database.unfinished_jobs() if one.only_looks]
    return job


def put_off(database: Database, clock: SetClock, by: timedelta = DAY, code: str = HostRefused.code) -> None:
    """As a write that the host refuses puts a job off."""
    now = clock.now()
    database.job_failed(look(database), parked=True, code=code, reason="-", due_at=now + by, now=now)


def is_due(database: Database, clock: SetClock) -> bool:
    return bool(database.due_jobs(clock.now(), limit=10, looks=HOST))


@both
@pytest.mark.usefixtures("incident")
def test_an_event_makes_a_job_due_that_was_put_off_for_a_day(database: Database, clock: SetClock) -> None:
    note(database, clock, "delivery-1")
    put_off(database, clock)
    clock.forward(minutes=5)
    assert not is_due(database, clock)

    note(database, clock, "delivery-2")

    assert is_due(database, clock)
    assert ("parked", HostRefused.code) == (look(database).state, look(database).reason_code)


@both
def test_what_was_put_off_keeps_no_event_of_its_incident_from_being_looked_at(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(submission="s1")
    open_incident(receipt.inbox_id, work)
    later = take_in(make_report(account="And then it went on."), submission="s1")
    assert later.incident == receipt.incident
    now = clock.now()
    database.job_failed(
        database.job(later.inbox_id),
        parked=True,
        code=HostRejected.code,
        reason="-",
        due_at=now + DAY,
        now=now,
    )

    note(database, clock, "delivery-1")

    assert is_due(database, clock)
    database.retry_now(later.inbox_id, clock.now())
    assert not is_due(database, clock)  # that one reads the ticket itself


@pytest.mark.usefixtures("incident")
def test_what_the_host_rejected_is_tried_four_times_an_hour_at_most(
    database: Database, clock: SetClock
) -> None:
    """A rule there that rewrites our comments leaves one at each try."""
    note(database, clock, "delivery-1")
    put_off(database, clock, code=HostRejected.code)
    clock.forward(minutes=2)
    note(database, clock, "delivery-2")
    assert not is_due(database, clock)

    clock.forward(minutes=15)

    assert is_due(database, clock)


@both
@pytest.mark.usefixtures("incident")
def test_events_bring_about_one_try_a_minute_at_most(database: Database, clock: SetClock) -> None:
    """What we write may be rewritten by a rule in the host, whose event comes right after each try."""
    note(database, clock, "delivery-1")
    put_off(database, clock)
    for number in range(2, 7):
        clock.forward(seconds=11)
        note(database, clock, f"delivery-{number}")
        assert not is_due(database, clock)

    clock.forward(seconds=16)  # a minute after the first of them

    assert is_due(database, clock)


@pytest.mark.usefixtures("incident")
def test_an_event_delays_no_job_that_would_be_tried_sooner(database: Database, clock: SetClock) -> None:
    note(database, clock, "delivery-1")
    put_off(database, clock, timedelta(seconds=5))
    note(database, clock, "delivery-2")

    clock.forward(seconds=5)

    assert is_due(database, clock)


@pytest.mark.parametrize(("account", "own"), [("coc-bot", True), ("", False)])
@pytest.mark.usefixtures("incident")
def test_what_may_be_our_own_doing_makes_no_job_due(
    database: Database, clock: SetClock, account: str, *, own: bool
) -> None:
    """As the deletion of a comment in Jira, which does not say who deleted it."""
    note(database, clock, "delivery-1")
    put_off(database, clock)
    clock.forward(minutes=5)

    note(database, clock, "delivery-2", account, own=own)

    assert not is_due(database, clock)


def test_a_report_that_was_put_off_is_not_made_due_by_an_event(
    database: Database, clock: SetClock, take_in: Intake, make_report: Callable[..., Report], incident: str
) -> None:
    assert incident == take_in(make_report("Another"), submission="sub-1").incident
    (report,) = database.unfinished_jobs()
    database.job_failed(
        report, parked=True, code="host-rejected", reason="-", due_at=clock.now() + DAY, now=clock.now()
    )
    clock.forward(minutes=5)

    note(database, clock, "delivery-1")

    assert [] == database.due_jobs(clock.now(), limit=10)


@both
def test_an_event_that_comes_during_a_try_is_not_put_off_with_it(
    database: Database, clock: SetClock, work: Casework, host: MemoryHost, incident: str
) -> None:
    def meanwhile(call: str) -> None:
        if call == "read":
            note(database, clock, "delivery-2")
            raise HostRejected("The host did not take a field.")

    note(database, clock, "delivery-1")
    host.trouble = meanwhile
    assert HostRejected.code == attempt(
        look(database).inbox_id, work, database, Locks(database._engine, "server")
    )
    assert incident == look(database).incident

    clock.forward(minutes=15)

    assert is_due(database, clock)


@both
@pytest.mark.usefixtures("incident")
def test_without_such_an_event_a_rejected_try_is_put_off_for_a_day(
    database: Database, clock: SetClock, work: Casework, host: MemoryHost
) -> None:
    def rejected(call: str) -> None:
        if call == "read":
            raise HostRejected("The host did not take a field.")

    note(database, clock, "delivery-1")
    host.trouble = rejected
    attempt(look(database).inbox_id, work, database, Locks(database._engine, "server"))

    clock.forward(hours=23)
    assert not is_due(database, clock)
    clock.forward(hours=1)
    assert is_due(database, clock)
