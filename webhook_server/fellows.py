"""The processes that work on one database: who lives, who leads, and who finishes what a dead one had begun."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from integration.errors import Busy, ConfigError, RootKeyRefused, StoreError
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from webhook_server.store.locks import Locks
    from webhook_server.store.sealed import Sealer
    from webhook_server.store.workers import Workers

_log = Log("coc.jobs")

_LONGEST_FAREWELL, _LOOK_AGAIN = 1.0, 0.1
"""Seconds for which a name may still be held by the end of its last process, or by another that strikes that off."""


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
        alarm: Callable[[str], None] = lambda _code: None,
        look_at_clock: Callable[[], None] = lambda: None,
    ) -> None:
        """``stop`` ends this process, should another one have taken its name. ``alarm`` tells the operator a code.

        ``look_at_clock`` keeps this process at the time by which the others go.
        """
        self.name = name
        self._workers = workers
        self._locks = locks
        self._sealer = sealer
        self._stop = stop
        self._alarm = alarm
        self._look_at_clock = look_at_clock
        self._own_name = locks.lease(_lock_of(name))
        self._lead = locks.lease("lead")
        self._were_free: set[str] = set()

    def join(self) -> None:
        """Begin to be one of them.

        Raises:
            StoreError: another living process has this name, or the database is away.
        """
        until = time.monotonic() + _LONGEST_FAREWELL
        while not (is_ours := self._own_name.is_ours()) and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN)
        if not is_ours:
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
        self._look_at_clock()
        try:
            self._sealer.reload()
        except ConfigError as error:
            _log.error("root-key-not-read", code=error.code)
            self._alarm(RootKeyRefused.code)
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
        self, take_over: Callable[[str], object], forget_keys_of: Callable[[str], None]
    ) -> None:
        """Let the living do what others had begun who are dead, or silent for long; strike off those who are dead.

        Dead is who is silent and whose name is free: its session ended with it. It is looked twice, a beat apart, because
        after the database was away the name of one that lives is free until its next beat. Whose name is
        still held only stands still: it keeps its place in the list, and its keys.
        """
        free = set()
        for worker in self._workers.all():
            if not worker.is_silent or worker.name == self.name:
                continue
            if self._locks.is_free(_lock_of(worker.name)):
                free.add(worker.name)
            if worker.name in free & self._were_free or (worker.is_gone and worker.name not in free):
                self._replace(worker.name, take_over, forget_keys_of)
        self._were_free = free

    def _replace(
        self, name: str, take_over: Callable[[str], object], forget_keys_of: Callable[[str], None]
    ) -> None:
        with (
            suppress(Busy),
            self._locks.held(f"take over {name}", "Another server does."),
            self._holding_if_free(name) as is_dead,  # so that none of this name starts meanwhile
        ):
            take_over(name)
            if is_dead:
                forget_keys_of(name)
                self._workers.leave(name)

    @contextmanager
    def _holding_if_free(self, name: str) -> Iterator[bool]:
        """Whether the name of a process was free, and so is held here while the block runs."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._locks.held(_lock_of(name), "It stands still."))
            except Busy:
                is_free = False
            else:
                is_free = True
            yield is_free

    def forget_former_lives(self, forget_keys_of: Callable[[str], None]) -> None:
        """Destroy what keys earlier processes of this name left: while the name is ours, none of them lives."""
        if self._own_name.is_ours():
            forget_keys_of(self.name)

    def settle_for_the_gone(self, left_by: Collection[str], settle: Callable[[str], object]) -> None:
        """Call ``settle`` with the names of those who left something and are in the list no more.

        When they were struck off the reports of their keys may still have waited, and who had only lost the database went on
        for a moment; and the list of a restored database is empty. Whose name is held is about to join.
        """
        listed = {worker.name for worker in self._workers.all()}
        for name in sorted(set(left_by) - listed - {self.name}):
            with self._holding_if_free(name) as is_gone:
                if is_gone:
                    settle(name)

    def leave(self) -> None:
        """Let another lead, and let the name go. What was begun here is taken over when a beat was missed."""
        self._lead.close()
        self._own_name.close()


def _lock_of(name: str) -> str:
    return f"worker {name}"
