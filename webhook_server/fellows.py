"""The processes that work on one database: who lives, who leads, and who finishes what a dead one had begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import StoreError
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_server.store.locks import Locks
    from webhook_server.store.sealed import Sealer
    from webhook_server.store.workers import Workers

_log = Log("coc.jobs")


class Fellows:
    """This process among the others. On SQLite it is alone, and so it leads."""

    def __init__(self, name: str, *, workers: Workers, locks: Locks, sealer: Sealer) -> None:
        self.name = name
        self._workers = workers
        self._sealer = sealer
        self._own_name = locks.lease(f"worker {name}")
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
        """Say that this process lives."""
        self._own_name.is_ours()  # taken again if the database was away
        self._sealer.reload()  # a new root key seals from now on
        self._workers.beat(self.name, root_key_id=self._sealer.key_id)

    def leads(self) -> bool:
        """Whether this process does what only one should do."""
        return self._lead.is_ours()

    def replace_the_dead(self, take_over: Callable[[str], int]) -> None:
        """Let the living do what those who fell silent had begun, then strike them off."""
        for worker in self._workers.all():
            if worker.is_gone and worker.name != self.name:
                begun = take_over(worker.name)
                self._workers.leave(worker.name)
                _log.warning("worker-silent", worker=worker.name, count=begun)

    def leave(self) -> None:
        """Let another lead, and let the name go. What was begun here is taken over when the silence was long enough."""
        self._lead.close()
        self._own_name.close()
