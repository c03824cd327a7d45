"""Every night each open ticket is compared with its incident, put right, and its readers told of what was changed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.deskwork import restore
from integration.errors import HostUnavailable
from integration.guard import PROOF_LASTS
from integration.reconcile import Found
from tests.pg import both
from tests.server.nightly.conftest import night, ticket

if TYPE_CHECKING:
    from datetime import datetime

    from integration.casework import Casework
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.jobs import Dispatcher
    from webhook_server.store.chores import ChoreBook
    from webhook_server.store.database import Database
    from webhook_server.store.job_list import Job


@pytest.mark.usefixtures("opened")
def test_an_unchanged_ticket_costs_one_read_and_no_write_and_nobody_is_told(
    book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost, told: Told,
    database: Database,
) -> None:  # fmt: skip
    night(book, dispatcher, clock)

    assert ["audience", "read"] == host.calls
    assert [] == told.mails
    assert [] == database.unfinished_jobs()


def test_what_a_restored_database_does_not_know_of_a_diary_is_taken_over(
    opened: Receipt, book: ChoreBook, dispatcher: Dispatcher, clock: SetClock, host: MemoryHost,
    database: Database,
) -> None:  # fmt: skip
    """Nothing lacks on the ticket, so that only what stands there too many says that there is something to do."""
    before = list(host.tickets[0].comments)
    with database._engine.begin() as connection:
        for statement in ("DELETE FROM epoch", "DELETE FROM comment"):
            connection.exec_driver_sql(statement)

    night(book, dispatcher, clock)

    assert before == list(database.comments(opened.incident)) == host.tickets[0].comments
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
