"""What comes back from the hosts: hints of events, how steps stand, and plain comments that were sealed and deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables; they fill with what comes."""
    op.create_table(
        "step",
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("host_id", sa.String, nullable=False),
    )
    op.create_index("step_host_id", "step", ["host_id"])
    op.create_table(
        "host_event",
        sa.Column("space", sa.String, primary_key=True),
        sa.Column("delivery", sa.String, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "host_hint",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), nullable=False),
        sa.Column("touched", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("host_hint_incident_id", "host_hint", ["incident_id"])
    op.create_table(
        "exposure",
        sa.Column("incident_id", sa.String, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("comment_id", sa.String, primary_key=True),
        sa.Column("text_digest", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
        sa.Column("removed_at", sa.BigInteger),
        sa.Column("told_at", sa.BigInteger),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0003.")
