"""A server that stood still lost its lock, and another did its work: what it still holds in hand is not kept a second time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.casework import Casework, open_incident
from integration.errors import Busy
from integration.host_events import HostEvent, Touched
from integration.mirror import PlainComment, mirror
from integration.risk import Level
from integration.text import Untrusted
from tests.pg import both
from tests.server.memory_host import SPACE, shown_of
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.incident import Incident, IncidentId
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost, MemoryTicket
    from webhook_server.store.database import Database

on_postgres = pytest.mark.parametrize("elsewhere", ["postgresql"], indirect=True)
_END_SESSIONS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coc-mirror first'"
)


class Two:
    """Two servers on one database. The first stands still in the middle of a job while the second does it."""

    def __init__(self, work: Casework, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self._work = work
        self._database = database
        self._patch = monkeypatch
        self._first, self._second = Locks(database._engine, "first"), Locks(database._engine, "second")

    def at(self, inbox_id: str) -> tuple[str, str]:
        """How the try of each ended. The first loses its lock when it is about to write into the diary."""
        ended: list[str] = []
        head = self._database.head

        def suspended(incident: IncidentId) -> Head:
            self._patch.undo()
            with self._database._engine.connect() as connection:
                connection.execute(_END_SESSIONS)
            ended.append(attempt(inbox_id, self._work, self._database, self._second))
            return head(incident)  # awake again, and nobody told it

        self._patch.setattr(self._database, "head", suspended)
        first = attempt(inbox_id, self._work, self._database, self._first)
        return first, ended[0]


@pytest.fixture
def two(work: Casework, database: Database, monkeypatch: pytest.MonkeyPatch) -> Two:
    return Two(work, database, monkeypatch)


def kinds(database: Database, incident: IncidentId) -> list[str]:
    return [one.kind.value for one in database.comments(incident)]


@on_postgres
def test_who_lost_the_lock_does_not_hand_a_report_over_a_second_time(
    take_in: Intake, database: Database, two: Two
) -> None:
    receipt = take_in()

    assert ("busy", "done") == two.at(receipt.inbox_id)

    assert ["keyring", "entry"] == kinds(database, receipt.incident)
    assert [] == database.unfinished_jobs()


def the_impact(ticket: MemoryTicket, incident: Incident, work: Casework, clock: SetClock) -> None:
    del clock
    ticket.shown = shown_of(replace(mirror(incident, work.process), impact=Level(2)))


def a_step(ticket: MemoryTicket, incident: Incident, work: Casework, clock: SetClock) -> None:
    del incident, work, clock
    key, step = next(iter(ticket.steps.items()))
    ticket.steps[key] = replace(step, done=True)


def a_comment_of_somebody(ticket: MemoryTicket, incident: Incident, work: Casework, clock: SetClock) -> None:
    del incident, work
    ticket.plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted("I spoke to Noah.")))


@on_postgres
@pytest.mark.parametrize("change", [the_impact, a_step, a_comment_of_somebody])
def test_who_lost_the_lock_takes_nothing_over_from_a_ticket_a_second_time(
    take_in: Intake,
    work: Casework,
    host: MemoryHost,
    database: Database,
    clock: SetClock,
    two: Two,
    change: Callable[[MemoryTicket, Incident, Casework, SetClock], None],
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    change(host.tickets[0], database.incident(receipt.incident), work, clock)
    for number, touched in enumerate(Touched):
        database.note_event(SPACE, HostEvent(f"d{number}", touched, "1", "robert-gh", own=False), clock.now())
    (job,) = database.unfinished_jobs()

    ended, done = two.at(job.inbox_id)

    assert "done" == done
    assert ended in {"busy", "store"}
    assert ["keyring", "entry", "entry"] == kinds(database, receipt.incident)
    assert [] == database.unfinished_jobs()


@on_postgres
def test_who_lost_the_lock_puts_no_older_value_in_the_place_of_a_newer(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock, two: Two
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    ticket, view = host.tickets[0], mirror(database.incident(receipt.incident), work.process)
    ticket.shown = shown_of(replace(view, impact=Level(2)))
    database.note_event(SPACE, HostEvent("d", Touched.TICKET, "1", "robert-gh", own=False), clock.now())
    (job,) = [one for one in database.unfinished_jobs() if one.only_looks]
    read = host.read

    def changed_again(*args: object) -> object:
        found = read(*args)  # type: ignore[arg-type]
        ticket.shown = shown_of(replace(view, impact=Level(3)))
        return found

    host.read = changed_again  # type: ignore[method-assign, assignment]

    two.at(job.inbox_id)

    assert Level(3) == database.incident(receipt.incident).impact


@both
def test_a_report_that_is_not_in_the_inbox_any_more_is_not_handed_over(
    take_in: Intake,
    database: Database,
    hand_over: Callable[[str], None],
    a_comment: Callable[[Head], SealedComment],
) -> None:
    receipt = take_in()
    hand_over(receipt.inbox_id)
    head = database.head(receipt.incident)

    with pytest.raises(Busy):
        database.hand_over(receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=None, readers=())

    assert 1 == len(database.comments(receipt.incident))


@both
def test_a_report_goes_into_no_diary_but_that_of_its_incident(
    take_in: Intake, database: Database, a_comment: Callable[[Head], SealedComment]
) -> None:
    """Another server may have given it an incident of its own, since a reader of the first could be meant by it."""
    receipt, other = take_in(), take_in()
    head = database.head(other.incident)

    with pytest.raises(Busy):
        database.hand_over(receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=None, readers=())

    assert () == tuple(database.comments(other.incident))
    assert database.delivery(receipt.inbox_id).report is not None


@both
def test_however_often_another_server_is_at_it_a_report_is_only_tried_again(
    take_in: Intake, work: Casework, database: Database, clock: SetClock
) -> None:
    receipt, locks = take_in(), Locks(database._engine)
    with locks.held(f"incident {receipt.incident}", "Another server works on it."):
        for _ in range(20):
            assert "busy" == attempt(receipt.inbox_id, work, database, locks)
            clock.forward(minutes=1)
            (job,) = database.due_jobs(clock.now(), limit=10)
            assert ("waiting", "busy") == (job.state, job.reason_code)

    assert "done" == attempt(receipt.inbox_id, work, database, locks)
