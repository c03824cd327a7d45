"""Tickets with our marker that nothing here works on: a restored backup has forgotten their incidents, or they are copies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from webhook_server.store import tables as t
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from integration.incident import SpaceName
    from integration.marked import MarkedTicket

AGAIN = timedelta(days=7)
"""Members are reminded so often for as long as such a ticket is there."""
_CLOCK_SLACK = timedelta(hours=1)


class Stray(NamedTuple):
    """Such a ticket. ``is_second`` is whether its incident is here and has another one."""

    space: str
    key: str
    is_second: bool = False


class Strays:
    """The table ``stray``."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def note(self, space: SpaceName, marked: Collection[MarkedTicket], now: datetime) -> None:
        """Keep those of a space's marked tickets, listed a moment ago, that nothing here works on; drop what is none any more.

        An incident is in the database before its ticket is on the host, so none that is just being opened is among them.
        Of an incident whose ticket is not known yet, or not any more, it is not known either which one is a second.
        """
        with writing(self._engine, "Unknown tickets are looked for again.") as connection:
            strange = _strange(marked, space, _tickets(connection))
            here = t.stray.c.space == space
            noted = {
                row.key: row.is_second
                for row in connection.execute(sa.select(t.stray.c.key, t.stray.c.is_second).where(here))
            }
            if gone := [key for key, is_second in noted.items() if strange.get(key) is not is_second]:
                connection.execute(t.stray.delete().where(here, t.stray.c.key.in_(gone)))
            new = [key for key, is_second in strange.items() if noted.get(key) is not is_second]
            if new:
                rows = [
                    {"space": space, "key": key, "found_at": now, "is_second": strange[key]}
                    for key in sorted(new)
                ]
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
            rows = connection.execute(sa.select(t.stray.c.space, t.stray.c.key, t.stray.c.is_second)).all()
        return sorted((Stray(*row) for row in rows), key=_by_number)

    def not_told(self) -> None:
        """It could not be sent; it is tried again."""
        with writing(self._engine, "Members are told of unknown tickets later.") as connection:
            connection.execute(t.stray.update().values(told_at=None))


_Known = tuple[str, str | None]
"""An incident's ticket space, and the host's id of its ticket."""


def _tickets(connection: sa.Connection) -> dict[str, _Known]:
    """By incident."""
    query = sa.select(t.incident.c.id, t.incident.c.space, t.ticket.c.host_id).outerjoin(t.ticket)
    return {row.id: (row.space, row.host_id) for row in connection.execute(query)}


def _strange(
    marked: Collection[MarkedTicket], space: SpaceName, known: Mapping[str, _Known]
) -> dict[str, bool]:
    """The keys of those on which nothing here works, and whether each is a second ticket.

    Not what is the ticket of any incident, whatever else somebody put on it: its own job looks after that.
    """
    ours = {host_id for where, host_id in known.values() if where == space}
    strange: dict[str, bool] = {}
    for ticket in marked:
        _, host_id = known.get(ticket.incident, ("", None))
        if ticket.incident not in known:
            strange[ticket.key] = False
        elif host_id is not None and ticket.id not in ours:
            strange.setdefault(ticket.key, True)
    return strange


def _by_number(stray: Stray) -> tuple[str, int, str]:
    return stray.space, len(stray.key), stray.key
