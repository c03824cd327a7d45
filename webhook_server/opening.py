"""A server's database at its start: that it is the right one, that the root key is its own, and that its schema is the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import CoCError
from integration.logs import Log
from webhook_server.store.database import Database
from webhook_server.store.digest_key import require_digest_key
from webhook_server.store.durable_files import remove_halves
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.known_keys import list_needed, not_of, refuse_if_another_is_missing
from webhook_server.store.migrate import migrate

if TYPE_CHECKING:
    import sqlalchemy as sa

    from webhook_server.config import Config

_log = Log("coc.server")


def open_database(config: Config, sql: sa.Engine, name: str) -> Database:
    """The database with the newest schema; and none is made if the folder of the inbox keys shows that one is missing.

    Raises:
        ConfigError: the root key file lacks the key of the digests with which the database was filled.
        StoreError: the database, or the folder of inbox keys that several servers share, is not there; or the folder
            belongs to another database.
    """
    keys = InboxKeys(config.inbox_keys, name, alone=sql.dialect.name == "sqlite")
    keys.require_folder()
    refuse_if_another_is_missing(sql, config.inbox_keys)
    migrate(sql)
    try:
        require_digest_key(sql, config.sealer, config.root_key_file)
    except CoCError:
        sql.dispose()
        raise
    remove_halves(config.root_key_file)
    list_needed(sql)
    if others := len(not_of(sql, config.inbox_keys)):
        _log.warning("inbox-keys-of-another", count=others)
    return Database(sql, config.sealer, keys)
