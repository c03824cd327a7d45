"""The jobs: every stored delivery is brought wholly onto its host, however often something dies.

The inbox table is the truth: a delivery stays there, waiting or parked with a reason, until it is done. The
:class:`Dispatcher` hands due ones to the engine, a bounded window at a time, and tells members what they
must know.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from integration.casework import is_retryable, notice, open_incident
from integration.errors import CoCError, HostError

if TYPE_CHECKING:
    from datetime import datetime

    from integration.casework import Casework
    from integration.ports import Notifier
    from webhook_server.engine import Engine
    from webhook_server.store.database import Database, Job

_log = logging.getLogger("coc.jobs")

WINDOW = 100
"""How many deliveries are in the engine at once; the rest wait in the inbox, where they cost nothing."""

_POLL_SECONDS = 0.5
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=15)
_LONGEST_ASKED = timedelta(hours=24)  # a host that asks for more is not believed
_PATIENCE = 8
"""After this many tries in a row a delivery counts as parked: a person should look. It is still retried.

So many, because they last longer than a lagging search of a host (casework.SETTLE), which needs nobody.
"""
_REMIND = timedelta(hours=24)
_TELL_AGAIN = timedelta(minutes=1)


def attempt(inbox_id: str, work: Casework, jobs: Database) -> str:
    """Try once to bring a delivery onto its host; note the result in the inbox. Never raises for a host's trouble.

    Returns:
        ``done``, or the code of the error that was noted.
    """
    job = jobs.job(inbox_id)
    try:
        open_incident(inbox_id, work)
    except CoCError as error:
        code, reason, retry = error.code, str(error), is_retryable(error)
        after = error.after if isinstance(error, HostError) else None
    except Exception as error:  # noqa: BLE001 - whatever it is, the delivery must stay and somebody must hear of it
        # The text of a foreign exception may hold content, so only its type is kept.
        code, reason, retry, after = (
            "unexpected",
            f"Unexpected trouble of the kind {type(error).__name__}.",
            True,
            None,
        )
    else:
        _log.info("incident %s: delivery %s is on its host", job.code_name, inbox_id)
        return "done"
    parked = not retry or job.attempts + 1 >= _PATIENCE
    wait = _wait(job.attempts, after) if retry else _LONGEST_WAIT
    jobs.job_failed(inbox_id, parked=parked, code=code, reason=reason, due_at=work.clock.now() + wait)
    _log.warning(
        "incident %s: delivery %s is %s: %s", job.code_name, inbox_id, "parked" if parked else "waiting", code
    )
    return code


def _wait(attempts: int, after: float | None) -> timedelta:
    """Twice as long after each try, with jitter, and never shorter than the host asked for."""
    backoff = min(_LONGEST_WAIT, _FIRST_WAIT * int(2 ** min(attempts, 10))) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    asked = min(after or 0, _LONGEST_ASKED.total_seconds())
    return max(backoff, timedelta(seconds=asked))


class Dispatcher:
    """One thread that feeds the engine and tells members."""

    def __init__(self, *, work: Casework, jobs: Database, engine: Engine, notifier: Notifier) -> None:
        self._work = work
        self._jobs = jobs
        self._engine = engine
        self._notifier = notifier
        self._wake = threading.Event()
        self._stopping = False
        self._untellable: dict[str, datetime] = {}
        self._thread = threading.Thread(target=self._run, name="coc-dispatcher", daemon=True)

    def start(self) -> None:
        """Start the engine and the thread."""
        self._engine.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop both; what is under way is taken up at the next start."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
        self._engine.stop()

    def wake(self) -> None:
        """A delivery has come in; do not wait for the next turn."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - the dispatcher outlives any trouble; the next turn tries again
                _log.error("dispatcher: trouble of the kind %s; trying again", type(error).__name__)
            self._wake.wait(_POLL_SECONDS)
            self._wake.clear()

    def turn(self) -> None:
        """Hand over what is due, and tell members what they do not know yet."""
        self.hand_over_due()
        self.tell_members()

    def hand_over_due(self) -> None:
        """Give the engine the oldest unfinished delivery of each incident whose time has come."""
        for job in self._jobs.due_jobs(self._work.clock.now(), limit=WINDOW):
            over = self._engine.run(job.inbox_id, job.attempts, incident=job.incident, seq=job.seq)
            if over:
                self._unstick(job)

    def tell_members(self) -> None:
        """Send a notice for each delivery whose state is news, and a reminder for each that stays parked."""
        now = self._work.clock.now()
        for job in self._jobs.untold(now, again_after=_REMIND):
            if self._untellable.get(job.inbox_id, now) > now:
                continue
            if not self._tell(job):
                # A mail server that is away costs a turn at most one try, and no job keeps the others from being told.
                self._untellable[job.inbox_id] = now + _TELL_AGAIN
                break
            self._untellable.pop(job.inbox_id, None)

    def _unstick(self, job: Job) -> None:
        """An attempt that ended without a note (the database was away) must not count as still running."""
        now = self._jobs.job(job.inbox_id)
        if now.state != "done" and now.attempts == job.attempts:
            self._jobs.job_failed(
                job.inbox_id,
                parked=False,
                code="interrupted",
                reason="The last try ended without a result.",
                due_at=self._work.clock.now(),
            )

    def _tell(self, job: Job) -> bool:
        try:
            told = notice(job.inbox_id, job.reason if job.state == "parked" else None, self._work)
            self._notifier.tell(told.addresses, subject=told.subject, text=told.text)
        except CoCError as error:
            _log.error("incident %s: members could not be told: %s", job.code_name, error.code)
            return False
        except Exception as error:  # noqa: BLE001 - its text may hold content; the other notices must go out
            _log.error("incident %s: members could not be told: %s", job.code_name, type(error).__name__)
            return False
        self._jobs.told(job, self._work.clock.now())
        return True
