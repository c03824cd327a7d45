"""The tables. In clear they hold ids, code names, public fields, times, ciphertext and public keys only.

Columns whose name begins with ``sealed_`` are sealed (:mod:`webhook_server.store.sealed`), columns that end
in ``_digest`` are keyed digests. tests/server/store/test_tables.py holds this list against the code.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(time: datetime) -> int:
    """How the database keeps a point in time."""
    return (time - _EPOCH) // timedelta(microseconds=1)


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A point in time as whole microseconds since 1970 in UTC: exact, sortable, the same on each database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002 - the base class's signature
        """Time to number."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - the base class's signature
        """Number to time."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = sa.MetaData()

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("code_name", sa.String, nullable=False, unique=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("submission_digest", sa.String, nullable=False),
    sa.Column("space", sa.String, nullable=False),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("impact", sa.Integer),
    sa.Column("likelihood", sa.Integer),
    sa.Column("lead", sa.String),
    sa.Column("secondary", sa.String),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.UniqueConstraint("source", "submission_digest"),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("submission_digest", sa.String, nullable=False),
    sa.Column("answers_digest", sa.String, nullable=False),
    sa.Column("incident_id", sa.ForeignKey("incident.id"), nullable=False),
    sa.Column("sealed_report", sa.Text),
    sa.Column(
        "inbox_key", sa.String
    ),  # id of the short-lived key that sealed_report needs beside the root key
    sa.Column("unreadable", sa.Boolean, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # waiting, parked, done
    sa.Column("attempts", sa.Integer, nullable=False),
    # how many of the attempts only waited for our own budget of writes, which is no trouble
    sa.Column("waits", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("due_noted_at", UtcTime),  # by whose clock: see job_list.py; empty: when it was received
    sa.Column("reason_code", sa.String),
    sa.Column("reason", sa.Text),
    sa.Column("told", sa.String),
    sa.Column("told_at", UtcTime),
    sa.UniqueConstraint("source", "submission_digest", "answers_digest"),
    sa.Index("inbox_state_due", "state", "due_at"),
    sa.Index("inbox_inbox_key", "inbox_key"),
    sqlite_autoincrement=True,
)

ticket = sa.Table(
    "ticket",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("attempted_at", UtcTime),
    sa.Column("name", sa.String),
    sa.Column("host_id", sa.String),
    sa.Column("key", sa.String),
    sa.Column("url", sa.String),
    sa.Column("stable", sa.String),
)

epoch = sa.Table(
    "epoch",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("recipient", sa.String, nullable=False),
    sa.Column("writing_key", sa.String, nullable=False),
    sa.Column("sealed_readers", sa.Text, nullable=False),
)

comment = sa.Table(
    "comment",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("parts", sa.Integer, nullable=False),
    sa.Column("ticket", sa.String, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("prev", sa.String, nullable=False),
    sa.Column("link", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("host_comment_id", sa.String),
)

file = sa.Table(
    "file",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

nonce = sa.Table(
    "nonce",
    metadata,
    sa.Column("alias", sa.String, primary_key=True),
    sa.Column("value", sa.String, primary_key=True),
    sa.Column("expires_at", UtcTime, nullable=False),
)

roster = sa.Table(
    "roster",
    metadata,
    sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.String, nullable=False),
    sa.Column("sealed_file", sa.Text, nullable=False),
    sa.Column("accepted_at", UtcTime, nullable=False),
)

worker = sa.Table(
    "worker",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("root_key_id", sa.String, nullable=False),
)
"""Processes that work on this database, each with a name of its own. ``seen_at`` moves on while one lives."""

host_write = sa.Table(
    "host_write",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("budget", sa.String, nullable=False),  # "<host kind>:<site>/<owner, or for Jira the ticket>"
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("writes", sa.Integer, nullable=False),
    sa.Index("host_write_budget_at", "budget", "at"),
)
"""Writes to a host that were made or are reserved, for as long as its limits look back.

A row without writes is the end of a pause that the host asked for.
"""

chore = sa.Table(
    "chore",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("done_at", UtcTime, nullable=False),
)
"""When something that is due by the clock was last begun: it is claimed before it is done."""

chore_trouble = sa.Table(
    "chore_trouble",
    metadata,
    sa.Column("chore", sa.String, primary_key=True),
    sa.Column("part", sa.String, primary_key=True),  # a ticket space or a webhook of a host; empty: all of it
    sa.Column("failed_since", UtcTime, nullable=False),
    sa.Column("reason_code", sa.String, nullable=False),
)
"""What fails of that, from the first failure on; the next success takes its row away."""

notice_left = sa.Table(
    "notice_left",
    metadata,
    sa.Column("inbox_id", sa.ForeignKey("inbox.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("address_digest", sa.String, primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
)
"""Who has not got the notice about a delivery that others got, until it is sent or given up."""

redelivery = sa.Table(
    "redelivery",
    metadata,
    sa.Column("hook", sa.String, primary_key=True),
    sa.Column("guid", sa.String, primary_key=True),
    sa.Column("asked_at", UtcTime, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
)
"""Deliveries of a host's webhook that we asked it to send again."""

space = sa.Table(
    "space",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("host_id", sa.String, nullable=False),
    sa.Column("kept_at", UtcTime, nullable=False),
)
"""Ticket spaces by their configured name, and the host's own id of the repository or project that was proven."""

digest_key = sa.Table("digest_key", metadata, sa.Column("key_digest", sa.String, primary_key=True))
"""One row: a keyed digest of nothing, by which the key of all digests here is known."""

step = sa.Table(
    "step",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("status", sa.String, nullable=False),  # open, done, skipped
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("host_id", sa.String, nullable=False),
    sa.Index("step_host_id", "host_id"),
)
"""How the steps on a ticket stood when they were last looked at; ``at`` is since when."""

host_event = sa.Table(
    "host_event",
    metadata,
    sa.Column("space", sa.String, primary_key=True),
    sa.Column("delivery", sa.String, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)
"""Deliveries of hosts' webhooks that were noted, so that one that is sent again is known."""

host_hint = sa.Table(
    "host_hint",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("incident_id", sa.ForeignKey("incident.id"), nullable=False),
    sa.Column("touched", sa.String, nullable=False),
    sa.Column("account", sa.String, nullable=False),  # the host's id of whoever acted
    sa.Index("host_hint_incident_id", "incident_id"),
    sqlite_autoincrement=True,
)
"""What events said was touched on a ticket, until it was looked at. Nothing else of an event is kept."""

exposure = sa.Table(
    "exposure",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("comment_id", sa.String, primary_key=True),  # the host's
    sa.Column("text_digest", sa.String, primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("found_at", UtcTime, nullable=False),
    sa.Column("removed_at", UtcTime),
    sa.Column("told_at", UtcTime),
)
"""Plain comments on tickets that were sealed into the diary (as its entry ``seq``) and deleted."""

audience = sa.Table(
    "audience",
    metadata,
    sa.Column("space", sa.String, primary_key=True),
    sa.Column("doubts", sa.Integer, nullable=False),
    sa.Column("proven_at", UtcTime),
    sa.Column("admin_proven_at", UtcTime),
    sa.Column("admin_ends_at", UtcTime),
    sa.Column("admin_space_id", sa.String),
    sa.Column("admin_principals", sa.Text),  # JSON: pairs of account and path
    sa.Column("frozen_at", UtcTime),
    sa.Column("proven_before", UtcTime),
    sa.Column("reasons", sa.Text),  # JSON: sentences with accounts of the host and paths
    sa.Column("could_read", sa.Text),  # JSON: the same, of all looks since the freeze
    sa.Column("thawed_at", UtcTime),
    sa.Column("told", sa.String),
    sa.Column("told_at", UtcTime),
)
"""Who can read each ticket space, as proven or not: accounts of the host, which its admins see anyway."""

board = sa.Table(
    "board",
    metadata,
    sa.Column("space", sa.String, primary_key=True),
    sa.Column("host_id", sa.String, nullable=False),
    sa.Column("shows", sa.String, nullable=False),  # SHA-256 of its text, which holds public fields only
    sa.Column("seen_at", UtcTime, nullable=False),
)
"""The board of each ticket space: where it stands on the host, and what it showed when it was last looked at."""

inbox_key = sa.Table("inbox_key", metadata, sa.Column("id", sa.String, primary_key=True))
"""Ids of the short-lived keys that were made for this database. A key that is not listed here belongs to another."""

stray = sa.Table(
    "stray",
    metadata,
    sa.Column("space", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("found_at", UtcTime, nullable=False),
    sa.Column("told_at", UtcTime),
    sa.Column("is_second", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Tickets that carry our marker and that nothing here works on, by their keys on the host.

Their incident is not in this database; or, with ``is_second``, it has another ticket.
"""
