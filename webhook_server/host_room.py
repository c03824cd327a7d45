"""Whether what is due may be written to its host now. What may not is due later, and costs nothing until then.

Looks at tickets that hosts' events asked for go before reports: until then a plain comment can be read. They take a few writes,
and a host keeps some back for them (:meth:`integration.ports.Host.ready`). Beyond these they could use up all that becomes
free, and no report would find room for a whole incident. So a report that finds no room a second time goes before them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from integration.errors import BudgetSpent
from integration.store import HOST

if TYPE_CHECKING:
    from datetime import datetime

    from integration.casework import Casework
    from integration.incident import SpaceName
    from webhook_server.store.database import Database

LONGEST_ASKED = timedelta(hours=24)  # a host that asks for more is not believed
_MORE_ROOM = timedelta(seconds=5)
"""So much later it is looked again whether there is room for more incidents than those that are being written."""
_TO_BEGIN = timedelta(minutes=1)
"""Within this time after it found room, a report has been handed over."""


def until_its_turn(spent: BudgetSpent) -> timedelta:
    """No jitter and no doubling: those that wait come back together, and the oldest goes first."""
    return timedelta(seconds=min(spent.after or 0, LONGEST_ASKED.total_seconds()))


class HostRoom:
    """The room in each ticket space's budget of writes, as one process sees it."""

    def __init__(self, work: Casework, jobs: Database) -> None:
        self._work = work
        self._jobs = jobs
        self._waits: dict[SpaceName, tuple[datetime, datetime]] = {}
        self._reports_first: dict[SpaceName, tuple[datetime, datetime]] = {}

    def places(self, space: SpaceName, processes: int) -> int:
        """How many incidents of a space are brought to its host at once, by all processes."""
        host = self._work.hosts.get(space)
        return processes * host.at_once if host is not None else 1

    def for_looks(self, space: SpaceName, looks: int) -> bool:
        """Whether so many looks may be begun now. If their budget is spent, those that are due are due later."""
        now = self._work.clock.now()
        since, until = self._reports_first.get(space, (now, now))
        if since <= now < until:
            return False
        host = self._work.hosts.get(space)
        try:
            if host is not None:
                host.ready_to_look(looks)
        except BudgetSpent as spent:
            after = until_its_turn(spent) if looks == 1 else _MORE_ROOM
            self._put_off(space, spent, after, looks=HOST)
            return False
        return True

    def for_incidents(self, space: SpaceName, incidents: int, processes: int) -> bool:
        """Whether so many incidents can be written there now. If not, the space's other deliveries are due later.

        Unless these would only stand ready: then nothing is put off.
        """
        host = self._work.hosts.get(space)
        try:
            if host is not None:
                host.ready(incidents)
        except BudgetSpent as spent:
            if incidents > self.places(space, processes):
                return False
            after = until_its_turn(spent) if incidents == 1 else _MORE_ROOM
            if incidents == 1:
                self._found_none(space, after)
            self._put_off(space, spent, after)
            return False
        self._waits.pop(space, None)
        self._reports_first.pop(space, None)
        return True

    def _found_none(self, space: SpaceName, after: timedelta) -> None:
        """Not one report found room. If that is so again after the wait, looks leave them what becomes free until then.

        What comes in or falls due within the wait says nothing new.
        """
        now = self._work.clock.now()
        since, until = self._waits.get(space, (now, now))
        if since <= now < until:
            return
        if space in self._waits:
            self._reports_first[space] = now, now + after + _TO_BEGIN
        self._waits[space] = now, now + after

    def _put_off(
        self, space: SpaceName, spent: BudgetSpent, by: timedelta, *, looks: str | None = None
    ) -> None:
        now = self._work.clock.now()
        self._jobs.postpone(space, now, code=spent.code, reason=str(spent), due_at=now + by, looks=looks)
