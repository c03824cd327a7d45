"""A report that lies sealed here and does not open any more is sealed anew when its form tool sends it again.

Otherwise its own resend would be taken for a duplicate: answered with 200, and thrown away. That is the one way to save
a report whose inbox key is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import DoesNotOpen
from integration.logs import Log
from integration.store import GIVEN_UP
from webhook_server.store import tables as t
from webhook_server.store.sealed import whole_report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhook_server.store.inbox_keys import InboxKeys
    from webhook_server.store.sealed import Sealer

_log = Log("coc.store")

_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A delivery whose report lies sealed in the inbox: it waits, or was given up."""

    inbox_id: str
    inbox_key: str | None
    reason_code: str | None


def is_lost(connection: sa.Connection, kept: Kept, sealer: Sealer, keys: InboxKeys) -> bool:
    """Whether a sealed report does not open, or nobody would open it. Only one of which a try has said so is read; of the others, the key's file.

    On PostgreSQL another server may hand it over at this moment and destroy the key: :func:`seal_anew` then changes
    nothing.
    """
    if kept.reason_code == GIVEN_UP:
        return True
    if kept.inbox_key is not None and keys.is_gone(kept.inbox_key):
        return True
    if kept.reason_code != DoesNotOpen.code:
        return False
    sealed = connection.scalar(sa.select(t.inbox.c.sealed_report).where(t.inbox.c.id == kept.inbox_id))
    if sealed is None:
        return False
    try:
        inner = sealer.open(sealed, table="inbox", column="sealed_report", row=kept.inbox_id)
        if kept.inbox_key is None:
            whole_report(inner, kept.inbox_id)
        else:
            keys.open(kept.inbox_key, inner, kept.inbox_id)
    except DoesNotOpen:
        return True
    return False


def seal_anew(
    connection: sa.Connection, kept: Kept, sealed: Mapping[str, str], *, unreadable: bool, now: datetime
) -> None:
    """Put what came now in the place of what does not open, as a job that is due at once and was not tried yet.

    It counts as received now, and always later than before: :meth:`Database.begins_diary` tells by this that it is
    no more the report with which a diary may have begun. A try that still runs notes nothing about it.
    """
    inbox = t.inbox.c
    same = (
        inbox.id == kept.inbox_id,
        inbox.sealed_report.is_not(None),
        inbox.inbox_key.is_(None) if kept.inbox_key is None else inbox.inbox_key == kept.inbox_key,
    )
    before = connection.execute(sa.select(inbox.received_at).where(*same)).scalar()
    if before is None:
        return
    tried = inbox.attempts + 1
    changed = connection.execute(
        t.inbox.update()
        .where(*same)
        .values(
            **sealed, unreadable=unreadable, received_at=max(now, before + _A_MOMENT), state="waiting",
            attempts=tried, waits=tried, due_at=now, due_noted_at=None, reason_code=None, reason=None,
            told=None, told_at=None,
        )
    )  # fmt: skip
    if changed.rowcount:
        _log.info("report-kept-anew", delivery=kept.inbox_id)
