"""A thread that takes a turn again and again, outlives any trouble, and knows when it last got through one.

Handing over and telling are a loop each, so that neither a broken engine nor a slow mail server holds up the
other one.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

_log = Log("coc.jobs")

_POLL_SECONDS = 0.5
_LEAST_PAUSE = 0.05
"""Even if it is woken: a burst of deliveries must not have the loop take a turn for each of them."""
_STUCK_SECONDS = 300.0


class Loop:
    """One thread; each turn comes ``pause`` seconds after the one before, or at once when woken."""

    def __init__(self, name: str, turn: Callable[[], None], *, pause: float = _POLL_SECONDS) -> None:
        self._name = name
        self._turn = turn
        self._pause = pause
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._got_through: float | None = None  # of the monotonic clock: nobody can put that one back
        self._thread = threading.Thread(target=self._run, name=f"coc-{name}", daemon=True)

    @property
    def is_stuck(self) -> bool:
        """Whether it runs and has not got through a turn for five minutes, by hanging or by failing each time."""
        return self._got_through is not None and time.monotonic() - self._got_through > _STUCK_SECONDS

    def start(self) -> None:
        """Begin to take turns."""
        self._got_through = time.monotonic()
        self._thread.start()

    def wake(self) -> None:
        """Take the next turn at once."""
        self._wake.set()

    def stop(self, *, wait: float | None = None) -> None:
        """Take no more turns; return when the present one is over, or after ``wait`` seconds."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(wait)

    def turn(self) -> None:
        """Take one turn; trouble is logged by its kind only, because its text may hold content."""
        try:
            self._turn()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of a library in Rust is one, and it must not end the loop
            _log.error("loop-trouble", loop=self._name, error=type(error).__name__)
        else:
            if self._got_through is not None:
                self._got_through = time.monotonic()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.turn()
            self._wake.wait(self._pause)
            self._wake.clear()
            self._stopped.wait(_LEAST_PAUSE)
