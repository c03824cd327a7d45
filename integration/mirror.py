"""What a host may know about an incident, and what is still missing on its ticket.

:func:`mirror` makes the :class:`MirrorView`: the only view of an incident that a host gets. Its types
have no room for anything a person told us. :func:`difference` compares it with what was read from the
host; writing the difference opens a ticket and heals one alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NewType

from integration.host_events import Touched
from integration.risk import Level, risk, stronger_action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from integration.code_name import CodeName
    from integration.diary.comment import CommentId, SealedComment
    from integration.incident import Alias, Incident, IncidentId, IncidentType, Stage
    from integration.process import Process, StepKey
    from integration.text import PublicText, SealedText, Untrusted

TicketName = NewType("TicketName", str)
"""A ticket's name in a diary: ``jira:acme.atlassian.net/10042`` or ``github:acme/conduct#17``."""


@dataclass(frozen=True, slots=True)
class TicketRef:
    """Where a ticket is. ``id`` is the host's own id and what we look it up by; ``key`` is for people.

    ``stable`` is what the host never gives to another ticket, where ``id`` could be given again (GitHub's
    numbers begin anew when a repository is made again under the same name); empty where ``id`` is that.
    """

    name: TicketName
    id: str
    key: str
    url: str
    stable: str = ""


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as a sub-task should show it."""

    key: StepKey
    title: PublicText
    guidance: PublicText
    due_at: datetime


@dataclass(frozen=True, slots=True)
class MirrorView:
    """All that a host may show of an incident. The ticket's title is the code name."""

    incident: IncidentId
    code_name: CodeName
    type: IncidentType
    stage: Stage
    impact: Level | None
    likelihood: Level | None
    risk: int | None
    stronger_action: bool
    lead: Alias | None
    secondary: Alias | None
    opened_at: datetime
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True)
class StepState:
    """A sub-task as it was found on the host. ``skipped``: it was closed without being done.

    ``as_written`` is whether its title and text are still ours; anybody there can read what else stands in them.
    """

    id: str
    title: str
    done: bool
    skipped: bool = False
    as_written: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """What the fields that a team may change in its host show now, as they were found.

    None stands for "not yet assessed" or "nobody", and for a value that is not one of ours: ``strange`` names the fields
    with such values (``lead``), which are put back. ``risk`` and ``stronger_action`` follow from others and are ours alone.
    """

    type: IncidentType | None
    stage: Stage | None
    impact: Level | None
    likelihood: Level | None
    lead: Alias | None
    secondary: Alias | None
    closed: bool
    risk: int | None = None
    stronger_action: bool = False
    strange: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PlainComment:
    """A comment on the ticket that is none of the diary's: its text may hold anything, and everybody there has read it.

    ``account`` wrote it, or was the last to edit it. ``ours`` is whether the service's own account wrote it and nobody
    edited it. ``edited_at`` is when it was changed last, if the host says that wherever it shows the comment. A comment of
    the diary to which somebody else added words is a plain one, and its block is not counted in
    :attr:`TicketState.comments`: it is deleted, and the right one written again.
    """

    id: str
    account: str
    written_at: datetime
    text: Untrusted
    ours: bool = False
    edited_at: datetime | None = None

    def is_unchanged(self, now: PlainComment) -> bool:
        """Whether it still is as it was when this was read."""
        return self.edited_at == now.edited_at and self.text.says_the_same(now.text)


ALL: Final = frozenset({Touched.TICKET, Touched.STEPS, Touched.COMMENTS})
"""All that can be read of a ticket."""


@dataclass(frozen=True, slots=True)
class TicketState:
    """A ticket as it was found on the host.

    ``fields_right`` says whether title, marker and every field show what the view asks for. ``comments``
    maps each diary comment found, letter by letter, to the host's id of the comment it stands in: one that
    somebody edited is another text, so the right one is lacking and is written again. ``damaged`` are the places of
    those that are not whole any more. ``restricted`` is False where the ticket itself lost what keeps others out.
    ``shown`` are the values that its fields show, and ``marked`` says whether title, marker, labels and restriction are
    right, which no member changes for a reason; without ``shown``, only ``fields_right`` is known. ``plain`` are the
    comments that are none of the diary's. ``parts`` is what was read: what was not read is not lacking. ``steps_over`` is True
    where the ticket alone shows that every step is over, so that they need not be read. ``way_back`` is the host's own id of
    the way by which a closed ticket is opened again, if it needs one. ``as_written`` is False where the ticket's own text is
    not ours any more.
    """

    ref: TicketRef
    fields_right: bool
    steps: Mapping[StepKey, StepState] = field(default_factory=dict)
    comments: Mapping[SealedText, str] = field(default_factory=dict)
    damaged: frozenset[CommentId] = frozenset()
    restricted: bool = True
    shown: Shown | None = None
    marked: bool = True
    plain: tuple[PlainComment, ...] = ()
    parts: frozenset[Touched] = ALL
    steps_over: bool = False
    way_back: str = ""
    as_written: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """What is still to be written so that the ticket shows the view and carries the diary.

    ``text`` is whether somebody changed the ticket's own text, ``texts`` are the steps whose title or text was changed, by
    the host's id of their sub-task.
    """

    fields: bool
    steps: tuple[StepView, ...]
    comments: tuple[SealedComment, ...]
    text: bool = False
    texts: tuple[tuple[str, StepView], ...] = ()

    def __bool__(self) -> bool:
        return self.must_be_seen or self.text or bool(self.texts)

    @property
    def must_be_seen(self) -> bool:
        """Whether anything lacks without which a job is not done. Texts are not: a host may set them its own way."""
        return self.fields or bool(self.steps) or bool(self.comments)


def mirror(incident: Incident, process: Process) -> MirrorView:
    """The view of an incident that its host gets."""
    return MirrorView(
        incident=incident.id,
        code_name=incident.code_name,
        type=incident.type,
        stage=incident.stage,
        impact=incident.impact,
        likelihood=incident.likelihood,
        risk=risk(incident.impact, incident.likelihood),
        stronger_action=stronger_action(incident.impact, incident.likelihood),
        lead=incident.lead,
        secondary=incident.secondary,
        opened_at=incident.opened_at,
        steps=tuple(
            StepView(step.key, step.title, step.guidance, step.due_at(incident.opened_at))
            for step in process.route(incident.type)
        ),
    )


def shows(view: MirrorView, found: TicketState) -> bool:
    """Whether the ticket's fields show a view, which may be another one than it was read with."""
    one = found.shown
    if one is None:
        return found.fields_right
    return found.marked and not wrong_values(view, one)


def wrong_values(view: MirrorView, shown: Shown) -> frozenset[str]:
    """The names of the fields that show something else than the view."""
    names = ("type", "stage", "impact", "likelihood", "risk", "stronger_action", "lead", "secondary")
    return shown.strange | {name for name in names if getattr(view, name) != getattr(shown, name)}


def difference(view: MirrorView, comments: Sequence[SealedComment], found: TicketState) -> Difference:
    """What the ticket lacks, of the parts that were read. Steps and comments keep their order."""
    return Difference(
        fields=not shows(view, found),
        steps=tuple(
            step for step in view.steps if Touched.STEPS in found.parts and step.key not in found.steps
        ),
        comments=tuple(
            comment
            for comment in comments
            if Touched.COMMENTS in found.parts and comment.text not in found.comments
        ),
        text=not found.as_written,
        texts=tuple(
            (found.steps[step.key].id, step)
            for step in view.steps
            if step.key in found.steps and not found.steps[step.key].as_written
        ),
    )
