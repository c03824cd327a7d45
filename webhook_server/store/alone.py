"""One server on one SQLite database: two would open a ticket twice. PostgreSQL with several comes later."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def alone_on(database_url: str) -> Iterator[None]:
    """Be the only server on this database while the block runs; a killed one holds nobody up.

    The lock is on a file beside the database (``coc.sqlite.lock``), which stays there.

    Raises:
        StoreError: another one is running, or the file cannot be made.
    """
    url = sa.make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    try:
        lock = os.open(f"{url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The lock beside the database cannot be made ({type(error).__name__}).",
            next_step="See that the database's folder is there and that the server may write to it.",
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                "Another coc-server is running on this database.",
                meaning="Two would write the same reports to their hosts twice. Nothing was started.",
                next_step="Stop the other one, or leave it to its work.",
            ) from None
        yield
    finally:
        os.close(lock)
