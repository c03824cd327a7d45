"""By what the key of the digests is known: a root key file that lost it was taken, and no delivery was known again."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table; the next start notes the key that it has."""
    op.create_table("digest_key", sa.Column("key_digest", sa.String, primary_key=True))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise RuntimeError("Restore a backup to go back to 0011.")
