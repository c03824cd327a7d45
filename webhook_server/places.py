"""How many incidents of one ticket space this process brings to its host at the same time.

The dispatcher hands over more than that, so that the next stands here when a place becomes free: fetching it from the
engine then would leave the place empty for a tenth of a second and more, each time.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.incident import SpaceName


class Places:
    """The places of each ticket space. Who waits for one holds nothing else meanwhile, and no place of another space."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: Counter[SpaceName] = Counter()
        self._waiting: dict[SpaceName, list[int]] = {}
        self._closed = False

    @contextmanager
    def taken(self, space: SpaceName, at_once: int, seq: int) -> Iterator[bool]:
        """Have one of so many places of a space while the block runs; of those who wait the oldest ``seq`` is next.

        Gives False, and no place, if the process is about to end: then nothing new is to be begun.
        """
        with self._changed:
            waiting = self._waiting.setdefault(space, [])
            heapq.heappush(waiting, seq)
            self._changed.wait_for(
                lambda: self._closed or (self._taken[space] < at_once and waiting[0] == seq)
            )
            waiting.remove(seq)
            heapq.heapify(waiting)
            has_one = not self._closed
            self._taken[space] += has_one
            self._changed.notify_all()  # there may be a place for the next one too
        try:
            yield has_one
        finally:
            with self._changed:
                self._taken[space] -= has_one
                self._changed.notify_all()

    def open(self) -> None:
        """Let places be taken."""
        with self._changed:
            self._closed = False

    def close(self) -> None:
        """Send away who waits, and who comes from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
