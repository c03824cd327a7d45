"""Which inbox keys belong to this database: it lists each before it is made, and only what it lists may be destroyed for it.

A database may be in the wrong place: empty because the right one is not mounted, restored from a backup that is older
than the keys, or an old copy. Reports of the right one may still need every key that such a database does not know.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from integration.errors import StoreError
from webhook_server.store import tables as t
from webhook_server.store.inbox_keys import key_ids
from webhook_server.store.transactions import reading, writing

_LIST_THE_NEEDED = sa.text(
    "INSERT INTO inbox_key (id) SELECT DISTINCT inbox_key FROM inbox WHERE inbox_key IS NOT NULL ON CONFLICT DO NOTHING"
)


def known(connection: sa.Connection) -> set[str]:
    """The ids of all keys that this database lists."""
    return set(connection.scalars(sa.select(t.inbox_key.c.id)))


def useless(connection: sa.Connection) -> set[str]:
    """Those of them that no report needs."""
    needed = sa.select(t.inbox.c.inbox_key).where(t.inbox.c.inbox_key.is_not(None))
    return set(connection.scalars(sa.select(t.inbox_key.c.id).where(t.inbox_key.c.id.not_in(needed))))


def list_needed(engine: sa.Engine) -> None:
    """Enter the keys of the reports that wait: of a restored database, and of one that an older version filled.

    Raises:
        StoreError: the database did not take it.
    """
    with writing(engine, "Nothing was started.") as connection:
        connection.execute(_LIST_THE_NEEDED)


def not_of(engine: sa.Engine, folder: Path) -> set[str]:
    """The ids of the keys in the folder that this database does not list.

    Raises:
        StoreError: the database cannot be read.
    """
    before = _listed(engine)
    found = key_ids(folder) - before
    if found:  # one may have been listed and made since, or destroyed
        found = (found - _listed(engine)) & key_ids(folder)
    return found


def refuse_if_another_is_missing(engine: sa.Engine, folder: Path) -> None:
    """To be called before a database is made or used. One that never held a report does not take another's place.

    Raises:
        StoreError: the database is not there or empty, and the folder holds keys that it does not list.
    """
    if not _is_new(engine) or not (count := len(not_of(engine, folder))):
        return
    where = engine.url.database if engine.dialect.name == "sqlite" else "PostgreSQL"
    engine.dispose()
    raise StoreError(
        f"The database ({where}) is new or empty, and {count} inbox key(s) lie in {folder} that are not of it.",
        meaning="Reports that are answered for wait in another database, which is not there. Nothing was started, made or "
        "destroyed.",
        next_step="Put that database back, mount its disk, or correct [server].database. If it is lost, restore a backup. "
        'To begin anew, move the folder away and keep it; see docs/server.md, "Keys of another database".',
    )


def require_database(engine: sa.Engine) -> None:
    """For commands that work on a database: only a server and a restore make one.

    Raises:
        StoreError: there is none.
    """
    if not is_there(engine):
        raise missing(engine.url)


def is_there(engine: sa.Engine) -> bool:
    """Whether there is a database of ours. Makes none.

    Raises:
        StoreError: it cannot be read.
    """
    return _has(engine, t.incident.name)


def missing(url: sa.URL) -> StoreError:
    """What is said of a database that is not there."""
    where = url.database if url.get_backend_name() == "sqlite" else "of coc-server on PostgreSQL"
    return StoreError(
        f"There is no database {where}.",
        meaning="Either the server has never run with this configuration, or the file is gone.",
        next_step="If there was one, put it back or restore it from a backup; otherwise coc-server serve makes it.",
    )


def _is_new(engine: sa.Engine) -> bool:
    if not _has(engine, t.incident.name):
        return True
    with reading(engine) as connection:
        return connection.scalar(sa.select(t.incident.c.id).limit(1)) is None


def _listed(engine: sa.Engine) -> set[str]:
    if not _has(engine, t.inbox_key.name):
        return set()
    with reading(engine) as connection:
        return known(connection)


def _has(engine: sa.Engine, table: str) -> bool:
    """Whether the database has a table. Makes no file for one that is not there."""
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        return False
    with reading(engine) as connection:
        return sa.inspect(connection).has_table(table)
