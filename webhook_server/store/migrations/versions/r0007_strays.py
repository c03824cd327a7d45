"""Tickets that carry our marker and that the database does not know."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table; it fills with the first night."""
    op.create_table(
        "stray",
        sa.Column("space", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("found_at", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0003.")
