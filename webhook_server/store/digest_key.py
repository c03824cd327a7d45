"""Whether the root key file has the key of the digests with which this database was filled.

Everything opens without it, so nobody would notice that the line ``digests:…`` was lost with a copy of the file. But no delivery
would be known again, and each that is sent again would open a second incident. So the database keeps a keyed digest of nothing.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import ConfigError
from webhook_server.store import tables as t
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from pathlib import Path

    from webhook_server.store.sealed import Sealer

_KEPT = sa.select(t.digest_key.c.key_digest)
_KEEP = sa.text(
    "INSERT INTO digest_key (key_digest) VALUES (:key_digest) ON CONFLICT DO NOTHING"  # servers may start at the same time
)


def is_another(connection: sa.Connection, sealer: Sealer) -> bool:
    """Whether this database was filled with another key; False if it has none noted yet."""
    if not _has_table(connection):
        return False
    kept = connection.scalar(_KEPT)
    return kept is not None and not hmac.compare_digest(kept, _mark(sealer))


def refuse_another(connection: sa.Connection, sealer: Sealer, file: Path, way_out: str) -> None:
    """``way_out`` is what to do if the right key is lost for ever.

    Raises:
        ConfigError: this database was filled with another key.
    """
    if is_another(connection, sealer):
        mistake = (
            "it is another root key file than this database was filled with, or lacks its line digests:…. With it no delivery would be known "
            "again, and each that is sent again would open a second incident. Put the whole file back, from a copy that was made after "
            f"the last coc-server keys rotate. {way_out}"
        )
        raise ConfigError(f"The root key file {file}", [mistake])


def require_digest_key(engine: sa.Engine, sealer: Sealer, file: Path) -> None:
    """To be called before the database is used; notes the key of one that has none noted.

    Raises:
        ConfigError: the database was filled with another key.
    """
    with reading(engine) as connection:
        refuse_another(connection, sealer, file, "If that line is lost for ever: coc-server keys new-digests")
        is_noted = connection.scalar(_KEPT) is not None
    if not is_noted:
        with writing(engine, "Nothing was started.") as connection:
            _note(connection, sealer)


def take_another(connection: sa.Connection, sealer: Sealer) -> None:
    """The right key is lost for ever: from now on it is the one in the file. An older schema has none noted, nor a place for it."""
    if _has_table(connection):
        connection.execute(t.digest_key.delete())
        _note(connection, sealer)


def _note(connection: sa.Connection, sealer: Sealer) -> None:
    connection.execute(_KEEP, {"key_digest": _mark(sealer)})


def _has_table(connection: sa.Connection) -> bool:
    return sa.inspect(connection).has_table(t.digest_key.name)


def _mark(sealer: Sealer) -> str:
    return sealer.digest("digest key")
