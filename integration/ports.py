"""What the use cases need from outside: a host, a database, a clock, a way to tell members.

Every method says what makes it safe to call again after a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.audience import Audience
    from integration.diary.comment import CommentId
    from integration.incident import IncidentId, SpaceName
    from integration.mirror import Difference, MirrorView, TicketRef, TicketState

HostKind = Literal["jira", "github"]


class Clock(Protocol):
    """The time, passed in so that tests can set it."""

    def now(self) -> datetime:
        """The current time, with time zone UTC."""
        ...


class Host(Protocol):
    """One ticket space in Jira or GitHub, seen with the service's own credential.

    No method repeats a write by itself. Every error is a :class:`integration.errors.HostError` that
    holds no body, no token and nothing from a report. After
    :class:`~integration.errors.HostUnknownOutcome` the caller reads before it writes again.
    """

    @property
    def kind(self) -> HostKind:
        """Which kind of host this is; the roster names accounts by it."""
        ...

    @property
    def space(self) -> SpaceName:
        """The configured name of the ticket space."""
        ...

    @property
    def own_accounts(self) -> frozenset[str]:
        """The service's own account on the host, as it turns up in :meth:`audience`."""
        ...

    @property
    def part_bytes(self) -> int:
        """How many bytes of an entry's body fit into one diary comment."""
        ...

    def audience(self) -> Audience:
        """Who can read the ticket space now. Reads only."""
        ...

    def find(self, incident: IncidentId, *, since: datetime) -> tuple[TicketRef, ...]:
        """Tickets that carry this incident's marker, oldest first. Reads only.

        The host's search may lag: an empty answer soon after a write proves nothing. ``since`` is
        when we first tried to open the ticket; older tickets need not be looked at.
        """
        ...

    def open_ticket(self, view: MirrorView) -> TicketRef:
        """Write the parent ticket, restricted, with marker and fields; check that all of it stuck.

        Not repeatable: after an unknown outcome, :meth:`find` first.
        """
        ...

    def read(self, ref: TicketRef, view: MirrorView) -> TicketState:
        """The ticket as it is now, read by the host's own ids (not by its search).

        Raises:
            HostGone: the ticket is not there.
        """
        ...

    def write(self, ref: TicketRef, view: MirrorView, lacking: Difference) -> dict[CommentId, str]:
        """Write what the ticket lacks: fields, then steps in order, then comments in order.

        Safe to call again only with a difference from a fresh :meth:`read`. Refuses to follow a
        ticket into another ticket space.

        Returns:
            The host's ids of the comments that were written.
        """
        ...


class Notifier(Protocol):
    """Tells members that something waits for them, without any content."""

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:
        """Send the same notice to each address, separately. Sending twice is harmless."""
        ...
