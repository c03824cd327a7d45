"""The shelf from which desks read: sealed diaries of the incidents a member is cleared for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.errors import StoreError
from integration.incident import IncidentId
from integration.logs import Log
from integration.mirror import TicketName
from webhook_server.api_ports import ShelvedIncident, Waiting
from webhook_server.store import tables as t
from webhook_server.store.rows import incident_of
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integration.diary.chain import Head
    from integration.incident import SpaceName
    from integration.text import SealedText
    from webhook_server.store.database import Database

_log = Log("coc.store")


class Shelf:
    """The :class:`webhook_server.api_ports.DiaryShelf` on the database."""

    def __init__(self, engine: sa.Engine, database: Database, part_bytes: Callable[[SpaceName], int]) -> None:
        self._engine = engine
        self._database = database
        self._part_bytes = part_bytes

    def cleared_incident(self, code_name: str, alias: str) -> ShelvedIncident | None:
        """The incident of this code name, if this member is cleared for it. Looks at this one only."""
        found = self._listed(alias, t.incident.c.code_name == code_name)
        return next((one for one, cleared in found if cleared), None)

    def cleared_incidents(self, alias: str) -> Sequence[ShelvedIncident]:
        """Every incident this member is cleared for, newest first."""
        return [one for one, cleared in self.all_incidents(alias) if cleared]

    def all_incidents(self, alias: str) -> Sequence[tuple[ShelvedIncident, bool]]:
        """Every incident, newest first, and whether this member is cleared for it."""
        return self._listed(alias, sa.true())

    def _listed(self, alias: str, which: sa.ColumnElement[bool]) -> Sequence[tuple[ShelvedIncident, bool]]:
        query = (
            sa.select(
                t.incident,
                t.ticket.c.name.label("ticket_name"),
                t.ticket.c.url.label("ticket_url"),
                sa.func.coalesce(sa.func.nullif(t.ticket.c.stable, ""), t.ticket.c.host_id).label(
                    "ticket_id"
                ),
            )
            .join(t.ticket, t.ticket.c.incident_id == t.incident.c.id, isouter=True)
            .where(which)
            .order_by(t.incident.c.opened_at.desc())
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [(self._shelved(row), self._is_cleared(IncidentId(row.id), alias)) for row in rows]

    def _is_cleared(self, incident: IncidentId, alias: str) -> bool:
        """Whether the newest keyring was made for this member. One damaged row does not hide the others."""
        try:
            return alias in self._database.readers(incident)
        except StoreError as error:
            _log.error("readers-not-opened", incident=incident, code=error.code)
            return False

    def _shelved(self, row: sa.Row[Any]) -> ShelvedIncident:
        incident = incident_of(row)
        return ShelvedIncident(
            id=incident.id, code_name=incident.code_name, type=incident.type, stage=incident.stage,
            impact=incident.impact, likelihood=incident.likelihood, lead=incident.lead,
            secondary=incident.secondary, opened_at=incident.opened_at,
            ticket=None if row.ticket_name is None else TicketName(row.ticket_name),
            ticket_url=row.ticket_url, part_bytes=self._part_bytes(incident.space), ticket_id=row.ticket_id,
        )  # fmt: skip

    def comments(self, incident: IncidentId) -> Sequence[SealedText]:
        """The diary's comments in order."""
        return [comment.text for comment in self._database.comments(incident)]

    def head(self, incident: IncidentId) -> Head | None:
        """The newest link of the diary; None if it has no comment yet."""
        head = self._database.head(incident)
        return head if head.seq else None

    def waiting(self, incident: IncidentId) -> Waiting | None:
        """What is not on the ticket yet. The oldest job holds up those behind it, so its reason counts."""
        query = (
            sa.select(t.inbox.c.state, t.inbox.c.reason_code)
            .where(t.inbox.c.incident_id == incident, t.inbox.c.state != "done")
            .order_by(t.inbox.c.seq)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return Waiting(len(rows), rows[0].reason_code, rows[0].state == "parked") if rows else None

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        """The ciphertext of an attachment; None if there is none of this name."""
        return self._database.file(incident, name)

    def use_nonce(self, alias: str, nonce: str, expires: datetime) -> bool:
        """Remember a nonce until it expires; False if this member used it before."""
        with writing(self._engine, "The request was not answered.") as connection:
            used = sa.select(t.nonce).where(t.nonce.c.alias == alias, t.nonce.c.value == nonce)
            if connection.execute(used).first() is not None:
                return False
            connection.execute(t.nonce.insert().values(alias=alias, value=nonce, expires_at=expires))
            return True

    def forget_nonces(self, now: datetime) -> None:
        """Drop nonces whose requests would be refused as stale anyway."""
        with writing(self._engine, "Old nonces stay a little longer.") as connection:
            connection.execute(t.nonce.delete().where(t.nonce.c.expires_at < now))
