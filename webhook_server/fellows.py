"""The processes that work on one database: who lives, who leads, and who finishes what a dead one had begun."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from integration.errors import Busy, ConfigError, StoreError
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_server.store.locks import Locks
    from webhook_server.store.sealed import Sealer
    from webhook_server.store.workers import Workers

_log = Log("coc.jobs")


class Fellows:
    """This process among the others. On SQLite it is alone, and so it leads."""

    def __init__(
        self,
        name: str,
        *,
        workers: Workers,
        locks: Locks,
        sealer: Sealer,
        stop: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGTERM),
    ) -> None:
        """``stop`` ends this process, should another one have taken its name."""
        self.name = name
        self._workers = workers
        self._locks = locks
        self._sealer = sealer
        self._stop = stop
        self._own_name = locks.lease(_lock_of(name))
        self._lead = locks.lease("lead")

    def join(self) -> None:
        """Begin to be one of them.

        Raises:
            StoreError: another living process has this name, or the database is away.
        """
        if not self._own_name.is_ours():
            raise StoreError(
                f"Another process named {self.name} works on this database.",
                meaning="The engine would give each of them the other's work. Nothing was started.",
                next_step="Stop the other one, or give this one a name of its own with --name.",
            )
        self._workers.beat(self.name, root_key_id=self._sealer.key_id, starts=True)

    def beat(self) -> None:
        """Say that this process lives, and take up a new root key. Without its name it must not go on."""
        if not self._own_name.is_ours():  # lost while the database was away, and taken by another
            _log.error("name-taken", worker=self.name)
            self._stop()
            return
        try:
            self._sealer.reload()
        except ConfigError as error:
            _log.error("root-key-not-read", code=error.code)
        self._workers.beat(self.name, root_key_id=self._sealer.key_id)

    def leads(self) -> bool:
        """Whether this process does what only one should do. One that stands still for long loses the lead."""
        if self._lead.is_ours():
            return True
        self._lead.take_from([worker.name for worker in self._workers.all() if worker.is_gone])
        return False

    def count(self) -> int:
        """How many processes work on the database, those included that nobody has taken for dead yet."""
        return max(1, len(self._workers.all()))

    def replace_the_dead(
        self, take_over: Callable[[str], int], forget_keys_of: Callable[[str], None]
    ) -> None:
        """Let the living do what those who fell silent had begun; strike off those who are surely dead.

        Whose name is still held only stands still: it keeps its place in the list, and its keys.
        """
        for worker in self._workers.all():
            if not worker.is_gone or worker.name == self.name:
                continue
            with suppress(Busy), self._locks.held(f"take over {worker.name}", "Another server does."):
                begun = take_over(worker.name)
                if begun:
                    _log.warning("worker-silent", worker=worker.name, count=begun)
                with suppress(Busy), self._locks.held(_lock_of(worker.name), "It stands still."):
                    forget_keys_of(worker.name)
                    self._workers.leave(worker.name)

    def leave(self) -> None:
        """Let another lead, and let the name go. What was begun here is taken over when the silence was long enough."""
        self._lead.close()
        self._own_name.close()


def _lock_of(name: str) -> str:
    return f"worker {name}"
