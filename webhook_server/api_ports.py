"""What the API for desks needs: the shelf of sealed diaries, and whoever does what a desk asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.code_name import CodeName
    from integration.diary.chain import Head
    from integration.incident import Alias, IncidentId, IncidentType, Stage
    from integration.mirror import TicketName
    from integration.risk import Level
    from integration.text import SealedText


@dataclass(frozen=True, slots=True)
class ShelvedIncident:
    """What the service may tell a cleared member's desk about an incident: public fields only.

    ``ticket`` and ``ticket_url`` are None until the ticket is open on its host. ``ticket_id`` is what no other ticket
    ever has, where the ticket's name could be given again.
    """

    id: IncidentId
    code_name: CodeName
    type: IncidentType
    stage: Stage
    impact: Level | None
    likelihood: Level | None
    lead: Alias | None
    secondary: Alias | None
    ticket: TicketName | None
    ticket_url: str | None
    opened_at: datetime
    part_bytes: int
    ticket_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is kept here and not on the ticket yet.

    ``code`` is what the first of the ``jobs`` waits for, None where it was not tried yet; ``parked``: it needs a person.
    """

    jobs: int
    code: str | None
    parked: bool


class DiaryShelf(Protocol):
    """Where the service keeps the sealed diaries, and who is cleared for which. All methods but one read."""

    def cleared_incident(self, code_name: str, alias: str) -> ShelvedIncident | None:
        """The incident of this code name, if this member is cleared for it.

        None when there is none and when the member is not cleared: the same work for both, so that
        the time it takes does not tell them apart. ``code_name`` is whatever a URL held.
        """
        ...

    def cleared_incidents(self, alias: str) -> Sequence[ShelvedIncident]:
        """Every incident this member is cleared for, newest first."""
        ...

    def all_incidents(self, alias: str) -> Sequence[tuple[ShelvedIncident, bool]]:
        """Every incident, newest first, and whether this member is cleared for it."""
        ...

    def comments(self, incident: IncidentId) -> Sequence[SealedText]:
        """The diary's comments in order, each with plain line, ciphertext and seal."""
        ...

    def head(self, incident: IncidentId) -> Head | None:
        """The newest link of the diary; None or its genesis if it has no comment yet."""
        ...

    def waiting(self, incident: IncidentId) -> Waiting | None:
        """What is not on the ticket yet; None if everything is."""
        ...

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        """The ciphertext of an attachment; None if there is none of this name."""
        ...

    def use_nonce(self, alias: str, nonce: str, expires: datetime) -> bool:
        """Remember a nonce until after ``expires``; False if this member used it before. One transaction."""
        ...


class DeskWork(Protocol):
    """What a cleared member's desk may ask to be done; see :mod:`integration.deskwork`."""

    def record(
        self, incident: IncidentId, texts: Sequence[str], head: Head, readers: Sequence[Alias]
    ) -> Head:
        """Keep comments that a desk wrote. Raises HeadConflict or WriteRefused."""
        ...

    def attach(self, incident: IncidentId, name: str, content: bytes) -> None:
        """Keep the ciphertext of an attachment. Raises WriteRefused."""
        ...

    def restore(self, incident: IncidentId, *, new_ticket: bool) -> None:
        """Let what the ticket lacks be written again. Raises WriteRefused or HostError."""
        ...

    def erase(self, incident: IncidentId, seq: int, redaction: int) -> None:
        """Erase an entry that a later one redacts, here and on the host. Raises WriteRefused."""
        ...
