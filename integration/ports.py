"""What the use cases need from outside: a host, a database, a clock, a way to tell members.

Every method says what makes it safe to call again after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from integration.mirror import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from integration.audience import Audience
    from integration.diary.comment import CommentId
    from integration.host_events import Touched
    from integration.incident import IncidentId, SpaceName
    from integration.mirror import Difference, MirrorView, PlainComment, StepView, TicketRef, TicketState

HostKind = Literal["jira", "github"]


class Clock(Protocol):
    """The time, passed in so that tests can set it."""

    def now(self) -> datetime:
        """The current time, with time zone UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a host may be written to.

    ``limits`` are pairs: so many writes in any so many seconds. ``gap`` is how many seconds lie between two
    requests that write, however many writes each of them counts.
    """

    limits: tuple[tuple[int, float], ...] = ()
    gap: float = 0.0


class Budget(Protocol):
    """What may still be written to the hosts, shared by all processes that work on one database.

    A name stands for what a host counts by: ``github:api.github.com/acme``, ``jira:acme.atlassian.net/10042``.
    """

    def reserve(self, name: str, pace: Pace, writes: int) -> float:
        """Reserve so many writes in one request; gives the seconds to wait before it is sent, a few at most.

        Not repeatable: each call reserves, and nothing is given back if the request is not sent.

        Raises:
            BudgetSpent: the wait would be longer, and a job should not stand still for it. Nothing was reserved.
        """
        ...

    def check(self, name: str, pace: Pace, writes: int) -> None:
        """Return if so many writes, in several requests, could be reserved now. Reserves nothing.

        Raises:
            BudgetSpent: they could not.
        """
        ...

    def pause(self, name: str, seconds: float) -> None:
        """The host asked us to wait: nobody writes for so long (an hour at most). Repeatable."""
        ...


class Unlimited:
    """A :class:`Budget` without an end, for tests and benchmarks against a stand-in."""

    def reserve(self, name: str, pace: Pace, writes: int) -> float:
        """Never a wait."""
        del name, pace, writes
        return 0.0

    def check(self, name: str, pace: Pace, writes: int) -> None:
        """Always possible."""

    def pause(self, name: str, seconds: float) -> None:
        """Nobody waits."""


class SteadyClock(Clock, Protocol):
    """A clock that also knows how long something took, whatever is done to the time of day."""

    def steady(self) -> float:
        """Seconds since some moment. They pass evenly, and no one else's count from the same moment."""
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

    @property
    def holds_files(self) -> bool:
        """Whether :meth:`attach` is possible on this kind of host."""
        ...

    @property
    def at_once(self) -> int:
        """How many incidents of this ticket space a process may bring there at the same time."""
        ...

    def ready(self, incidents: int = 1) -> None:
        """Return if so many incidents could be written now. Asks our own budget and nothing of the host.

        With it a job that would have to wait in the middle waits before it begins. Some writes are kept back for
        :meth:`ready_to_look`.

        Raises:
            BudgetSpent: not now; ``after`` says when.
        """
        ...

    def ready_to_look(self, looks: int = 1) -> None:
        """As :meth:`ready`, for what follows from so many looks at tickets: to seal a plain comment, and delete it.

        Raises:
            BudgetSpent: not now; ``after`` says when.
        """
        ...

    def audience(self) -> Audience:
        """Who can read the ticket space now. Reads only.

        What was found before a read failed is given, with that failure in ``unread``.

        Raises:
            HostError: nothing could be read.
        """
        ...

    def find(self, incident: IncidentId) -> tuple[TicketRef, ...]:
        """Tickets that carry this incident's marker, however old, oldest first. Reads only.

        The host's search may lag: an empty answer soon after a write proves nothing.
        """
        ...

    def open_ticket(self, view: MirrorView) -> TicketRef:
        """Write the parent ticket, restricted, with marker and fields: one write and no read.

        The caller reads it back to see that everything stuck. Not repeatable: after an unknown
        outcome, :meth:`find` first. Every other error means that nothing was written.
        """
        ...

    def read(self, ref: TicketRef, view: MirrorView, only: Collection[Touched] = ALL) -> TicketState:
        """The ticket as it is now, read by the host's own ids (not by its search).

        ``only`` says which parts are wanted; title, marker, fields and restriction are read in any case. A host may
        read more, and does where it tells whether a ticket was closed too early: the steps of a closed one. Two
        requests at most for one part of a ticket with up to a page of them, and one for comments or fields where the
        host allows it.

        Raises:
            HostGone: the ticket is not there, or another one stands in its place.
            HostRejected: what is there has neither the ticket's marker nor its title.
        """
        ...

    def write(
        self, ref: TicketRef, view: MirrorView, lacking: Difference, fresh: TicketState | None = None
    ) -> dict[CommentId, str]:
        """Write what the ticket lacks: fields, then steps in order, then comments in order.

        ``fresh`` is the ticket as it was read a moment ago by the caller, who reads it again afterwards: if it was
        restricted then, the host need not look before the first twenty comments, and sets only the fields that differ
        from what it showed, so that nobody's change in between is undone.

        Safe to call again only with a difference from a fresh :meth:`read`. Refuses to follow a
        ticket into another ticket space, or to take over one that is not this incident's; a host looks at
        place and restriction again during a long write, at least every twenty comments.

        Returns:
            The host's ids of the comments that were written.
        """
        ...

    def attach(
        self, ref: TicketRef, view: MirrorView, files: Mapping[str, int], content: Callable[[str], bytes]
    ) -> Sequence[str]:
        """Put files (ciphertext) on the ticket. Repeatable: what is there by name and size is not written again.

        Args:
            ref: the ticket.
            view: whose it is.
            files: bytes of each file, by name.
            content: gives the bytes of one; asked only for what is lacking.

        Returns:
            The names of those that were lacking.

        Raises:
            HostRejected: this kind of host holds no files; nothing was written.
        """
        ...

    def erase(
        self, ref: TicketRef, view: MirrorView, places: Collection[CommentId], files: Collection[str]
    ) -> None:
        """Delete every comment that holds this incident's diary at one of these places, and the files of these names.

        Deleted and never edited, since hosts keep what stood there before. Damaged and doubled copies count too,
        whoever posted them. Repeatable: reads first, and what is not there any more is done.

        Raises:
            HostRefused: the service's account may not delete one of them.
        """
        ...

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> frozenset[str]:
        """Delete these plain comments, which the caller has just read. One read and one write for each; never an edit.

        Each is read again right before, when the host is about to be asked to delete it; one that was changed since the
        caller read it stays, so that no word goes that was not sealed. Repeatable: what is not there any more is done.

        Returns:
            The ids of those that are not there any more.

        Raises:
            HostRefused: the service's account may not delete one of them.
        """
        ...

    def reopen(
        self, ref: TicketRef, view: MirrorView, found: TicketState, unfinished: Sequence[StepView]
    ) -> None:
        """Open a closed ticket again, with one neutral word on it: the numbers and titles of the unfinished steps.

        Two writes. ``found`` is the ticket as the caller has just read it. The word is a plain comment of the service.

        Raises:
            HostRefused: the service's account may not.
            HostRejected: there is no way from its state to an open one.
        """
        ...


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """An event of the host's webhook that did not reach us. ``id`` is of one delivery, ``guid`` of the event."""

    id: int
    guid: str


class HookLog(Protocol):
    """What a host's webhook sent us. For hosts that do not send again by themselves."""

    @property
    def name(self) -> str:
        """Which webhook it is, for our records and the log."""
        ...

    def failed(self, now: datetime) -> Sequence[FailedDelivery]:
        """Events that were not taken and can still be sent again, oldest first. Reads only."""
        ...

    def send_again(self, delivery: FailedDelivery) -> None:
        """Ask for one. Repeatable: whoever receives it knows it by its GUID."""
        ...


class Notifier(Protocol):
    """Tells members that something waits for them, without any content."""

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        """Send the same notice to each address, separately. Sending it again is harmless.

        Gives those that did not get it, if any other got it.

        Raises:
            NotifyError: nobody took it.
        """
        ...
