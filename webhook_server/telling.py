"""Who must know what: members about each report, the operator where no member can be told, once and then daily.

Everything that waits is told, whatever keeps it waiting. A notice that could not be sent is sent again; one that
was sent and could not be noted as sent is not repeated each turn. Whom it did not reach gets it later, and nobody else again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from integration.errors import (
    AddressesRefused,
    CoCError,
    HostFrozen,
    HostNotRestricted,
    NotifyError,
)
from integration.logs import Log
from integration.notices import (
    notice,
    notice_for_operator,
    notice_of_exposure,
    notice_of_findings,
    notice_of_loss,
)
from integration.store import GIVEN_UP
from webhook_server.alerts import Alerts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.casework import Casework
    from integration.notices import Notice
    from integration.ports import Notifier
    from webhook_server.store.database import Database
    from webhook_server.store.job_list import Job

_log = Log("coc.jobs")

REMIND = timedelta(hours=24)
_TELL_AGAIN = timedelta(minutes=1)
_LONGEST_TURN = 60.0
"""Seconds after which the other tasks of this thread have their turn, alerts among them; a slow mail server takes more for many."""
OVERDUE = timedelta(hours=1)
"""After so long a delivery that still waits is told, even if each try may be the one that succeeds."""

_NOT_TRIED = (
    "It has not been tried yet. The jobs may have stopped, because the engine's own database is away or its disk full, or they "
    "hang. On the server, this says which, and what to do: coc-server status"
)


class Teller:
    """Sends what :func:`integration.notices.notice` says, and alerts. One thread takes the turns."""

    def __init__(self, *, work: Casework, jobs: Database, notifier: Notifier, operator: str | None) -> None:
        self._work = work
        self._jobs = jobs
        self._notifier = notifier
        self._operator = operator
        self._held: dict[tuple[str, ...], datetime] = {}
        self.alerts = Alerts(roster=work.roster, clock=work.clock, notifier=notifier, operator=operator)

    def turn(self) -> None:
        """Send what is news, and reminders of what still waits."""
        now, began = self._work.clock.now(), self._work.clock.steady()
        for job in self._jobs.untold(now, again_after=REMIND, overdue_after=OVERDUE):
            if self._work.clock.steady() - began > _LONGEST_TURN:
                break
            news = (job.inbox_id, job.state, job.reason_code or "")
            if self._is_held(news, now):
                continue
            left = self._tell(job)
            if left is None:
                # A mail server that is away costs a turn at most one try, and no job keeps the others from being told.
                self._held[news] = now + _TELL_AGAIN
                break
            self._held[news] = now + REMIND  # if it cannot be noted now, the mail is not sent again before
            self._jobs.told(job, now, left)
            del self._held[news]
        self._tell_the_rest(now, began)
        self._tell_authors(now)

    def _is_held(self, what: tuple[str, ...], now: datetime) -> bool:
        """Whether it is to wait. What would wait longer than anything does is from before the clock was put back."""
        return now < self._held.get(what, now) <= now + REMIND

    def _tell(self, job: Job) -> Sequence[str] | None:
        """Tell whoever must know of it. Gives the addresses that it did not reach; None if it reached nobody."""
        try:
            told = self._made(job)
            return self._notifier.tell(told.addresses, subject=told.subject, text=told.text)
        except NotifyError as error:
            _log.error("notice-failed", incident=job.code_name, code=error.code)
            self.alerts.note("", error.code)
        except CoCError as error:
            _log.error("notice-failed", incident=job.code_name, code=error.code)
        except Exception as error:  # noqa: BLE001 - its text may hold content; the other notices must go out
            _log.error("notice-failed", incident=job.code_name, error=type(error).__name__)
        return None

    def _tell_the_rest(self, now: datetime, began: float) -> None:
        """Try again, less and less often and not for ever, for whom a notice did not reach that reached others."""
        for job in self._jobs.partly_told(now):
            if self._work.clock.steady() - began > _LONGEST_TURN:
                break
            what = ("rest", job.inbox_id)
            if self._is_held(what, now):
                continue
            self._held[what] = now + _TELL_AGAIN  # if the database is away, nobody is mailed each turn
            given_up = self._jobs.told_the_rest(job.inbox_id, self._tell_those(job), now)
            del self._held[what]
            if given_up:
                _log.error("notice-given-up", incident=job.code_name, count=given_up)

    def _tell_those(self, job: Job) -> Sequence[str] | None:
        """Whom the notice still does not reach; None if it could not be tried. Who is not to get it any more is left out."""
        left: Sequence[str] | None = None
        try:
            told = self._made(job)
            left = self._jobs.left_of(job.inbox_id, told.addresses)
            return self._notifier.tell(left, subject=told.subject, text=told.text) if left else ()
        except AddressesRefused as error:
            _log.warning("notice-failed", incident=job.code_name, code=error.code)
            return left
        except NotifyError as error:
            _log.warning("notice-failed", incident=job.code_name, code=error.code)
            return None
        except Exception as error:  # noqa: BLE001 - its text may hold content; the other notices must go out
            _log.warning("notice-failed", incident=job.code_name, error=type(error).__name__)
            return left

    def _made(self, job: Job) -> Notice:
        waits = None if job.state == "done" else self._why(job)
        told = self._notice(job, waits)
        if told.addresses or not self._operator:
            return told
        lost = job.reason_code == GIVEN_UP
        return notice_for_operator(job.inbox_id, self._operator, waits=waits is not None, lost=lost)

    def _notice(self, job: Job, waits: str | None) -> Notice:
        if job.reason_code == GIVEN_UP:
            return notice_of_loss(job.inbox_id, job.incident, self._work)
        if job.state == "done" and job.reason is not None:
            return notice_of_findings(job.inbox_id, job.incident, job.reason.split(","), self._work)
        return notice(job.inbox_id, job.incident, waits, self._work)

    def _why(self, job: Job) -> str:
        """Why it waits, for a mail. One that was never tried may wait behind another, whose reason counts then."""
        first = self._jobs.before(job) if job.reason is None else None
        if first is None:
            return _reason(job)
        return f"It waits for an older delivery of the same incident, {first.inbox_id}. That one waits too:\n\n{_reason(first)}"

    def _tell_authors(self, now: datetime) -> None:
        """Tell whoever wrote a plain comment on a ticket that it was sealed. Only members have an address."""
        for one in self._jobs.untold_exposures():
            news = ("exposure", one.incident, one.comment_id)
            if self._is_held(news, now):
                continue
            host = self._work.hosts.get(one.space)
            author = self._work.roster().with_account(host.kind, one.account) if host is not None else None
            if author is not None:
                told = notice_of_exposure(one.code_name, author)
                try:
                    self._notifier.tell(told.addresses, subject=told.subject, text=told.text)
                except Exception as error:  # noqa: BLE001 - its text may hold content; the other notices must go out
                    _log.error("notice-failed", incident=one.code_name, error=type(error).__name__)
                    self._held[news] = now + _TELL_AGAIN
                    continue
            self._held[news] = now + REMIND  # if it cannot be noted now, the mail is not sent again before
            self._jobs.exposure_told(one, now)
            del self._held[news]


def _reason(job: Job) -> str:
    """A job's own reason. Who else can read the ticket space is told once for all that waits there, not with each."""
    if job.reason_code in {HostNotRestricted.code, HostFrozen.code}:
        return (
            "It is not proven that only the team can read the ticket space, so nothing was written to it. Who else can is "
            "listed by the command below; take their access away, or acknowledge them with an end date."
        )
    return job.reason or _NOT_TRIED
