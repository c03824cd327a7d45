"""Bringing a backup back: files into an empty folder beside the root key, rows into an empty database."""

from __future__ import annotations

import base64
import json
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import pyrage
import sqlalchemy as sa

from integration.errors import ConfigError, StoreError
from webhook_server.backup import FORMAT, piped
from webhook_server.config import load_config
from webhook_server.roster_in_use import judge
from webhook_server.store import tables as t
from webhook_server.store.alone import alone_on
from webhook_server.store.clocks import database_time
from webhook_server.store.digest_key import refuse_another, take_another
from webhook_server.store.durable_files import destroy, write_durably
from webhook_server.store.inbox_keys import InboxKeys, key_ids
from webhook_server.store.known_keys import list_needed
from webhook_server.store.migrate import migrate
from webhook_server.store.roster_pin import newest_roster
from webhook_server.store.sql import make_engine, may_be_silent
from webhook_server.store.transactions import writing
from webhook_server.store.unopened import SealedValues, try_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_server.config import Config
    from webhook_server.store.sealed import Sealer


@dataclass(slots=True)
class Restored:
    """What came out of a backup."""

    made_at: str = ""
    files: list[str] = field(default_factory=list)
    keys: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    sealed: SealedValues = field(default_factory=SealedValues)
    """What of it opens with the root key in the folder."""
    others: int = 0
    """Inbox keys that were there already and that no report of the backup needs."""
    kept: Path | None = None
    """Where copies are of those that reports of the backup and newer ones may share."""
    roster: int = 0
    """The number of the roster that lies in the folder now."""
    newer_roster: bool = False
    """Whether it lay there already and follows the one in the backup."""


def restore_backup(
    backup: IO[bytes],
    identity: str,
    folder: Path,
    *,
    keep_configuration: bool = False,
    new_digests: bool = False,
) -> Restored:
    """Bring a backup into an empty database, with its files in ``folder``, where the root key must lie already.

    A newer roster may lie there with its signatures: it stays if it rightly follows the one of the backup.
    With ``keep_configuration`` the configuration file that lies there is used, which may name another database. With ``new_digests`` the root key file need not have the key of the digests.

    Safe to run again after trouble: files that are there already must be the same, and the database is written in one
    transaction.

    Raises:
        ConfigError: the folder or the configuration is not as it must be; all mistakes are listed.
        RosterRefused: a roster lies there that does not follow the one of the backup; the database was not changed.
        StoreError: the backup or the database is not as it must be; the database was not changed.
    """
    try:
        key = pyrage.x25519.Identity.from_str(identity)
    except pyrage.IdentityError:
        raise ConfigError("The identity file", ["it holds no AGE-SECRET-KEY-1… line"]) from None

    def decrypt(into: IO[bytes]) -> None:
        try:
            pyrage.decrypt_io(backup, into, [key])
        except BrokenPipeError:
            raise
        except (pyrage.DecryptError, OSError):  # the latter from a later part of the file
            raise StoreError(
                "The backup does not open.",
                meaning="It is damaged or cut off, or it was made for another identity. The database was not changed.",
                next_step="Try another backup, or the identity that belongs to [server].backup_recipient.",
            ) from None

    with piped(decrypt) as plain:
        try:
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                return _Restoring(
                    folder, keep_configuration=keep_configuration, new_digests=new_digests
                ).read(tar)
        except tarfile.TarError:
            raise StoreError("The backup is not whole.") from None


class _Restoring:
    """Goes through the archive in its order: manifest, files, keys, tables, end."""

    def __init__(self, folder: Path, *, keep_configuration: bool, new_digests: bool) -> None:
        self._folder = folder
        self._new_digests = new_digests
        self._keep_configuration = keep_configuration
        self._restored = Restored()
        self._revision = ""
        self._keys: dict[str, bytes] = {}

    def read(self, tar: tarfile.TarFile) -> Restored:
        entries = self._entries(tar)
        for name, content in entries:
            place = PurePosixPath(name)
            if name == "manifest.json":
                self._manifest(json.loads(content))
            elif place.parts[0] == "files":
                self._file(place.relative_to("files"), content)
            elif place.parts[0] == "inbox-keys":
                self._keys[place.stem] = content
            else:
                self._database(name, content, entries)
        return self._restored

    def _entries(self, tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
        for entry in tar:
            content = tar.extractfile(entry)
            place = PurePosixPath(entry.name)
            if content is None or place.is_absolute() or ".." in place.parts:
                raise StoreError("The backup holds what no backup of ours does.")
            yield entry.name, content.read()

    def _manifest(self, manifest: dict[str, str]) -> None:
        if manifest.get("format") != FORMAT:
            raise StoreError("This is no backup of coc-server.", next_step="Look for the right file.")
        self._restored.made_at, self._revision = manifest["made_at"], manifest["revision"]
        self._config = PurePosixPath(manifest["config"]).name
        self._roster = manifest.get("roster", "roster.toml")

    def _file(self, name: PurePosixPath, content: bytes) -> None:
        target = self._folder / name
        if self._keep_configuration and str(name) == self._config and target.exists():
            return
        differs = target.exists() and target.read_bytes() != content
        if str(name) == self._roster and differs:  # judged when it is known which one was in use
            self._restored.newer_roster = True
            return
        if self._restored.newer_roster and str(name).startswith(f"{self._roster}.sig."):
            return
        if differs:
            raise ConfigError(
                f"The folder {self._folder}", [f"{name} is there already, and is not as in the backup"]
            )
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(target, content)
        self._restored.files.append(str(name))

    def _database(self, name: str, content: bytes, entries: Iterator[tuple[str, bytes]]) -> None:
        """The first table, and all after it, in one transaction."""
        config = load_config(self._folder / self._config)
        self._restored.roster = config.roster.serial
        with alone_on(config.database_url):
            engine = make_engine(config.database_url)
            try:
                InboxKeys(config.inbox_keys, alone=engine.dialect.name == "sqlite").require_folder()
                migrate(engine, to=self._revision)
                with writing(engine, "The database was not changed.") as connection:
                    may_be_silent(connection)  # for as long as the backup takes to come
                    self._fill(connection, [(name, content)], entries)
                    self._restored.sealed = _check_root_key(connection, config.sealer)
                    if self._restored.newer_roster:
                        judge(
                            config.roster_file, newest_roster(connection, config.sealer), config.service_key
                        )
                    self._check_digest_key(connection, config)
                    _end_admin_proofs(connection)
                    # When nothing is refused any more, and before the reports that need them.
                    self._keep_keys(config)
                migrate(engine)
                list_needed(engine)
            finally:
                engine.dispose()

    def _fill(
        self,
        connection: sa.Connection,
        first: list[tuple[str, bytes]],
        entries: Iterator[tuple[str, bytes]],
    ) -> None:
        tables = sa.MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            if table.name != "alembic_version" and connection.execute(sa.select(table).limit(1)).first():
                raise StoreError(
                    f"The database is not empty: the table {table.name} has rows.",
                    next_step="Restore into a new database, or move the old one away first.",
                )
        rows = self._restored.rows
        for name, content in _and_then(first, entries):
            if name == "end.json":
                if json.loads(content) != {one: rows.get(one, 0) for one in json.loads(content)}:
                    break
                _set_sequences(connection, tables)
                return
            table = tables.tables[PurePosixPath(name).parts[1]]
            values = [_values(table, json.loads(line)) for line in content.splitlines()]
            connection.execute(table.insert(), values)
            rows[table.name] = rows.get(table.name, 0) + len(values)
        raise StoreError("The backup is not whole.", next_step="Try another one.")

    def _check_digest_key(self, connection: sa.Connection, config: Config) -> None:
        if self._new_digests:
            take_another(connection, config.sealer)
            return
        way_out = "If that line is lost for ever: coc-server restore --new-digests"
        refuse_another(connection, config.sealer, config.root_key_file, way_out)

    def _keep_keys(self, config: Config) -> None:
        files = {config.inbox_keys / f"{PurePosixPath(one).name}.key": key for one, key in self._keys.items()}
        there: set[str] = set()
        try:
            config.inbox_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = key_ids(config.inbox_keys)
            self._set_aside([file for file in files if file.stem in there], config.inbox_keys)
            for file, key in files.items():
                write_durably(file, key)
        except OSError as error:
            for file in files:
                if file.stem not in there and file.exists():
                    destroy(file)
            raise StoreError(
                f"The inbox keys of the reports that wait could not be written to {config.inbox_keys} ({type(error).__name__}).",
                meaning="Without them these reports could not be opened.",
                next_step="See that this account may write to that folder and that its disk has room, then try again.",
            ) from None
        self._restored.others = len(there - self._keys.keys())
        self._restored.keys = len(self._keys)

    def _set_aside(self, files: Sequence[Path], folder: Path) -> None:
        """A key that serves a report of the backup may serve newer ones too, and goes when the former is handed over."""
        if files:
            kept = folder / f"kept-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            kept.mkdir(mode=0o700, exist_ok=True)
            for file in files:
                write_durably(kept / file.name, file.read_bytes())
            self._restored.kept = kept


def _and_then(
    first: list[tuple[str, bytes]], rest: Iterator[tuple[str, bytes]]
) -> Iterator[tuple[str, bytes]]:
    yield from first
    yield from rest


def _values(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    binary = {one.name for one in table.columns if isinstance(one.type, sa.LargeBinary)}
    return {
        name: base64.b64decode(value) if name in binary and value is not None else value
        for name, value in row.items()
    }


def _check_root_key(connection: sa.Connection, sealer: Sealer) -> SealedValues:
    """Whether the root key of this folder made what is sealed: else the server could open nothing."""
    tried = try_all(connection, sealer)
    if tried.are_of_another_root_key:
        raise StoreError(
            f"The backup was sealed with another root key than the one in this folder: of {len(tried.unopened)} sealed "
            "value(s) none opens.",
            next_step="Put the root.key into the folder that was in use when the backup was made.",
        )
    return tried


def _end_admin_proofs(connection: sa.Connection) -> None:
    """Since the backup an admin may have seen somebody who may not read: only a new proof by an admin counts."""
    audience, now = t.audience, database_time(connection)
    if sa.inspect(connection).has_table(audience.name):
        ended = audience.update().where(audience.c.admin_ends_at > now)
        connection.execute(ended.values(admin_ends_at=now))


def _set_sequences(connection: sa.Connection, tables: sa.MetaData) -> None:
    """Let every column that counts by itself go on after what is there.

    PostgreSQL does not look at numbers that were given; SQLite does.
    """
    if connection.dialect.name != "postgresql":
        return
    for column in (one for table in tables.sorted_tables for one in table.columns):
        own = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(column.table.name, column.name)))
        newest = connection.scalar(sa.select(sa.func.max(column))) if own is not None else None
        if newest is not None:
            connection.execute(sa.select(sa.func.setval(own, newest)))
