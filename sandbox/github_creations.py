"""GitHub's secondary limit on creating content: how many issues, comments and labels were made lately."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from sandbox.github_refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.github_state import State


class Creations:
    """Counts them, and refuses one too many if the limit is switched on."""

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self._made: deque[datetime] = deque()

    def count(self) -> None:
        """One more.

        https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
        """
        now, limits = self._now(), self._state.limits
        while self._made and now - self._made[0] >= timedelta(hours=1):
            self._made.popleft()
        lately = sum(1 for _ in takewhile(lambda at: now - at < timedelta(minutes=1), reversed(self._made)))
        for most, there in (
            (limits.content_per_minute, lately),
            (limits.content_per_hour, len(self._made)),
        ):
            if most is not None and there >= most:
                message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
                headers = {"Retry-After": "60"} if limits.says_how_long else {}
                raise Refused(403, message, kind="TOO_QUICK", headers=headers)
        self._made.append(now)
