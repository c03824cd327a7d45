"""The store on SQLAlchemy Core: SQLite by default, the same statements on PostgreSQL. One method is one transaction."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.errors import DoesNotOpen, StoreError
from integration.incident import Incident, IncidentId, SpaceName
from integration.logs import Log
from integration.store import Delivery, Receipt, TicketRecord
from webhook_server.store import restoring, space_ids
from webhook_server.store import tables as t
from webhook_server.store.arrivals import Arrival, keep
from webhook_server.store.clocks import common_time
from webhook_server.store.diaries import Diaries
from webhook_server.store.group_commit import GroupCommit
from webhook_server.store.job_list import DOES_NOT_OPEN, JobList
from webhook_server.store.known_keys import known, useless
from webhook_server.store.observed import Observed
from webhook_server.store.rows import incident_of, insert_incident, ref_of, upsert_ticket
from webhook_server.store.sealed import whole_report
from webhook_server.store.sealing import begin_sealing, nothing_is_being_sealed
from webhook_server.store.transactions import Collision
from webhook_server.store.write_ahead_log import WriteAheadLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.mirror import TicketRef
    from integration.store import NewIncident
    from webhook_server.store.inbox_keys import InboxKeys
    from webhook_server.store.sealed import Sealer

_log = Log("coc.store")


class Database(Diaries, JobList, Observed):
    """The :class:`integration.store.Store`, and the shelf from which desks and jobs read."""

    def __init__(self, engine: sa.Engine, sealer: Sealer, inbox_keys: InboxKeys) -> None:
        self._engine = engine
        self._sealer = sealer
        self._inbox_keys = inbox_keys
        self._arrivals = GroupCommit(self._keep)
        self.log = WriteAheadLog(engine)

    def close(self) -> None:
        """Write what still waits to be written, and give all connections back."""
        self._arrivals.close()
        self._engine.dispose()

    # Deliveries -------------------------------------------------------------------------------------

    def receive(
        self,
        *,
        source: str,
        submission_id: str,
        report: bytes,
        answers: bytes,
        unreadable: bool,
        incident: NewIncident,
        now: datetime,
    ) -> Receipt:
        """Seal and keep a delivery, once for the same (source, submission id, answers)."""
        arrival = Arrival(
            source,
            self._sealer.digest("submission", source.encode(), submission_id.encode()),
            self._sealer.digest("answers", source.encode(), submission_id.encode(), answers),
            report,
            unreadable,
            incident,
            now,
        )
        try:
            return self._arrivals(arrival)
        except Collision:  # on PostgreSQL two servers may both find it new; now it is known
            return self._arrivals(arrival)

    def _keep(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """All of them in one transaction; the inbox keys that seal them stay until it is on disk."""
        with self._inbox_keys.lock:
            self._inbox_keys.prepare(self._list_key)
            with self._write("The delivery was not stored.") as connection:
                begin_sealing(connection, self._inbox_keys.process)
                return keep(connection, arrivals, sealer=self._sealer, keys=self._inbox_keys)

    def _list_key(self, key_id: str) -> None:
        """On disk before the key is made, so that also one whose delivery is not stored is known as ours, and destroyed."""
        with self._write("The delivery was not stored.") as connection:
            connection.execute(t.inbox_key.insert().values(id=key_id))

    def separate(self, inbox_id: str, left: IncidentId, incident: NewIncident) -> IncidentId:
        """Give a delivery an incident of its own in place of the one it is with, unless it has another than that by now."""
        with self._write("The delivery stays with the incident it came for.") as connection:
            of = t.inbox.join(t.incident, t.inbox.c.incident_id == t.incident.c.id)
            digests = t.inbox.c.submission_digest, t.incident.c.submission_digest.label("of_incident")
            row = connection.execute(
                sa.select(t.inbox.c.source, t.inbox.c.incident_id, *digests)
                .select_from(of)
                .where(t.inbox.c.id == inbox_id)
            ).one()
            if row.incident_id != left:
                return IncidentId(row.incident_id)
            # Each gets an id of its own, and a restored database that has forgotten it the same: its ticket bears that id.
            again = () if row.submission_digest == row.of_incident else (left.encode(),)
            own = self._sealer.digest("separated", inbox_id.encode(), *again)
            incident_id = insert_incident(connection, row.source, own, incident)
            connection.execute(
                t.inbox.update().where(t.inbox.c.id == inbox_id).values(incident_id=incident_id)
            )
        return incident_id

    def delivery(self, inbox_id: str, *, sealed: bool = False) -> Delivery:
        """A delivery by id; with ``sealed``, without its report."""
        row = self._one(sa.select(t.inbox).where(t.inbox.c.id == inbox_id), f"the delivery {inbox_id}")
        return Delivery(
            inbox_id=inbox_id,
            source=row.source,
            incident=IncidentId(row.incident_id),
            report=None if sealed else self._report(row),
            received_at=row.received_at,
            unreadable=row.unreadable,
            finished=row.state == "done",
        )

    def _report(self, row: sa.Row[Any]) -> bytes | None:
        """The report of a row of the inbox; None once it is in the diary."""
        if row.sealed_report is None:
            return None
        sealed = self._sealer.open(row.sealed_report, table="inbox", column="sealed_report", row=row.id)
        if row.inbox_key is None:  # taken in by a version that sealed with the root key alone
            return whole_report(sealed, row.id)
        try:
            return self._inbox_keys.open(row.inbox_key, sealed, row.id)
        except DoesNotOpen:
            still = self._first(sa.select(t.inbox.c.sealed_report).where(t.inbox.c.id == row.id))
            if still is not None and still.sealed_report is None:  # handed over since the row was read
                return None
            raise

    def other_versions(self, inbox_id: str) -> list[bytes]:
        """The other reports of a delivery's submission that lie sealed here; without those that do not open any more."""
        versions = []
        for row in self._of_its_submission(inbox_id, t.inbox.c.sealed_report.is_not(None)):
            with suppress(DoesNotOpen):
                versions.append(self._report(row))
        return [one for one in versions if one is not None]

    def incidents_beside(self, inbox_id: str) -> list[IncidentId]:
        """The other incidents of a delivery's submission: there are some once a report was kept apart."""
        own = sa.select(t.inbox.c.incident_id).where(t.inbox.c.id == inbox_id).scalar_subquery()
        # Its first incident may have no delivery here any more: its database was restored, and then this one was kept apart.
        submission = (t.incident.c.source == t.inbox.c.source) & (
            t.incident.c.submission_digest == t.inbox.c.submission_digest
        )
        first = sa.select(t.incident.c.id).join(t.inbox, submission)
        with self._read() as connection:
            begun = connection.scalars(first.where(t.inbox.c.id == inbox_id, t.incident.c.id != own)).all()
        rows = self._of_its_submission(inbox_id, t.inbox.c.incident_id != own)
        return list(dict.fromkeys(map(IncidentId, [*begun, *(row.incident_id for row in rows)])))

    def _of_its_submission(self, inbox_id: str, which: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
        """Some of the other deliveries of the same submission."""
        this = t.inbox.alias("this")
        same = (t.inbox.c.source == this.c.source) & (t.inbox.c.submission_digest == this.c.submission_digest)
        query = (
            sa.select(t.inbox).join(this, same).where(this.c.id == inbox_id, t.inbox.c.id != inbox_id, which)
        )
        with self._read() as connection:
            return connection.execute(query.order_by(t.inbox.c.seq)).all()

    def lacks_key(self, inbox_id: str) -> bool:
        """Whether the report lies sealed here and its inbox key is gone."""
        sealed = t.inbox.c.id == inbox_id, t.inbox.c.sealed_report.is_not(None)
        row = self._first(sa.select(t.inbox.c.inbox_key).where(*sealed))
        return row is not None and row.inbox_key is not None and self._inbox_keys.is_gone(row.inbox_key)

    def begins_diary(self, inbox_id: str) -> bool:
        """Whether a diary of which nothing is known here began with the report of this delivery."""
        older = t.inbox.alias("older")
        first = sa.select(t.inbox.c.seq).where(
            t.inbox.c.id == inbox_id,
            t.inbox.c.incident_id == t.incident.c.id,
            # Later, if it was sealed anew: see sent_again.py.
            t.inbox.c.received_at <= t.incident.c.opened_at,
            sa.not_(DOES_NOT_OPEN),
            ~sa.exists().where(older.c.incident_id == t.inbox.c.incident_id, older.c.seq < t.inbox.c.seq),
        )
        return self._first(first) is not None

    def finish(self, inbox_id: str, now: datetime) -> None:
        """The delivery is wholly on the host."""
        with self._write("The job's state was not changed.") as connection:
            connection.execute(
                t.inbox.update()
                .where(t.inbox.c.id == inbox_id)
                .values(state="done", due_at=now, reason_code=None, reason=None)
            )

    def is_there(self) -> None:
        """Return if the database can be read. Takes no write lock, so that nobody holds up a delivery by asking.

        Raises:
            StoreError: it cannot.
        """
        self._first(sa.select(t.inbox.c.seq).limit(1))

    def time(self) -> datetime:
        """The time by which all servers on this database go."""
        return common_time(self._engine)

    # Incidents and tickets --------------------------------------------------------------------------

    def incident(self, incident: IncidentId) -> Incident:
        """An incident by id."""
        return incident_of(
            self._one(sa.select(t.incident).where(t.incident.c.id == incident), f"the incident {incident}")
        )

    def ticket(self, incident: IncidentId) -> TicketRecord:
        """What is known of the ticket."""
        row = self._first(sa.select(t.ticket).where(t.ticket.c.incident_id == incident))
        return TicketRecord() if row is None else TicketRecord(row.attempted_at, ref_of(row))

    def ticket_attempted(self, incident: IncidentId, at: datetime | None) -> None:
        """Note, before the write, that a ticket may exist from now on."""
        with self._write("The attempt was not noted.") as connection:
            upsert_ticket(connection, incident, attempted_at=at)

    def ticket_opened(self, incident: IncidentId, ref: TicketRef) -> None:
        """Note where the ticket is."""
        with self._write("The ticket was not noted.") as connection:
            upsert_ticket(
                connection,
                incident,
                name=ref.name,
                host_id=ref.id,
                key=ref.key,
                url=ref.url,
                stable=ref.stable,
            )

    def restore(self, incident: IncidentId, *, gone: TicketRef | None, now: datetime) -> None:
        """Let the ticket be read and healed at once; ``gone`` is forgotten, so that a new one is opened."""
        with self._write("Nothing was changed.") as connection:
            restoring.restore(connection, incident, gone, now)

    def space_id(self, space: SpaceName) -> str | None:
        """The host's own id of the repository or project that was proven under this name."""
        return space_ids.known(self._engine, space)

    def keep_space_id(self, space: SpaceName, host_id: str, now: datetime) -> None:
        """Note which repository or project stands under this name from now on."""
        space_ids.keep(self._engine, space, host_id, now)

    # Forgetting -------------------------------------------------------------------------------------

    def forget(self, *, of: str | None = None) -> None:
        """Destroy the inbox keys of this database that no report needs, and empty SQLite's write-ahead log of what was erased.

        If the log is in use (see :attr:`log`), or a key cannot be destroyed, the next time will do: what was handed over stays so. ``of``
        names another process that does not live any more, whose keys are destroyed instead of ours.
        """
        with self._inbox_keys.lock:
            gone: set[str] = set()
            with self._read() as connection:
                if nothing_is_being_sealed(connection, of or self._inbox_keys.process):
                    gone = self._destroy_keys(connection, of)
            if gone:
                with self._write("Keys that are destroyed stay listed until the next time.") as connection:
                    connection.execute(t.inbox_key.delete().where(t.inbox_key.c.id.in_(gone)))
        self.log.empty()

    def key_owners(self) -> set[str]:
        """The names of all processes that have inbox keys here, those included that do not live any more."""
        with self._read() as connection:
            return {key_id.partition(".")[0] for key_id in known(connection)}

    def _destroy_keys(self, connection: sa.Connection, of: str | None) -> set[str]:
        try:
            return self._inbox_keys.forget(useless(connection), of=of)
        except StoreError as error:
            _log.error("inbox-key-stays", code=error.code)
            return set()
