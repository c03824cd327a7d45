"""The inbox seen as work: which delivery is due, how a try ended, and of which members should be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.code_name import CodeName
from integration.errors import DoesNotOpen, StoreError
from integration.incident import IncidentId, SpaceName
from integration.store import DESK, FOUND, GIVEN_UP, HOST, NIGHTLY
from webhook_server.store import tables as t
from webhook_server.store.notices_left import IS_LEFT_OVER, LONGEST, NoticesLeft
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

_CLOCKS_DIFFER = timedelta(minutes=2)
"""How far the clocks of two servers may lie apart. What was noted further ahead of now, nobody noted by a right clock."""
_CLOCK_SLACK = timedelta(hours=1)
_TOLD_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery seen as work: what the engine needs to know, without any content."""

    inbox_id: str
    incident: IncidentId
    code_name: CodeName
    space: SpaceName
    seq: int
    state: str
    attempts: int
    waits: int
    due_at: datetime
    due_noted_at: datetime | None
    received_at: datetime
    reason_code: str | None
    reason: str | None
    only_looks: bool
    """Whether it brings no report: it only looks at a ticket, of a night or after an event."""


_COLUMNS = [
    t.inbox.c[name]
    for name in (
        "id", "source", "incident_id", "seq", "state", "attempts", "waits", "due_at", "due_noted_at", "received_at",
        "reason_code", "reason",
    )
]  # fmt: skip
"""Of a delivery only what a job says: its sealed report is by far the longest part of the row."""


DOES_NOT_OPEN = sa.func.coalesce(t.inbox.c.reason_code, "") == DoesNotOpen.code
"""A delivery that may never be opened: later ones of its incident pass it, and its own tries go on beside them."""

_noted_at = sa.func.coalesce(t.inbox.c.due_noted_at, t.inbox.c.received_at)
"""When the time at which a job is due was counted. If that time is still to come, a clock that ran ahead counted it, and was
put back since: waiting for it might take months, so the wait is over. This is why whoever writes ``due_at`` writes beside it when
that was, as ``due_noted_at``. A delivery that nobody has tried was due when it was received."""


# What is asked again and again is built once: a server with nothing to do would spend its time on building it.


def _jobs_where(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(*_COLUMNS, t.incident.c.code_name, t.incident.c.space)
        .join(t.incident, t.incident.c.id == t.inbox.c.incident_id)
        .where(condition)
        .order_by(t.inbox.c.seq)
    )


def _due(looks: str | None) -> sa.Select[Any]:
    """Takes ``now``, ``ahead`` and ``most``; see :meth:`JobList.due_jobs`."""
    unfinished = t.inbox.c.state.in_(["waiting", "parked"])
    looks_only = t.inbox.c.source.in_([NIGHTLY, HOST])
    wanted = sa.not_(looks_only) if looks is None else t.inbox.c.source == looks
    first = (
        sa.select(sa.func.min(t.inbox.c.seq))
        .where(unfinished, wanted, sa.not_(DOES_NOT_OPEN))
        .group_by(t.inbox.c.incident_id)
    )
    is_due = sa.or_(t.inbox.c.due_at <= sa.bindparam("now"), _noted_at > sa.bindparam("ahead"))
    others = sa.select(t.inbox.c.incident_id).where(unfinished, sa.not_(looks_only), sa.not_(DOES_NOT_OPEN))
    if looks == HOST:  # what was put off, perhaps for a day, keeps no plain comment readable until then
        others = others.where(is_due)
    due = (
        sa.select(
            t.inbox.c.seq,
            sa.func.row_number()
            .over(
                partition_by=t.incident.c.space,
                order_by=[sa.case((DOES_NOT_OPEN, 1), else_=0), t.inbox.c.seq],
            )
            .label("place"),
        )
        .join(t.incident, t.incident.c.id == t.inbox.c.incident_id)
        .where(
            sa.or_(t.inbox.c.seq.in_(first), sa.and_(wanted, DOES_NOT_OPEN)),
            unfinished,
            sa.true() if looks is None else t.inbox.c.incident_id.not_in(others),
            is_due,
        )
        .subquery()
    )
    return _jobs_where(t.inbox.c.seq.in_(sa.select(due.c.seq).where(due.c.place <= sa.bindparam("most"))))


def _is_untold() -> sa.ColumnElement[bool]:
    """Takes ``overdue``, ``again`` and ``ahead``; see :meth:`JobList.untold`."""
    inbox = t.inbox.c
    state_and_reason = inbox.state + sa.func.coalesce(":" + inbox.reason_code, "")
    late = sa.or_(
        sa.and_(inbox.source != NIGHTLY, inbox.received_at <= sa.bindparam("overdue")),
        inbox.received_at <= sa.bindparam("again"),
        inbox.received_at > sa.bindparam("ahead"),
    )
    remind = sa.or_(inbox.told_at <= sa.bindparam("again"), inbox.told_at > sa.bindparam("ahead"))
    is_news = sa.or_(inbox.told.is_(None), inbox.told != state_and_reason)
    # Who wrote it knows, and an unchanged ticket is no news.
    done = sa.and_(inbox.state == "done", inbox.source.not_in([DESK, NIGHTLY, HOST]), is_news)
    parked = sa.and_(inbox.state == "parked", sa.or_(is_news, remind))
    waiting = sa.and_(inbox.state == "waiting", late, sa.or_(inbox.told.is_(None), remind))
    return sa.or_(done, parked, waiting)


_DUE = {looks: _due(looks) for looks in (None, NIGHTLY, HOST)}
_IS_UNTOLD = _is_untold()
_UNTOLD = _jobs_where(_IS_UNTOLD).limit(_TOLD_AT_ONCE)
_PARTLY_TOLD = _jobs_where(IS_LEFT_OVER).limit(_TOLD_AT_ONCE)
_ONE = _jobs_where(t.inbox.c.id == sa.bindparam("wanted"))


def still_untold(then: datetime, *, again_after: timedelta, overdue_after: timedelta) -> sa.Select[Any]:
    """Counts what was to be told at ``then`` and is not told yet; see :meth:`JobList.untold`."""
    inbox = t.inbox.c
    is_since = sa.case((inbox.state == "done", inbox.due_at), else_=inbox.received_at) <= then
    query = sa.select(sa.func.count()).select_from(t.inbox).where(_IS_UNTOLD, is_since)
    return query.params(overdue=then - overdue_after, again=then - again_after, ahead=then + _CLOCK_SLACK)


class JobList(NoticesLeft):
    """The part of the :class:`webhook_server.store.database.Database` that the jobs work with."""

    _engine: sa.Engine

    def due_jobs(self, now: datetime, *, limit: int, looks: str | None = None) -> list[Job]:
        """Unfinished deliveries whose time has come, oldest first: for each incident one, so that order is kept.

        Beside it, and after all others of the ticket space, those that did not open at their last try: they hold up none.
        Of each ticket space ``limit`` at most, so that none fills the list and keeps the others out of it. Jobs
        that only look at a ticket (``looks``: NIGHTLY or HOST) are given apart, and only of incidents for which nothing
        else waits, or (HOST) is due: one that is parked keeps no report from its turn.
        """
        return self._jobs(_DUE[looks], now=now, ahead=now + _CLOCKS_DIFFER, most=limit)

    def unfinished_jobs(self) -> list[Job]:
        """Every delivery that is not wholly on its host."""
        return self._jobs(_jobs_where(t.inbox.c.state != "done"))

    def job(self, inbox_id: str) -> Job:
        """One delivery as a job."""
        jobs = self._jobs(_ONE, wanted=inbox_id)
        if not jobs:
            raise StoreError(f"There is no delivery {inbox_id}.", next_step="See: coc-server jobs list")
        return jobs[0]

    def before(self, job: Job) -> Job | None:
        """The oldest unfinished delivery of the same incident that goes first; None if nothing does."""
        same = t.inbox.c.incident_id == job.incident, t.inbox.c.seq < job.seq
        ahead = sa.and_(*same, t.inbox.c.state != "done", sa.not_(DOES_NOT_OPEN))
        jobs = self._jobs(_jobs_where(ahead).limit(1))
        return jobs[0] if jobs else None

    def job_failed(
        self, job: Job, *, parked: bool, code: str, reason: str, due_at: datetime, now: datetime | None = None
    ) -> None:
        """A try did not succeed. ``reason`` is the error's own safe words.

        ``now`` is what ``due_at`` was counted from; without it, ``due_at`` is now. A report that once did not open may have
        been passed, and the database may be a copy from before that. So it keeps this code, whatever else keeps it waiting,
        until it is in a diary or is sealed anew; and it stays parked, so that a try that only waits does not take it off.
        """
        was_passed = sa.and_(DOES_NOT_OPEN, t.inbox.c.sealed_report.is_not(None))
        self._tried(
            job,
            state=sa.case((was_passed, "parked"), else_="parked" if parked else "waiting"),
            due_at=due_at,
            due_noted_at=now or due_at,
            reason_code=sa.case((was_passed, DoesNotOpen.code), else_=code),
            reason=reason,
        )

    def job_waits(
        self, job: Job, *, code: str, reason: str, due_at: datetime, now: datetime | None = None
    ) -> None:
        """A try ended because our own budget of writes is used up, or another server is at it. That is no trouble: a parked job keeps its reason."""
        reasons = _reason_unless_parked(code, reason)
        self._tried(job, waits=job.waits + 1, due_at=due_at, due_noted_at=now or due_at, **reasons)

    def _tried(self, job: Job, **values: Any) -> None:  # noqa: ANN401 - column values
        """Note the end of a try: once, whichever servers note it.

        If somebody let the job be tried at once while this try went on (it ended badly, and what it met was put right), it is.
        """
        row = t.inbox.c
        is_wanted = sa.and_(
            row.due_noted_at.is_distinct_from(job.due_noted_at), row.due_at <= row.due_noted_at
        )
        for name in ("due_at", "due_noted_at"):
            values[name] = sa.case((is_wanted, row[name]), else_=sa.literal(values[name], t.UtcTime))
        same_try = (
            t.inbox.c.id == job.inbox_id,
            t.inbox.c.attempts == job.attempts,
            t.inbox.c.state != "done",
        )
        with writing(self._engine, "The job's state was not changed.") as connection:
            connection.execute(t.inbox.update().where(*same_try).values(attempts=job.attempts + 1, **values))

    def postpone(
        self,
        space: SpaceName,
        now: datetime,
        *,
        code: str,
        reason: str,
        due_at: datetime,
        looks: str | None = None,
    ) -> None:
        """Nothing can be written to this ticket space before: what is due for it becomes due then, without a try.

        That is true of looks that events asked for (``looks`` is HOST), or of everything else, which takes more writes.
        """
        these = t.inbox.c.source == HOST if looks == HOST else t.inbox.c.source != HOST
        there = sa.select(t.incident.c.id).where(t.incident.c.space == space)
        with writing(self._engine, "The jobs were not postponed.") as connection:
            connection.execute(
                t.inbox.update()
                .where(
                    t.inbox.c.state != "done",
                    these,
                    t.inbox.c.due_at <= now,
                    t.inbox.c.incident_id.in_(there),
                )
                .values(due_at=due_at, due_noted_at=now, **_reason_unless_parked(code, reason))
            )

    def retry_now(self, inbox_id: str, now: datetime) -> None:
        """Let a waiting or parked job be taken up at once, and one that was given up too."""
        self.job(inbox_id)
        one = t.inbox.update().where(t.inbox.c.id == inbox_id)
        given_up = t.inbox.c.state == "done", t.inbox.c.reason_code == GIVEN_UP
        with writing(self._engine, "The job was not changed.") as connection:
            connection.execute(one.where(*given_up).values(state="parked", reason_code=DoesNotOpen.code))
            connection.execute(one.where(t.inbox.c.state != "done").values(due_at=now, due_noted_at=now))

    def give_up(self, job: Job, now: datetime, *, reason: str) -> bool:
        """End a job whose report does not open. Its row stays, sealed report included, and members are told.

        False, and nothing is changed, if it is not as it was seen: it was tried, handed over or sent again meanwhile.
        """
        as_seen = (
            t.inbox.c.id == job.inbox_id,
            t.inbox.c.state != "done",
            t.inbox.c.sealed_report.is_not(None),
            t.inbox.c.attempts == job.attempts,
        )
        with writing(self._engine, "The job was not changed.") as connection:
            ended = t.inbox.update().where(*as_seen)
            values = {
                "state": "done",
                "due_at": now,
                "due_noted_at": now,
                "reason_code": GIVEN_UP,
                "reason": reason,
            }
            return connection.execute(ended.values(**values)).rowcount > 0

    def untold(self, now: datetime, *, again_after: timedelta, overdue_after: timedelta) -> list[Job]:
        """Jobs whose state is news, and unfinished ones of which somebody should be reminded.

        News is that a delivery is done or parked, or waits for longer than ``overdue_after``, whatever keeps it
        waiting; a night's job may take until the next night. A time that lies ahead of ``now`` was noted by a clock that has been put back since.
        """
        return self._jobs(
            _UNTOLD, overdue=now - overdue_after, again=now - again_after, ahead=now + _CLOCK_SLACK
        )

    def partly_told(self, now: datetime) -> list[Job]:
        """Jobs of whose state some were told, and for whose others it is time to try again."""
        return self._jobs(_PARTLY_TOLD, now=now, longest=now + LONGEST)

    def told(self, job: Job, now: datetime, left: Collection[str] = ()) -> None:
        """Members were told of this state of the job, all but those at the addresses ``left``."""
        state = job.state + (f":{job.reason_code}" if job.reason_code else "")
        same = sa.or_(
            t.inbox.c.source != FOUND, t.inbox.c.reason == job.reason
        )  # more may have been found since
        with writing(self._engine, "That members were told was not noted.") as connection:
            told = t.inbox.update().where(t.inbox.c.id == job.inbox_id, same)
            if connection.execute(told.values(told=state, told_at=now)).rowcount:
                self._leave(connection, job.inbox_id, left, now)

    def _jobs(self, query: sa.Select[Any], **asked: object) -> list[Job]:
        with reading(self._engine) as connection:
            rows = connection.execute(query, asked).all()
        return [
            Job(
                inbox_id=row.id, incident=IncidentId(row.incident_id), code_name=CodeName(row.code_name),
                space=SpaceName(row.space), seq=row.seq,
                state=row.state, attempts=row.attempts, waits=row.waits,
                due_at=row.due_at, due_noted_at=row.due_noted_at, received_at=row.received_at,
                reason_code=row.reason_code, reason=row.reason, only_looks=row.source in {NIGHTLY, HOST},
            )
            for row in rows
        ]  # fmt: skip


def _reason_unless_parked(code: str, reason: str) -> dict[str, sa.ColumnElement[str]]:
    parked = t.inbox.c.state == "parked"
    return {
        "reason_code": sa.case((parked, t.inbox.c.reason_code), else_=code),
        "reason": sa.case((parked, t.inbox.c.reason), else_=reason),
    }
