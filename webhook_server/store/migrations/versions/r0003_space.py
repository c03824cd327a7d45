"""Which repository or project was proven under a ticket space's name."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table; it fills with the first proof of each ticket space."""
    op.create_table(
        "space",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("host_id", sa.String, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0002.")
