"""A ticket compared with what the database holds: what was changed on it, and what it holds that we do not know.

Used by :mod:`integration.casework`, which heals. What was found is noted before it is healed, so that members hear of
it also if we die in between.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from integration.diary.adopt import NotContinued, adopt
from integration.errors import UnknownDiary
from integration.incident import Alias
from integration.may_read_first import first_readers_of
from integration.mirror import difference, wrong_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.diary.adopt import Adopted
    from integration.incident import Incident
    from integration.mirror import MirrorView, TicketRef, TicketState
    from integration.roster import Roster
    from integration.store import Delivery, Store

NOT_KNOWN: Final = Alias("(not known)")
"""Stands among the readers of an epoch whose keyring the database did not see made. It is no member's alias, so that
a later report is never added to such a diary (casework), until a desk opens the next epoch and names its readers."""


class Found(StrEnum):
    """A kind of thing that was found on a ticket. Members are told of the kind, and of nothing else."""

    FIELDS = "fields"
    RESTRICTION = "restriction"
    STEPS = "steps"
    COMMENTS = "comments"
    FILES = "files"
    ADOPTED = "adopted"
    EXPOSED = "exposed"
    REOPENED = "reopened"
    TEXTS = "texts"


def is_whole(incident: Incident, view: MirrorView, found: TicketState, store: Store, roster: Roster) -> bool:
    """Whether the ticket shows all it should, and nothing of the diary that the database does not know."""
    comments = store.comments(incident.id)
    if difference(view, comments, found) or store.files(incident.id):
        return False  # only the host knows whether its files are whole
    try:
        return not _unknown(incident, found.ref, found, store, roster).comments
    except NotContinued:
        return False


def note_changes(
    incident: Incident,
    view: MirrorView,
    found: TicketState,
    store: Store,
    now: datetime,
    *,
    was_whole: bool,
    adopted: bool = False,
) -> None:
    """Note what somebody changed on the ticket, before it is put right.

    A comment that was seen there and is not there any more was deleted or edited. That fields or steps lack means
    something only if the ticket ``was_whole`` before; and nothing, if values were ``adopted`` and only what follows from
    them is not shown yet.
    """
    lacking = difference(view, store.comments(incident.id), found)
    kinds = set()
    if lacking.comments and store.posted(incident.id) & {comment.id for comment in lacking.comments}:
        kinds.add(Found.COMMENTS)
    if was_whole and lacking.fields and not (adopted and _follows(view, found)):
        kinds.add(Found.FIELDS)
    if was_whole and (lacking.text or lacking.texts):
        kinds.add(Found.TEXTS)
    if was_whole and not found.restricted:
        kinds.add(Found.RESTRICTION)
    if was_whole and lacking.steps and not adopted:  # another type has other steps
        kinds.add(Found.STEPS)
    if kinds:
        store.note_found(incident.id, sorted(kinds), now)


def _follows(view: MirrorView, found: TicketState) -> bool:
    """Whether the fields lack only what is computed, or what the ticket's own state decides."""
    shown = found.shown
    return (
        shown is not None
        and found.marked
        and wrong_values(view, shown) <= {"risk", "stronger_action", "stage"}
    )


def take_over(
    delivery: Delivery,
    incident: Incident,
    ref: TicketRef,
    found: TicketState,
    store: Store,
    roster: Roster,
    now: datetime,
) -> bool:
    """Keep the diary comments on the ticket that the database lacks; whether there were any.

    The database was restored from a backup, and the diary went on after it. If the database knew no comment of it and it
    began with the delivery at hand (:func:`began_with`), that one counts as handed over, and its sealed report is erased.
    Otherwise it keeps its report, and whom the diary was begun for is not known.

    Raises:
        UnknownDiary: what is there does not surely continue the diary; nothing was kept.
    """
    try:
        unknown = _unknown(incident, ref, found, store, roster)
    except NotContinued as broken:
        raise UnknownDiary(
            f"The ticket of {incident.code_name} holds diary comments that this database does not know and cannot take "
            f"over: {broken.rule}.",
            meaning="The database is older than the ticket, as after restoring a backup, or somebody else wrote there. "
            "Nothing was written.",
            next_step=f"Have a cleared member look: coc diary verify {incident.code_name} --from-host. Restore a newer backup "
            "of the database, or take off the ticket what is not of this diary; the job tries again by itself.",
        ) from None
    if not unknown.comments:
        return False
    begun = store.head(incident.id).seq > 0
    has_opening_entry = any(comment.id.seq > 1 for comment in unknown.comments)
    is_its_diary = not begun and began_with(delivery.inbox_id, found, store)
    store.adopt(
        head=store.head(incident.id),
        comments=unknown.comments,
        epochs=unknown.epochs,
        readers=_readers(delivery if is_its_diary else None, incident, store, roster),
        posted={comment.id: found.comments[comment.text] for comment in unknown.comments},
        handed_over=delivery.inbox_id if has_opening_entry and is_its_diary else None,
        found=Found.ADOPTED,
        now=now,
    )
    return True


def began_with(inbox_id: str, found: TicketState, store: Store) -> bool:
    """Whether the diary on a ticket, of which the database knows nothing, surely began with the report of this delivery.

    A diary begins with the report of its incident's first delivery, since their order is kept, unless a later one passed it.
    But the first in this database may have come after it was restored, and be an edit of a report that the lost one took in:
    then its incident has another code name than the ticket. To write a report twice is better than to lose it.
    """
    return found.marked and store.begins_diary(inbox_id)


def _unknown(incident: Incident, ref: TicketRef, found: TicketState, store: Store, roster: Roster) -> Adopted:
    return adopt(
        found.comments,
        found.damaged,
        known=store.comments(incident.id),
        incident=incident.id,
        ticket=ref.name,
        epoch=store.epoch(incident.id),
        service_keys={key.id: key.public for key in roster.service_keys},
    )


def _readers(delivery: Delivery | None, incident: Incident, store: Store, roster: Roster) -> Sequence[Alias]:
    """Who reads the epochs that are taken over, as far as can be known: their keyrings do not say it in clear.

    Those of the epoch before, or for the first one whom the service would choose for the same report today; ``delivery`` is
    the one that brought it, if that is known.
    """
    if store.epoch(incident.id) is not None:
        before = store.readers(incident.id)
    elif delivery is not None and delivery.report is not None:
        before = [member.alias for member in first_readers_of(delivery, store, roster)]
    else:
        before = []
    return [*(alias for alias in before if alias != NOT_KNOWN), NOT_KNOWN]
