"""Which chore fails, since when and with which code: a claim says only that it was begun."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table; what fails already is noted when it fails the next time."""
    op.create_table(
        "chore_trouble",
        sa.Column("chore", sa.String, primary_key=True),
        sa.Column("part", sa.String, primary_key=True),
        sa.Column("failed_since", sa.BigInteger, nullable=False),
        sa.Column("reason_code", sa.String, nullable=False),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0009.")
