"""What the use cases need from the database: what it keeps of deliveries, tickets and diaries, and who says what became of it.

Every method says what makes it safe to call again after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from integration.audience import AdminProof, SpaceRecord
    from integration.code_name import CodeName
    from integration.diary.chain import Head
    from integration.diary.comment import CommentId, CommentKind, SealedComment
    from integration.diary.keys import Epoch
    from integration.host_events import Touched
    from integration.incident import Alias, Incident, IncidentId, SpaceName
    from integration.mirror import PlainComment, TicketRef
    from integration.process import StepKey

DESK: Final = "(desk)"
"""The source of a job that a desk asked for. No form can have this name, nor one of the next three."""

NIGHTLY: Final = "(nightly)"
"""The source of a job that compares a ticket with its incident."""

HOST: Final = "(host)"
"""The source of a job that looks at a ticket because its host's webhook says that something was changed there."""

FOUND: Final = "(found)"
"""The source of what was found changed on a ticket and is to be told: done from the start, and never a job."""

GIVEN_UP: Final = "given-up"
"""The code of a delivery that a person has let go, because its report does not open any more."""


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


class NewIncident(Protocol):
    """Makes an incident with the id and the code name that the store has for it."""

    def __call__(self, incident: IncidentId, code_name: CodeName, /) -> Incident:
        """The incident."""
        ...


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
        incident: NewIncident,
        now: datetime,
    ) -> Receipt:
        """Seal and keep a delivery. The same (source, submission id, answers) is kept once.

        ``incident`` makes the incident for a submission not seen before.
        """
        ...

    def separate(self, inbox_id: str, left: IncidentId, incident: NewIncident) -> IncidentId:
        """Give a delivery an incident of its own: its report must not stand in the diary of ``left``, which it was with.

        Made once: if the delivery is not with ``left`` any more, it keeps the incident that it has; gives that. A database that
        was restored and has forgotten it makes the same one again. What is received later under the same submission still
        goes to the first incident.
        """
        ...

    def delivery(self, inbox_id: str, *, sealed: bool = False) -> Delivery:
        """A delivery by id; with ``sealed``, without its report.

        Raises:
            DoesNotOpen: a key is lacking, or something was changed.
        """
        ...

    def other_versions(self, inbox_id: str) -> Sequence[bytes]:
        """The other reports of a delivery's submission that lie sealed here; without those that do not open any more."""
        ...

    def incidents_beside(self, inbox_id: str) -> Sequence[IncidentId]:
        """The other incidents of a delivery's submission: there are some once a report was kept apart."""
        ...

    def begins_diary(self, inbox_id: str) -> bool:
        """Whether, as far as the database knows, a diary began with the report of this delivery.

        So it did if the delivery is the first of its incident, unless its report did not open: then a later one may have
        passed it, also if it was sent again since.
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

        ``head`` is the head the comments were made for.

        Raises:
            Busy: the delivery has no report of this incident any more: another server handed it over. Nothing was kept.
            HeadConflict: the diary has moved on meanwhile; nothing was kept.
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
        before: Incident,
        steps: Mapping[StepKey, StepNote],
        exposed: Mapping[int, PlainComment],
        head: Head,
        comments: Sequence[SealedComment],
        now: datetime,
    ) -> None:
        """Keep what was changed on the host, with the diary entries that say so, in one transaction.

        Args:
            incident: with the new type, stage, impact, likelihood, lead and secondary.
            before: the incident with which the ticket was compared.
            steps: those that stand otherwise now.
            exposed: plain comments, by the number of the entry that holds each; of them an id, an account and a keyed
                digest of the text is kept.
            head: the head that the entries were made for.
            comments: the entries, as ciphertext.
            now: the time of it.

        Raises:
            Busy: another server kept it meanwhile; nothing was kept a second time.
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
