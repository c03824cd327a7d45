"""Between rows and the values of the domain."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.code_name import CodeName, new_code_name
from integration.diary.chain import Head, genesis
from integration.diary.comment import CommentId, CommentKind, Link, SealedComment
from integration.errors import HeadConflict
from integration.incident import Alias, Incident, IncidentId, IncidentType, SpaceName, Stage, incident_id
from integration.mirror import TicketName, TicketRef
from integration.risk import Level
from integration.store import DESK, FOUND
from integration.text import SealedText
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from integration.diary.keys import Epoch
    from integration.store import NewIncident


def insert_incident(
    connection: sa.Connection,
    source: str,
    submission_digest: str,
    make: NewIncident,
) -> IncidentId:
    """A new incident for a submission not seen before, with a code name that is free in this transaction."""

    def taken(name: CodeName) -> bool:
        query = sa.select(t.incident.c.id).where(t.incident.c.code_name == name)
        return connection.execute(query).first() is not None

    incident = make(
        incident_of_submission(submission_digest), new_code_name(taken, bytes.fromhex(submission_digest))
    )
    connection.execute(t.incident.insert().values(incident_row(incident, source, submission_digest)))
    return incident.id


def incident_of_submission(submission_digest: str) -> IncidentId:
    """The same submission is the same incident also in a database that was restored and has forgotten it.

    Its ticket then bears this id, is found, and no second one is opened. The digest is keyed: the id tells nobody anything.
    """
    return incident_id(bytes.fromhex(submission_digest)[:16])


def incident_row(incident: Incident, source: str, submission_digest: str) -> dict[str, object]:
    """A new row of the table ``incident``."""
    return {
        "id": incident.id, "code_name": incident.code_name, "source": source, "submission_digest": submission_digest,
        "space": incident.space, "type": incident.type.value, "stage": incident.stage.value,
        "impact": incident.impact, "likelihood": incident.likelihood, "lead": incident.lead,
        "secondary": incident.secondary, "opened_at": incident.opened_at,
    }  # fmt: skip


def incident_of(row: sa.Row[Any]) -> Incident:
    """A row of the table ``incident``."""
    return Incident(
        id=IncidentId(row.id),
        code_name=CodeName(row.code_name),
        type=IncidentType(row.type),
        space=SpaceName(row.space),
        opened_at=row.opened_at,
        stage=Stage(row.stage),
        impact=None if row.impact is None else Level(row.impact),
        likelihood=None if row.likelihood is None else Level(row.likelihood),
        lead=None if row.lead is None else Alias(row.lead),
        secondary=None if row.secondary is None else Alias(row.secondary),
    )


def ref_of(row: sa.Row[Any]) -> TicketRef | None:
    """Where a ticket is, if that is known."""
    if row.host_id is None:
        return None
    return TicketRef(TicketName(row.name), row.host_id, row.key, row.url, row.stable or "")


def upsert_ticket(connection: sa.Connection, incident: IncidentId, **values: Any) -> None:  # noqa: ANN401 - column values
    """Change what is known of an incident's ticket, or begin to know it."""
    changed = connection.execute(t.ticket.update().where(t.ticket.c.incident_id == incident).values(**values))
    if changed.rowcount == 0:
        connection.execute(t.ticket.insert().values(incident_id=incident, **values))


def head_of(connection: sa.Connection, incident: IncidentId) -> Head:
    """The newest link of a diary, or the link that every diary of this incident begins with."""
    row = connection.execute(
        sa.select(t.comment)
        .where(t.comment.c.incident_id == incident)
        .order_by(t.comment.c.seq.desc(), t.comment.c.part.desc())
        .limit(1)
    ).first()
    return genesis(incident) if row is None else Head(incident, row.seq, row.part, Link(row.link))


def comment_of(row: sa.Row[Any]) -> SealedComment:
    """A row of the table ``comment``."""
    return SealedComment(
        incident=IncidentId(row.incident_id),
        ticket=row.ticket,
        id=CommentId(row.seq, row.part),
        parts=row.parts,
        epoch=row.epoch,
        kind=CommentKind(row.kind),
        prev=Link(row.prev),
        link=Link(row.link),
        text=SealedText(row.text),
    )


def extend(connection: sa.Connection, head: Head, comments: Sequence[SealedComment]) -> None:
    """Add comments to a diary whose head is still the one they were made for.

    Raises:
        HeadConflict: it is not.
    """
    if head_of(connection, head.incident) != head:
        raise HeadConflict(
            "The diary has moved on while this was being written.",
            next_step="Nothing is lost: it is made again for the new head.",
        )
    if comments:
        insert_comments(connection, comments)


def insert_comments(connection: sa.Connection, comments: Sequence[SealedComment]) -> None:
    """Diary comments, as ciphertext."""
    connection.execute(
        t.comment.insert(),
        [
            {
                "incident_id": comment.incident, "seq": comment.id.seq, "part": comment.id.part,
                "parts": comment.parts, "ticket": comment.ticket, "epoch": comment.epoch,
                "kind": comment.kind.value, "prev": comment.prev, "link": comment.link, "text": comment.text,
            }
            for comment in comments
        ],
    )  # fmt: skip


def insert_epoch(connection: sa.Connection, incident: IncidentId, epoch: Epoch, sealed_readers: str) -> None:
    """The public half of an epoch, and to whom the service serves the diary from now on."""
    connection.execute(
        t.epoch.insert().values(
            incident_id=incident, number=epoch.number, recipient=epoch.recipient, writing_key=epoch.writing_key,
            sealed_readers=sealed_readers,
        )
    )  # fmt: skip


def insert_desk_job(connection: sa.Connection, incident: IncidentId, now: datetime) -> None:
    """A delivery without a report: the host is read, and what it lacks is written."""
    insert_job(connection, DESK, incident, now)


def insert_job(
    connection: sa.Connection,
    source: str,
    incident: IncidentId,
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> None:
    """A job without a report, from a source of our own."""
    own = "in_" + secrets.token_hex(16)
    connection.execute(
        t.inbox.insert().values(
            id=own, source=source, submission_digest=own, answers_digest=own, incident_id=incident, sealed_report=None,
            unreadable=False, received_at=now, state="waiting", attempts=0, due_at=due_at or now,
        )
    )  # fmt: skip


def note_posted(connection: sa.Connection, incident: IncidentId, posted: Mapping[CommentId, str]) -> None:
    """The host's ids of comments."""
    for place, host_id in posted.items():
        connection.execute(
            t.comment.update()
            .where(
                t.comment.c.incident_id == incident,
                t.comment.c.seq == place.seq,
                t.comment.c.part == place.part,
            )
            .values(host_comment_id=host_id)
        )


def upsert_found(
    connection: sa.Connection, incident: IncidentId, kinds: Sequence[str], now: datetime
) -> None:
    """What is to be told about a ticket: one row for each incident, news again with each new finding."""
    own = f"found_{incident}"
    row = connection.execute(sa.select(t.inbox.c.reason, t.inbox.c.told).where(t.inbox.c.id == own)).first()
    if row is None:
        connection.execute(
            t.inbox.insert().values(
                id=own, source=FOUND, submission_digest=own, answers_digest=own, incident_id=incident,
                sealed_report=None, unreadable=False, received_at=now, state="done", attempts=0, due_at=now,
                reason=",".join(sorted(kinds)),
            )
        )  # fmt: skip
        return
    untold = set() if row.told else set((row.reason or "").split(","))
    connection.execute(
        t.inbox.update()
        .where(t.inbox.c.id == own)
        .values(reason=",".join(sorted(untold | set(kinds))), told=None, due_at=now)
    )
