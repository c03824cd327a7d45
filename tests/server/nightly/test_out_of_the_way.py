"""A night is never in a report's way, and leaves nothing behind once it is done and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.casework import open_incident
from integration.errors import HostUnavailable
from integration.mirror import PlainComment
from integration.reconcile import Found
from integration.report import Report
from integration.store import FOUND
from integration.text import Untrusted
from tests.pg import both
from tests.server.nightly.conftest import Inline, jobs, night, ticket
from webhook_server.chores import Chores, nightly
from webhook_server.jobs import Dispatcher
from webhook_server.store.chores import APART, ChoreBook

if TYPE_CHECKING:
    from datetime import datetime

    from integration.casework import Casework
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.fellows import Fellows
    from webhook_server.store.database import Database

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

    chores = Chores({"first": failing, "second": nightly(book), "third": done.append}, clock, book)
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


def test_a_comment_on_a_ticket_whose_diary_never_began_is_not_looked_at_again_and_again(
    take_in: Intake, work: Casework, dispatcher: Dispatcher, book: ChoreBook, clock: SetClock,
    host: MemoryHost, database: Database, engine: Inline,
) -> None:  # fmt: skip
    """Nothing can be sealed there, so it is no reason to go on at once."""
    book.begin_night(clock.now())
    receipt = take_in()

    def away(call: str) -> None:
        if call == "read":
            raise HostUnavailable("The host is away.")

    host.trouble = away
    dispatcher.turn()
    host.trouble = lambda _call: None
    assert work.store.epoch(receipt.incident) is None
    for file in database._inbox_keys._folder.glob("*.key"):
        file.unlink()
    clock.forward(minutes=20)
    dispatcher.turn()
    assert database.give_up(database.job(receipt.inbox_id), clock.now(), reason="lost")
    ticket(host).plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted("Whose is this?")))
    clock.forward(hours=25)
    assert 1 == book.begin_night(clock.now())
    (look,) = jobs(database)
    engine.given.clear()
    for _ in range(50):
        dispatcher.turn()
        clock.forward(seconds=1)

    assert engine.given.count(look) < 8
