"""A ticket space in memory: what a host keeps, what was asked of it, and the trouble it makes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from integration.audience import Audience, Principal
from integration.errors import HostGone, HostRejected
from integration.incident import IncidentId, SpaceName
from integration.mirror import ALL, PlainComment, Shown, StepState, TicketName, TicketRef, TicketState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from integration.code_name import CodeName
    from integration.diary.comment import CommentId, SealedComment
    from integration.errors import BudgetSpent
    from integration.host_events import Touched
    from integration.mirror import Difference, MirrorView, StepView
    from integration.ports import HostKind
    from tests.conftest import SetClock

SPACE = SpaceName("conduct")


@dataclass
class MemoryTicket:
    """One ticket as a host keeps it."""

    ref: TicketRef
    incident: IncidentId
    opened_at: datetime
    title: CodeName
    fields_right: bool = True
    steps: dict[str, StepState] = field(default_factory=dict)
    comments: list[SealedComment] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    damaged: set[CommentId] = field(default_factory=set)
    restricted: bool = True
    shown: Shown | None = None
    plain: list[PlainComment] = field(default_factory=list)
    as_written: bool = True


def shown_of(view: MirrorView, *, closed: bool = False) -> Shown:
    """A ticket that shows a view."""
    return Shown(
        view.type, view.stage, view.impact, view.likelihood, view.lead, view.secondary, closed, view.risk,
        view.stronger_action,
    )  # fmt: skip


@dataclass
class MemoryHost:
    """A host in memory. ``calls`` is what was asked of it in order; ``trouble`` may raise before any call.

    ``lag`` is how long after its opening a ticket is found. ``loses`` drops that many parts of a write. ``spent``
    says that the budget of writes is used up. ``own_texts`` shapes every text otherwise than it was written. ``rejects_fields``
    is a rule of the host that no change of a field keeps to.
    """

    clock: SetClock
    accounts: list[str] = field(default_factory=lambda: ["coc-bot"])
    open_doors: list[str] = field(default_factory=list)
    tickets: list[MemoryTicket] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    trouble: Callable[[str], None] = lambda _call: None
    lag: timedelta = timedelta(0)
    loses: int = 0
    stubborn_fields: bool = False
    rejects_fields: bool = False
    own_texts: bool = False
    kind: HostKind = "github"
    space: SpaceName = SPACE
    own_accounts: frozenset[str] = frozenset({"coc-bot"})
    part_bytes: int = 44_000
    holds_files: bool = True
    at_once: int = 100
    spent: BudgetSpent | None = None
    space_id: str = "4711"

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.trouble(name)

    def ready(self, incidents: int = 1) -> None:
        del incidents
        if self.spent is not None:
            raise self.spent

    def ready_to_look(self, looks: int = 1) -> None:
        self.ready(looks)

    def audience(self) -> Audience:
        self._called("audience")
        principals = tuple(Principal(account, "a role") for account in self.accounts)
        return Audience(
            self.space, principals, tuple(self.open_doors), "coc-bot" in self.accounts, self.space_id
        )

    def find(self, incident: IncidentId) -> tuple[TicketRef, ...]:
        self._called("find")
        now = self.clock.now()
        return tuple(
            one.ref for one in self.tickets if one.incident == incident and one.opened_at + self.lag <= now
        )

    def open_ticket(self, view: MirrorView) -> TicketRef:
        self._called("open_ticket")
        number = len(self.tickets) + 1
        ref = TicketRef(
            TicketName(f"github:acme/conduct#{number}"), str(number), f"#{number}", "https://host.example"
        )
        self.tickets.append(
            MemoryTicket(ref, view.incident, self.clock.now(), view.code_name, not self.stubborn_fields)
        )
        return ref

    def read(self, ref: TicketRef, view: MirrorView, only: Collection[Touched] = ALL) -> TicketState:
        self._called("read")
        one = self._ticket(ref)
        return TicketState(
            one.ref,
            one.fields_right and one.title == view.code_name,
            {step.key: one.steps[step.key] for step in view.steps if step.key in one.steps},
            {comment.text: f"c{n}" for n, comment in enumerate(one.comments)},
            frozenset(one.damaged),
            one.restricted,
            shown=one.shown,
            marked=one.title == view.code_name,
            plain=tuple(one.plain),
            parts=frozenset(only),
            as_written=one.as_written and not self.own_texts,
        )

    def write(
        self, ref: TicketRef, view: MirrorView, lacking: Difference, fresh: TicketState | None = None
    ) -> dict[CommentId, str]:
        del fresh
        self._called("write")
        one = self._ticket(ref)
        assert one.incident == view.incident
        if lacking.fields and self.rejects_fields:
            raise HostRejected("The host takes no such value.")
        if lacking.fields:
            one.fields_right, one.title = not self.stubborn_fields, view.code_name
            if one.shown is not None:
                one.shown = shown_of(view, closed=one.shown.closed)
        one.as_written |= lacking.text
        for step in lacking.steps:
            assert step.key not in one.steps
            if not self._lost():
                one.steps[step.key] = StepState(step.key, step.title, done=False)
        for comment in lacking.comments:
            assert comment.id not in {there.id for there in one.comments}
            if not self._lost():
                one.comments.append(comment)
        return {comment.id: "written" for comment in one.comments}

    def attach(
        self, ref: TicketRef, view: MirrorView, files: Mapping[str, int], content: Callable[[str], bytes]
    ) -> list[str]:
        self._called("attach")
        one = self._ticket(ref)
        assert one.incident == view.incident
        lacking = [name for name in files if name not in one.files]
        one.files |= {name: content(name) for name in lacking}
        return lacking

    def erase(
        self, ref: TicketRef, view: MirrorView, places: Collection[CommentId], files: Collection[str]
    ) -> None:
        self._called("erase")
        one = self._ticket(ref)
        assert one.incident == view.incident
        one.comments = [comment for comment in one.comments if comment.id not in places]
        one.files = {name: content for name, content in one.files.items() if name not in files}

    def remove(self, ref: TicketRef, view: MirrorView, comments: Sequence[PlainComment]) -> frozenset[str]:
        self._called("remove")
        one = self._ticket(ref)
        assert one.incident == view.incident
        one.plain = [comment for comment in one.plain if comment not in comments]
        return frozenset({comment.id for comment in comments} - {comment.id for comment in one.plain})

    def reopen(
        self, ref: TicketRef, view: MirrorView, found: TicketState, unfinished: Sequence[StepView]
    ) -> None:
        self._called("reopen")
        one = self._ticket(ref)
        assert one.incident == view.incident
        assert found.shown is not None
        assert unfinished
        one.shown = replace(found.shown, closed=False)

    def _lost(self) -> bool:
        self.loses -= 1
        return self.loses >= 0

    def _ticket(self, ref: TicketRef) -> MemoryTicket:
        for one in self.tickets:
            if one.ref.id == ref.id:
                return one
        raise HostGone("The ticket is not there.")
