"""Whether reports can be stored: what the last delivery met, and what can be seen of the folders without writing."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from webhook_server.store.room import seems_to_take_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

_NOT_READY_SECONDS = 300.0


class Storing:
    """Knows it for ``/health/ready``. Not on disk: after a start, nothing was tried yet."""

    def __init__(
        self, database: sa.URL, inbox_keys: Path, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._inbox_keys = inbox_keys
        self._is_file = database.get_backend_name() == "sqlite"
        self._database = Path(database.database or ".").parent if self._is_file else None
        self._steady = steady
        self._failed_at: float | None = None

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Around each try to store a delivery. Of tries at the same time, the one that ended last counts."""
        try:
            yield
        except BaseException:
            self._failed_at = self._steady()
            raise
        self._failed_at = None

    def is_possible(self) -> bool:
        """False if the last try failed lately, or if a folder takes no file. A server alone makes the keys' folder itself.

        Not for longer: a balancer that sends nothing to who is not ready would never let another try be made.
        """
        has_failed = self._failed_at is not None and self._steady() - self._failed_at < _NOT_READY_SECONDS
        return (
            not has_failed
            and (self._database is None or seems_to_take_files(self._database))
            and seems_to_take_files(self._inbox_keys, made_later=self._is_file)
        )
