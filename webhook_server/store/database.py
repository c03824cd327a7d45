"""The store on SQLAlchemy Core: SQLite by default, the same statements on PostgreSQL. One method is one transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.diary.comment import CommentId
from integration.diary.keys import Epoch
from integration.errors import DoesNotOpen, StoreError, WriteRefused
from integration.incident import Alias, Incident, IncidentId, SpaceName
from integration.logs import Log
from integration.store import Delivery, Receipt, TicketRecord
from webhook_server.store import restoring, space_ids
from webhook_server.store import tables as t
from webhook_server.store.arrivals import Arrival, keep
from webhook_server.store.erasing import IS_ERASED, erase_entry, erased_of
from webhook_server.store.group_commit import GroupCommit
from webhook_server.store.job_list import JobList
from webhook_server.store.observed import Observed
from webhook_server.store.rows import (
    comment_of,
    extend,
    head_of,
    incident_of,
    insert_desk_job,
    insert_epoch,
    insert_incident,
    note_posted,
    ref_of,
    upsert_found,
    upsert_ticket,
)
from webhook_server.store.sealing import begin_sealing, nothing_is_being_sealed
from webhook_server.store.transactions import Collision, one_after_another, reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from integration.code_name import CodeName
    from integration.diary.chain import Head
    from integration.diary.comment import CommentKind, SealedComment
    from integration.mirror import TicketRef
    from webhook_server.store.inbox_keys import InboxKeys
    from webhook_server.store.sealed import Sealer

_log = Log("coc.store")

_READERS_STEP = 4096
"""Bytes to which a list of readers is filled before it is sealed: the longest list of the longest aliases fits once."""


def _padded(readers: bytes) -> bytes:
    """With blanks up to the next step, so that the length of what is sealed does not tell how many read."""
    return readers.ljust(-(-len(readers) // _READERS_STEP) * _READERS_STEP)


class Database(JobList, Observed):
    """The :class:`integration.store.Store`, and the shelf from which desks and jobs read."""

    def __init__(self, engine: sa.Engine, sealer: Sealer, inbox_keys: InboxKeys) -> None:
        self._engine = engine
        self._sealer = sealer
        self._inbox_keys = inbox_keys
        self._arrivals = GroupCommit(self._keep)

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
        incident: Callable[[Callable[[CodeName], bool]], Incident],
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
        with self._inbox_keys.lock, self._write("The delivery was not stored.") as connection:
            begin_sealing(connection, self._inbox_keys.process)
            return keep(connection, arrivals, sealer=self._sealer, inbox_keys=self._inbox_keys)

    def separate(
        self, inbox_id: str, incident: Callable[[Callable[[CodeName], bool]], Incident]
    ) -> IncidentId:
        """Give a delivery an incident of its own."""
        with self._write("The delivery stays with the incident it came for.") as connection:
            row = connection.execute(sa.select(t.inbox.c.source).where(t.inbox.c.id == inbox_id)).one()
            own = self._sealer.digest("separated", inbox_id.encode())
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
            return sealed
        try:
            return self._inbox_keys.open(row.inbox_key, sealed, row.id)
        except DoesNotOpen:
            still = self._first(sa.select(t.inbox.c.sealed_report).where(t.inbox.c.id == row.id))
            if still is not None and still.sealed_report is None:  # handed over since the row was read
                return None
            raise

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

    # The diary --------------------------------------------------------------------------------------

    def epoch(self, incident: IncidentId) -> Epoch | None:
        """The public half of the current epoch."""
        row = self._first(
            sa.select(t.epoch)
            .where(t.epoch.c.incident_id == incident)
            .order_by(t.epoch.c.number.desc())
            .limit(1)
        )
        return None if row is None else Epoch(row.number, row.recipient, row.writing_key)

    def readers(self, incident: IncidentId) -> Sequence[Alias]:
        """Aliases of the members to whom the service wrapped the newest epoch it made."""
        row = self._first(
            sa.select(t.epoch)
            .where(t.epoch.c.incident_id == incident)
            .order_by(t.epoch.c.number.desc())
            .limit(1)
        )
        if row is None:
            return ()
        sealed = self._sealer.open(
            row.sealed_readers, table="epoch", column="sealed_readers", row=f"{incident}/{row.number}"
        )
        return tuple(Alias(alias) for alias in json.loads(sealed))

    def head(self, incident: IncidentId) -> Head:
        """The newest link of the diary."""
        with self._read() as connection:
            return head_of(connection, incident)

    def comments(self, incident: IncidentId) -> Sequence[SealedComment]:
        """Every comment of the diary in order, as ciphertext."""
        with self._read() as connection:
            rows = connection.execute(
                sa.select(t.comment)
                .where(t.comment.c.incident_id == incident, ~IS_ERASED)
                .order_by(t.comment.c.seq, t.comment.c.part)
            ).all()
        return tuple(comment_of(row) for row in rows)

    def erased(self, incident: IncidentId) -> Mapping[CommentId, CommentKind]:
        """The places of the comments that were erased, and their kinds."""
        with self._read() as connection:
            return erased_of(connection, incident)

    def erase(self, incident: IncidentId, seq: int, now: datetime) -> None:
        """Erase an entry's ciphertext and file, with a job that deletes them on the host, in one transaction."""
        with self._write("Nothing was erased.") as connection:
            erase_entry(connection, incident, seq)
            insert_desk_job(connection, incident, now)
        self.forget()

    def hand_over(
        self,
        inbox_id: str,
        *,
        head: Head,
        comments: Sequence[SealedComment],
        epoch: Epoch | None,
        readers: Sequence[Alias],
    ) -> None:
        """Keep new diary comments and erase the delivery's report, in one transaction."""
        with self._write("The diary was not changed; the report is still in the inbox.") as connection:
            self._extend(connection, head, comments, epoch, readers)
            connection.execute(
                t.inbox.update().where(t.inbox.c.id == inbox_id).values(sealed_report=None, inbox_key=None)
            )
        self.forget()

    def adopt(
        self,
        *,
        head: Head,
        comments: Sequence[SealedComment],
        epochs: Sequence[Epoch],
        readers: Sequence[Alias],
        posted: Mapping[CommentId, str],
        handed_over: str | None,
        found: str,
        now: datetime,
    ) -> None:
        """Keep comments that were found on the ticket, and erase the report that is among them."""
        with self._write("Nothing was taken over from the ticket.") as connection:
            self._extend(connection, head, comments, None, ())
            for epoch in epochs:
                self._open_epoch(connection, head.incident, epoch, readers)
            note_posted(connection, head.incident, posted)
            if handed_over is not None:
                over = t.inbox.update().where(t.inbox.c.id == handed_over)
                connection.execute(over.values(sealed_report=None, inbox_key=None))
            upsert_found(connection, head.incident, [found], now)
        self.forget()

    def record(
        self,
        *,
        head: Head,
        comments: Sequence[SealedComment],
        epoch: Epoch | None,
        readers: Sequence[Alias],
        now: datetime,
    ) -> None:
        """Keep what a desk wrote, with a job that brings it to the host, in one transaction."""
        with self._write("Nothing of the entry was kept.") as connection:
            self._extend(connection, head, comments, epoch, readers)
            insert_desk_job(connection, head.incident, now)

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

    def _extend(
        self,
        connection: sa.Connection,
        head: Head,
        comments: Sequence[SealedComment],
        epoch: Epoch | None,
        readers: Sequence[Alias],
    ) -> None:
        """Add comments to a diary whose head is still the one they were made for."""
        extend(connection, head, comments)
        if epoch is not None:
            self._open_epoch(connection, head.incident, epoch, readers)

    def _open_epoch(
        self, connection: sa.Connection, incident: IncidentId, epoch: Epoch, readers: Sequence[Alias]
    ) -> None:
        sealed = self._sealer.seal(
            _padded(json.dumps(list(readers)).encode()),
            table="epoch",
            column="sealed_readers",
            row=f"{incident}/{epoch.number}",
        )
        insert_epoch(connection, incident, epoch, sealed)

    def comments_posted(self, incident: IncidentId, posted: Mapping[CommentId, str]) -> None:
        """Note the host's ids of comments."""
        with self._write("The comments' ids were not noted.") as connection:
            note_posted(connection, incident, posted)

    def posted(self, incident: IncidentId) -> frozenset[CommentId]:
        """Comments that were seen on the present ticket."""
        query = sa.select(t.comment.c.seq, t.comment.c.part).where(
            t.comment.c.incident_id == incident, t.comment.c.host_comment_id.is_not(None)
        )
        with self._read() as connection:
            return frozenset(CommentId(row.seq, row.part) for row in connection.execute(query))

    def note_found(self, incident: IncidentId, kinds: Sequence[str], now: datetime) -> None:
        """Note that members are to be told what was found on the ticket."""
        with self._write("What was found on the ticket was not noted.") as connection:
            upsert_found(connection, incident, kinds, now)

    # Attachments ------------------------------------------------------------------------------------

    def keep_file(self, incident: IncidentId, name: str, content: bytes, now: datetime) -> None:
        """Keep the ciphertext of an attachment, with a job that brings it to the host, in one transaction."""
        with self._write("The file was not kept.") as connection:
            query = sa.select(t.file.c.content).where(t.file.c.incident_id == incident, t.file.c.name == name)
            kept = connection.execute(query).scalar()
            if kept is not None and kept != content:
                raise WriteRefused(
                    f"Other bytes are kept under the name {name}.",
                    next_step="Attach the file again; it then gets a name of its own.",
                )
            if kept is None:
                connection.execute(t.file.insert().values(incident_id=incident, name=name, content=content))
            insert_desk_job(connection, incident, now)

    def files(self, incident: IncidentId) -> Mapping[str, int]:
        """The attachments that are kept, in order: bytes of the ciphertext by name."""
        query = sa.select(t.file.c.name, sa.func.length(t.file.c.content)).where(
            t.file.c.incident_id == incident
        )
        with self._read() as connection:
            rows = connection.execute(query).all()
        return {row[0]: row[1] for row in sorted(rows, key=lambda row: (len(row[0]), row[0]))}

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        """The ciphertext of an attachment."""
        row = self._first(
            sa.select(t.file.c.content).where(t.file.c.incident_id == incident, t.file.c.name == name)
        )
        return None if row is None else bytes(row.content)

    # Plumbing ---------------------------------------------------------------------------------------

    def forget(self, *, of: str | None = None) -> None:
        """Destroy the inbox keys that no report needs, and empty SQLite's write-ahead log of what was erased.

        If the log is in use, or a key cannot be destroyed, the next time will do: what was handed over stays so. ``of``
        names another process that does not live any more, whose keys are destroyed instead of ours.
        """
        with self._inbox_keys.lock, self._read() as connection:
            if nothing_is_being_sealed(connection, of or self._inbox_keys.process):
                self._destroy_keys(connection, of)
        if self._engine.dialect.name == "sqlite":
            plain = self._engine.execution_options(coc_plain=True)
            with one_after_another(self._engine), reading(plain) as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _destroy_keys(self, connection: sa.Connection, of: str | None) -> None:
        needed = connection.scalars(
            sa.select(t.inbox.c.inbox_key).where(t.inbox.c.inbox_key.is_not(None)).distinct()
        ).all()
        try:
            self._inbox_keys.forget(set(needed), of=of)
        except StoreError as error:
            _log.error("inbox-key-stays", code=error.code)

    def _one(self, query: sa.Select[Any], what: str) -> sa.Row[Any]:
        row = self._first(query)
        if row is None:
            raise StoreError(f"The database does not hold {what}.", next_step="Restore it from a backup.")
        return row

    def _first(self, query: sa.Select[Any]) -> sa.Row[Any] | None:
        with self._read() as connection:
            return connection.execute(query).first()

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return reading(self._engine)

    def _write(self, consequence: str) -> AbstractContextManager[sa.Connection]:
        return writing(self._engine, consequence)
