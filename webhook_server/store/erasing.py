"""Comments whose ciphertext was erased by a redaction: their rows stay, as stubs that prove their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.diary.attachment import file_name
from integration.diary.comment import CommentId, CommentKind
from integration.diary.erased import MARK, without_ciphertext
from webhook_server.store import tables as t
from webhook_server.store.rows import comment_of

if TYPE_CHECKING:
    from integration.incident import IncidentId

IS_ERASED = t.comment.c.text.contains(f"\n{MARK}")


def erase_entry(connection: sa.Connection, incident: IncidentId, seq: int) -> None:
    """Put stubs in the place of an entry's comments, and drop its file. What is erased already stays as it is."""
    entry = sa.and_(t.comment.c.incident_id == incident, t.comment.c.seq == seq)
    for row in connection.execute(sa.select(t.comment).where(entry, ~IS_ERASED)).all():
        stub = without_ciphertext(comment_of(row).text)
        connection.execute(
            t.comment.update()
            .where(entry, t.comment.c.part == row.part)
            .values(text=stub, host_comment_id=None)
        )
    connection.execute(
        t.file.delete().where(t.file.c.incident_id == incident, t.file.c.name == file_name(seq))
    )


def erased_of(connection: sa.Connection, incident: IncidentId) -> dict[CommentId, CommentKind]:
    """The places of an incident's erased comments, and their kinds."""
    query = (
        sa.select(t.comment.c.seq, t.comment.c.part, t.comment.c.kind)
        .where(t.comment.c.incident_id == incident, IS_ERASED)
        .order_by(t.comment.c.seq, t.comment.c.part)
    )
    rows = connection.execute(query).all()
    return {CommentId(row.seq, row.part): CommentKind(row.kind) for row in rows}
