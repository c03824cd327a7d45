"""Tickets whose incidents a restored database has forgotten are found each night and told by their keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostUnavailable, NotifyError
from integration.incident import IncidentId, SpaceName
from integration.marked import MarkedTicket
from tests.pg import both
from webhook_server.store.chores import ChoreBook
from webhook_server.store.overview import Overview
from webhook_server.store.strays import Strays
from webhook_server.strays import teller, unknown_tickets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integration.casework import Casework
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from webhook_server.store.database import Database

SPACE = SpaceName("conduct")
LATER = timedelta(hours=25)


@dataclass
class Listed:
    """A ticket space that is listed; ``trouble`` may raise instead."""

    tickets: list[MarkedTicket] = field(default_factory=list)
    trouble: Exception | None = None
    asked: int = 0

    def marked(self) -> Sequence[MarkedTicket]:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return self.tickets


@dataclass
class Night:
    """The chore of one process on the database, and what it says."""

    run: Callable[[datetime], None]
    space: Listed
    told: Told
    seen: Overview

    def keys(self) -> list[str]:
        return [one.key for one in self.seen.strays()]


@pytest.fixture
def make_night(database: Database, work: Casework, told: Told) -> Callable[[Listed], Night]:
    def make(space: Listed) -> Night:
        sql = database._engine
        tell = teller(work.roster, told, "operator@example.org")
        run = unknown_tickets({SPACE: space}, book=ChoreBook(sql), strays=Strays(sql), tell=tell)
        return Night(run, space, told, Overview(sql))

    return make


@pytest.fixture
def night(make_night: Callable[[Listed], Night]) -> Night:
    return make_night(Listed())


def forgotten(key: str) -> MarkedTicket:
    return MarkedTicket(key, IncidentId(f"inc_{key.lower().replace('-', ''):a<26}"), key)


def test_a_ticket_whose_incident_is_here_is_none(night: Night, take_in: Intake, clock: SetClock) -> None:
    night.space.tickets = [MarkedTicket("COC-1", take_in().incident, "1")]

    night.run(clock.now())

    assert [] == night.keys()
    assert [] == night.told.mails


@both
def test_what_the_database_has_forgotten_is_told_once_by_its_keys(
    night: Night, make_night: Callable[[Listed], Night], clock: SetClock
) -> None:
    night.space.tickets = [forgotten("COC-12"), forgotten("COC-9")]

    for process in (night, night, make_night(night.space)):
        process.run(clock.now())

    ((addresses, subject, text),) = night.told.mails
    assert "conduct: COC-9, COC-12\n" in text
    assert "inc_" not in subject + text
    assert addresses
    assert "operator@example.org" not in addresses
    assert ["COC-9", "COC-12"] == night.keys()
    assert 1 == night.space.asked


@both
def test_what_is_known_again_or_gone_is_forgotten_the_next_night(
    night: Night, take_in: Intake, clock: SetClock
) -> None:
    again = take_in().incident
    night.space.tickets = [forgotten("COC-9"), forgotten("COC-12")]
    night.run(clock.now())

    night.space.tickets = [MarkedTicket("COC-12", again, "12")]
    night.run(clock.now() + LATER)

    assert [] == night.keys()
    assert 1 == len(night.told.mails)


def test_members_are_reminded_each_week_and_when_there_is_another(night: Night, clock: SetClock) -> None:
    night.space.tickets = [forgotten("COC-9")]
    night.run(clock.now())
    night.run(clock.now() + LATER)
    assert 1 == len(night.told.mails)

    night.space.tickets.append(forgotten("COC-10"))
    night.run(clock.now() + 2 * LATER)
    assert "COC-9, COC-10" in night.told.mails[1][2]

    night.run(clock.now() + timedelta(days=12))
    assert 3 == len(night.told.mails)


def test_a_mail_that_could_not_be_sent_is_sent_again(night: Night, clock: SetClock) -> None:
    night.space.tickets = [forgotten("COC-9")]
    night.told.trouble = NotifyError("away")
    with pytest.raises(NotifyError):
        night.run(clock.now())

    night.told.trouble = None
    night.run(clock.now() + timedelta(minutes=1))

    assert 1 == len(night.told.mails)
    assert 1 == night.space.asked


def test_a_host_that_does_not_answer_changes_nothing_and_is_asked_the_next_night(
    night: Night, clock: SetClock
) -> None:
    night.space.tickets = [forgotten("COC-9")]
    night.run(clock.now())
    night.space.trouble = HostUnavailable("away")

    night.run(clock.now() + LATER)
    assert ["COC-9"] == night.keys()

    night.space.trouble = None
    night.space.tickets = []
    night.run(clock.now() + 2 * LATER)
    assert [] == night.keys()


def test_what_belongs_to_a_space_that_is_not_configured_any_more_is_dropped(
    night: Night, database: Database, clock: SetClock
) -> None:
    Strays(database._engine).note(SpaceName("former"), [forgotten("OLD-1")], clock.now())

    night.run(clock.now())

    assert [] == night.keys()
