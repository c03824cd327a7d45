"""Proofs of who can read each ticket space, and since when one is frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table; nothing is proven by an admin yet, so nothing is written before ``coc-server doctor`` was run."""
    op.create_table(
        "audience",
        sa.Column("space", sa.String, primary_key=True),
        sa.Column("doubts", sa.Integer, nullable=False),
        sa.Column("proven_at", sa.BigInteger),
        sa.Column("admin_proven_at", sa.BigInteger),
        sa.Column("admin_ends_at", sa.BigInteger),
        sa.Column("admin_space_id", sa.String),
        sa.Column("admin_principals", sa.Text),
        sa.Column("frozen_at", sa.BigInteger),
        sa.Column("proven_before", sa.BigInteger),
        sa.Column("reasons", sa.Text),
        sa.Column("could_read", sa.Text),
        sa.Column("thawed_at", sa.BigInteger),
        sa.Column("told", sa.String),
        sa.Column("told_at", sa.BigInteger),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0003.")
