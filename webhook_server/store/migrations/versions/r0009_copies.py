"""Which of the noted tickets are beside another one of the same incident, the one that the service works on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; no such ticket was looked for before."""
    op.add_column("stray", sa.Column("is_second", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0008.")
