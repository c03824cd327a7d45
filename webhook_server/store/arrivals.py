"""Deliveries that came in at the same time, written in one transaction: each once, sealed, with its incident."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.code_name import new_code_name
from integration.incident import IncidentId
from integration.store import Receipt
from webhook_server.store import tables as t
from webhook_server.store.rows import incident_of_submission, incident_row
from webhook_server.store.sent_again import Kept, is_lost, seal_anew

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.code_name import CodeName
    from integration.incident import Incident
    from integration.store import NewIncident
    from webhook_server.store.inbox_keys import InboxKey, InboxKeys
    from webhook_server.store.sealed import Sealer


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery to be kept. The digests tell whether it, or its submission, came before."""

    source: str
    submission_digest: str
    answers_digest: str
    report: bytes
    unreadable: bool
    incident: NewIncident
    """Makes the incident, should the submission be new."""
    now: datetime


# Built once: SQLAlchemy takes far longer to build a statement than SQLite to run it.
_KNOWN = (
    sa.select(
        t.incident.c.source,
        t.incident.c.submission_digest,
        t.incident.c.id,
        t.inbox.c.answers_digest,
        t.inbox.c.id,
        t.inbox.c.incident_id,  # another than the submission's, if its report had to be kept apart
        t.inbox.c.sealed_report.is_not(None).label("sealed"),
        t.inbox.c.inbox_key,
        t.inbox.c.reason_code,
    )
    .outerjoin(
        t.inbox,
        (t.inbox.c.source == t.incident.c.source)
        & (t.inbox.c.submission_digest == t.incident.c.submission_digest),
    )
    .where(
        t.incident.c.source.in_(sa.bindparam("sources", expanding=True)),
        t.incident.c.submission_digest.in_(sa.bindparam("digests", expanding=True)),
    )
)
_TAKEN_NAMES = sa.select(t.incident.c.code_name).where(
    t.incident.c.code_name.in_(sa.bindparam("names", expanding=True))
)
_NEW_INCIDENTS = t.incident.insert()
_NEW_DELIVERIES = t.inbox.insert()


def keep(
    connection: sa.Connection, arrivals: Sequence[Arrival], *, sealer: Sealer, keys: InboxKeys
) -> list[Receipt]:
    """Write what is new of these deliveries; a receipt for each, in order.

    The same (source, submission, answers) is kept once, other answers go to the submission's incident. One that is kept
    already, but cannot be opened any more, is kept anew: whoever sends it again saves the report.
    """
    inbox_key = keys.current()
    known, incident_of, sealed = _known(connection, arrivals)
    incidents = _new_incidents(connection, arrivals, incident_of)
    deliveries = []
    receipts = []
    for one in arrivals:
        same = (one.source, one.submission_digest, one.answers_digest)
        receipt = known.get(same)
        if receipt is None:
            incident = incident_of[one.source, one.submission_digest]
            inbox_id = "in_" + secrets.token_hex(16)
            deliveries.append(_delivery(one, inbox_id, incident, sealer, inbox_key))
            receipt = Receipt(inbox_id, incident, duplicate=False)
            known[same] = Receipt(inbox_id, incident, duplicate=True)
        elif (kept := sealed.pop(receipt.inbox_id, None)) and is_lost(connection, kept, sealer, keys):
            again = _sealed(one, kept.inbox_id, sealer, inbox_key)
            seal_anew(connection, kept, again, unreadable=one.unreadable, now=one.now)
        receipts.append(receipt)
    if incidents:
        connection.execute(_NEW_INCIDENTS, incidents)
    if deliveries:
        connection.execute(_NEW_DELIVERIES, deliveries)
    return receipts


def _known(
    connection: sa.Connection, arrivals: Sequence[Arrival]
) -> tuple[dict[tuple[str, str, str], Receipt], dict[tuple[str, str], IncidentId], dict[str, Kept]]:
    """What is stored of these submissions: their deliveries, the incident of each, and reports that lie sealed here."""
    these = {
        "sources": list({one.source for one in arrivals}),
        "digests": list({one.submission_digest for one in arrivals}),
    }
    known, incident_of, sealed = {}, {}, {}
    for row in connection.execute(_KNOWN, these):
        source, submission, incident, answers, inbox_id, incident_of_inbox, is_sealed, key, code = row
        incident_of[source, submission] = IncidentId(incident)
        if inbox_id is not None:
            known[source, submission, answers] = Receipt(
                inbox_id, IncidentId(incident_of_inbox), duplicate=True
            )
            if is_sealed:
                sealed[inbox_id] = Kept(inbox_id, key, code)
    return known, incident_of, sealed


def _new_incidents(
    connection: sa.Connection, arrivals: Sequence[Arrival], incident_of: dict[tuple[str, str], IncidentId]
) -> list[dict[str, object]]:
    """A row for each submission that has no incident yet, each with a code name that nothing else has.

    Each is drawn from the digest of the answers. So a report that is sent again to a restored database, which has forgotten
    it, gets the name that its ticket bears, and one with other answers another: by that it is known which of them began
    the diary there (:func:`integration.reconcile.began_with`). The digest is keyed: the name tells nobody anything.
    """
    new: dict[tuple[str, str], Incident] = {}
    names: set[CodeName] = set()
    lacking = {
        (one.source, one.submission_digest): one
        for one in reversed(arrivals)  # the first of a submission makes its incident
        if (one.source, one.submission_digest) not in incident_of
    }
    while lacking:
        for submission, one in lacking.items():
            name = new_code_name(names.__contains__, bytes.fromhex(one.answers_digest))
            new[submission] = one.incident(incident_of_submission(submission[1]), name)
            names.add(new[submission].code_name)
        taken = set(connection.scalars(_TAKEN_NAMES, {"names": list(names)}))
        lacking = {one: make for one, make in lacking.items() if new[one].code_name in taken}
    incident_of.update({submission: incident.id for submission, incident in new.items()})
    return [incident_row(incident, *submission) for submission, incident in new.items()]


def _delivery(
    one: Arrival, inbox_id: str, incident: IncidentId, sealer: Sealer, inbox_key: InboxKey
) -> dict[str, object]:
    """The row of the inbox."""
    return {
        "id": inbox_id, "source": one.source, "submission_digest": one.submission_digest,
        "answers_digest": one.answers_digest, "incident_id": incident,
        **_sealed(one, inbox_id, sealer, inbox_key),
        "unreadable": one.unreadable, "received_at": one.now, "state": "waiting", "attempts": 0, "due_at": one.now,
    }  # fmt: skip


def _sealed(one: Arrival, inbox_id: str, sealer: Sealer, inbox_key: InboxKey) -> dict[str, str]:
    """The report is sealed twice: with a short-lived key, and around it with the root key."""
    report = inbox_key.seal(one.report, inbox_id)
    sealed = sealer.seal(report, table="inbox", column="sealed_report", row=inbox_id)
    return {"inbox_key": inbox_key.id, "sealed_report": sealed}
