"""A plain comment goes only when all that it says is sealed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident
from integration.errors import HostRejected, HostUnknownOutcome
from integration.host_events import HostEvent, Touched
from integration.mirror import PlainComment, mirror
from integration.text import Untrusted
from tests.server.memory_host import SPACE, shown_of
from webhook_server.store.chores import ChoreBook

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

FIRST, MORE = "I spoke to Noah.", "I spoke to Noah. He is not safe at home."


def looks(database: Database, work: Casework) -> None:
    """Do the one job that looks at a ticket."""
    (job,) = [one for one in database.unfinished_jobs() if one.only_looks]
    open_incident(job.inbox_id, work)


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


@pytest.mark.parametrize("found_by", ["an event", "the night"])
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
    if found_by == "an event":
        for touched in (Touched.TICKET, Touched.COMMENTS):
            event = HostEvent(touched, touched, ticket.ref.id, "robert-gh", own=False)
            database.note_event(SPACE, event, clock.now())
    else:
        book = ChoreBook(database._engine)
        book.begin_night(clock.now())
        clock.forward(days=1)
        book.begin_night(clock.now())

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
