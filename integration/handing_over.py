"""A report goes from the sealed inbox into its diary. Its clear text exists only while :func:`hand_over` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.adopting import adopt
from integration.diary.keys import Reader
from integration.diary.seal import Card, EntryContent, EntryDraft, open_first_epoch, seal_entry
from integration.errors import NoReaders
from integration.may_read_first import first_readers_of
from integration.report import Report, ReportField, load_report
from integration.text import Untrusted

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.incident import Incident
    from integration.mirror import TicketRef, TicketState
    from integration.roster import Member
    from integration.store import Delivery


def hand_over(
    delivery: Delivery, incident: Incident, ref: TicketRef, found: TicketState, work: Casework
) -> Incident:
    """From the sealed inbox into the diary; gives the incident as it is then. The clear text exists only inside this function.

    ``found`` is the ticket. A diary that begins takes in the plain comments that stood there before: until now they could
    not be sealed.
    """
    if delivery.report is None:
        return incident
    report = load_report(delivery.report)
    entry = EntryDraft(
        content=EntryContent.REPORT,
        body=Untrusted(_account(report, delivery.source)),
        card=_card(report, incident),
        event_at=report.submitted_at or delivery.received_at,
    )
    head, epoch, now = work.store.head(incident.id), work.store.epoch(incident.id), work.clock.now()
    if epoch is not None:
        comments = seal_entry(
            incident=incident.id, ticket=work.store.comments(incident.id)[-1].ticket, head=head, epoch=epoch, entry=entry,
            service=work.service_key, now=now, part_bytes=work.hosts[incident.space].part_bytes,
        )  # fmt: skip
        work.store.hand_over(delivery.inbox_id, head=head, comments=comments, epoch=None, readers=())
        return incident
    roster, members = work.roster(), _readers_of(delivery, incident, work)
    first = open_first_epoch(
        incident=incident.id, ticket=ref.name,
        readers=[Reader(member.alias, member.recipient, member.signing_key) for member in members],
        recovery=[Reader(key.name, key.recipient, None) for key in roster.recovery],
        roster_hash=roster.hash, roster_serial=roster.serial, entry=entry,
        service=work.service_key, now=now, part_bytes=work.hosts[incident.space].part_bytes,
    )  # fmt: skip
    work.store.hand_over(
        delivery.inbox_id, head=head, comments=first.comments, epoch=first.epoch,
        readers=[member.alias for member in members],
    )  # fmt: skip
    return adopt(incident, found, (), work)


def must_have_readers(delivery: Delivery, incident: Incident, work: Casework) -> None:
    """Return if somebody could open the diary that this delivery begins: asked before there is an empty ticket.

    Raises:
        NoReaders: nobody could.
    """
    if delivery.report is None or work.store.epoch(incident.id) is not None:
        return
    if not work.roster().recovery:  # whoever has one of these can, whatever the report says
        _readers_of(delivery, incident, work)


def _readers_of(delivery: Delivery, incident: Incident, work: Casework) -> tuple[Member, ...]:
    """The members who get the first keyring; none, if only the recovery keys do."""
    roster = work.roster()
    members = first_readers_of(delivery, work.store, roster)
    if not members and not roster.recovery:
        raise NoReaders(
            f"Nobody could open the diary of {incident.code_name}.",
            meaning="Every member on duty may be meant by the report or by another version of it, and the roster has no "
            "recovery key.",
            next_step="Add a recovery key, or put another member on duty; the job tries again by itself. If it is a later "
            "version of a report, only a recovery key helps.",
        )
    return members


def _card(report: Report, incident: Incident) -> Card:
    return Card(
        reporter=Untrusted(report.said(ReportField.REPORTER)),
        subject=Untrusted(report.said(ReportField.SUBJECT)),
        summary=Untrusted(report.said(ReportField.SUMMARY)),
        type=incident.type.value,
    )


def _account(report: Report, source: str) -> str:
    """The whole report as text: questions start with ``? ``, answers are indented, so neither can pose as the other."""
    lines = [f"Source: {source}"]
    if report.submitted_at is not None:
        lines.append(f"Submitted: {report.submitted_at.isoformat()}")
    if report.verbatim is not None:
        lines += ["", "This delivery could not be read as a form; here it is as it came:"]
        lines += [f"  {line}" for line in report.verbatim.reveal().split("\n")]
    for answer in (*(one for name in ReportField for one in report.fields.get(name, ())), *report.other):
        question = " ".join(answer.question.reveal().split())
        lines += ["", f"? {question}", *(f"  {line}" for line in answer.answer.reveal().split("\n"))]
    return "\n".join(lines) + "\n"
