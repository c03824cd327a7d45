"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table of the first release."""
    op.create_table(
        "incident",
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
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("source", "submission_digest"),
    )
    op.create_table(
        "inbox",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("submission_digest", sa.String, nullable=False),
        sa.Column("answers_digest", sa.String, nullable=False),
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), nullable=False),
        sa.Column("sealed_report", sa.Text),
        sa.Column("unreadable", sa.Boolean, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("reason_code", sa.String),
        sa.Column("reason", sa.Text),
        sa.Column("told", sa.String),
        sa.Column("told_at", sa.BigInteger),
        sa.UniqueConstraint("source", "submission_digest", "answers_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("inbox_state_due", "inbox", ["state", "due_at"])
    op.create_table(
        "ticket",
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("attempted_at", sa.BigInteger),
        sa.Column("name", sa.String),
        sa.Column("host_id", sa.String),
        sa.Column("key", sa.String),
        sa.Column("url", sa.String),
        sa.Column("stable", sa.String),
    )
    op.create_table(
        "epoch",
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("recipient", sa.String, nullable=False),
        sa.Column("writing_key", sa.String, nullable=False),
        sa.Column("sealed_readers", sa.Text, nullable=False),
    )
    op.create_table(
        "comment",
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), primary_key=True),
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
    op.create_table(
        "file",
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "nonce",
        sa.Column("alias", sa.String, primary_key=True),
        sa.Column("value", sa.String, primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "roster",
        sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("sealed_file", sa.Text, nullable=False),
        sa.Column("accepted_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """There is nothing before the first release."""
    raise RuntimeError("There is no schema before 0001.")
