"""A budget that also asks, before each write to a host, whether the writer still has the lock on the incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integration.ports import Budget, Pace
    from webhook_server.store.locks import Locks


class Fenced:
    """The :class:`integration.ports.Budget` of a process beside others; every host asks it before it writes.

    A lock ends with its session: after the database was away another process may hold it, while here a try goes on.
    So at most the one request that is under way at that moment is still sent.
    """

    def __init__(self, budget: Budget, locks: Locks) -> None:
        self._budget = budget
        self._locks = locks

    def reserve(self, name: str, pace: Pace, writes: int) -> float:
        """As the budget does.

        Raises:
            BudgetSpent: as the budget says.
            Busy: the lock under which this thread works was lost. Nothing was reserved.
            StoreError: the database is away. Nothing was reserved.
        """
        self._locks.check()
        return self._budget.reserve(name, pace, writes)

    def check(self, name: str, pace: Pace, writes: int) -> None:
        """As the budget does; raises as :meth:`reserve`."""
        self._locks.check()
        self._budget.check(name, pace, writes)

    def pause(self, name: str, seconds: float) -> None:
        """As the budget does: a host's wish is noted by whoever heard it."""
        self._budget.pause(name, seconds)
