"""Tickets that carry a marker of ours, whichever incident it names: how a database finds out what it has forgotten, or has twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.incident import IncidentId


@dataclass(frozen=True, slots=True)
class MarkedTicket:
    """A ticket's key on its host, the incident that its marker names, and the host's own id of it (TicketRef.id)."""

    key: str
    incident: IncidentId
    id: str


class TicketList(Protocol):
    """A ticket space whose tickets can be listed; both hosts are."""

    def marked(self) -> Sequence[MarkedTicket]:
        """Every ticket with a marker of ours, open or closed. Reads only, by one listing; for once a night.

        The listing may lag behind the newest tickets.
        """
        ...
