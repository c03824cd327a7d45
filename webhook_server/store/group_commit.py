"""One writer for many: writes that come at the same time share one transaction, and so one wait for the disk.

Each caller waits until the transaction that holds its own write is on disk.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from webhook_server.store.transactions import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_MOST = 64
"""More in one transaction brings nothing: the cost of the rows outweighs that of the disk by then."""


class GroupCommit(Generic[_Item, _Result]):
    """Call it with a write from any thread; it returns, or raises, when that write is on disk or refused."""

    def __init__(self, commit: Callable[[Sequence[_Item]], Sequence[_Result]]) -> None:
        """``commit`` writes all it is given in one transaction, or nothing and raises."""
        self._commit = commit
        self._waiting: queue.SimpleQueue[tuple[_Item, Future[_Result]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def __call__(self, item: _Item) -> _Result:
        """Write one item."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="coc-writer", daemon=True)
                self._thread.start()
        result: Future[_Result] = Future()
        self._waiting.put((item, result))
        return result.result()

    def close(self) -> None:
        """Write what still waits, then end."""
        with self._starting:
            if self._thread is not None:
                self._waiting.put(None)
                self._thread.join()
                self._thread = None

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = [first], False
            while len(batch) < _MOST:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._write(batch)
            if last:
                return

    def _write(self, batch: Sequence[tuple[_Item, Future[_Result]]]) -> None:
        """All in one; if that fails each alone, so that one bad write takes no other with it.

        Not so if the database itself has trouble: each would wait anew for what does not answer, and all callers for them.
        """
        at_once = len(batch)
        while batch:
            now, later = batch[:at_once], batch[at_once:]
            try:
                results = self._commit([item for item, _ in now])
            except BaseException as error:  # noqa: BLE001 - the caller gets it; the writer must live on
                if isinstance(error, Unavailable):
                    now, later = batch, ()
                elif len(now) > 1:
                    at_once = 1
                    continue
                for _, future in now:
                    future.set_exception(error)
            else:
                for (_, future), result in zip(now, results, strict=True):
                    future.set_result(result)
            batch = later
