"""A marked ticket beside the one of its incident, as a copy is, is found each night and told by its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident
from integration.errors import HostUnknownOutcome
from integration.incident import IncidentId, SpaceName
from integration.marked import MarkedTicket
from tests.pg import both
from tests.server.memory_host import SPACE
from webhook_server.store.chores import ChoreBook
from webhook_server.store.overview import Overview
from webhook_server.store.strays import Strays
from webhook_server.strays import teller, unknown_tickets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.incident import Incident
    from integration.mirror import TicketRef
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

pytestmark = both
FORGOTTEN = MarkedTicket("#90", IncidentId("inc_aaaaaaaaaaaaaaaaaaaaaaaaaa"), "90")
OTHER = SpaceName("other")


@dataclass
class Listed:
    """A ticket space that is listed."""

    tickets: list[MarkedTicket] = field(default_factory=list)

    def marked(self) -> Sequence[MarkedTicket]:
        return self.tickets


@dataclass
class Nights:
    """The chore on two ticket spaces, and what it says."""

    database: Database
    work: Casework
    told: Told
    clock: SetClock
    here: Listed = field(default_factory=Listed)
    there: Listed = field(default_factory=Listed)

    def comes(self) -> list[tuple[str, str, bool]]:
        sql = self.database._engine
        run = unknown_tickets(
            {SPACE: self.here, OTHER: self.there},
            book=ChoreBook(sql),
            strays=Strays(sql),
            tell=teller(self.work.roster, self.told, "operator@example.org"),
        )
        self.clock.forward(days=1, hours=1)
        run(self.clock.now())
        return list(Overview(sql).strays())


@pytest.fixture
def nights(database: Database, work: Casework, told: Told, clock: SetClock) -> Nights:
    return Nights(database, work, told, clock)


@pytest.fixture
def opened(take_in: Intake, work: Casework, database: Database) -> Incident:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    return database.incident(receipt.incident)


def of(incident: Incident, number: str) -> MarkedTicket:
    return MarkedTicket(f"#{number}", incident.id, number)


def ref_of(incident: Incident, database: Database) -> TicketRef:
    ref = database.ticket(incident.id).ref
    assert ref is not None
    return ref


def test_a_second_ticket_is_told_in_words_of_its_own(opened: Incident, nights: Nights) -> None:
    nights.here.tickets = [of(opened, "1"), of(opened, "2"), FORGOTTEN]

    assert [(SPACE, "#2", True), (SPACE, "#90", False)] == nights.comes()

    ((_, subject, text),) = nights.told.mails
    forgotten, second = text.split("\n\nThese tickets carry the marker of an incident that has another", 1)
    assert "conduct: #90\n" in forgotten
    assert "conduct: #2\n" in second
    assert "Do not write to it" in second
    assert opened.id not in subject + text
    assert opened.code_name not in subject + text


def test_a_mail_of_second_tickets_alone_does_not_speak_of_backups(opened: Incident, nights: Nights) -> None:
    nights.here.tickets = [of(opened, "1"), of(opened, "2")]
    nights.comes()

    ((_, _, text),) = nights.told.mails
    assert "backup" not in text


def test_the_incident_s_own_ticket_is_none(opened: Incident, nights: Nights) -> None:
    nights.here.tickets = [of(opened, "1")]

    assert [] == nights.comes()
    assert [] == nights.told.mails


def test_a_copy_in_another_ticket_space_is_one(opened: Incident, nights: Nights) -> None:
    """On GitHub it may even have the same number there."""
    nights.here.tickets, nights.there.tickets = [of(opened, "1")], [of(opened, "1")]

    assert [(OTHER, "#1", True)] == nights.comes()


def test_while_it_is_not_known_which_is_the_ticket_none_is_a_second(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, nights: Nights
) -> None:
    receipt = take_in()

    def lost(call: str) -> None:
        if call == "open_ticket":
            raise HostUnknownOutcome("The answer was lost.")

    host.trouble = lost
    with pytest.raises(HostUnknownOutcome):
        open_incident(receipt.inbox_id, work)
    nights.here.tickets = [of(database.incident(receipt.incident), "1")]

    assert [] == nights.comes()


def test_one_that_was_replaced_is_named_for_as_long_as_it_stands(
    opened: Incident, work: Casework, host: MemoryHost, database: Database, nights: Nights
) -> None:
    gone = ref_of(opened, database)
    kept = host.tickets.pop()
    database.restore(opened.id, gone=gone, now=nights.clock.now())
    host.tickets.append(kept)
    kept.incident = IncidentId("inc_bbbbbbbbbbbbbbbbbbbbbbbbbb")  # so that it is not found
    for job in database.unfinished_jobs():
        open_incident(job.inbox_id, work)
    assert "2" == ref_of(opened, database).id
    nights.here.tickets = [of(opened, "1"), of(opened, "2")]

    assert [(SPACE, "#1", True)] == nights.comes()

    nights.here.tickets = [of(opened, "2")]
    assert [] == nights.comes()


def test_a_ticket_of_ours_on_which_somebody_put_another_marker_is_none(
    opened: Incident, take_in: Intake, work: Casework, database: Database, nights: Nights
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    other = database.incident(receipt.incident)
    nights.here.tickets = [of(opened, "1"), of(other, "1"), of(other, "2")]

    assert [] == nights.comes()


def test_what_was_forgotten_and_is_a_second_now_is_told_anew(
    take_in: Intake, work: Casework, database: Database, nights: Nights
) -> None:
    """As when a form tool sends a report again, and its ticket was copied meanwhile."""
    receipt = take_in()
    incident = database.incident(receipt.incident)
    strange = MarkedTicket("#2", FORGOTTEN.incident, "2")
    nights.here.tickets = [strange]
    assert [(SPACE, "#2", False)] == nights.comes()

    open_incident(receipt.inbox_id, work)
    nights.here.tickets = [of(incident, "1"), of(incident, "2")]
    assert [(SPACE, "#2", True)] == nights.comes()

    assert 2 == len(nights.told.mails)
    assert "has another ticket" in nights.told.mails[1][2]


def test_members_are_reminded_each_week_of_a_second_ticket_too(opened: Incident, nights: Nights) -> None:
    nights.here.tickets = [of(opened, "1"), of(opened, "2")]
    for _ in range(8):
        nights.comes()

    assert 2 == len(nights.told.mails)
