"""Who has not got a notice that others got. An address is kept as a keyed digest only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from webhook_server.store import tables as t
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from webhook_server.store.sealed import Sealer

_WAIT = timedelta(minutes=1)
"""Until the first try again; twice as long after each."""
_AWAY, _LONGEST_AWAY = timedelta(minutes=30), timedelta(days=3)
"""Between two looks whether the mail server is back; and after so long it may be this very mail that it ends each session at."""
_TRIES = 10
"""Within 17 hours. A mailbox that refuses for good is left alone then, until the next notice."""

left = t.notice_left.c
IS_LEFT_OVER = t.inbox.c.id.in_(
    sa.select(left.inbox_id).where(
        sa.or_(left.due_at <= sa.bindparam("now"), left.due_at > sa.bindparam("longest"))
    )
) & t.inbox.c.told.like(t.inbox.c.state + "%")
"""Takes ``now`` and ``longest``. What was told of another state is over: if the new one is news, it is told to all."""


class NoticesLeft:
    """The table ``notice_left``."""

    _engine: sa.Engine
    _sealer: Sealer

    def left_of(self, inbox_id: str, addresses: Sequence[str]) -> list[str]:
        """Those of the addresses that have not got the notice yet. Who is not among them any more is not to get it."""
        with reading(self._engine) as connection:
            mine = sa.select(left.address_digest).where(left.inbox_id == inbox_id)
            digests = set(connection.execute(mine).scalars())
        return [one for one in addresses if self._address(one) in digests]

    def told_the_rest(self, inbox_id: str, still: Collection[str] | None, now: datetime) -> int:
        """The notice was tried again and these have not got it; how many of them are given up.

        None: it could not be tried, as when the mail server is away, which is no try of theirs.
        """
        mine = left.inbox_id == inbox_id
        with writing(self._engine, "Whom a notice did not reach was not noted.") as connection:
            if still is None and _told_at(connection, inbox_id) > now - _LONGEST_AWAY:
                connection.execute(t.notice_left.update().where(mine).values(due_at=now + _AWAY))
                return 0
            if still is None:
                return connection.execute(t.notice_left.delete().where(mine)).rowcount
            got_it = left.address_digest.not_in([self._address(one) for one in still])
            connection.execute(t.notice_left.delete().where(mine, got_it))
            tries = connection.execute(sa.select(sa.func.max(left.tries)).where(mine)).scalar() or 0
            if tries >= _TRIES - 1:
                return connection.execute(t.notice_left.delete().where(mine)).rowcount
            later = {"tries": tries + 1, "due_at": now + _WAIT * 2 ** (tries + 1)}
            connection.execute(t.notice_left.update().where(mine).values(**later))
        return 0

    def _leave(self, connection: sa.Connection, inbox_id: str, still: Collection[str], now: datetime) -> None:
        """A notice was sent, and did not reach these. It takes the place of the one before."""
        connection.execute(t.notice_left.delete().where(left.inbox_id == inbox_id))
        rows = [
            {"inbox_id": inbox_id, "address_digest": one, "tries": 0, "due_at": now + _WAIT}
            for one in {self._address(one) for one in still}
        ]
        if rows:
            connection.execute(t.notice_left.insert(), rows)

    def _address(self, address: str) -> str:
        return self._sealer.digest("notice", address.encode())


def _told_at(connection: sa.Connection, inbox_id: str) -> datetime:
    """When the others got the notice."""
    told: datetime = connection.execute(
        sa.select(t.inbox.c.told_at).where(t.inbox.c.id == inbox_id)
    ).scalar_one()
    return told


LONGEST = _WAIT * 2**_TRIES
"""What is due later than in so long was noted by a clock that has been put back since."""
