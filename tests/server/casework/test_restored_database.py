"""What a database that was restored from a backup has forgotten is found on the host, and never done twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, is_retryable, open_incident
from integration.code_name import CodeName
from integration.diary.keys import new_service_key
from integration.diary.seal import EntryContent, EntryDraft, open_first_epoch
from integration.errors import HostUnavailable, HostUnknownOutcome, KeptApart, UnknownDiary
from integration.reconcile import NOT_KNOWN
from integration.report import Report
from integration.text import Untrusted
from tests.pg import both
from tests.server.casework.interrupted import Crash, Once, dying
from tests.server.casework.whole import assert_whole
from tests.server.diaries import forget_the_diary, rows
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.incident import Incident, IncidentId
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


def test_a_ticket_that_the_database_forgot_is_found_and_not_opened_twice(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    host.trouble = Once("write", HostUnavailable("No."))
    with pytest.raises(HostUnavailable):
        open_incident(receipt.inbox_id, work)
    with database._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ticket")
    clock.forward(days=30)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def forget_all_after_the_report(database: Database, receipt: Receipt, report: bytes) -> None:
    """A backup that was made while the report waited is put back."""
    forget_the_diary(database)
    sealed = database._sealer.seal(report, table="inbox", column="sealed_report", row=receipt.inbox_id)
    with database._engine.begin() as connection:
        connection.execute(t.inbox.update().values(state="waiting", sealed_report=sealed))


def test_a_diary_that_the_database_forgot_is_taken_over_and_not_begun_twice(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    before, epoch = list(host.tickets[0].comments), database.epoch(receipt.incident)
    forget_all_after_the_report(database, receipt, report)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert before == host.tickets[0].comments == list(database.comments(receipt.incident))
    assert epoch == database.epoch(receipt.incident)
    assert ["robert", "miriam", NOT_KNOWN] == list(database.readers(receipt.incident))
    assert database.posted(receipt.incident) == {comment.id for comment in before}


def test_a_keyring_without_its_report_is_taken_over_and_the_report_written_after_it(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    entry = host.tickets[0].comments.pop()
    forget_all_after_the_report(database, receipt, report)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert entry.text != host.tickets[0].comments[1].text


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 27))
def test_after_a_crash_while_taking_over_there_is_one_whole_ticket(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, *, at: int, after: bool
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    before = list(host.tickets[0].comments)
    forget_all_after_the_report(database, receipt, report)
    mortal, _ = dying(work, host, at, after=after)

    with suppress(Crash):
        open_incident(receipt.inbox_id, mortal)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert before == host.tickets[0].comments


@pytest.mark.parametrize("wrong", ["gap", "fork", "foreign seal", "damaged"])
def test_what_does_not_surely_continue_the_diary_is_left_alone_and_said(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, team: Team, wrong: str
) -> None:
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    forget_all_after_the_report(database, receipt, report)
    if wrong == "gap":
        ticket.comments.pop(0)
    elif wrong == "fork":
        other = open_first_epoch(
            incident=receipt.incident, ticket=ticket.ref.name, recovery=[], roster_hash="0" * 64, roster_serial=1,
            readers=[one.reader() for one in team.members], service=work.service_key, now=work.clock.now(),
            entry=EntryDraft(EntryContent.REPORT, Untrusted("another"), None, work.clock.now()), part_bytes=44_000,
        )  # fmt: skip
        ticket.comments += other.comments
    elif wrong == "foreign seal":
        team.service_key = new_service_key("svc-test")
    else:
        ticket.damaged = {ticket.comments.pop().id}
    before = list(ticket.comments)
    host.calls.clear()

    for _ in range(2):
        with pytest.raises(UnknownDiary, match="does not know and cannot take over") as raised:
            open_incident(receipt.inbox_id, work)

    assert not is_retryable(raised.value)
    assert {"audience", "find", "read"} == set(host.calls)
    assert before == ticket.comments
    assert [] == list(database.comments(receipt.incident))
    assert report == database.delivery(receipt.inbox_id).report


@both
def test_a_later_report_that_a_restored_database_holds_again_is_written_again_and_read_by_nobody_unknown(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    first = take_in(submission="one")
    report = database.delivery(first.inbox_id).report
    assert report is not None
    open_incident(first.inbox_id, work)
    forget_all_after_the_report(database, first, report)
    second = take_in(a_later_report(), submission="one")

    open_incident(first.inbox_id, work)
    with pytest.raises(KeptApart):
        open_incident(second.inbox_id, work)
    open_incident(second.inbox_id, work)

    own = database.delivery(second.inbox_id).incident
    assert own != first.incident  # who reads the keyring that was taken over is not known
    assert_whole(first, host, database)
    assert_whole(replace(second, incident=own), host, database)


def forget_all(database: Database) -> None:
    """A backup that was made before the first report is put back."""
    with database._engine.begin() as connection:
        for table in reversed(t.metadata.sorted_tables):
            if table.name not in {"audience", "space"}:
                connection.execute(table.delete())


@both
def test_an_edited_report_that_comes_first_after_a_restore_is_written(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    """The ticket holds only the report before the edit, which the database does not know any more."""
    first = take_in(submission="one")
    open_incident(first.inbox_id, work)
    before = list(host.tickets[0].comments)
    forget_all(database)

    edited = take_in(a_later_report(), submission="one")
    open_kept_apart(edited.inbox_id, work)

    own = database.delivery(edited.inbox_id).incident
    assert own != first.incident  # who reads the keyring that was taken over is not known
    assert_whole(replace(edited, incident=own), host, database)
    assert before == host.tickets[0].comments == list(database.comments(first.incident))
    assert [NOT_KNOWN] == list(database.readers(first.incident))
    assert [] == list(database.readers(own))  # nor is it known whom the report before the edit named


@pytest.mark.parametrize("at", range(1, 31))
def test_nor_is_it_lost_by_a_crash(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock, at: int
) -> None:
    open_incident(take_in(submission="one").inbox_id, work)
    forget_all(database)
    edited = take_in(a_later_report(), submission="one")
    mortal, _ = dying(work, host, at, after=True)

    with suppress(Crash, KeptApart):
        open_incident(edited.inbox_id, mortal)
    clock.forward(minutes=6)
    open_kept_apart(edited.inbox_id, work)

    own = database.delivery(edited.inbox_id).incident
    assert_whole(replace(edited, incident=own), host, database)


@both
def test_the_same_report_sent_again_after_a_restore_is_not_written_twice(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in(submission="one")
    name = database.incident(receipt.incident).code_name
    open_incident(receipt.inbox_id, work)
    before = list(host.tickets[0].comments)
    forget_all(database)

    again = take_in(submission="one")
    open_incident(again.inbox_id, work)

    assert (receipt.incident, name) == (again.incident, database.incident(again.incident).code_name)
    assert_whole(again, host, database)
    assert before == host.tickets[0].comments


@both
def test_a_waiting_report_whose_ticket_bears_another_title_is_written_again(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    """Somebody changed the title, so that it is not sure whose report began the diary."""
    receipt = take_in()
    report = database.delivery(receipt.inbox_id).report
    assert report is not None
    open_incident(receipt.inbox_id, work)
    host.tickets[0].title = CodeName("SOMETHING-ELSE-10")
    forget_all_after_the_report(database, receipt, report)

    open_kept_apart(receipt.inbox_id, work)

    own = database.delivery(receipt.inbox_id).incident
    assert own != receipt.incident
    assert_whole(replace(receipt, incident=own), host, database)


def kept_apart_at(first: Receipt, second: Receipt, database: Database) -> Callable[[], None]:
    """Puts back a backup that is made now, while the second report waits with the incident of the first."""
    report = database.delivery(second.inbox_id).report
    assert report is not None

    def put_back() -> None:
        sealed = database._sealer.seal(report, table="inbox", column="sealed_report", row=second.inbox_id)
        waits = {
            "state": "waiting",
            "sealed_report": sealed,
            "inbox_key": None,
            "incident_id": first.incident,
        }
        with database._engine.begin() as connection:
            connection.execute(t.inbox.update().where(t.inbox.c.id == second.inbox_id).values(waits))
            connection.execute(t.inbox.delete().where(t.inbox.c.incident_id != first.incident))
            for table in (t.ticket, t.epoch, t.comment, t.exposure, t.step):
                connection.execute(table.delete().where(table.c.incident_id != first.incident))
            connection.execute(t.incident.delete().where(t.incident.c.id != first.incident))

    return put_back


@both
def test_a_report_whose_own_ticket_bears_another_title_after_a_restore_is_kept_apart_again_but_once(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    first = take_in(submission="one")
    open_incident(first.inbox_id, work)
    second = take_in(a_report_of_robert(), submission="one")
    put_back = kept_apart_at(first, second, database)
    open_kept_apart(second.inbox_id, work)
    own = database.delivery(second.inbox_id).incident
    host.tickets[1].title = CodeName(
        "SOMETHING-ELSE-10"
    )  # it is not sure any more whose report began its diary
    clock.forward(days=30)

    for _ in range(
        2
    ):  # what is kept apart again is found on the host when the same backup is put back once more
        put_back()
        for _ in range(2):
            with pytest.raises(KeptApart):
                open_incident(second.inbox_id, work)
        open_incident(second.inbox_id, work)

        another = database.delivery(second.inbox_id).incident
        assert another not in {first.incident, own}
        assert [first.incident, own, another] == [one.incident for one in host.tickets]
        assert_whole(first, host, database)
        assert_whole(replace(second, incident=another), host, database)
        assert [NOT_KNOWN] == list(database.readers(own))
        host.tickets[1].title = CodeName("SOMETHING-ELSE-10")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 41, 3))
def test_a_crash_keeps_it_apart_no_oftener(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock, at: int, *, after: bool
) -> None:  # fmt: skip
    first = take_in(submission="one")
    open_incident(first.inbox_id, work)
    second = take_in(a_report_of_robert(), submission="one")
    put_back = kept_apart_at(first, second, database)
    open_kept_apart(second.inbox_id, work)
    host.tickets[1].title = CodeName("SOMETHING-ELSE-10")
    put_back()
    mortal, _ = dying(work, host, at, after=after)

    for mine in (mortal, mortal, mortal, work, work, work):
        with suppress(Crash, KeptApart, HostUnknownOutcome):
            open_incident(second.inbox_id, mine)
        clock.forward(minutes=6)

    another = database.delivery(second.inbox_id).incident
    assert_whole(replace(second, incident=another), host, database)
    assert 3 == len(host.tickets)


@both
def test_who_keeps_apart_what_another_has_kept_apart_meanwhile_makes_no_second_incident(
    take_in: Intake, database: Database
) -> None:
    first = take_in(submission="one")
    made = database.incident(first.incident)

    def make(incident: IncidentId, code_name: CodeName) -> Incident:
        return replace(made, id=incident, code_name=code_name)

    own = database.separate(first.inbox_id, first.incident, make)
    assert own == database.separate(first.inbox_id, first.incident, make)
    assert own == database.delivery(first.inbox_id).incident != first.incident
    assert 2 == len(rows(database, t.incident))


def open_kept_apart(inbox_id: str, work: Casework) -> None:
    """It gets an incident of its own, unless it had got it before a crash."""
    with suppress(KeptApart):
        open_incident(inbox_id, work)
    open_incident(inbox_id, work)


def a_later_report() -> Report:
    return Report(None, verbatim=Untrusted("and then"))


def a_report_of_robert() -> Report:
    return Report(None, verbatim=Untrusted("It was Robert."))
