"""When a write may go to GitHub: one after another, a second apart, and within GitHub's limits on new content.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from integration.errors import StoreError
from integration.ports import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.ports import Budget

WRITE_PAUSE = 1.0
"""Seconds between two writes, as GitHub asks."""

PACE = Pace(limits=((80, 60.0), (500, 3600.0)), gap=WRITE_PAUSE)
"""GitHub allows 80 content-creating requests a minute and 500 an hour.

Whether it counts one GraphQL request with six creations once or six times is not documented: we count six.
"""

OPENING = 14
"""Writes that an incident takes: the ticket, eleven steps, two comments. With less room none is begun."""

LOOK = 3
"""Writes that may follow from a look at a ticket: the diary's entry, the deletion of the plain comment that it holds, and the fields."""

KEPT = 10
"""Writes that no incident takes, so that looks find room in a flood, too. As many as whole incidents leave of both limits anyway."""


_LONGER = 60.0
"""Seconds that are doubled each time when GitHub goes on asking to wait after we have waited."""
_LONGEST = 3600.0


@dataclass
class _Line:
    """Where the writes of one owner stand in line, whichever ticket space of this process they are for."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    last: float | None = None
    limits: int = 0
    paused_until: float = 0.0


_LINES: defaultdict[str, _Line] = defaultdict(_Line)


class Turns:
    """One write at a time from this process, and no more of all processes than the budget allows.

    Args:
        name: what GitHub counts by: its address and the owner. Spaces of one owner have the same name.
        budget: shared by all processes.
        pause: seconds from the end of one write to the beginning of the next.
        sleep: how to wait.
    """

    def __init__(self, name: str, *, budget: Budget, pause: float, sleep: Callable[[float], None]) -> None:
        self._name = name
        self._line = _LINES[name]
        self._budget = budget
        self._pause = pause
        self._sleep = sleep

    @contextmanager
    def turn(self, writes: int) -> Iterator[None]:
        """Wait for our turn and hold it for one request that makes so many things.

        Raises:
            BudgetSpent: our turn is too far away; nothing is to be sent.
        """
        with self._line.lock:
            if self._line.last is not None:
                remaining = self._line.last + self._pause - time.monotonic()
                if remaining > 0:
                    self._sleep(remaining)
            wait = self._budget.reserve(self._name, PACE, writes)
            if wait > 0:
                self._sleep(wait)
            try:
                yield
            finally:
                self._line.last = time.monotonic()

    @contextmanager
    def in_a_row(self) -> Iterator[None]:
        """Let nobody else of this process write between the next few requests of this thread.

        Two that alternate both come to their ends late, and go on side by side, so that they meet again. Few, since others wait.
        """
        with self._line.lock:
            yield

    def check(self, incidents: int = 1) -> None:
        """Return if there is room for so many incidents.

        Raises:
            BudgetSpent: there is not.
        """
        self._budget.check(self._name, PACE, incidents * OPENING + KEPT)

    def check_looks(self, looks: int) -> None:
        """Return if there is room for what may follow from so many looks.

        Raises:
            BudgetSpent: there is not.
        """
        self._budget.check(self._name, PACE, looks * LOOK)

    def slow_down(self, seconds: float) -> None:
        """GitHub asked us to wait; whoever would write next hears of it, in each process.

        If it asks again when that time is over, the wait doubles: who goes on at the same pace can be banned.
        """
        now = time.monotonic()
        if (
            now >= self._line.paused_until
        ):  # otherwise it is the answer to a request that was already on its way
            seconds = max(seconds, min(_LONGEST, _LONGER * 2**self._line.limits) if self._line.limits else 0)
            self._line.limits += 1
            self._line.paused_until = now + seconds
        with suppress(StoreError):  # the caller is about to say what GitHub said, which matters more
            self._budget.pause(self._name, seconds)

    def went_well(self) -> None:
        """GitHub took a write: the next wish to wait is a first one again."""
        self._line.limits = 0
