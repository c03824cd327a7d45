"""What the boards are made of, read in two queries; and where each board stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.board import BoardRecord
from integration.incident import IncidentId, Stage
from integration.process import StepKey
from webhook_server.store import tables as t
from webhook_server.store.rows import incident_of, ref_of
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from integration.incident import Incident, SpaceName
    from integration.mirror import TicketRef


def chore_of(space: SpaceName) -> str:
    """The name under which it is noted when a board was last looked at."""
    return f"board of {space}"


class BoardBook:
    """Reads incidents for the boards, and the table ``board``. Only columns in clear, so it needs no key."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def incidents(self, space: SpaceName, since: datetime) -> list[tuple[Incident, TicketRef | None]]:
        """The open incidents of a ticket space, those opened since then, and where their tickets are."""
        incident = t.incident.c
        wanted = sa.or_(incident.stage != Stage.CLOSED.value, incident.opened_at >= since)
        query = sa.select(t.incident).where(incident.space == space, wanted).order_by(incident.opened_at)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
            tickets = connection.execute(
                sa.select(t.ticket).join(t.incident).where(incident.space == space, wanted)
            ).all()
        refs = {row.incident_id: ref_of(row) for row in tickets}
        return [(incident_of(row), refs.get(row.id)) for row in rows]

    def steps(self, space: SpaceName) -> dict[IncidentId, dict[StepKey, bool]]:
        """Which steps need no more work (done, or skipped), of the open incidents whose tickets were looked at."""
        step, incident = t.step, t.incident.c
        query = (
            sa.select(step.c.incident_id, step.c.key, step.c.status)
            .join(t.incident, incident.id == step.c.incident_id)
            .where(incident.space == space, incident.stage != Stage.CLOSED.value)
        )
        found: dict[IncidentId, dict[StepKey, bool]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                found.setdefault(IncidentId(row.incident_id), {})[StepKey(row.key)] = row.status != "open"
        return found

    def known(self, space: SpaceName) -> BoardRecord | None:
        """The board of a ticket space as it was last seen; None if none was made yet."""
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(t.board).where(t.board.c.space == space)).first()
        return None if row is None else BoardRecord(row.host_id, row.shows)

    def forget(self, space: SpaceName) -> bool:
        """Forget a board; whether one was known."""
        with writing(self._engine, "The board is still renewed.") as connection:
            connection.execute(t.chore.delete().where(t.chore.c.name == chore_of(space)))
            connection.execute(_trouble_ends(space))
            return bool(connection.execute(t.board.delete().where(t.board.c.space == space)).rowcount)

    def keep(self, space: SpaceName, record: BoardRecord, now: datetime) -> None:
        """Note how a board stands now. Whoever looked at it, by the clock or by hand, it fails no more."""
        values = {"host_id": record.host_id, "shows": record.digest, "seen_at": now}
        with writing(self._engine, "Where the board stands was not noted.") as connection:
            changed = connection.execute(t.board.update().where(t.board.c.space == space).values(**values))
            if changed.rowcount == 0:
                connection.execute(t.board.insert().values(space=space, **values))
            connection.execute(_trouble_ends(space))


def _trouble_ends(space: SpaceName) -> sa.Delete:
    trouble = t.chore_trouble.c
    return t.chore_trouble.delete().where(trouble.chore == "boards", trouble.part == space)
