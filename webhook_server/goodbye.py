"""How a server ends: in good order if that is soon done, and otherwise as a crash would end it, which loses nothing."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from types import FrameType

LONGEST = 10.0
"""Seconds. A host that does not answer keeps a try for longer; the next start reads what came of it before it writes."""


def say(what: str) -> None:
    """Write a line, if it can be written: its file may be on the disk that is full, and a server works and ends without it."""
    with suppress(OSError):
        click.echo(what)


def end_on_signals() -> None:
    """From now on SIGTERM and Ctrl-C end the process by KeyboardInterrupt, and after :data:`LONGEST` in any case."""
    begun = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not begun.is_set():
            begun.set()
            at_last = threading.Timer(LONGEST, _end)
            at_last.daemon = True
            at_last.start()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _end() -> None:
    """Without waiting for a thread: Python itself would wait for those of the engine at its end."""
    say("What did not end in time is cut off; the next start looks what came of it and goes on.")
    os._exit(0)
