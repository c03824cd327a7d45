"""Who works on this database: each process says so every few seconds, by the database's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

import sqlalchemy as sa

from webhook_server.store import tables as t
from webhook_server.store.clocks import database_time
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

BEAT = timedelta(seconds=5)
GONE_AFTER = timedelta(seconds=60)
"""A process that was silent for so long is taken for dead. Generous: one that only stood still would see its work
done again by another, and it is the lock on each incident that then keeps the two apart."""
SILENT_AFTER = 2 * BEAT
"""A process that was silent for so long may be dead. If it is, its session is over and its name is free."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process, as the others on this database judge it. ``silent`` is for how long it has said nothing."""

    name: str
    started_at: datetime
    silent: timedelta
    version: str
    root_key_id: str

    @property
    def is_silent(self) -> bool:
        """Whether it has missed a beat, so that it is worth looking whether it lives."""
        return self.silent > SILENT_AFTER

    @property
    def is_gone(self) -> bool:
        """Whether it is taken for dead."""
        return self.silent > GONE_AFTER


class Workers:
    """The table of them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def beat(self, name: str, *, root_key_id: str, starts: bool = False) -> None:
        """Say that this process lives, and which root key it seals with."""
        with writing(self._engine, "Others may take this server for dead.") as connection:
            now = database_time(connection)
            values = {"seen_at": now, "version": version("coc-mirror"), "root_key_id": root_key_id}
            if starts:
                values["started_at"] = now
            changed = connection.execute(t.worker.update().where(t.worker.c.name == name).values(values))
            if changed.rowcount == 0:
                connection.execute(t.worker.insert().values({"started_at": now, **values, "name": name}))

    def all(self) -> Sequence[Worker]:
        """Every process that works on this database, or did and was not stopped in good order."""
        with reading(self._engine) as connection:
            now = database_time(connection)
            rows = connection.execute(sa.select(t.worker).order_by(t.worker.c.name)).all()
        return [
            Worker(row.name, row.started_at, now - row.seen_at, row.version, row.root_key_id) for row in rows
        ]

    def leave(self, name: str) -> None:
        """This process works no more, or another has taken over what it left."""
        with writing(self._engine, "The worker stays in the list.") as connection:
            connection.execute(t.worker.delete().where(t.worker.c.name == name))
