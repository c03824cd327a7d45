"""Who has not got a notice that others got: it counted as sent, and nobody sent it again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table; of notices that were sent before, nobody knows whom they did not reach."""
    op.create_table(
        "notice_left",
        sa.Column("inbox_id", sa.String, sa.ForeignKey("inbox.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("address_digest", sa.String, primary_key=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0010.")
