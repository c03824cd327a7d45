"""When a write may go to Jira: within its limit for one ticket, and not before a site that asked us to wait wants it.

https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from integration.errors import StoreError
from integration.ports import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.errors import HostError
    from integration.ports import Budget

PACE = Pace(limits=((20, 2.0), (100, 30.0)))
"""Jira allows 20 writes to one ticket in 2 seconds and 100 in 30. It documents no limit like that for a whole site."""

_UNPACED = Pace()


class Turns:
    """What the writes of all processes to one site have in common.

    Args:
        site: its name, with the port if it has one.
        budget: shared by all processes.
        sleep: how to wait.
    """

    def __init__(self, site: str, *, budget: Budget, sleep: Callable[[float], None]) -> None:
        self._site = f"jira:{site}"
        self._budget = budget
        self._sleep = sleep

    def take(self, ticket: str | None, writes: int = 1) -> None:
        """Wait for our turn to send one request; ``None`` is a ticket that is not there yet.

        Raises:
            BudgetSpent: our turn is too far away; nothing is to be sent.
        """
        self.check()
        if ticket is not None:
            wait = self._budget.reserve(f"{self._site}/{ticket}", PACE, writes)
            if wait > 0:
                self._sleep(wait)

    def check(self) -> None:
        """Return unless the site has asked us to wait.

        Raises:
            BudgetSpent: it has.
        """
        self._budget.check(self._site, _UNPACED, 1)

    def heard(self, trouble: HostError) -> HostError:
        """The same trouble. If Jira named a wait in it, nobody writes to the site before.

        Which of Jira's limits it was is not told apart: a wait of seconds too many does no harm.
        """
        if trouble.after is not None:
            with suppress(StoreError):  # what Jira said matters more
                self._budget.pause(self._site, trouble.after)
        return trouble
