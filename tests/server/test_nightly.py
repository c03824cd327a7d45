"""Every night each open ticket is compared with its incident: healed, told, and never in a report's way."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.casework import open_incident
from integration.deskwork import restore
from integration.errors import HostUnavailable
from integration.guard import PROOF_LASTS
from integration.reconcile import Found
from integration.report import Report
from integration.store import FOUND, NIGHTLY
from integration.text import Untrusted
from tests.pg import both
from webhook_server.chores import Chores, nightly
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store import tables as t
from webhook_server.store.chores import APART, ChoreBook
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from integration.casework import Casework
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, MemoryHost, MemoryTicket, Team, Told
    from webhook_server.fellows import Fellows
    from webhook_server.store.database import Database
    from webhook_server.store.job_list import Job


@dataclass
class Inline:
    """An engine that runs what it is given at once."""

    work: Casework
    database: Database
    given: list[str] = field(default_factory=list)
    runs: bool = True

    def run(self, inbox_id: str, tries: int, *, incident: str, seq: int, soon: bool = True) -> bool:
        del tries, incident, seq, soon
        self.given.append(inbox_id)
        if self.runs:
            attempt(inbox_id, self.work, self.database, Locks(self.database._engine))
        return False


@pytest.fixture
def engine(work: Casework, database: Database) -> Inline:
    return Inline(work, database)


@pytest.fixture
def dispatcher(
    work: Casework, database: Database, engine: Inline, told: Told, fellows: Fellows
) -> Dispatcher:
    return Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=fellows)  # type: ignore[arg-type]  # what it needs of an engine


@pytest.fixture
def book(database: Database) -> ChoreBook:
    return ChoreBook(database._engine)


@pytest.fixture
def opened(
    take_in: Intake, dispatcher: Dispatcher, told: Told, book: ChoreBook, clock: SetClock, host: MemoryHost
) -> Receipt:
    """An incident that is wholly on its host, told, on the day before its first night."""
    book.begin_night(clock.now())
    receipt = take_in()
    dispatcher.turn()
    told.mails.clear()
    clock.forward(hours=25)
    host.calls.clear()
    return receipt


def jobs(database: Database, source: str = NIGHTLY) -> list[str]:
    with database._engine.connect() as connection:
        return list(connection.scalars(sa.select(t.inbox.c.id).where(t.inbox.c.source == source)))


def night(book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, *, tickets: int = 1) -> None:
    """One night: all its jobs are run, and what is to be told is told."""
    assert tickets == book.begin_night(clock.now())
    for _ in range(tickets):
        dispatcher.turn()
        clock.forward(seconds=20)
    dispatcher.turn()


def ticket(host: MemoryHost) -> MemoryTicket:
    (only,) = host.tickets
    return only


# What a night does ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("opened")
def test_an_unchanged_ticket_costs_one_read_and_no_write_and_nobody_is_told(
    book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost, told: Told,
    database: Database,
) -> None:  # fmt: skip
    night(book, dispatcher, clock)

    assert ["audience", "read"] == host.calls
    assert [] == told.mails
    assert [] == database.unfinished_jobs()


@pytest.mark.usefixtures("opened")
def test_a_proof_of_the_restriction_serves_many_tickets(
    take_in: Intake,
    book: ChoreBook,
    dispatcher: Dispatcher,
    clock: SetClock,
    host: MemoryHost,
) -> None:
    for _ in range(3):
        take_in()
    dispatcher.turn()
    clock.forward(seconds=PROOF_LASTS.total_seconds() + 1)
    host.calls.clear()

    night(book, dispatcher, clock, tickets=4)

    assert ["audience", "read", "read", "read", "read"] == host.calls


@both
@pytest.mark.parametrize("what", ["comment", "step", "fields", "restriction"])
def test_what_was_changed_is_put_right_and_its_kind_is_told_to_the_readers(
    opened: Receipt, book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost, told: Told,
    work: Casework, canary: str, what: str,
) -> None:  # fmt: skip
    one = ticket(host)
    before = {comment.text for comment in one.comments}, set(one.steps)
    if what == "comment":
        one.comments.pop(0)
    elif what == "step":
        one.steps.popitem()
    else:
        one.fields_right = False
        one.restricted = what == "fields"

    night(book, dispatcher, clock)

    assert before == ({comment.text for comment in one.comments}, set(one.steps))
    assert one.fields_right
    (mail,) = told.mails
    name = work.store.incident(opened.incident).code_name
    assert ("robert@team.example.org", "miriam@team.example.org") == mail[0]
    assert f"{name}: something was changed on its ticket" == mail[1]
    words = {"comment": "deleted or changed", "step": "steps were missing", "fields": "fields were changed"}
    assert words.get(what, "restriction was set again") in " ".join(mail[2].split())
    assert canary not in mail[2]

    dispatcher.turn()
    assert 1 == len(told.mails)


def test_a_deleted_comment_is_told_also_if_an_entry_healed_it_before_the_night(
    opened: Receipt, dispatcher: Dispatcher, host: MemoryHost, told: Told, work: Casework
) -> None:
    ticket(host).comments.pop(0)
    restore(opened.incident, new_ticket=False, work=work)

    dispatcher.turn()

    assert 2 == len(ticket(host).comments)
    assert ["deleted or changed" in mail[2] for mail in told.mails] == [True]


@pytest.mark.usefixtures("opened")
def test_what_was_found_is_told_also_if_we_die_right_after_healing(
    book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost, told: Told,
) -> None:  # fmt: skip
    ticket(host).steps.popitem()
    whole = len(ticket(host).steps) + 1

    def die(call: str) -> None:
        if call == "read" and len(ticket(host).steps) == whole:
            host.trouble = lambda _call: None
            raise HostUnavailable("died")

    host.trouble = die

    night(book, dispatcher, clock)
    clock.forward(minutes=15)
    dispatcher.turn()

    assert ["steps were missing" in mail[2] for mail in told.mails] == [True]


@both
def test_a_second_kind_of_thing_found_before_the_first_was_told_is_told_too(
    opened: Receipt, database: Database, dispatcher: Dispatcher, told: Told, clock: SetClock
) -> None:
    database.note_found(opened.incident, [Found.STEPS], clock.now())
    database.note_found(opened.incident, [Found.COMMENTS], clock.now())

    dispatcher.turn()
    database.note_found(opened.incident, [Found.FIELDS], clock.now())
    dispatcher.turn()

    first, second = (mail[2] for mail in told.mails)
    assert ("steps were" in first, "deleted or changed" in first, "fields were" in first) == (
        True,
        True,
        False,
    )
    assert ("steps were" in second, "fields were" in second) == (False, True)


def test_what_is_found_while_the_mail_goes_out_is_not_taken_for_told(
    opened: Receipt, database: Database, clock: SetClock
) -> None:
    database.note_found(opened.incident, [Found.STEPS], clock.now())
    (job,) = news(database, clock.now())
    database.note_found(opened.incident, [Found.COMMENTS], clock.now())

    database.told(job, clock.now())

    assert ["comments,steps"] == [one.reason for one in news(database, clock.now())]


def news(database: Database, now: datetime) -> list[Job]:
    day = timedelta(hours=24)
    return database.untold(now, again_after=day, overdue_after=timedelta(hours=1))


def test_a_ticket_that_is_gone_is_parked_and_told_with_the_way_out(
    opened: Receipt, book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost, told: Told,
    work: Casework, database: Database,
) -> None:  # fmt: skip
    host.tickets.clear()

    night(book, dispatcher, clock)

    (job,) = database.unfinished_jobs()
    assert ("parked", "host-gone") == (job.state, job.reason_code)
    (mail,) = told.mails
    name = work.store.incident(opened.incident).code_name
    assert f"{name}: its ticket needs you" == mail[1]
    assert f"coc diary restore {name} --new-ticket" in mail[2]


@pytest.mark.usefixtures("opened")
def test_a_space_that_lost_its_restriction_is_parked_and_told(
    book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost, told: Told,
    database: Database,
) -> None:  # fmt: skip
    host.accounts.append("mallory")

    night(book, dispatcher, clock)

    assert ["host-not-restricted"] == [job.reason_code for job in database.unfinished_jobs()]
    assert ["audience"] == host.calls
    assert 1 == len(told.mails)
    assert "mallory" not in told.mails[0][2]


def test_a_file_that_was_removed_is_put_back_and_told(
    opened: Receipt, book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost, told: Told,
    database: Database,
) -> None:  # fmt: skip
    database.keep_file(opened.incident, "0003.age", b"ciphertext", clock.now())
    dispatcher.turn()
    assert [] == told.mails
    ticket(host).files.clear()

    night(book, dispatcher, clock)

    assert {"0003.age": b"ciphertext"} == ticket(host).files
    assert ["files of the diary were missing" in mail[2] for mail in told.mails] == [True]


# Which incidents, and when --------------------------------------------------------------------------


@pytest.mark.usefixtures("opened")
def test_a_night_comes_once_a_day(book: ChoreBook, clock: SetClock) -> None:
    begun = []
    for _hour in range(49):
        begun.append(book.begin_night(clock.now()))
        book_is_done(book)
        clock.forward(hours=1)

    assert [1, 1, 1] == [number for number in begun if number]


def book_is_done(book: ChoreBook) -> None:
    with book._engine.begin() as connection:
        connection.execute(t.inbox.update().where(t.inbox.c.source == NIGHTLY).values(state="done"))


@pytest.mark.usefixtures("opened")
def test_a_clock_that_was_ahead_and_is_put_back_does_not_stop_the_nights(
    book: ChoreBook, clock: SetClock
) -> None:
    assert 1 == book.begin_night(clock.now() + timedelta(days=400))
    book_is_done(book)

    assert 1 == book.begin_night(clock.now())


@both
def test_incidents_with_something_waiting_are_left_out(
    opened: Receipt, take_in: Intake, book: ChoreBook, database: Database, clock: SetClock
) -> None:
    take_in()  # waits

    assert 1 == book.begin_night(clock.now())

    added = [database.job(one).incident for one in jobs(database)]
    assert [opened.incident] == added


@pytest.mark.usefixtures("opened")
def test_an_incident_whose_last_night_still_waits_gets_no_second_job(
    book: ChoreBook, database: Database, clock: SetClock
) -> None:
    book.begin_night(clock.now())
    clock.forward(hours=25)

    assert 0 == book.begin_night(clock.now())
    assert 1 == len(jobs(database))


@both
@pytest.mark.usefixtures("opened")
def test_of_several_workers_one_begins_the_night(database: Database, clock: SetClock) -> None:
    begun: list[int] = []
    together = threading.Barrier(6)

    def worker() -> None:
        mine = ChoreBook(database._engine)
        together.wait()
        begun.append(mine.begin_night(clock.now()))

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [0, 0, 0, 0, 0, 1] == sorted(begun)
    assert 1 == len(jobs(database))


@both
def test_a_chore_is_claimed_by_one_and_is_due_again_after_its_time(book: ChoreBook, clock: SetClock) -> None:
    every = timedelta(minutes=5)

    assert [True, False] == [book.claim("c", every=every, now=clock.now()) for _ in range(2)]
    clock.forward(minutes=5)
    assert [True, False] == [book.claim("c", every=every, now=clock.now()) for _ in range(2)]
    assert book.claim("another", every=every, now=clock.now())


# Never in a report's way ----------------------------------------------------------------------------


def test_a_report_goes_before_a_nights_thousand(
    take_in: Intake, book: ChoreBook, dispatcher: Dispatcher, engine: Inline, database: Database, clock: SetClock,
    work: Casework,
) -> None:  # fmt: skip
    for _ in range(12):
        open_incident(take_in().inbox_id, work)
    assert 12 == book.begin_night(clock.now())
    clock.forward(hours=7)  # all of them are due
    engine.runs = False  # they hang
    dispatcher.turn()
    in_the_engine = set(engine.given)
    engine.given.clear()

    report = take_in()
    dispatcher.turn()

    assert 2 == len(in_the_engine)
    assert [report.inbox_id, *sorted(in_the_engine, key=lambda one: database.job(one).seq)] == engine.given


def test_a_parked_night_does_not_keep_a_report_from_its_turn(
    opened: Receipt, take_in: Intake, book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost,
    database: Database,
) -> None:  # fmt: skip
    host.accounts.append("mallory")
    night(book, dispatcher, clock)
    host.accounts.remove("mallory")
    first = database.delivery(opened.inbox_id)
    assert first.finished

    later = take_in(submission="sub-1")
    assert later.duplicate
    another = take_in(another_report(), submission="sub-1")
    dispatcher.turn()

    assert opened.incident == another.incident
    assert database.delivery(another.inbox_id).finished


def another_report() -> Report:
    return Report(None, verbatim=Untrusted("more"))


def test_the_tickets_of_a_night_are_spread(
    take_in: Intake, book: ChoreBook, database: Database, clock: SetClock, work: Casework
) -> None:
    for _ in range(4):
        open_incident(take_in().inbox_id, work)

    book.begin_night(clock.now())

    due = sorted(database.job(one).due_at for one in jobs(database))
    assert [clock.now() + number * APART for number in range(4)] == due


@pytest.mark.usefixtures("opened")
def test_nobody_is_told_that_a_nights_job_waits_for_its_turn_before_a_day_has_passed(
    book: ChoreBook, dispatcher: Dispatcher, engine: Inline, clock: SetClock, told: Told
) -> None:
    engine.runs = False
    night(book, dispatcher, clock)
    clock.forward(hours=23)
    dispatcher.turn()
    assert [] == told.mails

    clock.forward(hours=2)
    dispatcher.turn()

    assert 1 == len(told.mails)


# What stays behind ----------------------------------------------------------------------------------


@both
def test_what_was_compared_and_told_leaves_no_rows(
    opened: Receipt, book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost,
    database: Database,
) -> None:  # fmt: skip
    ticket(host).steps.popitem()
    night(book, dispatcher, clock)
    assert (1, 1) == (len(jobs(database)), len(jobs(database, FOUND)))

    clock.forward(hours=2)
    book.drop_done(clock.now())

    assert ([], []) == (jobs(database), jobs(database, FOUND))
    assert database.delivery(opened.inbox_id).finished


def test_what_is_not_done_or_not_told_stays(
    opened: Receipt, book: ChoreBook, database: Database, clock: SetClock
) -> None:
    book.begin_night(clock.now())
    database.note_found(opened.incident, [Found.STEPS], clock.now())

    clock.forward(hours=2)
    book.drop_done(clock.now())

    assert (1, 1) == (len(jobs(database)), len(jobs(database, FOUND)))


def test_a_chore_that_fails_keeps_no_other_from_its_turn(
    book: ChoreBook, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[datetime] = []

    def failing(_now: datetime) -> None:
        raise ValueError("a canary that must not be logged")

    chores = Chores({"first": failing, "second": nightly(book), "third": done.append}, clock)
    for _ in range(3):
        chores.turn()
        clock.forward(seconds=40)

    assert 2 == len(done)
    assert "loop=first error=ValueError" in caplog.text
    assert "canary" not in caplog.text


def test_the_operator_hears_of_a_change_that_nobody_on_the_team_can_be_told(
    take_in: Intake,
    work: Casework,
    database: Database,
    told: Told,
    team: Team,
    clock: SetClock,
    engine: Inline,
    fellows: Fellows,
) -> None:
    dispatcher = Dispatcher(
        fellows=fellows,
        work=work,
        jobs=database,
        engine=engine,  # type: ignore[arg-type]  # what it needs of an engine
        notifier=told,
        operator="ops@example.org",
    )
    receipt = take_in()
    dispatcher.turn()
    told.mails.clear()
    team.members, team.recovery = [], []
    database.note_found(receipt.incident, [Found.COMMENTS], clock.now())

    dispatcher.turn()

    ((addresses, subject, text),) = told.mails
    assert (("ops@example.org",), True) == (addresses, "changed on a ticket" in subject)
    assert database.incident(receipt.incident).code_name not in subject + text


# A report that does not open ------------------------------------------------------------------------


def does_not_open(database: Database, receipt: Receipt, clock: SetClock) -> None:
    job = database.job(receipt.inbox_id)
    later = clock.now() + timedelta(days=9)
    database.job_failed(
        job, parked=True, code="does-not-open", reason="No key.", due_at=later, now=clock.now()
    )


@both
def test_a_ticket_is_compared_beside_a_report_of_its_incident_that_does_not_open(
    take_in: Intake, make_report: Callable[..., Report], database: Database, dispatcher: Dispatcher,
    book: ChoreBook, clock: SetClock, host: MemoryHost,
) -> None:  # fmt: skip
    does_not_open(database, take_in(submission="s"), clock)
    take_in(make_report(account="edited"), submission="s")
    dispatcher.turn()
    host.calls.clear()

    night(book, dispatcher, clock)

    assert ["read"] == host.calls
    clock.forward(hours=25)
    assert 1 == book.begin_night(clock.now()), "the next night too"


@both
@pytest.mark.parametrize("given_up", [False, True])
def test_a_night_opens_no_ticket_for_a_report_that_was_lost_before_it_had_one(
    take_in: Intake, database: Database, dispatcher: Dispatcher, book: ChoreBook, clock: SetClock,
    host: MemoryHost, *, given_up: bool,
) -> None:  # fmt: skip
    dead = take_in()
    does_not_open(database, dead, clock)
    if given_up:
        assert database.give_up(database.job(dead.inbox_id), clock.now(), reason="An operator gave it up.")

    night(book, dispatcher, clock, tickets=0)

    assert [] == host.tickets


@both
def test_a_night_compares_the_ticket_of_an_incident_of_which_a_report_was_given_up(
    take_in: Intake, make_report: Callable[..., Report], database: Database, dispatcher: Dispatcher,
    book: ChoreBook, clock: SetClock,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    does_not_open(database, dead, clock)
    take_in(make_report(account="edited"), submission="s")
    dispatcher.turn()
    assert database.give_up(database.job(dead.inbox_id), clock.now(), reason="An operator gave it up.")

    night(book, dispatcher, clock)
