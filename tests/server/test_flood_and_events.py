"""What hosts' events ask for goes before a flood of reports, and never takes all that may be written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from integration.errors import BudgetSpent
from integration.github.turns import KEPT, LOOK, Turns
from integration.host_events import HostEvent, Touched
from integration.mirror import PlainComment
from integration.text import Untrusted
from tests.pg import both
from tests.server.memory_host import SPACE, MemoryHost
from tests.server.test_flood import BudgetedHost, OneAfterAnother, without_waiting_for_the_disk
from webhook_server.host_room import HostRoom
from webhook_server.jobs import Dispatcher
from webhook_server.store import tables as t
from webhook_server.store.budget import SharedBudget

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.casework import Casework
    from integration.mirror import MirrorView, TicketRef
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryTicket
    from webhook_server.fellows import Fellows
    from webhook_server.store.database import Database


@dataclass
class AsGitHub(BudgetedHost):
    """Looks have room of their own, and a deletion is a write."""

    def ready_to_look(self, looks: int = 1) -> None:
        self.turns.check_looks(looks)

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> frozenset[str]:
        gone: set[str] = set()
        for comment in comments:
            with self.turns.turn(1):
                gone |= super().remove(ref, view, [comment])
        return frozenset(gone)


@dataclass
class Town:
    """One server and GitHub's limits; each turn moves the clock to when something is due."""

    name: str
    database: Database
    budget: SharedBudget
    host: AsGitHub
    engine: OneAfterAnother
    dispatcher: Dispatcher
    clock: SetClock
    said: int = 0

    def turn(self) -> None:
        left = self.database.unfinished_jobs()
        self.clock.time = max(self.clock.now(), min((job.due_at for job in left), default=self.clock.now()))
        self.dispatcher.hand_over_due()
        self.budget.forget(self.clock.now())

    def use_up(self, *, an_hour: int) -> None:
        """So many writes lie behind us, evenly over the last hour."""
        rows = [
            {"budget": self.name, "at": self.clock.now() - timedelta(hours=number / an_hour), "writes": 1}
            for number in range(an_hour)
        ]
        with self.database._engine.begin() as connection:
            connection.execute(t.host_write.insert(), rows)

    def write_plainly(self, ticket: MemoryTicket) -> datetime:
        """Somebody writes on a ticket what belongs into its diary; since when that can be read."""
        self.said += 1
        text = Untrusted("It was Noah who told us.")
        ticket.plain.append(PlainComment(f"77{self.said}", "robert-gh", self.clock.now(), text))
        event = HostEvent(f"delivery-{self.said}", Touched.COMMENTS, ticket.ref.id, "robert-gh", own=False)
        assert "noted" == self.database.note_event(SPACE, event, self.clock.now())
        return self.clock.now()


@pytest.fixture
def town(
    request: pytest.FixtureRequest, work: Casework, database: Database, told: Told, clock: SetClock, fellows: Fellows
) -> Town:  # fmt: skip
    if database._engine.dialect.name == "sqlite":
        sa.event.listen(database._engine, "connect", without_waiting_for_the_disk)
        database._engine.dispose()
    budget = SharedBudget(database._engine, clock)

    def sleep(seconds: float) -> None:
        clock.forward(seconds=seconds)

    name = request.node.name
    host = AsGitHub(clock, turns=Turns(name, budget=budget, pause=0, sleep=sleep), at_once=2)
    work = replace(work, hosts={host.space: host})
    engine = OneAfterAnother(work, database)
    dispatcher = Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=fellows)  # type: ignore[arg-type]  # what it needs of an engine
    return Town(name, database, budget, host, engine, dispatcher, clock)


def opened(town: Town, take_in: Intake, incidents: int = 1) -> list[MemoryTicket]:
    for _ in range(incidents):
        take_in()
    while town.database.unfinished_jobs():
        town.turn()
    town.clock.forward(hours=2)
    return list(town.host.tickets)


def test_a_flood_of_reports_leaves_no_plain_comment_readable_for_long(town: Town, take_in: Intake) -> None:
    (ticket,) = opened(town, take_in)
    for _ in range(40):
        take_in()
    spent = town.clock.now() + timedelta(minutes=20)
    while min(job.due_at for job in town.database.unfinished_jobs()) < spent:
        town.turn()
    town.clock.time = spent
    waits = len(town.database.unfinished_jobs())
    assert waits, "the hour's writes are used up"

    for _ in range(KEPT // LOOK):
        since = town.write_plainly(ticket)
        town.clock.forward(seconds=1)
        town.dispatcher.hand_over_due()
        assert [] == ticket.plain
        assert town.clock.now() - since < timedelta(minutes=1)

    assert waits == len(town.database.unfinished_jobs()), "and no report went before them"
    while town.database.unfinished_jobs():
        town.turn()
    assert town.clock.now() - spent < timedelta(hours=1)


def test_reports_get_their_turn_though_events_come_all_the_time(town: Town, take_in: Intake) -> None:
    """Ten writes a minute would follow from them, and eight are allowed."""
    tickets = opened(town, take_in, 5)
    town.use_up(an_hour=480)
    ids = [take_in().inbox_id for _ in range(3)]
    came = town.clock.now()

    while not set(ids) <= set(town.engine.finished):
        town.write_plainly(tickets[town.said % 5])
        town.clock.forward(seconds=12)
        town.dispatcher.hand_over_due()
        town.budget.forget(town.clock.now())
        assert town.clock.now() - came < timedelta(hours=1)

    left = sum(len(ticket.plain) for ticket in tickets)
    assert town.said - left > town.said / 3, "and looks go on as well"


@both
def test_without_room_for_an_incident_looks_are_not_put_off_with_the_reports(
    town: Town, take_in: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ticket,) = opened(town, take_in)
    report = take_in()
    town.write_plainly(ticket)

    def ready(_incidents: int = 1) -> None:
        raise BudgetSpent("x", after=3000)

    monkeypatch.setattr(town.host, "ready", ready)
    town.dispatcher.hand_over_due()

    assert [] == ticket.plain
    (waits,) = town.database.unfinished_jobs()
    assert (report.inbox_id, BudgetSpent.code) == (waits.inbox_id, waits.reason_code)
    assert timedelta(seconds=3000) == waits.due_at - town.clock.now()


def test_without_room_for_a_look_it_is_due_when_there_is_some(
    town: Town, take_in: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ticket,) = opened(town, take_in)
    asked: list[Any] = []

    def ready_to_look(looks: int = 1) -> None:
        asked.append(looks)
        raise BudgetSpent("x", after=100)

    monkeypatch.setattr(town.host, "ready_to_look", ready_to_look)
    report = take_in()
    town.write_plainly(ticket)
    town.dispatcher.hand_over_due()

    assert [1] == asked
    assert report.inbox_id in town.engine.finished, (
        "what a look lacks, an incident may have, by its own count"
    )
    (waits,) = town.database.unfinished_jobs()
    assert waits.only_looks
    assert town.clock.now() + timedelta(seconds=101) > waits.due_at > town.clock.now() + timedelta(seconds=80)


class RoomForLooks(MemoryHost):
    """Nothing is left for an incident, and enough for looks."""

    def ready_to_look(self, looks: int = 1) -> None:
        del looks


def test_reports_that_come_while_others_wait_for_room_take_none_from_looks(
    work: Casework, database: Database, clock: SetClock
) -> None:
    host = RoomForLooks(clock, spent=BudgetSpent("The hour is used up.", after=3000.0))
    room = HostRoom(replace(work, hosts={SPACE: host}), database)
    for _ in range(3):
        assert not room.for_incidents(SPACE, 1, 1)
        assert room.for_looks(SPACE, 1)
        clock.forward(minutes=15)
    clock.forward(minutes=6)

    assert not room.for_incidents(SPACE, 1, 1)  # the wait is over, and something else took the room

    assert not room.for_looks(SPACE, 1)
