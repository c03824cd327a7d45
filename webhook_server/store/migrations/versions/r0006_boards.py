"""Where a ticket space's board stands on its host, and what it shows."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table; it fills when a board is first made."""
    op.create_table(
        "board",
        sa.Column("space", sa.String, primary_key=True),
        sa.Column("host_id", sa.String, nullable=False),
        sa.Column("shows", sa.String, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0003.")
