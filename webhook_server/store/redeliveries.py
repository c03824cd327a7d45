"""Which deliveries of a host's webhook we asked for again, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from webhook_server.store import tables as t
from webhook_server.store.transactions import Collision, reading, writing

if TYPE_CHECKING:
    from datetime import datetime

WAITS: Final = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=12))
"""After the first, second, … time of asking; after the last of them it is asked for once more, and then not again."""

_KEPT: Final = timedelta(days=4)
"""Longer than the host can send anything again."""
_CLOCK_SLACK: Final = timedelta(hours=1)


class Redeliveries:
    """The table ``redelivery``."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def may_ask(self, hook: str, guid: str, now: datetime) -> bool:
        """Whether to ask for an event (now); it counts as asked from then on."""
        row = t.redelivery.c
        this = sa.and_(row.hook == hook, row.guid == guid)
        with reading(self._engine) as connection:
            known = connection.execute(sa.select(row.asked_at, row.tries).where(this)).first()
        if known is not None and not _is_over(known.tries, known.asked_at, now):
            return False
        try:
            with writing(self._engine, "The delivery was not asked for.") as connection:
                if known is None:
                    connection.execute(
                        t.redelivery.insert().values(hook=hook, guid=guid, asked_at=now, tries=1)
                    )
                    return True
                again = t.redelivery.update().where(this, row.tries == known.tries)
                return bool(connection.execute(again.values(asked_at=now, tries=known.tries + 1)).rowcount)
        except Collision:  # another worker asks
            return False

    def tries(self, hook: str) -> dict[str, int]:
        """How often each event of a webhook was asked for."""
        row = t.redelivery.c
        with reading(self._engine) as connection:
            found = connection.execute(sa.select(row.guid, row.tries).where(row.hook == hook)).all()
        return {one.guid: one.tries for one in found}

    def forget(self, now: datetime) -> None:
        """Drop what is too old to be sent again."""
        old = t.redelivery.c.asked_at < now - _KEPT
        with reading(self._engine) as connection:
            if connection.execute(sa.select(t.redelivery.c.guid).where(old).limit(1)).first() is None:
                return
        with writing(self._engine, "Old rows stay a little longer.") as connection:
            connection.execute(t.redelivery.delete().where(old))


def _is_over(tries: int, asked_at: datetime, now: datetime) -> bool:
    """Whether the wait after so many tries is over. A time ahead was noted by a clock that has been put back since."""
    return tries <= len(WAITS) and (asked_at + WAITS[tries - 1] <= now or asked_at > now + _CLOCK_SLACK)
