"""The diaries: ciphertext that moves on in one step, the epochs it is sealed for, and the files beside it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.diary.comment import CommentId
from integration.diary.keys import Epoch
from integration.errors import WriteRefused
from integration.incident import Alias
from webhook_server.store import tables as t
from webhook_server.store.erasing import IS_ERASED, erase_entry, erased_of
from webhook_server.store.rows import (
    comment_of,
    extend,
    head_of,
    insert_desk_job,
    insert_epoch,
    note_posted,
    upsert_found,
)
from webhook_server.store.sealing import begin_sealing_with_root_key
from webhook_server.store.transactions import Transacting, done_by_another

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from integration.diary.chain import Head
    from integration.diary.comment import CommentKind, SealedComment
    from integration.incident import IncidentId
    from webhook_server.store.sealed import Sealer

_READERS_STEP = 4096
"""Bytes to which a list of readers is filled before it is sealed: the longest list of the longest aliases fits once."""


def _padded(readers: bytes) -> bytes:
    """With blanks up to the next step, so that the length of what is sealed does not tell how many read."""
    return readers.ljust(-(-len(readers) // _READERS_STEP) * _READERS_STEP)


class Diaries(Transacting, ABC):
    """The part of the :class:`webhook_server.store.database.Database` that keeps the diaries."""

    _sealer: Sealer

    @abstractmethod
    def forget(self, *, of: str | None = None) -> None:
        """Destroy what still opens a report that was erased."""

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
        """Keep new diary comments and erase the delivery's report, in one transaction.

        Erasing it comes first: of two servers at the same report the second waits here for the first, and then finds nothing.
        """
        with self._write("The diary was not changed; the report is still in the inbox.") as connection:
            still_there = (
                t.inbox.c.id == inbox_id,
                t.inbox.c.incident_id == head.incident,
                t.inbox.c.sealed_report.is_not(None),
            )
            erased = connection.execute(
                t.inbox.update().where(*still_there).values(sealed_report=None, inbox_key=None)
            )
            if erased.rowcount != 1:
                raise done_by_another()
            self._extend(connection, head, comments, epoch, readers)
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
        begin_sealing_with_root_key(connection)
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
