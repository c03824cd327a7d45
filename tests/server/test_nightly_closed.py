"""Closed tickets are compared too, each in one night of seven: what no event told is found there as well."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.casework import open_incident
from integration.errors import HostGone
from integration.host_events import HostEvent, Touched
from integration.incident import Stage
from integration.mirror import PlainComment, mirror
from integration.store import FOUND
from integration.text import Untrusted
from tests.pg import both
from tests.server.casework.interrupted import Once
from tests.server.memory_host import shown_of
from webhook_server.store import tables as t
from webhook_server.store.chores import ChoreBook

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.incident import IncidentId
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

DAYS = 7


@pytest.fixture
def book(database: Database, clock: SetClock) -> ChoreBook:
    """Of a server that has had its first night."""
    book = ChoreBook(database._engine)
    book.begin_night(clock.now())
    return book


def opened(take_in: Intake, work: Casework) -> IncidentId:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    return receipt.incident


def close(database: Database, incident: IncidentId) -> None:
    """As far as the database is concerned."""
    with database._engine.begin() as connection:
        this = t.incident.update().where(t.incident.c.id == incident)
        connection.execute(this.values(stage=Stage.CLOSED.value))


def night(book: ChoreBook, database: Database, clock: SetClock, work: Casework | None = None) -> list[str]:
    """A day later: which incidents are compared."""
    clock.forward(days=1)
    book.begin_night(clock.now())
    jobs = database.unfinished_jobs()
    for job in jobs:
        if work is not None:
            open_incident(job.inbox_id, work)
        else:
            database.finish(job.inbox_id, clock.now())
    return [job.incident for job in jobs]


@both
def test_each_closed_ticket_is_compared_once_a_week_and_each_open_one_every_night(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook
) -> None:
    incidents = [opened(take_in, work) for _ in range(12)]
    still_open, *closed = incidents
    for one in closed:
        close(database, one)

    nights = [night(book, database, clock) for _ in range(2 * DAYS)]

    for week in (nights[:DAYS], nights[DAYS:]):
        assert sorted(closed) == sorted(one for compared in week for one in compared if one != still_open)
    assert all(still_open == compared[0] for compared in nights), "the open ones go first"
    assert max(map(len, nights)) < len(incidents), "they are spread over the nights"


@pytest.mark.parametrize("missed", [1, 3, 30])
def test_after_nights_that_were_missed_their_closed_tickets_are_compared_too(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook, missed: int
) -> None:
    closed = [opened(take_in, work) for _ in range(12)]
    for one in closed:
        close(database, one)
    seen = night(book, database, clock)
    clock.forward(days=missed)

    for _ in range(DAYS - missed - 1 if missed < DAYS else 1):
        seen += night(book, database, clock)

    assert set(closed) == set(seen)


def test_a_night_after_a_clock_was_put_back_takes_its_closed_tickets(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook
) -> None:
    closed = [opened(take_in, work) for _ in range(12)]
    for one in closed:
        close(database, one)
    clock.time -= timedelta(days=300)

    assert set(closed) == {one for _ in range(DAYS) for one in night(book, database, clock)}


def test_a_closed_ticket_for_which_something_waits_is_left_to_that(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook
) -> None:
    incident = opened(take_in, work)
    close(database, incident)
    database.keep_file(incident, "0002.age", b"x", clock.now())  # a member's desk did
    (waits,) = database.unfinished_jobs()
    for _ in range(DAYS):
        clock.forward(days=1)
        assert 0 == book.begin_night(clock.now())
    assert [waits] == database.unfinished_jobs()


def kept_of(database: Database, incident: IncidentId) -> tuple[object, ...]:
    """All that is kept of an incident, and what members are to be told."""
    with database._engine.connect() as connection:
        told = connection.execute(sa.select(t.inbox).where(t.inbox.c.source == FOUND)).all()
    return (database.incident(incident), database.steps(incident), database.comments(incident), told)


def a_closed_ticket(
    database: Database, clock: SetClock, host: MemoryHost, take_in: Intake, work: Casework, book: ChoreBook
) -> IncidentId:
    incident = opened(take_in, work)
    (ticket,) = host.tickets
    ticket.steps = {key: replace(one, done=True) for key, one in ticket.steps.items()}
    ticket.shown = replace(shown_of(mirror(database.incident(incident), work.process)), closed=True)
    night(book, database, clock, work)
    assert Stage.CLOSED is database.incident(incident).stage
    return incident


@both
def test_a_plain_comment_on_a_closed_ticket_is_sealed_and_deleted_within_a_week(
    database: Database, clock: SetClock, host: MemoryHost, take_in: Intake, work: Casework, book: ChoreBook
) -> None:
    incident = a_closed_ticket(database, clock, host, take_in, work, book)
    (ticket,) = host.tickets
    entries = len(database.comments(incident))
    ticket.plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted("Noah thanked us today.")))

    for _ in range(DAYS):
        night(book, database, clock, work)

    assert [] == ticket.plain
    assert entries + 1 == len(database.comments(incident))
    assert Stage.CLOSED is database.incident(incident).stage


def test_a_closed_ticket_that_was_opened_again_is_known_within_a_week(
    database: Database, clock: SetClock, host: MemoryHost, take_in: Intake, work: Casework, book: ChoreBook
) -> None:
    incident = a_closed_ticket(database, clock, host, take_in, work, book)
    (ticket,) = host.tickets
    assert ticket.shown is not None
    ticket.shown = replace(ticket.shown, closed=False)

    for _ in range(DAYS):
        night(book, database, clock, work)

    assert Stage.REPORTING_BACK is database.incident(incident).stage


def test_a_ticket_that_is_rightly_closed_costs_a_read_a_week_and_nothing_is_written_or_told(
    database: Database, clock: SetClock, host: MemoryHost, take_in: Intake, work: Casework, book: ChoreBook
) -> None:
    incident = a_closed_ticket(database, clock, host, take_in, work, book)
    for _ in range(DAYS):
        night(book, database, clock, work)
    before = kept_of(database, incident)
    host.calls.clear()

    for _ in range(DAYS):
        night(book, database, clock, work)

    assert ["audience", "read"] == host.calls
    assert before == kept_of(database, incident)


def test_a_closed_ticket_that_somebody_deleted_is_left_alone(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook, host: MemoryHost
) -> None:
    close(database, opened(take_in, work))
    host.tickets.clear()

    for _ in range(DAYS):
        night(book, database, clock, work)

    assert [] == database.unfinished_jobs()


def test_an_open_one_that_somebody_deleted_is_not(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook, host: MemoryHost
) -> None:
    opened(take_in, work)
    host.tickets.clear()

    with pytest.raises(HostGone):
        night(book, database, clock, work)


def test_closed_tickets_of_a_ticket_space_that_is_not_configured_any_more_are_left_alone(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook
) -> None:
    close(database, opened(take_in, work))

    for _ in range(DAYS):
        night(book, database, clock, replace(work, hosts={}))

    assert [] == database.unfinished_jobs()


# The same by event ----------------------------------------------------------------------------------


def told_of(
    database: Database, clock: SetClock, incident: IncidentId, touched: Touched = Touched.TICKET
) -> str:
    """The host says that somebody touched the ticket; the job that looks."""
    event = HostEvent(f"delivery-{touched}", touched, "1", "robert-gh", own=False)
    assert "noted" == database.note_event(database.incident(incident).space, event, clock.now())
    (job,) = database.unfinished_jobs()
    return job.inbox_id


@both
def test_a_closed_ticket_that_is_gone_is_left_alone_too_when_an_event_tells_of_it(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, host: MemoryHost
) -> None:
    incident = opened(take_in, work)
    close(database, incident)
    host.tickets.clear()
    before = kept_of(database, incident)

    open_incident(told_of(database, clock, incident), work)

    assert [] == database.unfinished_jobs()
    assert not database.hints(incident).touched
    assert before == kept_of(database, incident)


def test_so_is_one_of_a_ticket_space_that_is_not_configured_any_more(
    database: Database, clock: SetClock, take_in: Intake, work: Casework
) -> None:
    incident = opened(take_in, work)
    close(database, incident)

    open_incident(told_of(database, clock, incident), replace(work, hosts={}))

    assert [] == database.unfinished_jobs()


@pytest.mark.parametrize("space", ["configured", "gone"])
def test_an_open_one_that_is_gone_is_not_even_if_an_event_tells_of_it(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, host: MemoryHost, space: str
) -> None:
    incident = opened(take_in, work)
    host.tickets.clear()

    with pytest.raises(HostGone):
        open_incident(
            told_of(database, clock, incident), replace(work, hosts={}) if space == "gone" else work
        )

    assert database.hints(incident).touched


def test_nor_is_one_that_was_opened_again_a_moment_before_it_was_moved(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook, host: MemoryHost
) -> None:
    incident = a_closed_ticket(database, clock, host, take_in, work, book)
    (ticket,) = host.tickets
    assert ticket.shown is not None
    ticket.shown = replace(ticket.shown, closed=False)

    def moved(call: str) -> None:
        if call == "write":
            host.tickets.clear()

    host.trouble = moved

    with pytest.raises(HostGone):
        open_incident(told_of(database, clock, incident), work)
    assert Stage.REPORTING_BACK is database.incident(incident).stage


def test_what_is_gone_from_a_closed_ticket_that_is_there_is_not_taken_for_the_ticket(
    database: Database, clock: SetClock, take_in: Intake, work: Casework, book: ChoreBook, host: MemoryHost
) -> None:
    incident = a_closed_ticket(database, clock, host, take_in, work, book)
    host.tickets[0].plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted("Words.")))
    host.trouble = Once("remove", HostGone("That comment is not there."))

    with pytest.raises(HostGone):
        open_incident(told_of(database, clock, incident, Touched.COMMENTS), work)

    open_incident(database.unfinished_jobs()[0].inbox_id, work)
    assert [] == host.tickets[0].plain
