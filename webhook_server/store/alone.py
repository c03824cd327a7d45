"""One server on one SQLite database: two would open a ticket twice. PostgreSQL with several comes later."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK_AGAIN = 0.1  # seconds


@contextmanager
def alone_on(
    database_url: str, *, patience: float = 0.0, waits: Callable[[], None] = lambda: None
) -> Iterator[Callable[[], None]]:
    """Be the only server on this database while the block runs; a killed one holds nobody up.

    The lock is on a file beside the database (``coc.sqlite.lock``), which stays there.

    Args:
        database_url: as in the configuration; on anything but a SQLite file there is nothing to lock.
        patience: seconds for which it is waited for the end of another one.
        waits: called once, if it is.

    Yields:
        What keeps the lock until the process ends, however the block is left: for a server, of which a try at a host may
        go on for some seconds after it was told to stop. The kernel gives the lock away at the end of the last thread.

    Raises:
        StoreError: another one is running, or the file cannot be made.
    """
    kept = False

    def keep() -> None:
        nonlocal kept
        kept = True

    url = sa.make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield keep
        return
    try:
        lock = os.open(f"{url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The lock beside the database cannot be made ({type(error).__name__}).",
            next_step="See that the database's folder is there and that the server may write to it.",
        ) from None
    try:
        _take(lock, patience, waits)
        yield keep
    finally:
        if not kept:
            os.close(lock)


def _take(lock: int, patience: float, waits: Callable[[], None]) -> None:
    until, said = time.monotonic() + patience, False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                break
        else:
            return
        if not said:
            said = True
            waits()
        time.sleep(_LOOK_AGAIN)
    raise StoreError(
        "Another coc-server is running on this database.",
        meaning="Two would write the same reports to their hosts twice. Nothing was started.",
        next_step="Stop the other one, or leave it to its work.",
    )
