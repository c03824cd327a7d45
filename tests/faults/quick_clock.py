"""A clock that all of one world shares and that runs faster than time does, so that waits of minutes take seconds.

Only waits by the calendar are shortened (when a job is due, how long a search may lag, a host's budgets). How long
something takes is not: the server, the hosts and the network are as fast as they are. The server's own clock can be
put wrong besides, while everybody else's stays right.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class QuickClock:
    """``base`` is the moment (seconds since 1970) at which it was right; ``speed`` how many times as fast it runs."""

    base: float
    speed: float

    def now(self) -> datetime:
        """The time by this clock, in UTC."""
        return datetime.fromtimestamp(self.base + (time.time() - self.base) * self.speed, UTC)

    def steady(self) -> float:
        """Seconds by this clock that nobody puts back or forward."""
        return time.monotonic() * self.speed


@dataclass(frozen=True)
class WrongClock:
    """The server's clock: the world's, and as many seconds ahead of it as the file says."""

    right: QuickClock
    file: Path

    def now(self) -> datetime:
        """The time as the server believes it to be."""
        return self.right.now() + timedelta(seconds=float(self.file.read_text(encoding="ascii")))

    def put(self, *, hours: float) -> None:
        """Let it go wrong by so many hours, or right again."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(hours * 3600), encoding="ascii")
        fresh.replace(self.file)  # nobody reads half a number
