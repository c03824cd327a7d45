"""Which repository or project was proven under a ticket space's name: by the host's own id, also after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from webhook_server.store import tables as t
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from integration.incident import SpaceName


def known(engine: sa.Engine, space: SpaceName) -> str | None:
    """The id that is kept; None before the first proof."""
    with reading(engine) as connection:
        found: str | None = connection.scalar(sa.select(t.space.c.host_id).where(t.space.c.name == space))
    return found


def accept(engine: sa.Engine, space: SpaceName, host_id: str, now: datetime) -> None:
    """Keep this id in place of another, and let everything that waits for this ticket space be tried at once."""
    keep(engine, space, host_id, now)
    there = sa.select(t.incident.c.id).where(t.incident.c.space == space)
    with writing(engine, "What waits is tried at its own time.") as connection:
        connection.execute(
            t.inbox.update()
            .where(t.inbox.c.state != "done", t.inbox.c.incident_id.in_(there))
            .values(due_at=now, due_noted_at=now)
        )


def keep(engine: sa.Engine, space: SpaceName, host_id: str, now: datetime) -> None:
    """Keep this id in place of any other."""
    with writing(engine, "Which one stands under this name was not noted.") as connection:
        changed = connection.execute(
            t.space.update().where(t.space.c.name == space).values(host_id=host_id, kept_at=now)
        )
        if changed.rowcount == 0:
            connection.execute(t.space.insert().values(name=space, host_id=host_id, kept_at=now))
