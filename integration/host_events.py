"""What a host's webhook tells us, as hints: which ticket to read again, and never what stands on it.

A host's own ``events.py`` proves where a delivery is from and reads it (:class:`HostEvents`); the server notes the
hint as a job, and :func:`integration.observing.is_observed` reads the ticket itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Touched(StrEnum):
    """What an event says was touched."""

    TICKET = "ticket"
    """Fields, title, marker, state, place or restriction of a ticket."""
    STEPS = "steps"
    """A sub-task or sub-issue: done, reopened, skipped, added, removed."""
    COMMENTS = "comments"
    """A comment on a ticket: added, edited, deleted."""
    SPACE = "space"
    """The ticket space itself: its visibility, its place, who may read it."""


@dataclass(frozen=True, slots=True)
class HostEvent:
    """One event.

    ``delivery`` is the host's id of it, the same when it is sent again. ``ticket`` is the id of the incident's ticket as
    in :class:`integration.mirror.TicketRef` (for a step its parent's where the event says so, otherwise its own); None if the event is
    about the ticket space, or does not name the ticket. ``account`` acted, as the host says; ``own`` is whether that is
    the service's own account. It writes to tickets and never changes who can read: an event of its own about the ticket
    space comes from somebody else with its token, or from an owner whose token the service was given.
    """

    delivery: str
    touched: Touched
    ticket: str | None
    account: str
    own: bool


class HostEvents(Protocol):
    """Reads one host's deliveries for one ticket space."""

    def read(self, headers: Mapping[str, str], raw: bytes) -> HostEvent | None:
        """What a delivery says; None for a kind of event that is of no use to us, or of another ticket space.

        Raises:
            Unauthenticated: the signature is lacking or wrong.
            UnreadableSubmission: rightly signed, but not of a shape that the host documents.
        """
        ...
