"""The durable engine: DBOS, with the guards that docs/adr/0003 explains.

It runs one kind of workflow, takes and gives back opaque ids only, and keeps its tables in a file apart
from ours. What it must be told, because its defaults do not fit: plain JSON instead of pickle, a fixed
application version and executor id, WAL with full synchronisation, and a clock for SQLite.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Serializer, SetEnqueueOptions, SetWorkflowID

from integration.logs import Log
from webhook_server.store.sql import engine_that_notices

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_log = Log("coc.jobs")

_QUEUE = "incidents"
_WORKERS = 64
"""More than the dispatcher has under way at once: how many try at one ticket space is its affair."""
_SOON, _IN_A_FLOOD, _AT_REST = 0.05, 0.2, 1.0
"""Seconds between two looks for work. Each costs some milliseconds, and an attempt waits for the next one to begin.

In a flood the next ones stand ready (webhook_server.places), so that looking less often is soon enough. At rest, which is where
a server spends its year, the looks would be half of all that it does.
"""
_RESTS_AFTER = 60.0
_VERSION = "1"  # ours; DBOS's default changes with every edit and then leaves old work lying
_REMEMBERED = timedelta(days=2)
_AT_ONCE = 1000
_LOST_AFTER = 3.0
"""Seconds between the end of an attempt and the engine's note of it are far fewer."""
_OVER = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})


class _PlainJson(Serializer):
    """Ids as JSON. DBOS would pickle, which runs code of whoever can write to its tables."""

    def serialize(self, data: Any) -> str:  # noqa: ANN401 - the base class's signature
        return json.dumps(_without_exceptions(data))

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401 - the base class's signature
        return json.loads(serialized_data)

    def name(self) -> str:
        return "coc_plain_json"


def _without_exceptions(data: object) -> object:
    return f"{type(data).__name__}" if isinstance(data, BaseException) else data


class Engine:
    """Runs ``attempt(inbox id)`` durably: once started, it is finished even if the process dies."""

    def __init__(self, url: str, attempt: Callable[[str], str], *, name: str = "server") -> None:
        """``name`` tells this process from others on the same database; after a crash it must come back with it."""
        self._attempt = attempt
        self._name = name
        self._running: set[str] = set()
        self._lost: dict[str, float] = {}
        self._poll = _IN_A_FLOOD
        self._handed_at = 0.0
        self._url = url
        self._sql = engine_that_notices(url)
        if self._sql.dialect.name == "sqlite":
            sa.event.listen(self._sql, "connect", _set_up_sqlite)

    def start(self) -> None:
        """Take up what was left unfinished, then wait for work."""
        logging.getLogger("dbos").setLevel(logging.WARNING)
        config: DBOSConfig = {
            "name": "coc-mirror",
            "system_database_url": self._url,
            "system_database_engine": self._sql,
            "application_version": _VERSION,
            "executor_id": self._name,
            "serializer": _PlainJson(),
            "log_level": "WARNING",
        }
        DBOS(config=config)

        @DBOS.step(name="attempt")
        def step(inbox_id: str) -> str:
            return self._run(inbox_id)

        @DBOS.workflow(name="bring_to_host")
        def bring_to_host(inbox_id: str) -> str:
            return step(inbox_id)

        self._workflow = bring_to_host
        DBOS.launch()
        DBOS.register_queue(
            _QUEUE, worker_concurrency=_WORKERS, partition_concurrency=1, polling_interval_sec=_IN_A_FLOOD
        )

    def run(self, inbox_id: str, attempt: int, *, incident: str, seq: int, soon: bool = True) -> bool:
        """Hand one attempt at one delivery to the engine; whether that attempt is over.

        ``soon`` is false for what has to wait for others here anyway: then the engine need not hurry to begin it.

        The same (delivery, attempt) runs once, however often it is handed over. Attempts for one
        incident never overlap and keep the order of ``seq``. One that ended here without the engine being able to
        note it (its disk was full) is begun again; until then it would count as running.
        """
        with (
            SetWorkflowID(f"{inbox_id}.{attempt}"),
            SetEnqueueOptions(queue_partition_key=incident, priority=max(1, seq)),
        ):
            handle = DBOS.enqueue_workflow(_QUEUE, self._workflow, inbox_id)
        self._handed_at = time.monotonic()
        self._poll_every(_SOON if soon else _IN_A_FLOOD)
        status = handle.get_status()
        lost = (
            status.status == "PENDING" and status.executor_id == self._name and inbox_id not in self._running
        )
        since = self._lost.setdefault(handle.workflow_id, time.monotonic()) if lost else time.monotonic()
        if time.monotonic() - since > _LOST_AFTER:
            DBOS.resume_workflows([handle.workflow_id], queue_name=_QUEUE)
        if not lost or time.monotonic() - since > _LOST_AFTER:
            self._lost.pop(handle.workflow_id, None)
        return status.status in _OVER

    def _run(self, inbox_id: str) -> str:
        self._running.add(inbox_id)
        try:
            return self._attempt(inbox_id)
        finally:
            self._running.discard(inbox_id)

    def _poll_every(self, seconds: float) -> None:
        queue = DBOS.retrieve_queue(_QUEUE) if self._poll != seconds else None
        if queue is not None:
            queue.set_polling_interval_sec(seconds)
            self._poll = seconds

    def at_work(self) -> set[str]:
        """The names of the processes that have begun something, dead ones too."""
        begun = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {one.executor_id for one in begun if one.executor_id}

    def take_over(self, name: str) -> None:
        """Let others do what a dead process had begun.

        DBOS itself gives a process's work only to a process of the same name.
        """
        begun = DBOS.list_workflows(status="PENDING", executor_id=name, load_input=False, load_output=False)
        if begun:
            DBOS.resume_workflows([one.workflow_id for one in begun], queue_name=_QUEUE)
            _log.warning("worker-silent", worker=name, count=len(begun))

    def forget(self, now: datetime) -> None:
        """Drop what the engine remembers of attempts that were over days ago; the inbox knows their result.

        If nothing was handed over lately, it also looks for work less often.
        """
        if time.monotonic() - self._handed_at > _RESTS_AFTER:
            self._poll_every(_AT_REST)
        over = DBOS.list_workflows(
            completed_before=(now - _REMEMBERED).isoformat(), limit=_AT_ONCE, load_input=False, load_output=False,
        )  # fmt: skip
        if over:
            DBOS.delete_workflows([one.workflow_id for one in over])

    def stop(self) -> None:
        """Stop; what is under way is taken up at the next start."""
        DBOS.destroy(destroy_registry=True)
        self._sql.dispose()


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")
    # DBOS stamps rows with strftime('%s') (whole seconds) or unixepoch('subsec') (NULL before SQLite 3.42):
    # the first breaks the order within an incident, the second keeps it from starting.
    connection.create_function("unixepoch", -1, lambda *_: time.time())
    connection.create_function("strftime", -1, lambda *_: time.time())
