"""A request while it is being received: nobody has seen yet who sends it, and so it has bounds.

A path takes no longer body than its routes could use, and all bodies that are under way together take no more memory than
:class:`Bodies` has. Files, the only large thing, have a share of their own: who fills that keeps no report out, and whoever
brings another file is asked to come back. Of all else a newcomer is taken in: the body that has been coming for the
longest time makes room, for a report comes within a second.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple, cast

from waitress.parser import HTTPRequestParser
from waitress.utilities import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from waitress.adjustments import Adjustments

LARGEST_FILE = 32 * 1024 * 1024
"""What the door reads at all: a diary's attachment. The routes refuse more than they take, with the right answer."""
LARGEST_OTHER = 4 * 1024 * 1024
"""Of everything else: as much as a desk may write at once. The routes for reports take less."""
_OF_A_FILE = re.compile(r"/api/v1/incidents/[^/]+/files/[^/]+")
_FIRST_SECONDS = 30
_BYTES_PER_SECOND = 8 * 1024
"""How fast a request must come, on the average after its first half minute: a modem's pace.

A form tool sends its 10 kB within a second. A desk's largest file may take more than an hour, a report of 2 MB five minutes.
"""


class Bodies:
    """How many bytes of bodies are held, of files and of all else."""

    def __init__(self, *, files: int = 2 * LARGEST_FILE, others: int = 8 * LARGEST_OTHER) -> None:
        self._free = {True: files, False: others}
        self._lock = threading.Lock()

    def take(self, size: int, *, of_file: bool) -> bool:
        """Whether there is room for so many bytes more, which are then taken."""
        with self._lock:
            if size > self._free[of_file]:
                return False
            self._free[of_file] -= size
            return True

    def give_back(self, size: int, *, of_file: bool) -> None:
        """So many bytes are held no more."""
        with self._lock:
            self._free[of_file] += size


class House(NamedTuple):
    """What all that come to the door share."""

    bodies: Bodies
    steady: Callable[[], float]
    """Seconds that nobody puts back or forward."""
    turned_away: Callable[[str, int], None]
    """Is told of each POST that is not waited for any longer: its path, and how many bytes it announced or sent."""


class Receiving(HTTPRequestParser):
    """A request that is being received, since :attr:`begun`."""

    def __init__(self, adj: Adjustments, house: House, make_room: Callable[[], bool]) -> None:
        """``make_room`` sends away whoever has been sending the longest, if longer than this one; and says whether it did."""
        super().__init__(adj)
        self._house = house
        self._make_room = make_room
        self._held = 0
        self._is_turned_away = False
        self.begun = house.steady()
        self.is_cut = False
        """Whether it is answered although not all of it has come: more may be on its way."""

    def received(self, data: bytes) -> int:
        """Take in what came; how much of it belongs to this request."""
        before = self.body_bytes_received
        consumed = super().received(data)
        if self.error is not None or not self.headers_finished or self.empty:
            return consumed
        if max(self.content_length, self.body_bytes_received) > self._largest:
            self._cut()
            return len(data)
        grown = self.body_bytes_received - before
        while not self._house.bodies.take(grown, of_file=self._is_file):
            if self._is_file or not self._make_room():
                self._refuse()
                return len(data)
        self._held += grown
        return consumed

    @property
    def holds_room(self) -> bool:
        """Whether there would be room for more of what is no file without it."""
        return self._held > 0 and not self._is_file

    @property
    def is_too_slow(self) -> bool:
        """Whether it has not come by now, and will not be waited for."""
        came = self.header_bytes_received + self.body_bytes_received
        return self._house.steady() - self.begun > _FIRST_SECONDS + came / _BYTES_PER_SECOND

    def turn_away(self) -> None:
        """Nobody waits for the rest of it; what came is let go."""
        self._let_go()
        if self.headers_finished and self.error is None and self._is_post and not self._is_turned_away:
            self._is_turned_away = True
            self._house.turned_away(self._path, max(self.content_length, self.body_bytes_received))

    @property
    def _path(self) -> str:
        path: str = self.path  # type: ignore[attr-defined] # the stubs lack it
        return path

    @property
    def _is_post(self) -> bool:
        return str(self.command) == "POST"

    @property
    def _is_file(self) -> bool:
        return self._is_post and _OF_A_FILE.fullmatch(self._path) is not None

    @property
    def _largest(self) -> int:
        return LARGEST_FILE if self._is_file else LARGEST_OTHER

    def _cut(self) -> None:
        """Longer than any route takes: it gets the length that was announced or has come, and answers that; then we hang up."""
        if self.body_rcv is not None and self.chunked:
            self._headers["CONTENT_LENGTH"] = str(self.body_bytes_received)
        self._let_go()
        self.body_rcv = None
        self._is_over()

    def _refuse(self) -> None:
        self.turn_away()
        self.error = _NoRoom("Too much is being sent at once. Nothing was stored; send it again later.")
        self._is_over()

    def _is_over(self) -> None:
        self.is_cut = True
        self._headers["CONNECTION"] = "close"
        self.connection_close = True
        self.expect_continue = False
        self.completed = True

    @property
    def _headers(self) -> dict[str, str]:
        return cast("dict[str, str]", self.headers)

    def _let_go(self) -> None:
        super().close()
        held, self._held = self._held, 0
        if held:
            self._house.bodies.give_back(held, of_file=self._is_file)

    def close(self) -> None:
        """It was answered, or its sender is gone."""
        self._let_go()


class _NoRoom(Error):
    code = 503
    reason = "Service Unavailable"
