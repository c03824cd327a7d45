"""What a restore changes: a ticket that is gone is forgotten, and what waits for its ticket is tried at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from webhook_server.store import tables as t
from webhook_server.store.rows import insert_desk_job

if TYPE_CHECKING:
    from datetime import datetime

    from integration.incident import IncidentId
    from integration.mirror import TicketRef

_FORGOTTEN = ("attempted_at", "name", "host_id", "key", "url", "stable")


def restore(connection: sa.Connection, incident: IncidentId, gone: TicketRef | None, now: datetime) -> None:
    """Forget the ticket if it is still ``gone``, let all that waits be due, and see that there is a job at all.

    Where no ticket is known, a job is opening one, perhaps with an outcome that nobody knows yet. Then neither the
    time of that attempt is touched nor a second job made.
    """
    ticket = t.ticket.c
    if gone is not None:
        forgotten = connection.execute(
            t.ticket.update()
            .where(
                ticket.incident_id == incident,
                ticket.host_id == gone.id,
                sa.func.coalesce(ticket.stable, "") == gone.stable,
            )
            .values(**dict.fromkeys(_FORGOTTEN))
        )
        if forgotten.rowcount:  # none of its comments was seen on the new one
            unseen = t.comment.update().where(t.comment.c.incident_id == incident)
            connection.execute(unseen.values(host_comment_id=None))
    waiting = connection.execute(
        t.inbox.update()
        .where(t.inbox.c.incident_id == incident, t.inbox.c.state != "done")
        .values(due_at=now, due_noted_at=now)
    ).rowcount
    is_known = sa.select(ticket.host_id).where(ticket.incident_id == incident, ticket.host_id.is_not(None))
    if not waiting or connection.execute(is_known).first() is not None:
        insert_desk_job(connection, incident, now)
