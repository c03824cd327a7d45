"""What is due by the clock, noted in the database so that one worker of several does it; and what of it fails."""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.incident import IncidentId, Stage
from integration.store import FOUND, GIVEN_UP, HOST, NIGHTLY
from webhook_server.store import tables as t
from webhook_server.store.job_list import DOES_NOT_OPEN
from webhook_server.store.rows import insert_job
from webhook_server.store.transactions import Collision, reading, writing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_CLOCK_SLACK = timedelta(hours=1)
"""What was done so far ahead of now was noted by a clock that has been put back since: it counts as long ago."""

NIGHT = timedelta(hours=24)
APART = timedelta(seconds=20)
"""Between two tickets of a night, so that a thousand of them take hours and no host is asked too much at once."""
_WITHIN = timedelta(hours=6)
_KEPT = timedelta(hours=1)


_IS_SEALED = t.inbox.c.sealed_report.is_not(None)
_WAITING = sa.select(t.inbox.c.incident_id).where(
    t.inbox.c.state != "done",
    t.inbox.c.source != HOST,
    sa.not_(sa.and_(DOES_NOT_OPEN, _IS_SEALED)),
)
_LOST = sa.select(t.inbox.c.incident_id).where(
    sa.or_(DOES_NOT_OPEN, t.inbox.c.reason_code == GIVEN_UP), _IS_SEALED
)
_HAS_TICKET = sa.select(t.ticket.c.incident_id).where(t.ticket.c.host_id.is_not(None))
_IS_CLOSED = t.incident.c.stage == Stage.CLOSED.value
_COMPARED = (
    sa.select(t.incident.c.id, _IS_CLOSED.label("is_closed"))
    .where(
        t.incident.c.id.not_in(_WAITING),
        sa.or_(t.incident.c.id.not_in(_LOST), t.incident.c.id.in_(_HAS_TICKET)),
    )
    .order_by(_IS_CLOSED, t.incident.c.opened_at)
)
"""What nights compare: where nothing else reads the ticket, and where there is one, unless its report was lost before."""
_DAYS = 7
"""A closed ticket is compared in one night of so many: a plain comment there, or that it was opened again, may be what no event
told. Closed ones become more and more, so that all of them each night would be too many."""


@dataclass(frozen=True, slots=True)
class ChoreTrouble:
    """A chore, or the part of it that is about one ticket space or webhook, that has not succeeded since."""

    chore: str
    part: str
    since: datetime
    code: str


class ChoreBook:
    """The tables ``chore`` and ``chore_trouble``, and the jobs that a night adds and leaves behind."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def claim(self, name: str, *, every: timedelta, now: datetime) -> bool:
        """Whether a chore is due, and ours to do: it counts as done from now on, also if it fails (see :meth:`failed`)."""
        if not self._is_due(name, every, now):
            return False
        try:
            with writing(self._engine, "The chore was not begun.") as connection:
                return _claim(connection, name, every, now)
        except Collision:  # another worker wrote its first row at the same moment
            return False

    def begin_night(self, now: datetime) -> int:
        """Once a day, add a job for each open incident, and each seventh closed one, that nothing waits for; how many were added.

        An incident whose own report or entry still waits is read by that job anyway. Not so by one that does not open,
        and a report that was lost before there was a ticket gets no empty one.
        """
        if not self._is_due("nightly", NIGHT, now):
            return 0
        try:
            with writing(self._engine, "The tickets are compared a little later.") as connection:
                last = connection.execute(_done_at("nightly")).scalar()
                if not _claim(connection, "nightly", NIGHT, now):
                    return 0
                days = _days_since(last, now)
                tonight = [
                    one.id
                    for one in connection.execute(_COMPARED)
                    if not one.is_closed or zlib.crc32(one.id.encode()) % _DAYS in days
                ]
                apart = min(APART, _WITHIN / max(1, len(tonight)))
                for number, incident in enumerate(tonight):
                    insert_job(connection, NIGHTLY, IncidentId(incident), now, due_at=now + number * apart)
                return len(tonight)
        except Collision:
            return 0

    def failed(self, chore: str, part: str, code: str, now: datetime) -> None:
        """Note that it failed. Since when it fails stays as it is. Of several workers, whoever ended last is believed."""
        known = _trouble_of(chore, part)
        # Asked without a write lock: what fails each minute would hold up deliveries each minute.
        with reading(self._engine) as connection:
            before = connection.execute(sa.select(t.chore_trouble.c.reason_code).where(known)).scalar()
        if before == code:
            return
        with suppress(Collision), writing(self._engine, "The chore's trouble was not noted.") as connection:
            changed = connection.execute(t.chore_trouble.update().where(known).values(reason_code=code))
            if changed.rowcount == 0:
                connection.execute(
                    t.chore_trouble.insert().values(
                        chore=chore, part=part, failed_since=now, reason_code=code
                    )
                )

    def succeeded(self, chore: str, part: str) -> None:
        """Note that it did what was due."""
        known = _trouble_of(chore, part)
        with reading(self._engine) as connection:
            if connection.execute(sa.select(t.chore_trouble.c.chore).where(known)).first() is None:
                return
        with writing(self._engine, "The chore still counts as failing.") as connection:
            connection.execute(t.chore_trouble.delete().where(known))

    def keep_parts(self, parts: Iterable[str]) -> None:
        """Forget the trouble of all other ticket spaces and webhooks: nothing is done for them any more, so it would stay."""
        gone = t.chore_trouble.c.part.not_in(["", *parts])
        with writing(self._engine, "What fails of the chores is as it was.") as connection:
            connection.execute(t.chore_trouble.delete().where(gone))

    def drop_done(self, now: datetime) -> None:
        """Drop jobs that only looked and are done, and findings that were told, so that the inbox does not grow by them."""
        inbox = t.inbox.c
        over = sa.or_(inbox.due_at <= now - _KEPT, inbox.due_at > now + _CLOCK_SLACK)
        mine = sa.or_(
            inbox.source.in_([NIGHTLY, HOST]), sa.and_(inbox.source == FOUND, inbox.told.is_not(None))
        )
        told_to_all = inbox.id.not_in(sa.select(t.notice_left.c.inbox_id))
        done = sa.and_(mine, inbox.state == "done", over, told_to_all)
        with reading(self._engine) as connection:
            if connection.execute(sa.select(inbox.seq).where(done).limit(1)).first() is None:
                return
        with writing(self._engine, "Old nightly jobs stay a little longer.") as connection:
            connection.execute(t.inbox.delete().where(done))

    def _is_due(self, name: str, every: timedelta, now: datetime) -> bool:
        """Asked without a write lock, which would hold up deliveries each minute."""
        with reading(self._engine) as connection:
            done = connection.execute(_done_at(name)).scalar()
        return done is None or not now - every < done <= now + _CLOCK_SLACK


def _done_at(name: str) -> sa.Select[Any]:
    return sa.select(t.chore.c.done_at).where(t.chore.c.name == name)


def _trouble_of(chore: str, part: str) -> sa.ColumnElement[bool]:
    return sa.and_(t.chore_trouble.c.chore == chore, t.chore_trouble.c.part == part)


def _days_since(last: datetime | None, now: datetime) -> set[int]:
    """Today, and the days since the last night, when the server did not run; each is one seventh of the closed tickets."""
    today = now.toordinal()
    first = today if last is None else min(today, last.toordinal() + 1)
    return {day % _DAYS for day in range(max(first, today - _DAYS + 1), today + 1)}


def _claim(connection: sa.Connection, name: str, every: timedelta, now: datetime) -> bool:
    """One conditional update: of two workers, the second finds that it is not due any more."""
    chore = t.chore.c
    due = sa.or_(chore.done_at <= now - every, chore.done_at > now + _CLOCK_SLACK)
    claimed = connection.execute(t.chore.update().where(chore.name == name, due).values(done_at=now))
    if claimed.rowcount:
        return True
    if connection.execute(sa.select(chore.name).where(chore.name == name)).first() is not None:
        return False
    connection.execute(t.chore.insert().values(name=name, done_at=now))
    return True
