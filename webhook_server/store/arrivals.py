"""Deliveries that came in at the same time, written in one transaction: each once, sealed, with its incident."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.incident import IncidentId
from integration.ports import Receipt
from webhook_server.store import tables as t
from webhook_server.store.rows import incident_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integration.code_name import CodeName
    from integration.incident import Incident
    from webhook_server.store.inbox_keys import InboxKeys
    from webhook_server.store.sealed import Sealer


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery to be kept. The digests tell whether it, or its submission, came before."""

    source: str
    submission_digest: str
    answers_digest: str
    report: bytes
    unreadable: bool
    incident: Callable[[Callable[[CodeName], bool]], Incident]
    """Makes the incident, should the submission be new."""
    now: datetime


def keep(
    connection: sa.Connection, arrivals: Sequence[Arrival], *, sealer: Sealer, inbox_keys: InboxKeys
) -> list[Receipt]:
    """Write what is new of these deliveries; a receipt for each, in order.

    The same (source, submission, answers) is kept once, other answers go to the submission's incident.
    """
    known, incident_of = _known(connection, arrivals)
    incidents: list[dict[str, object]] = []
    deliveries: list[dict[str, object]] = []
    receipts = []
    for one in arrivals:
        submission = (one.source, one.submission_digest)
        receipt = known.get((*submission, one.answers_digest))
        if receipt is None:
            if submission not in incident_of:
                incident = one.incident(lambda name: _is_taken(connection, name, incidents))
                incidents.append(incident_row(incident, one.source, one.submission_digest))
                incident_of[submission] = incident.id
            inbox_id = "in_" + secrets.token_hex(16)
            deliveries.append(_delivery(one, inbox_id, incident_of[submission], sealer, inbox_keys))
            receipt = Receipt(inbox_id, incident_of[submission], duplicate=False)
            known[(*submission, one.answers_digest)] = Receipt(
                inbox_id, incident_of[submission], duplicate=True
            )
        receipts.append(receipt)
    if incidents:
        connection.execute(t.incident.insert(), incidents)
    if deliveries:
        connection.execute(t.inbox.insert(), deliveries)
    return receipts


def _known(
    connection: sa.Connection, arrivals: Sequence[Arrival]
) -> tuple[dict[tuple[str, str, str], Receipt], dict[tuple[str, str], IncidentId]]:
    """What is stored of these submissions: their deliveries, and the incident of each."""
    sources = {one.source for one in arrivals}
    digests = {one.submission_digest for one in arrivals}
    inbox, incident = t.inbox.c, t.incident.c
    deliveries = connection.execute(
        sa.select(
            inbox.source, inbox.submission_digest, inbox.answers_digest, inbox.id, inbox.incident_id
        ).where(inbox.source.in_(sources), inbox.submission_digest.in_(digests))
    )
    known = {
        (row[0], row[1], row[2]): Receipt(row[3], IncidentId(row[4]), duplicate=True) for row in deliveries
    }
    incidents = connection.execute(
        sa.select(incident.source, incident.submission_digest, incident.id).where(
            incident.source.in_(sources), incident.submission_digest.in_(digests)
        )
    )
    return known, {(row[0], row[1]): IncidentId(row[2]) for row in incidents}


def _is_taken(connection: sa.Connection, name: CodeName, new: Sequence[dict[str, object]]) -> bool:
    if any(row["code_name"] == name for row in new):
        return True
    query = sa.select(t.incident.c.id).where(t.incident.c.code_name == name)
    return connection.execute(query).first() is not None


def _delivery(
    one: Arrival, inbox_id: str, incident: IncidentId, sealer: Sealer, inbox_keys: InboxKeys
) -> dict[str, object]:
    """The row of the inbox. The report is sealed twice: with a short-lived key, and around it with the root key."""
    inbox_key, report = inbox_keys.seal(one.report, inbox_id)
    return {
        "id": inbox_id, "source": one.source, "submission_digest": one.submission_digest,
        "answers_digest": one.answers_digest, "incident_id": incident, "inbox_key": inbox_key,
        "sealed_report": sealer.seal(report, table="inbox", column="sealed_report", row=inbox_id),
        "unreadable": one.unreadable, "received_at": one.now, "state": "waiting", "attempts": 0, "due_at": one.now,
    }  # fmt: skip
