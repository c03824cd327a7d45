"""What people change on a ticket in the host comes back: adopted, noted in the diary, and answered where it must be.

:func:`is_observed` does the job of an event, reading only what the event touched; :func:`integration.adopting.adopt` and
:func:`settle` do their part in every other job too (integration/casework.py), so that what no event told is found at
night. A plain comment is deleted only when the entry that holds it was read back from the ticket.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from integration.adopting import adopt, closed_wrongly, status_of, unfinished, unsealed
from integration.erasing import is_known
from integration.errors import HostGone, HostRefused, HostUnknownOutcome, MoreToSeal
from integration.host_events import Touched
from integration.mirror import ALL, Difference, difference, mirror
from integration.night import is_put_away
from integration.reconcile import Found, note_changes
from integration.store import StepNote

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.incident import Incident
    from integration.mirror import (
        MirrorView,
        PlainComment,
        StepView,
        TicketRef,
        TicketState,
    )
    from integration.ports import Host
    from integration.store import Hints, Store

# 1. The job of an event -----------------------------------------------------------------------------


def is_observed(incident: Incident, hints: Hints, work: Casework) -> bool:
    """Do the job of an event, by reading what it touched only; False if the whole ticket must be read and healed.

    Our own writes come back as events too: if nobody else acted, the host is not asked. Before the diary is begun, the
    report's own job reads all there is. A closed ticket that is gone was put away, as at night.

    Raises:
        HostError: as its subclasses say; the job is tried again or parked.
    """
    host, ref = work.hosts.get(incident.space), work.store.ticket(incident.id).ref
    if host is None:
        return incident.is_closed
    own = {account.casefold() for account in host.own_accounts}
    only_ours = not hints.unsigned and own.issuperset(one.casefold() for one in hints.accounts)
    if not hints.touched or only_ours or ref is None or work.store.epoch(incident.id) is None:
        return True
    try:
        work.guard.prove_recently(host)
        return _observe(incident, ref, host, hints, work)
    except HostGone:
        if is_put_away(incident.id, host, work):
            return True
        raise


def _observe(incident: Incident, ref: TicketRef, host: Host, hints: Hints, work: Casework) -> bool:
    """Look at what events touched, and do what follows from it; False if the whole ticket must be read and healed.

    The ticket space was proven restricted a short while ago. Safe to call again after a crash at any point; where nothing
    was changed, nothing is written.
    """
    store = work.store
    parts, view = hints.touched - {Touched.SPACE}, mirror(incident, work.process)
    if not _all_posted(incident, store):
        parts |= {Touched.COMMENTS}  # an earlier try may have died before it noted what it wrote
    if _not_seen(view, store):
        parts |= {Touched.STEPS}
    if store.exposures(incident.id):
        parts = ALL  # or before it noted what it deleted
    found = host.read(ref, view, parts)
    if not found.restricted or not is_known(found, store, view):
        return False
    before, incident = incident, adopt(incident, found, hints.accounts, work)
    view = mirror(incident, work.process)
    was_whole, adopted = bool(store.posted(incident.id)), before != incident
    note_changes(incident, view, found, store, work.clock.now(), was_whole=was_whole, adopted=adopted)
    found = seal_readable(incident, ref, host, found, work)
    found = _written(view, ref, host, found, _lacking(view, found, work), work)
    settle(incident, ref, host, found, work)
    return True


def _all_posted(incident: Incident, store: Store) -> bool:
    return {one.id for one in store.comments(incident.id)} <= store.posted(incident.id)


def _not_seen(view: MirrorView, store: Store) -> tuple[StepView, ...]:
    """Steps that were not seen on the ticket yet, such as those of another type."""
    seen = store.steps(view.incident)
    return tuple(step for step in view.steps if step.key not in seen)


def _lacking(view: MirrorView, found: TicketState, work: Casework) -> Difference:
    """What the ticket lacks. What was not read now was not touched, but for new comments and steps of another type."""
    comments = work.store.comments(view.incident)
    lacking = difference(view, comments, found)
    if Touched.COMMENTS not in found.parts:
        posted = work.store.posted(view.incident)
        lacking = replace(lacking, comments=tuple(one for one in comments if one.id not in posted))
    if Touched.STEPS not in found.parts:
        lacking = replace(lacking, steps=_not_seen(view, work.store))
    return lacking


def _written(
    view: MirrorView, ref: TicketRef, host: Host, found: TicketState, lacking: Difference, work: Casework
) -> TicketState:
    """Write what lacks and read that back."""
    if not lacking:
        return found
    work.guard.check_again(host)
    host.write(ref, view, lacking, found)
    back = host.read(ref, view, _parts_of(lacking, found))
    comments = work.store.comments(view.incident)
    still = difference(view, comments, back)
    not_seen = still.comments or (lacking.fields and still.fields) or (lacking.steps and still.steps)
    if not back.restricted or not_seen:
        raise HostUnknownOutcome(
            f"The ticket of {view.code_name} does not show yet all that was written.",
            meaning="The host lags behind, or somebody changed it at the same moment.",
            next_step="Nothing; the job reads it again.",
        )
    if Touched.COMMENTS in back.parts:
        work.store.comments_posted(view.incident, {one.id: back.comments[one.text] for one in comments})
    return back


def _parts_of(lacking: Difference, found: TicketState) -> frozenset[Touched]:
    """What to read back: what is written, and where plain comments were found, they too.

    Steps of another type are not, since the host says of each that it made it; the next look at the ticket reads them.
    """
    plain = any(not one.ours for one in found.plain)
    return (
        (found.parts if plain else frozenset())
        | (frozenset({Touched.COMMENTS}) if lacking.comments else frozenset())
        | (frozenset({Touched.STEPS}) & found.parts if lacking.steps else frozenset())
    )


# 2. What must be answered ---------------------------------------------------------------------------


def seal_readable(
    incident: Incident, ref: TicketRef, host: Host, found: TicketState, work: Casework
) -> TicketState:
    """Plain comments go before anything else is put right: what the host refuses of that must not keep them readable.

    :func:`adopt` has their entries in the store. Gives the ticket as it was adopted, with these entries and without the
    comments that are gone: what somebody changed since is for the look that its own event asks for. To a ticket that is not
    restricted nothing of the diary is written, so there they wait until it is; and if the host does not let us delete one,
    :func:`settle` says so when the rest is put right.
    """
    if not found.restricted or all(one.ours for one in found.plain):
        return found
    view = mirror(incident, work.process)
    entries = Difference(fields=False, steps=(), comments=_lacking(view, found, work).comments)
    back = _written(view, ref, host, found, entries, work)
    with suppress(HostRefused):
        over = _remove_sealed(incident, ref, host, back, work)
        found = replace(found, plain=tuple(one for one in found.plain if one.id not in over))
    if found.shown is not None and back.shown is not None and found.shown != back.shown:
        raise HostUnknownOutcome(
            f"The ticket of {incident.code_name} was changed while a plain comment was being sealed.",
            meaning="What it shows now was not taken over yet, and must not be put back.",
            next_step="Nothing; the job looks again.",
        )
    return replace(found, comments=back.comments)


def settle(
    incident: Incident,
    ref: TicketRef,
    host: Host,
    found: TicketState,
    work: Casework,
    *,
    for_report: bool = False,
) -> None:
    """Delete plain comments whose entry stands on the ticket by now, open it again if it was closed too early, note its steps.

    ``found`` is the ticket as it was read last, after everything else was written. A report is done, and its next one comes,
    also if the host does not let us delete a comment: the next look says so.

    Raises:
        MoreToSeal: there are plain comments that were not sealed yet; all else is done.
    """
    view, store, now = mirror(incident, work.process), work.store, work.clock.now()
    if Touched.COMMENTS in found.parts:
        with suppress(HostRefused) if for_report else nullcontext():
            _remove_sealed(incident, ref, host, found, work)
    if found.shown is not None and closed_wrongly(incident, found.shown):
        open_ones = unfinished(incident, found, work)
        if open_ones:
            work.guard.check_again(host)
            # Noted before it is done: members hear of it also if we die in between.
            store.note_found(incident.id, [Found.REOPENED], now)
            host.reopen(ref, view, found, open_ones)
    known = store.steps(incident.id)
    new = {
        key: StepNote(status_of(one), now, one.id)
        for key, one in found.steps.items()
        if key not in known or known[key].host_id != one.id
    }
    if new:
        store.keep_steps(incident.id, new)
    # Before the diary is begun none can be sealed: whatever keeps it from that is told by the report's own job.
    if store.epoch(incident.id) is not None and unsealed(incident, found, work):
        raise MoreToSeal(
            f"There are more plain comments on the ticket of {incident.code_name} than are sealed at once.",
            meaning="The first ones are in the diary and deleted; the others can be read there still.",
            next_step="Nothing; the job goes on with them at once.",
        )


def _remove_sealed(
    incident: Incident, ref: TicketRef, host: Host, found: TicketState, work: Casework
) -> set[str]:
    """Delete the plain comments that stand sealed on the ticket, and note which of those that were sealed are gone; their ids.

    Raises:
        HostUnknownOutcome: one says something else now, and was left; the next look seals what it says.
    """
    store = work.store
    sealed = [one for one in found.plain if _stands_sealed(incident, one, found, store)]
    over = set(host.remove(ref, mirror(incident, work.process), sealed)) if sealed else set()
    changed = {one.id for one in sealed} - over
    if found.parts >= ALL:
        over |= store.exposures(incident.id) - {one.id for one in found.plain}
    if over:
        store.exposures_over(incident.id, over, work.clock.now())
    if changed:
        raise HostUnknownOutcome(
            f"A plain comment on the ticket of {incident.code_name} was changed while it was being sealed.",
            meaning="It was not deleted: what it says now is not in the diary yet.",
            next_step="Nothing; the job looks again and seals it as it is then.",
        )
    return over


def _stands_sealed(incident: Incident, one: PlainComment, found: TicketState, store: Store) -> bool:
    """Whether all parts of the entry that holds this comment, as it reads now, were read on the ticket."""
    seq = None if one.ours else store.exposed(incident.id, one)
    parts = [comment.text for comment in store.comments(incident.id) if comment.id.seq == seq]
    return bool(parts) and all(text in found.comments for text in parts)
