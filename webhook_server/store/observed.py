"""What the hosts' events and tickets told us: hints, steps, and plain comments that were sealed. Ids, states and times only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from integration.code_name import CodeName
from integration.errors import HostRejected
from integration.host_events import Touched
from integration.incident import IncidentId, SpaceName
from integration.process import StepKey
from integration.store import HOST, Hints, StepNote
from webhook_server.store import tables as t
from webhook_server.store.rows import extend, insert_job, upsert_found
from webhook_server.store.transactions import Collision, done_by_another, reading, writing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.host_events import HostEvent
    from integration.incident import Incident
    from integration.mirror import PlainComment
    from webhook_server.store.sealed import Sealer

EXPOSED = "exposed"
"""What members are told was found (integration.reconcile.Found)."""
_REMEMBERED = timedelta(days=8)
"""GitHub sends a delivery again for three days if asked, Jira by itself within half an hour."""
_APART = timedelta(minutes=1)
"""Between two tries that events ask for, of a job that was put off."""
_APART_IF_REJECTED = timedelta(minutes=15)
"""If the host did not keep what was written: a rule in it that rewrites us sends an event after each try, and may leave a comment."""


@dataclass(frozen=True, slots=True)
class UntoldExposure:
    """A plain comment that was deleted and whose author was not told yet."""

    incident: IncidentId
    code_name: CodeName
    space: SpaceName
    comment_id: str
    account: str


class Observed:
    """The part of the :class:`webhook_server.store.database.Database` that observing tickets works with."""

    _engine: sa.Engine
    _sealer: Sealer

    # Events -----------------------------------------------------------------------------------------

    def note_event(
        self, space: SpaceName, event: HostEvent, now: datetime
    ) -> Literal["noted", "again", "ignored"]:
        """Note what an event touched, with a job unless one waits already, in one transaction.

        One that waits and was put off, perhaps for a day, is due again if somebody acted. An event of which the host does
        not say by whom may be our own doing: if it made a job due, our own tries could wake each other for ever.

        Returns:
            ``again`` if this delivery was noted before, ``ignored`` if no ticket of ours is meant.
        """
        try:
            with writing(self._engine, "The event was not noted.") as connection:
                if _is_noted(connection, space, event):
                    return "again"
                touched, incident = {event.touched}, _incident_of(connection, space, event.ticket, t.ticket)
                if incident is None:  # a step's; Jira reads comments there with it, GitHub with the others
                    touched = {Touched.STEPS, *({Touched.COMMENTS} & touched)}
                    incident = _incident_of(connection, space, event.ticket, t.step)
                if incident is None:
                    return "ignored"
                _hold(connection, incident)
                connection.execute(t.host_event.insert().values(space=space, delivery=event.delivery, at=now))
                for one in sorted(touched):
                    _add_hint(connection, incident, one, event.account)
                _add_job(connection, incident, now, wake=bool(event.account) and not event.own)
                return "noted"
        except Collision:
            with reading(self._engine) as connection:
                if _is_noted(connection, space, event):  # by another server, at the same moment
                    return "again"
            raise

    def forget_events(self, now: datetime) -> None:
        """Drop the ids of deliveries that no host sends again."""
        with writing(self._engine, "Old deliveries' ids stay a little longer.") as connection:
            connection.execute(t.host_event.delete().where(t.host_event.c.at < now - _REMEMBERED))

    def hints(self, incident: IncidentId) -> Hints:
        """What events said of this incident's ticket and was not looked at yet."""
        query = sa.select(t.host_hint).where(t.host_hint.c.incident_id == incident).order_by(t.host_hint.c.id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return Hints(
            frozenset(Touched(row.touched) for row in rows),
            tuple(dict.fromkeys(row.account for row in rows if row.account)),
            rows[-1].id if rows else 0,
            unsigned=any(not row.account for row in rows),
        )

    def observed(self, inbox_id: str, upto: int, now: datetime) -> None:
        """Forget the hints up to this one and finish the job; those that came meanwhile get one of their own."""
        with writing(self._engine, "The job's state was not changed.") as connection:
            job = t.inbox.c.id == inbox_id
            incident = connection.execute(sa.select(t.inbox.c.incident_id).where(job)).scalar_one()
            _hold(connection, incident)
            hints = t.host_hint.c.incident_id == incident
            connection.execute(t.host_hint.delete().where(hints, t.host_hint.c.id <= upto))
            done = {"state": "done", "due_at": now, "reason_code": None, "reason": None}
            connection.execute(t.inbox.update().where(job).values(**done))
            if connection.execute(sa.select(t.host_hint.c.id).where(hints).limit(1)).first() is not None:
                _add_job(connection, incident, now)

    def wake_if_touched(self, incident: IncidentId, since: int, now: datetime) -> None:
        """Let the job that was put off be due again if somebody acted after the hint ``since``: during its last try."""
        hint = t.host_hint.c
        newer = hint.incident_id == incident, hint.id > since, hint.account != ""
        with writing(self._engine, "The job stays put off.") as connection:
            _hold(connection, incident)
            if connection.execute(sa.select(hint.id).where(*newer).limit(1)).first() is not None:
                _add_job(connection, incident, now, wake=True)

    # Steps and changes ------------------------------------------------------------------------------

    def steps(self, incident: IncidentId) -> Mapping[StepKey, StepNote]:
        """How the steps stood when they were last looked at."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(t.step).where(t.step.c.incident_id == incident)).all()
        return {StepKey(row.key): StepNote(row.status, row.at, row.host_id) for row in rows}

    def keep_steps(self, incident: IncidentId, steps: Mapping[StepKey, StepNote]) -> None:
        """Note how these steps stand."""
        with writing(self._engine, "How the steps stand was not noted.") as connection:
            _keep_steps(connection, incident, steps)

    def change(
        self,
        incident: Incident,
        *,
        before: Incident,
        steps: Mapping[StepKey, StepNote],
        exposed: Mapping[int, PlainComment],
        head: Head,
        comments: Sequence[SealedComment],
        now: datetime,
    ) -> None:
        """Keep what was changed on the host, with the diary entries that say so, in one transaction.

        The incident comes first: of two servers that saw the same change the second waits here for the first. Then it finds
        other values than it compared the ticket with, or a step that was moved already, or (by the primary key of the
        exposures) a plain comment that is in the diary already.
        """
        with writing(self._engine, "Nothing of what was changed on the host was kept.") as connection:
            as_compared = [
                t.incident.c[name].is_not_distinct_from(value) for name, value in _adopted(before).items()
            ]
            changed = connection.execute(
                t.incident.update()
                .where(t.incident.c.id == incident.id, *as_compared)
                .values(**_adopted(incident))
            )
            if changed.rowcount != 1 or _have_moved(connection, incident.id, steps):
                raise done_by_another()
            extend(connection, head, comments)
            _keep_steps(connection, incident.id, steps)
            for seq, one in exposed.items():
                connection.execute(
                    t.exposure.insert().values(
                        incident_id=incident.id, comment_id=one.id, text_digest=self._digest(incident.id, one),
                        seq=seq, account=one.account, found_at=now,
                    )
                )  # fmt: skip

    # Exposures --------------------------------------------------------------------------------------

    def _digest(self, incident: IncidentId, comment: PlainComment) -> str:
        text = comment.text.reveal().encode("utf-8", "surrogatepass")
        return self._sealer.digest("exposed", incident.encode(), comment.id.encode(), text)

    def exposed(self, incident: IncidentId, comment: PlainComment) -> int | None:
        """The number of the entry that holds a plain comment as it stands."""
        query = sa.select(t.exposure.c.seq).where(
            t.exposure.c.incident_id == incident,
            t.exposure.c.comment_id == comment.id,
            t.exposure.c.text_digest == self._digest(incident, comment),
        )
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    def exposures(self, incident: IncidentId) -> frozenset[str]:
        """The host's ids of plain comments that stand in the diary, and are not known to be deleted."""
        query = sa.select(t.exposure.c.comment_id).where(
            t.exposure.c.incident_id == incident, t.exposure.c.removed_at.is_(None)
        )
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(query))

    def exposures_over(self, incident: IncidentId, comments: Collection[str], now: datetime) -> None:
        """Note that these were deleted, so that the diary's readers and their authors are told."""
        with writing(self._engine, "That a plain comment was deleted was not noted.") as connection:
            over = (
                t.exposure.c.incident_id == incident,
                t.exposure.c.comment_id.in_(list(comments)),
                t.exposure.c.removed_at.is_(None),
            )
            if connection.execute(t.exposure.update().where(*over).values(removed_at=now)).rowcount:
                upsert_found(connection, incident, [EXPOSED], now)

    def untold_exposures(self) -> list[UntoldExposure]:
        """Those whose authors were not told yet."""
        query = (
            sa.select(t.exposure, t.incident.c.code_name, t.incident.c.space)
            .join(t.incident, t.incident.c.id == t.exposure.c.incident_id)
            .where(t.exposure.c.removed_at.is_not(None), t.exposure.c.told_at.is_(None))
            .order_by(t.exposure.c.found_at)
            .limit(100)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        untold = (
            UntoldExposure(
                IncidentId(row.incident_id),
                CodeName(row.code_name),
                SpaceName(row.space),
                row.comment_id,
                row.account,
            )
            for row in rows
        )
        return list(dict.fromkeys(untold))  # one that was changed while it was sealed stands there twice

    def exposure_told(self, one: UntoldExposure, now: datetime) -> None:
        """The author was told, or nobody knows who that is."""
        with writing(self._engine, "That the author was told was not noted.") as connection:
            told = t.exposure.c.incident_id == one.incident, t.exposure.c.comment_id == one.comment_id
            connection.execute(
                t.exposure.update().where(*told, t.exposure.c.removed_at.is_not(None)).values(told_at=now)
            )


def _hold(connection: sa.Connection, incident: IncidentId) -> None:
    """Until the end of the transaction nobody else adds or forgets a hint of this incident, or adds or ends the job for them.

    Otherwise an event might rely on a job that is just ending, and its hint would stay behind. It is taken before any
    other lock that is waited for, so that none waits in a circle. Others who write rows of the incident are not held up.
    SQLite has one writer at a time anyway.
    https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
    """
    row = sa.select(t.incident.c.id).where(t.incident.c.id == incident)
    connection.execute(row.with_for_update(key_share=True))


def _is_noted(connection: sa.Connection, space: SpaceName, event: HostEvent) -> bool:
    known = t.host_event.c.space == space, t.host_event.c.delivery == event.delivery
    return connection.execute(sa.select(t.host_event.c.at).where(*known)).first() is not None


def _incident_of(
    connection: sa.Connection, space: SpaceName, host_id: str | None, table: sa.Table
) -> IncidentId | None:
    """The incident of a ticket, or of a step's sub-task or sub-issue, in this ticket space.

    No id is nobody's: a ticket whose opening has an unknown outcome has none either.
    """
    if host_id is None:
        return None
    found = connection.execute(
        sa.select(t.incident.c.id)
        .join(table, table.c.incident_id == t.incident.c.id)
        .where(t.incident.c.space == space, table.c.host_id == host_id)
        .limit(1)
    ).scalar()
    return None if found is None else IncidentId(found)


def _add_hint(connection: sa.Connection, incident: IncidentId, touched: Touched, account: str) -> None:
    """The same hint again takes the place of the older one, with a new number: it may have been looked at already."""
    same = (
        t.host_hint.c.incident_id == incident,
        t.host_hint.c.touched == touched.value,
        t.host_hint.c.account == account,
    )
    connection.execute(t.host_hint.delete().where(*same))
    connection.execute(
        t.host_hint.insert().values(incident_id=incident, touched=touched.value, account=account)
    )


def _add_job(connection: sa.Connection, incident: IncidentId, now: datetime, *, wake: bool = False) -> None:
    """A job, unless one waits. With ``wake`` that one is due now, or a little after its last try."""
    inbox = t.inbox.c
    waits = inbox.incident_id == incident, inbox.source == HOST, inbox.state != "done"
    query = sa.select(inbox.seq, inbox.due_at, inbox.due_noted_at, inbox.reason_code).where(*waits).limit(1)
    job = connection.execute(query.with_for_update()).first()
    if job is None:
        insert_job(connection, HOST, incident, now)
    elif wake:
        apart = _APART_IF_REJECTED if job.reason_code == HostRejected.code else _APART
        was_just_tried = job.due_noted_at is not None and abs(now - job.due_noted_at) < apart
        due_at = now + apart if was_just_tried else now
        if due_at < job.due_at:
            made_due = t.inbox.update().where(inbox.seq == job.seq)
            connection.execute(made_due.values(due_at=due_at, due_noted_at=now))


def _adopted(incident: Incident) -> dict[str, object]:
    """What is taken over from a ticket, by its column."""
    return {
        "type": incident.type.value, "stage": incident.stage.value, "impact": incident.impact,
        "likelihood": incident.likelihood, "lead": incident.lead, "secondary": incident.secondary,
    }  # fmt: skip


def _have_moved(connection: sa.Connection, incident: IncidentId, steps: Mapping[StepKey, StepNote]) -> bool:
    """Whether one of these steps is noted to stand as it is about to be noted."""
    rows = connection.execute(
        sa.select(t.step.c.key, t.step.c.status).where(t.step.c.incident_id == incident)
    )
    known = {row.key: row.status for row in rows}
    return any(known.get(key) == note.status for key, note in steps.items())


def _keep_steps(connection: sa.Connection, incident: IncidentId, steps: Mapping[StepKey, StepNote]) -> None:
    known = set(connection.scalars(sa.select(t.step.c.key).where(t.step.c.incident_id == incident)))
    new = []
    for key, note in steps.items():
        values: dict[str, Any] = {"status": note.status, "at": note.at, "host_id": note.host_id}
        if key not in known:
            new.append({"incident_id": incident, "key": key, **values})
            continue
        this = t.step.c.incident_id == incident, t.step.c.key == key
        connection.execute(t.step.update().where(*this).values(**values))
    if new:
        connection.execute(t.step.insert(), new)
