"""A plain comment goes only when all that it says is sealed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.adopting import SEALED_AT_ONCE
from integration.casework import Casework, open_incident
from integration.errors import BudgetSpent, HostRefused, HostRejected, HostUnavailable, HostUnknownOutcome
from integration.host_events import HostEvent, Touched
from integration.incident import Alias
from integration.mirror import PlainComment, mirror
from integration.risk import Level
from integration.text import Untrusted
from tests.server.memory_host import SPACE, shown_of
from webhook_server.jobs import attempt
from webhook_server.store.chores import ChoreBook
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.errors import HostError
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost, MemoryTicket
    from webhook_server.store.database import Database

FIRST, MORE = "I spoke to Noah.", "I spoke to Noah. He is not safe at home."


def looks(database: Database, work: Casework) -> None:
    """Do the one job that looks at a ticket."""
    (job,) = [one for one in database.unfinished_jobs() if one.only_looks]
    open_incident(job.inbox_id, work)


def happened(touched: Touched, ticket: MemoryTicket, database: Database, clock: SetClock) -> None:
    """Somebody did something to the ticket, and the host says so."""
    event = HostEvent(f"{touched} {clock.now()}", touched, ticket.ref.id, "robert-gh", own=False)
    database.note_event(SPACE, event, clock.now())


def is_found(how: str, ticket: MemoryTicket, database: Database, clock: SetClock) -> None:
    """The ticket is to be looked at."""
    if how == "by an event":
        for touched in (Touched.TICKET, Touched.COMMENTS, Touched.STEPS):
            happened(touched, ticket, database, clock)
    else:
        book = ChoreBook(database._engine)
        book.begin_night(clock.now())
        clock.forward(days=1)
        book.begin_night(clock.now())


def may_not_delete(call: str) -> None:
    """The host's trouble where the service's account lacks the right."""
    if call == "remove":
        raise HostRefused("We may not.")


def commented_before_its_diary(
    receipt: Receipt, work: Casework, host: MemoryHost, clock: SetClock
) -> MemoryTicket:
    """A ticket that was opened, and on which somebody wrote while the host kept the service from going on."""

    def away(call: str) -> None:
        if call == "read":
            raise HostUnavailable("The host is away.")

    host.trouble = away
    with pytest.raises(HostUnavailable):
        open_incident(receipt.inbox_id, work)
    host.trouble = lambda _call: None
    (ticket,) = host.tickets
    ticket.plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted(FIRST)))
    return ticket


found = pytest.mark.parametrize("found_by", ["by an event", "at night"])


def test_words_that_are_added_while_a_plain_comment_is_being_sealed_are_sealed_too(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    first = PlainComment("777", "robert-gh", clock.now(), Untrusted(FIRST))
    more = replace(first, text=Untrusted(MORE))
    other = PlainComment("778", "miriam-gh", clock.now(), Untrusted("Another one."))
    ticket.plain += [first, other]
    database.note_event(
        SPACE, HostEvent("d", Touched.COMMENTS, ticket.ref.id, "robert-gh", own=False), clock.now()
    )

    def edited(call: str) -> None:
        if call == "remove":  # between the last look and the deletion
            ticket.plain[ticket.plain.index(first)] = more
            host.trouble = lambda _call: None

    host.trouble = edited
    with pytest.raises(HostUnknownOutcome, match="was changed while it was being sealed"):
        looks(database, work)

    assert [more] == ticket.plain
    assert ["778"] == [one.comment_id for one in database.untold_exposures()]
    assert database.exposed(receipt.incident, first)
    assert database.exposed(receipt.incident, more) is None

    looks(database, work)  # the same job, at its next try

    assert [] == ticket.plain
    assert database.exposed(receipt.incident, more)
    assert [] == [one for one in database.unfinished_jobs() if one.only_looks]
    told = [(one.comment_id, one.account) for one in database.untold_exposures()]
    assert [("777", "robert-gh"), ("778", "miriam-gh")] == sorted(told)  # its author once


@found
def test_of_many_plain_comments_the_first_are_gone_before_more_are_sealed(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock, found_by: str
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    said = [PlainComment(str(n), "robert-gh", clock.now(), Untrusted(f"Words {n}.")) for n in range(90)]
    ticket.plain += said
    is_found(found_by, ticket, database, clock)
    left: list[int] = []
    results: list[str] = []
    while (jobs := [one for one in database.unfinished_jobs() if one.only_looks]) and len(left) < 9:
        assert jobs[0].due_at <= clock.now()
        results.append(attempt(jobs[0].inbox_id, work, database, Locks(database._engine)))
        left.append(len(ticket.plain))

    assert [("more-to-seal", 50), ("more-to-seal", 10), ("done", 0)] == list(zip(results, left, strict=True))
    assert all(database.exposed(receipt.incident, one) for one in said)


@found
@pytest.mark.parametrize("error", [BudgetSpent, HostUnknownOutcome])
def test_while_the_entries_of_the_first_cannot_be_written_no_more_are_sealed(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock, found_by: str,
    error: type[HostError],
) -> None:  # fmt: skip
    """They would all be written before the first is deleted."""
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    said = [PlainComment(str(n), "robert-gh", clock.now(), Untrusted(f"Words {n}.")) for n in range(90)]
    ticket.plain += said
    is_found(found_by, ticket, database, clock)

    def cannot(call: str) -> None:
        if call == "write":
            raise error("Not now.")

    host.trouble = cannot
    for _ in range(3):
        (job,) = [one for one in database.unfinished_jobs() if one.only_looks]
        attempt(job.inbox_id, work, database, Locks(database._engine))

    assert SEALED_AT_ONCE == sum(database.exposed(receipt.incident, one) is not None for one in said)


@found
def test_a_field_that_the_host_refuses_keeps_no_plain_comment_readable(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock, found_by: str
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    view = mirror(database.incident(receipt.incident), work.process)
    ticket.shown = replace(shown_of(view), strange=frozenset({"impact"}))
    ticket.plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted(FIRST)))
    host.rejects_fields = True
    is_found(found_by, ticket, database, clock)

    with pytest.raises(HostRejected):
        looks(database, work)

    assert [] == ticket.plain
    sealed = next(comment for comment in ticket.comments if comment.id.seq == 2)
    assert sealed.text in {comment.text for comment in database.comments(receipt.incident)}
    assert ["777"] == [one.comment_id for one in database.untold_exposures()]

    host.rejects_fields = False
    host.calls.clear()
    looks(database, work)  # the same job, once somebody has cured the rule

    assert ticket.shown == shown_of(view)
    assert "remove" not in host.calls


@pytest.mark.parametrize("lacking", [False, True])
@found
def test_a_value_that_is_set_while_a_plain_comment_is_being_sealed_is_adopted_and_not_put_back(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock, found_by: str,
    *, lacking: bool,
) -> None:  # fmt: skip
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    shown = shown_of(mirror(database.incident(receipt.incident), work.process))
    ticket.shown = shown = replace(
        shown, impact=Level.HIGH if lacking else None, likelihood=Level.HIGH if lacking else None
    )
    ticket.plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted(FIRST)))
    is_found(found_by, ticket, database, clock)

    def set_lead(call: str) -> None:
        if call == "write":  # the entry is on its way
            ticket.shown = replace(shown, lead=Alias("miriam"))
            clock.forward(seconds=1)
            happened(Touched.TICKET, ticket, database, clock)
            host.trouble = lambda _call: None

    host.trouble = set_lead
    while jobs := database.unfinished_jobs():
        with suppress(HostUnknownOutcome):
            open_incident(jobs[0].inbox_id, work)

    assert [] == ticket.plain
    assert "miriam" == ticket.shown.lead == database.incident(receipt.incident).lead


@found
def test_a_plain_comment_that_may_not_be_deleted_keeps_nothing_else_from_being_put_right(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock, found_by: str
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    ticket.shown = shown_of(mirror(database.incident(receipt.incident), work.process))
    ticket.plain.append(PlainComment("777", "robert-gh", clock.now(), Untrusted(FIRST)))
    ticket.as_written = False  # somebody wrote a name into it
    gone = next(iter(ticket.steps))
    del ticket.steps[gone]
    is_found(found_by, ticket, database, clock)

    host.trouble = may_not_delete
    with pytest.raises(HostRefused):
        looks(database, work)

    assert ticket.as_written
    assert gone in ticket.steps


def test_a_plain_comment_that_stood_there_before_the_diary_is_sealed_as_soon_as_that_begins(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    ticket = commented_before_its_diary(receipt, work, host, clock)
    happened(Touched.COMMENTS, ticket, database, clock)

    looks(database, work)  # there is no diary yet
    open_incident(receipt.inbox_id, work)

    assert [] == ticket.plain
    assert ["777"] == [one.comment_id for one in database.untold_exposures()]
    assert [] == database.unfinished_jobs()


def test_of_many_that_stood_there_before_the_diary_none_stays(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    ticket = commented_before_its_diary(receipt, work, host, clock)
    ticket.plain += [
        PlainComment(str(n), "robert-gh", clock.now(), Untrusted(f"Words {n}.")) for n in range(89)
    ]
    happened(Touched.COMMENTS, ticket, database, clock)
    looks(database, work)  # there is no diary yet

    while jobs := database.unfinished_jobs():
        assert jobs[0].due_at <= clock.now()
        attempt(jobs[0].inbox_id, work, database, Locks(database._engine))

    assert [] == ticket.plain


def test_a_report_is_done_though_a_plain_comment_that_stood_there_before_may_not_be_deleted(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    ticket = commented_before_its_diary(receipt, work, host, clock)
    host.trouble = may_not_delete

    open_incident(receipt.inbox_id, work)

    assert [] == database.unfinished_jobs()
    happened(Touched.COMMENTS, ticket, database, clock)
    with pytest.raises(HostRefused):
        looks(database, work)
