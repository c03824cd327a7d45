"""The rosters that the service has accepted: what it judges the next one by, also after a restart.

The newest is the one in use. Each is kept whole and sealed, because it holds members' names; a number that was
accepted is never written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import ConfigError, StoreError
from integration.roster import Roster, parse_roster
from webhook_server.store import tables as t
from webhook_server.store.sealing import begin_sealing_with_root_key
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.roster_files import Step
    from webhook_server.store.sealed import Sealer


class RosterPin:
    """Accepted rosters in the database."""

    def __init__(self, engine: sa.Engine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    def newest(self) -> Roster | None:
        """The roster in use; None before the first.

        Raises:
            StoreError: what is stored is not what was stored.
        """
        with reading(self._engine) as connection:
            return newest_roster(connection, self._sealer)

    def keep(self, steps: Sequence[Step], now: datetime) -> None:
        """Note that these rosters were accepted, one after the other; the last is the one in use.

        Raises:
            StoreError: the database did not take it; also if one of these numbers was accepted before.
        """
        if not steps:
            return
        with writing(self._engine, "The roster before stays in use.") as connection:
            begin_sealing_with_root_key(connection)
            connection.execute(
                t.roster.insert(),
                [
                    {
                        "serial": step.roster.serial, "hash": step.roster.hash, "accepted_at": now,
                        "sealed_file": self._sealer.seal(
                            step.file.raw, table="roster", column="sealed_file", row=str(step.roster.serial)
                        ),
                    }
                    for step in steps
                ],
            )  # fmt: skip


def newest_roster(connection: sa.Connection, sealer: Sealer) -> Roster | None:
    """The roster in use as this transaction sees it; None before the first.

    Raises:
        StoreError: what is stored is not what was stored.
    """
    row = connection.execute(sa.select(t.roster).order_by(t.roster.c.serial.desc()).limit(1)).first()
    if row is None:
        return None
    raw = sealer.open(row.sealed_file, table="roster", column="sealed_file", row=str(row.serial))
    try:
        roster = parse_roster(raw, where="The stored roster")
    except ConfigError:
        raise _damaged() from None
    if (roster.serial, roster.hash) != (row.serial, row.hash):
        raise _damaged()
    return roster


def _damaged() -> StoreError:
    return StoreError(
        "The stored roster was changed.",
        meaning="The next one cannot be judged by it.",
        next_step="Restore the database from a backup.",
    )
