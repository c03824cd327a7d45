"""Which inbox keys were made for this database. No other is ever destroyed by who works on it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the table; the next start enters the keys of the reports that wait."""
    op.create_table("inbox_key", sa.Column("id", sa.String, primary_key=True))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0007.")
