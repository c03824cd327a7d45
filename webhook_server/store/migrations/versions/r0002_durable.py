"""Several workers, short-lived keys of the inbox, budgets of writes, chores that are due by the clock."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables, and to each sealed report the id of the short-lived key it is sealed with too."""
    op.add_column("inbox", sa.Column("inbox_key", sa.String))
    op.create_index("inbox_inbox_key", "inbox", ["inbox_key"])
    op.add_column("inbox", sa.Column("due_noted_at", sa.BigInteger))
    op.add_column("inbox", sa.Column("waits", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "worker",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("root_key_id", sa.String, nullable=False),
    )
    op.create_table(
        "host_write",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("budget", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("writes", sa.Integer, nullable=False),
    )
    op.create_index("host_write_budget_at", "host_write", ["budget", "at"])
    op.create_table(
        "chore",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("done_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "redelivery",
        sa.Column("hook", sa.String, primary_key=True),
        sa.Column("guid", sa.String, primary_key=True),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0001.")
