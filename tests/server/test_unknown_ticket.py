"""Whether a ticket was opened is not known: how long the host's search is not believed, whichever server looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.casework import SETTLE, Casework, open_incident
from integration.errors import HostUnknownOutcome
from tests.conftest import SetClock
from tests.pg import both

if TYPE_CHECKING:
    from integration.mirror import MirrorView, TicketRef
    from integration.store import Receipt
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost

pytestmark = both
LAG = timedelta(minutes=2)  # of the host's search


@dataclass
class Line:
    """The way to the host: each request to open a ticket is lost on the way there or on the way back."""

    host: MemoryHost
    arrives: bool = False

    def __post_init__(self) -> None:
        self._open = self.host.open_ticket
        self.host.lag = LAG
        self.host.open_ticket = self._lost  # type: ignore[method-assign]
        self.asked_at: list[float] = []

    def _lost(self, view: MirrorView) -> TicketRef:
        self.asked_at.append(self.host.clock.steady())
        if self.arrives:
            self._open(view)
        raise HostUnknownOutcome("The answer was lost.")

    def holds(self) -> None:
        """From now on nothing is lost."""
        self.host.open_ticket = self._open  # type: ignore[method-assign]


@pytest.fixture
def line(host: MemoryHost) -> Line:
    return Line(host)


@pytest.fixture
def receipt(take_in: Intake) -> Receipt:
    return take_in()


def is_not_known(receipt: Receipt, work: Casework) -> bool:
    try:
        open_incident(receipt.inbox_id, work)
    except HostUnknownOutcome:
        return True
    return False


def another(work: Casework) -> Casework:
    """As a second server has it, or the same one after a restart."""
    return replace(work, looked_for={})


def test_a_ticket_is_waited_for_whichever_server_tried_last(
    receipt: Receipt, work: Casework, host: MemoryHost, line: Line, clock: SetClock
) -> None:
    one, two = work, another(work)
    assert is_not_known(receipt, one)  # nothing was made
    assert is_not_known(receipt, two)
    clock.forward(seconds=SETTLE.total_seconds())
    line.arrives = True
    assert is_not_known(receipt, two)  # its answer was lost
    line.holds()
    clock.forward(seconds=30)

    assert is_not_known(receipt, one)
    assert 1 == len(host.tickets)

    clock.forward(seconds=LAG.total_seconds())
    open_incident(receipt.inbox_id, one)
    assert 1 == len(host.tickets)


def test_servers_that_take_turns_do_not_put_each_other_off(
    receipt: Receipt, work: Casework, host: MemoryHost, line: Line, clock: SetClock
) -> None:
    servers = [work, another(work), another(work)]
    looks = 0
    while len(line.asked_at) < 4:
        assert is_not_known(receipt, servers[looks % len(servers)])
        clock.forward(seconds=30)
        looks += 1
    line.holds()
    while is_not_known(receipt, servers[looks % len(servers)]):
        clock.forward(seconds=30)
        looks += 1

    waits = [after - before for before, after in zip(line.asked_at, line.asked_at[1:], strict=False)]
    assert all(SETTLE.total_seconds() <= wait <= SETTLE.total_seconds() + 90 for wait in waits), waits
    assert 1 == len(host.tickets)


@pytest.mark.parametrize("ahead", [timedelta(days=1), -timedelta(days=1)])
def test_whoever_takes_over_waits_in_full_whatever_its_time_of_day(
    receipt: Receipt, work: Casework, clock: SetClock, line: Line, ahead: timedelta
) -> None:
    assert is_not_known(receipt, work)
    other = SetClock(clock.now())
    two = replace(another(work), clock=other)
    assert is_not_known(receipt, two)

    other.time += ahead
    other.passed += SETTLE.total_seconds() - 1
    assert is_not_known(receipt, two)
    line.holds()
    other.passed += 1

    assert not is_not_known(receipt, two)
