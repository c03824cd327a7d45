"""What the use cases need from outside: a host, a database, a clock, a way to tell members.

Every method says what makes it safe to call again after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from integration.mirror import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from integration.audience import AdminProof, Audience, SpaceRecord
    from integration.code_name import CodeName
    from integration.diary.chain import Head
    from integration.diary.comment import CommentId, CommentKind, SealedComment
    from integration.diary.keys import Epoch
    from integration.host_events import Touched
    from integration.incident import Alias, Incident, IncidentId, SpaceName
    from integration.mirror import Difference, MirrorView, PlainComment, StepView, TicketRef, TicketState
    from integration.process import StepKey

HostKind = Literal["jira", "github"]

DESK: Final = "(desk)"
"""The source of a job that a desk asked for. No form can have this name, nor one of the next three."""

NIGHTLY: Final = "(nightly)"
"""The source of a job that compares a ticket with its incident."""

HOST: Final = "(host)"
"""The source of a job that looks at a ticket because its host's webhook says that something was changed there."""

FOUND: Final = "(found)"
"""The source of what was found changed on a ticket and is to be told: done from the start, and never a job."""


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

        With it a job that would have to wait in the middle waits before it begins.

        Raises:
            BudgetSpent: not now; ``after`` says when.
        """
        ...

    def audience(self) -> Audience:
        """Who can read the ticket space now. Reads only."""
        ...

    def find(self, incident: IncidentId, *, since: datetime) -> tuple[TicketRef, ...]:
        """Tickets that carry this incident's marker, oldest first. Reads only.

        The host's search may lag: an empty answer soon after a write proves nothing. ``since`` is when the
        incident was opened, by a clock of ours that may be wrong: tickets that the host dates up to a week
        before are looked at too, older ones need not be.
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

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> None:
        """Delete these plain comments, which the caller has just read. One write for each; never an edit.

        Repeatable: what is not there any more is done.

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


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery was stored. ``duplicate`` means that exactly these answers were stored before."""

    inbox_id: str
    incident: IncidentId
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery. ``report`` is the sealed column's content, ``None`` once it is in the diary."""

    inbox_id: str
    source: str
    incident: IncidentId
    report: bytes | None
    received_at: datetime
    unreadable: bool
    finished: bool


@dataclass(frozen=True, slots=True)
class Hints:
    """What a host's events said since the last look: what was touched, by which accounts, and up to which note of it.

    ``unsigned`` is whether the host did not say of one of them whose doing it was.
    """

    touched: frozenset[Touched]
    accounts: tuple[str, ...]
    upto: int
    unsigned: bool = False


StepStatus = Literal["open", "done", "skipped"]


@dataclass(frozen=True, slots=True)
class StepNote:
    """How a step stood when it was last looked at, since when, and the host's own id of it."""

    status: StepStatus
    at: datetime
    host_id: str = ""


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """What we know of an incident's ticket. An attempt without a ref has an unknown outcome."""

    attempted_at: datetime | None = None
    ref: TicketRef | None = None


class Store(Protocol):
    """The database. Every method is one transaction; a method that returned is on disk."""

    def receive(
        self,
        *,
        source: str,
        submission_id: str,
        report: bytes,
        answers: bytes,
        unreadable: bool,
        incident: Callable[[Callable[[CodeName], bool]], Incident],
        now: datetime,
    ) -> Receipt:
        """Seal and keep a delivery. The same (source, submission id, answers) is kept once.

        ``incident`` makes the incident for a submission not seen before.
        """
        ...

    def separate(
        self, inbox_id: str, incident: Callable[[Callable[[CodeName], bool]], Incident]
    ) -> IncidentId:
        """Give a delivery an incident of its own: its report must not stand in the diary it came for.

        What is received later under the same submission still goes to the first incident.
        """
        ...

    def delivery(self, inbox_id: str, *, sealed: bool = False) -> Delivery:
        """A delivery by id; with ``sealed``, without its report.

        Raises:
            DoesNotOpen: a key is lacking, or something was changed.
        """
        ...

    def incident(self, incident: IncidentId) -> Incident:
        """An incident by id."""
        ...

    def ticket(self, incident: IncidentId) -> TicketRecord:
        """What is known of the ticket."""
        ...

    def ticket_attempted(self, incident: IncidentId, at: datetime | None) -> None:
        """Note, before the write, that a ticket may exist from now on (``None``: that it does not)."""
        ...

    def ticket_opened(self, incident: IncidentId, ref: TicketRef) -> None:
        """Note where the ticket is."""
        ...

    def epoch(self, incident: IncidentId) -> Epoch | None:
        """The public half of the current epoch; ``None`` before the diary is opened."""
        ...

    def head(self, incident: IncidentId) -> Head:
        """The newest link of the diary (its genesis if there is none)."""
        ...

    def comments(self, incident: IncidentId) -> Sequence[SealedComment]:
        """Every comment of the diary in order, as ciphertext; without those that were erased."""
        ...

    def erase(self, incident: IncidentId, seq: int, now: datetime) -> None:
        """Erase the ciphertext of an entry's comments and its file, with a job that deletes them on the host.

        Plain line, link and seal stay. One transaction, repeatable.
        """
        ...

    def erased(self, incident: IncidentId) -> Mapping[CommentId, CommentKind]:
        """The places of the comments that were erased, and their kinds."""
        ...

    def readers(self, incident: IncidentId) -> Sequence[Alias]:
        """Aliases of the members to whom the service wrapped the first epoch."""
        ...

    def hand_over(
        self,
        inbox_id: str,
        *,
        head: Head,
        comments: Sequence[SealedComment],
        epoch: Epoch | None,
        readers: Sequence[Alias],
    ) -> None:
        """Keep new diary comments and erase the delivery's report, in one transaction.

        ``head`` is the head the comments were made for; if the diary has moved on meanwhile, nothing
        is kept and :class:`~integration.errors.HeadConflict` is raised.
        """
        ...

    def adopt(
        self,
        *,
        head: Head,
        comments: Sequence[SealedComment],
        epochs: Sequence[Epoch],
        readers: Sequence[Alias],
        posted: Mapping[CommentId, str],
        handed_over: str | None,
        found: str,
        now: datetime,
    ) -> None:
        """Keep comments that were found on the ticket, erase the report that is among them, and note what was found.

        One transaction. ``posted`` are the host's ids; ``handed_over`` is the delivery whose report stands in them.

        Raises:
            HeadConflict: ``head`` is not the diary's head any more; nothing was kept.
        """
        ...

    def record(
        self,
        *,
        head: Head,
        comments: Sequence[SealedComment],
        epoch: Epoch | None,
        readers: Sequence[Alias],
        now: datetime,
    ) -> None:
        """Keep what a desk wrote, with a job that brings it to the host, in one transaction.

        Raises:
            HeadConflict: ``head`` is not the diary's head any more; nothing was kept.
        """
        ...

    def restore(self, incident: IncidentId, *, gone: TicketRef | None, now: datetime) -> None:
        """Let the ticket be read and healed at once, whatever waits; ``gone`` is forgotten, so that a new one is opened.

        Repeatable: only while ``gone`` is still the ticket it is forgotten. Where no ticket is known, an attempt to
        open one may be under way; its time stays noted, so that no second one is opened.
        """
        ...

    def space_id(self, space: SpaceName) -> str | None:
        """The host's own id of the repository or project that was proven under this name; None before the first."""
        ...

    def keep_space_id(self, space: SpaceName, host_id: str, now: datetime) -> None:
        """Note which repository or project stands under this name from now on."""
        ...

    def keep_file(self, incident: IncidentId, name: str, content: bytes, now: datetime) -> None:
        """Keep the ciphertext of an attachment, with a job that brings it to the host, in one transaction.

        The same bytes under the same name are kept once.

        Raises:
            WriteRefused: other bytes are kept under this name.
        """
        ...

    def files(self, incident: IncidentId) -> Mapping[str, int]:
        """The attachments that are kept, in order: bytes of the ciphertext by name."""
        ...

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        """The ciphertext of an attachment; None if there is none of this name."""
        ...

    def comments_posted(self, incident: IncidentId, posted: Mapping[CommentId, str]) -> None:
        """Note the host's ids of comments."""
        ...

    def posted(self, incident: IncidentId) -> AbstractSet[CommentId]:
        """Comments that were seen on the present ticket."""
        ...

    def note_found(self, incident: IncidentId, kinds: Sequence[str], now: datetime) -> None:
        """Note that members are to be told what was found on the ticket; kinds that were not told yet are kept."""
        ...

    def finish(self, inbox_id: str, now: datetime) -> None:
        """The delivery is wholly on the host."""
        ...

    def hints(self, incident: IncidentId) -> Hints:
        """What events of the host said of this incident's ticket and was not looked at yet."""
        ...

    def observed(self, inbox_id: str, upto: int, now: datetime) -> None:
        """Forget the hints up to this one and finish the job; hints that came meanwhile get a job of their own."""
        ...

    def steps(self, incident: IncidentId) -> Mapping[StepKey, StepNote]:
        """How the steps stood when they were last looked at."""
        ...

    def keep_steps(self, incident: IncidentId, steps: Mapping[StepKey, StepNote]) -> None:
        """Note how these steps stand."""
        ...

    def change(
        self,
        incident: Incident,
        *,
        steps: Mapping[StepKey, StepNote],
        exposed: Mapping[int, PlainComment],
        head: Head,
        comments: Sequence[SealedComment],
        now: datetime,
    ) -> None:
        """Keep what was changed on the host, with the diary entries that say so, in one transaction.

        Args:
            incident: with the new type, stage, impact, likelihood, lead and secondary.
            steps: those that stand otherwise now.
            exposed: plain comments, by the number of the entry that holds each; of them an id, an account and a keyed
                digest of the text is kept.
            head: the head that the entries were made for.
            comments: the entries, as ciphertext.
            now: the time of it.

        Raises:
            HeadConflict: ``head`` is not the diary's head any more; nothing was kept.
        """
        ...

    def exposed(self, incident: IncidentId, comment: PlainComment) -> int | None:
        """The number of the entry that holds a plain comment as it stands; None if there is none."""
        ...

    def exposures(self, incident: IncidentId) -> AbstractSet[str]:
        """The host's ids of plain comments that stand in the diary, and are not known to be deleted."""
        ...

    def exposures_over(self, incident: IncidentId, comments: Collection[str], now: datetime) -> None:
        """Note that these were deleted, so that their authors are told."""
        ...


class SpaceBook(Protocol):
    """What is known of the ticket spaces' proofs, shared by all processes that work on one database."""

    def record(self, space: SpaceName) -> SpaceRecord:
        """What is kept of a ticket space; an empty record before anything is."""
        ...

    def doubt(self, space: SpaceName) -> None:
        """The service's own proof counts no more, nor one by a reading that has begun already. Repeatable."""
        ...

    def freeze(self, space: SpaceName, reasons: Sequence[str], now: datetime) -> bool:
        """Nothing may be written there from now on. Repeatable; gives whether it was not frozen before."""
        ...

    def passed(self, space: SpaceName, *, doubts: int, now: datetime) -> bool:
        """Keep a proof by the service's own credential, which also thaws, with the jobs that waited for it made due.

        ``doubts`` is what the record held before the reading began. Gives False, and keeps nothing, if that is not
        so any more.
        """
        ...

    def admin_passed(self, space: SpaceName, proof: AdminProof, now: datetime) -> None:
        """Keep a proof by an admin's credential in place of the one before, with the jobs that waited made due."""
        ...


class Notifier(Protocol):
    """Tells members that something waits for them, without any content."""

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:
        """Send the same notice to each address, separately. Sending twice is harmless."""
        ...
