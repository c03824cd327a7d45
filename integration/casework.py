"""The use cases: one function each, and the only place where an incident changes.

Read it top to bottom to follow a report: :func:`receive` stores it sealed, :func:`open_incident` turns it
into a restricted ticket with its process and diary. What members are told about it: integration/notices.py.
Each is safe to call again after a crash at any point.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from integration.adopting import adopt
from integration.erasing import erased_on_host
from integration.errors import (
    DoesNotOpen,
    HeadConflict,
    HostError,
    HostGone,
    HostNotRestricted,
    HostUnknownOutcome,
    KeptApart,
    StoreError,
    WriteRefused,
)
from integration.handing_over import hand_over, must_have_readers
from integration.incident import Incident
from integration.may_read_first import not_meant_by_any
from integration.mirror import Difference, difference, mirror, shows
from integration.night import is_right_at_night
from integration.observing import is_observed, seal_readable, settle
from integration.reconcile import Found, began_with, note_changes, take_over
from integration.report import dump_report, load_report, normalised_answers
from integration.store import HOST, NIGHTLY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from integration.diary.keys import ServiceKey
    from integration.guard import Guard
    from integration.incident import IncidentId, SpaceName
    from integration.mirror import MirrorView, TicketRef, TicketState
    from integration.ports import Clock, Host, SteadyClock
    from integration.process import Process
    from integration.report import Report
    from integration.roster import Roster
    from integration.store import Delivery, NewIncident, Receipt, Store

SETTLE = timedelta(minutes=5)
"""After a write whose outcome is unknown, how long a host's search may lag before "not there" is believed."""

_LOOK_AGAIN = timedelta(seconds=30)


# 1. A report comes in -------------------------------------------------------------------------------


def receive(
    source: str, space: SpaceName, submission_id: str, report: Report, *, store: Store, clock: Clock
) -> Receipt:
    """Keep a report, sealed. When this returns it is on disk, and the form may be told so.

    The same submission with the same answers is the same receipt; with other answers (an edit) it is a
    second report on the same incident.
    """
    now = clock.now()
    return store.receive(
        source=source,
        submission_id=submission_id,
        report=dump_report(report),
        answers=normalised_answers(report),
        unreadable=report.verbatim is not None,
        incident=_new_incident(report, space, now),
        now=now,
    )


def _new_incident(report: Report, space: SpaceName, now: datetime) -> NewIncident:
    """What makes an incident, once its id and code name are known."""
    return lambda incident, code_name: Incident(
        id=incident, code_name=code_name, type=report.type, space=space, opened_at=now
    )


# 2. The incident is opened --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Casework:
    """Everything :func:`open_incident` needs, joined once by the server's wiring."""

    store: Store
    hosts: Mapping[SpaceName, Host]
    guard: Guard
    roster: Callable[[], Roster]
    process: Process
    service_key: ServiceKey
    clock: SteadyClock
    looked_for: dict[tuple[IncidentId, datetime], float] = field(default_factory=dict)
    """Since when this process has been looking for a ticket that may have been opened, by the steady clock.

    For each attempt apart: whichever server made it, the host's search may lag behind that one.
    """


def open_incident(inbox_id: str, work: Casework) -> None:
    """Bring one delivery wholly onto its host: ticket, fields, steps, diary.

    Idempotent. After a crash or an unknown outcome, calling it again reads what is there and writes
    only the difference. Nothing is written before the ticket space is proven to be restricted, and the
    report itself only as ciphertext that was committed to the store before.

    Raises:
        HostError, NoReaders, StoreError: the job is to be tried again (``retry``) or parked.
    """
    delivery = _opened(inbox_id, work)
    if delivery.finished:
        return
    incident = _incident_of(delivery, work)
    if delivery.source == NIGHTLY and is_right_at_night(incident, work):
        work.store.finish(inbox_id, work.clock.now())
        return
    hints = work.store.hints(incident.id)
    if delivery.source == HOST and is_observed(incident, hints, work):
        work.store.observed(inbox_id, hints.upto, work.clock.now())
        return
    host = _host(incident, work)
    if delivery.source == HOST:
        host.ready_to_look()
    else:
        host.ready()
    work.guard.prove(host)
    must_have_readers(delivery, incident, work)
    view = mirror(incident, work.process)
    ref, found = _ticket(host, view, work)
    found = erased_on_host(host, ref, view, found, work.store)
    if take_over(delivery, incident, ref, found, work.store, work.roster(), work.clock.now()):
        delivery = work.store.delivery(inbox_id)
        if delivery.report is not None and not began_with(inbox_id, found, work.store):
            open_incident(inbox_id, work)  # a reader of what was taken over may be meant by this report
            return
    looks = delivery.source in {NIGHTLY, HOST}
    before, incident = incident, adopt(incident, found, hints.accounts, work)
    view = mirror(incident, work.process)
    note_changes(
        incident, view, found, work.store, work.clock.now(), was_whole=looks, adopted=incident != before
    )
    if looks:  # a report waits for no deletion
        found = seal_readable(incident, ref, host, found, work)
    found = _fields_right(host, ref, view, found, work)
    incident = hand_over(delivery, incident, ref, found, work)
    found, files = _write_the_rest(host, ref, view, found, work, texts=looks)
    if files and looks:
        work.store.note_found(incident.id, [Found.FILES], work.clock.now())
    settle(incident, ref, host, found, work, for_report=not looks)
    if delivery.source == HOST:
        work.store.observed(inbox_id, hints.upto, work.clock.now())
    else:
        work.store.finish(inbox_id, work.clock.now())


def _opened(inbox_id: str, work: Casework) -> Delivery:
    try:
        return work.store.delivery(inbox_id)
    except DoesNotOpen:
        if not work.store.begins_diary(inbox_id) or not _stands_on_its_ticket(inbox_id, work):
            raise
        return work.store.delivery(inbox_id)


def _stands_on_its_ticket(inbox_id: str, work: Casework) -> bool:
    """Whether a report that cannot be opened is in its diary already, and is erased now.

    In an old copy of the database a report still waits that was handed over since; the short-lived key that it needs was
    destroyed then.
    """
    delivery = work.store.delivery(inbox_id, sealed=True)
    incident = work.store.incident(delivery.incident)
    host, view = _host(incident, work), mirror(incident, work.process)
    known = work.store.ticket(incident.id).ref
    refs = (known,) if known is not None else host.find(incident.id)
    return bool(refs) and take_over(
        delivery, incident, refs[0], host.read(refs[0], view), work.store, work.roster(), work.clock.now()
    )


def _incident_of(delivery: Delivery, work: Casework) -> Incident:
    """The incident of a delivery, which gets one of its own if the diary it came for has a reader whom it could mean.

    A later report is added to an open diary and read by all its readers, who were chosen for the first report. Who names a
    member of the team later must not be read by that member; and a reader who left the roster still has the key.

    Raises:
        KeptApart: it was given one just now.
    """
    incident = work.store.incident(delivery.incident)
    readers = work.store.readers(incident.id)
    if delivery.report is None or not readers:
        return incident
    safe = {member.alias for member in not_meant_by_any(delivery, work.store, work.roster())}
    if safe.issuperset(readers):
        return incident
    # As old as its delivery, so that a restored database makes the same one again.
    own = _new_incident(load_report(delivery.report), incident.space, delivery.received_at)
    work.store.separate(delivery.inbox_id, incident.id, own)
    raise KeptApart(
        f"The delivery {delivery.inbox_id} became an incident of its own: it could mean a reader of its diary.",
        next_step="Nothing; it is brought to a ticket of its own by itself.",
    )


def _host(incident: Incident, work: Casework) -> Host:
    host = work.hosts.get(incident.space)
    if host is None:
        raise HostGone(
            f"The ticket space {incident.space!r} of {incident.code_name} is not in the configuration.",
            meaning="It was there when the report came in. The report stays sealed in the service.",
            next_step=f"Put [spaces.{incident.space}] back and start the server again.",
        )
    return host


def prove_space(space: SpaceName, work: Casework) -> None:
    """Return if only the team can read a ticket space now: asked before anything beside a ticket is written, as a board.

    Raises:
        HostError: it is not proven, or could not be found out.
    """
    work.guard.prove(work.hosts[space])


def _ticket(host: Host, view: MirrorView, work: Casework) -> tuple[TicketRef, TicketState]:
    """The incident's ticket and what is on it: the one we know, the one we find, or a new one.

    It is looked for before the first attempt too: a database that was restored from a backup may have
    forgotten that the ticket was opened, and even that it has a diary.
    """
    known = work.store.ticket(view.incident)
    if known.ref is not None:
        return known.ref, host.read(known.ref, view)
    refs = host.find(view.incident)
    if refs:
        found = host.read(refs[0], view)
        work.store.ticket_opened(view.incident, refs[0])
        return refs[0], found
    if known.attempted_at is not None:
        remaining = _until_believed(view.incident, known.attempted_at, work)
        if remaining > 0:
            raise HostUnknownOutcome(
                f"It is not known yet whether the ticket of {view.code_name} was opened.",
                meaning="The host's search may lag behind, so a second ticket is not risked.",
                next_step="Nothing; the job looks again by itself.",
                after=min(_LOOK_AGAIN.total_seconds(), remaining),
            )
    work.guard.check_again(host)
    attempted_at = work.clock.now()
    work.store.ticket_attempted(view.incident, attempted_at)
    work.looked_for[view.incident, attempted_at] = work.clock.steady()
    try:
        ref = host.open_ticket(view)
    except HostUnknownOutcome:
        raise
    except HostError:  # surely nothing was written: the next try need not wait for the host's search
        work.store.ticket_attempted(view.incident, None)
        work.looked_for.pop((view.incident, attempted_at), None)
        raise
    work.store.ticket_opened(view.incident, ref)
    work.looked_for.pop((view.incident, attempted_at), None)
    return ref, host.read(ref, view)


def _until_believed(incident: IncidentId, attempted_at: datetime, work: Casework) -> float:
    """Seconds for which "not there" is not believed yet.

    They are counted from when this process first looked after the latest attempt, its own or another's, by a clock that
    nobody puts forward: a second ticket is worse than five minutes more after a restart. ``attempted_at`` only tells one
    attempt from another. Servers that take turns do not put each other off for ever: an attempt is made only when one of
    them has waited in full after the one before.
    """
    return (
        work.looked_for.setdefault((incident, attempted_at), work.clock.steady())
        + SETTLE.total_seconds()
        - work.clock.steady()
    )


def _fields_right(
    host: Host, ref: TicketRef, view: MirrorView, found: TicketState, work: Casework
) -> TicketState:
    """A ticket that shows what it should, restriction included, before any diary comment goes there."""
    if shows(view, found):
        return found
    work.guard.check_again(host)
    host.write(ref, view, Difference(fields=True, steps=(), comments=()))
    found = host.read(ref, view)
    if not shows(view, found):
        raise HostNotRestricted(
            f"The fields of the ticket of {view.code_name} do not stay as they were set.",
            meaning="Something on the host changes or refuses them; no diary comment was written.",
            next_step="See that the service's account may edit every field and the security level; "
            "the job tries again by itself.",
        )
    return found


def _write_the_rest(
    host: Host, ref: TicketRef, view: MirrorView, found: TicketState, work: Casework, *, texts: bool
) -> tuple[TicketState, Sequence[str]]:
    """Write what the ticket lacks, then read it back: only what is seen there counts as done.

    Gives the ticket as it was read last, and the files that were written. ``texts`` is whether the texts of ticket and
    steps are put right too; no report waits for that.
    """
    comments = work.store.comments(view.incident)
    lacking = difference(view, comments, found)
    if lacking.must_be_seen or (texts and lacking):
        work.guard.check_again(host)
        host.write(ref, view, lacking if texts else replace(lacking, text=False, texts=()))
        found = host.read(ref, view)
    if difference(view, comments, found).must_be_seen:
        raise HostUnknownOutcome(
            f"The ticket of {view.code_name} does not show yet all that was written.",
            meaning="The host lags behind, or dropped a part of it.",
            next_step="Nothing; the job reads it again and writes what is missing.",
        )
    work.store.comments_posted(view.incident, {one.id: found.comments[one.text] for one in comments})
    files = work.store.files(view.incident)
    if not files:
        return found, ()
    work.guard.check_again(host)
    return found, host.attach(ref, view, files, lambda name: work.store.file(view.incident, name) or b"")


# 3. A ticket was deleted before its diary began -----------------------------------------------------


def reopen(inbox_id: str, work: Casework) -> None:
    """Let a delivery whose ticket was deleted get a new one. Once it has a diary, its members restore it.

    Raises:
        WriteRefused: there is a diary, or no ticket to forget, or the ticket is still there.
        HostError: the host does not say.
    """
    delivery = work.store.delivery(inbox_id)
    incident = work.store.incident(delivery.incident)
    ref = work.store.ticket(incident.id).ref
    if delivery.finished or work.store.comments(incident.id):
        raise WriteRefused(
            f"The diary of {incident.code_name} has begun.",
            meaning="Its comments name the ticket they stand on.",
            next_step=f"A member who is cleared restores it: coc diary restore {incident.code_name} --new-ticket",
        )
    if ref is None:
        raise WriteRefused(
            f"No ticket of {incident.code_name} is known that could be forgotten.",
            next_step=f"coc-server jobs retry {inbox_id}",
        )
    try:
        _host(incident, work).read(ref, mirror(incident, work.process))
    except HostGone:
        work.store.restore(incident.id, gone=ref, now=work.clock.now())
    else:
        raise WriteRefused(
            f"The ticket of {incident.code_name} is still there.",
            meaning="A second one is not opened.",
            next_step=f"coc-server jobs retry {inbox_id}",
        )


def is_retryable(error: Exception) -> bool:
    """Whether the job may soon be run again without a person having done something."""
    return error.retry if isinstance(error, HostError) else isinstance(error, StoreError | HeadConflict)
