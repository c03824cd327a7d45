"""Tickets with our marker whose incidents this database does not know: what a restored backup has forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from webhook_server.store import tables as t
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from integration.incident import SpaceName
    from integration.marked import MarkedTicket

AGAIN = timedelta(days=7)
"""Members are reminded so often for as long as such a ticket is there."""
_CLOCK_SLACK = timedelta(hours=1)

Stray = tuple[str, str]
"""Ticket space, and the ticket's key."""


class Strays:
    """The table ``stray``."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def note(self, space: SpaceName, marked: Collection[MarkedTicket], now: datetime) -> None:
        """Keep those of a space's marked tickets, listed a moment ago, whose incidents are not here; drop what is none any more.

        An incident is in the database before its ticket is on the host, so none that is just being opened is among them.
        """
        with writing(self._engine, "Unknown tickets are looked for again.") as connection:
            known = set(connection.scalars(sa.select(t.incident.c.id)))
            strange = {ticket.key for ticket in marked if ticket.incident not in known}
            here = t.stray.c.space == space
            noted = set(connection.scalars(sa.select(t.stray.c.key).where(here)))
            if gone := noted - strange:
                connection.execute(t.stray.delete().where(here, t.stray.c.key.in_(gone)))
            if new := strange - noted:
                rows = [{"space": space, "key": key, "found_at": now} for key in sorted(new)]
                connection.execute(t.stray.insert(), rows)

    def forget_other_spaces(self, spaces: Collection[SpaceName]) -> None:
        """Drop what belongs to a ticket space that is not configured any more: nobody looks there."""
        with writing(self._engine, "Unknown tickets of other spaces stay.") as connection:
            connection.execute(t.stray.delete().where(t.stray.c.space.not_in(list(spaces))))

    def to_tell(self, now: datetime) -> Sequence[Stray]:
        """Those of which members are to be told now. They count as told from now on, so that one worker of several tells.

        All are given as soon as one is news, since they belong together.
        """
        told = t.stray.c.told_at
        due = sa.or_(told.is_(None), told <= now - AGAIN, told > now + _CLOCK_SLACK)
        with reading(self._engine) as connection:
            if connection.execute(sa.select(t.stray.c.key).where(due).limit(1)).first() is None:
                return ()
        with writing(self._engine, "Members are told of unknown tickets later.") as connection:
            if not connection.execute(t.stray.update().where(due).values(told_at=now)).rowcount:
                return ()
            rows = connection.execute(sa.select(t.stray.c.space, t.stray.c.key)).all()
        return sorted(((row.space, row.key) for row in rows), key=_by_number)

    def not_told(self) -> None:
        """It could not be sent; it is tried again."""
        with writing(self._engine, "Members are told of unknown tickets later.") as connection:
            connection.execute(t.stray.update().values(told_at=None))


def _by_number(stray: Stray) -> tuple[str, int, str]:
    space, key = stray
    return space, len(key), key
