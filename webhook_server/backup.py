"""A backup: the whole database and the files of the configuration in one age file; without the root key.

What is in it can be read with the backup's own identity, which is kept offline, and what is sealed in it only with
the root key too. It is a tar archive of the rows as JSON lines, so a backup from SQLite can be restored into
PostgreSQL and the other way round. A restored database is older than the tickets: docs/server.md says how it
catches up.
"""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import IO, TYPE_CHECKING, Any

import pyrage
import sqlalchemy as sa

from integration.errors import ConfigError, StoreError
from webhook_server.store import tables as t
from webhook_server.store.known_keys import require_database
from webhook_server.store.migrate import revision
from webhook_server.store.overview import newest_revision
from webhook_server.store.sql import make_engine, may_be_silent
from webhook_server.store.transactions import safe_error
from webhook_server.store.unopened import SealedValues, try_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from webhook_server.config import Config

FORMAT = "coc-backup/1"
_CHUNK = 4 * 1024 * 1024
_TRIES = 5
_LEFT_OUT = {"worker", "host_write", "chore", "chore_trouble", "inbox_key"}
"""What is true only while a server runs. Without ``chore``, a restored server compares every ticket at once. Of the inbox
keys it lists at its start those only that its own reports need: any other may be of a report that is newer."""


@dataclass(slots=True)
class Backup:
    """What is in a backup: the rows of each table, and what in it cannot be opened."""

    rows: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    """The deliveries that wait and whose report opens with no short-lived key in it."""
    sealed: SealedValues = field(default_factory=SealedValues)
    """What of it opens with the root key."""
    outside: list[Path] = field(default_factory=list)
    """Files that the configuration names and that are not in it, because they lie outside the configuration's folder."""


def make_backup(config: Config, config_file: Path, out: IO[bytes], *, now: datetime) -> Backup:
    """Write a backup while the server works.

    A waiting report whose short-lived key is gone does not keep it from being made, nor does a value that no root key opens:
    all the others are worth more.

    Raises:
        ConfigError: there is no recipient.
        StoreError: the database cannot be read, or a file; what was written so far is worthless.
        OSError: ``out`` takes no more.
    """
    if config.backup_recipient is None:
        raise ConfigError(
            "The configuration", ["[server].backup_recipient is lacking: coc-server backup-key makes one"]
        )
    recipient = pyrage.x25519.Recipient.from_str(config.backup_recipient)
    made = Backup()
    with piped(lambda into: _archive(config, config_file, into, now, made)) as tar:
        sink = _Sink(out)
        try:
            pyrage.encrypt_io(tar, sink, [recipient])
        except pyrage.EncryptError:
            raise sink.trouble or StoreError(
                "The backup could not be encrypted.", next_step="Try again."
            ) from None
    return made


def _archive(config: Config, config_file: Path, into: IO[bytes], now: datetime, made: Backup) -> None:
    engine = make_engine(config.database_url)
    try:
        require_database(engine)
        _require_known_schema(engine)
        with tarfile.open(fileobj=into, mode="w|") as tar, _snapshot(engine, config) as (connection, keys):
            made.lost, made.sealed = _without_key(connection, keys), try_all(connection, config.sealer)
            known = {"format": FORMAT, "made_at": now.isoformat(), "version": version("coc-mirror")}
            _add(
                tar,
                "manifest.json",
                json.dumps(
                    known
                    | {
                        "revision": revision(engine),
                        "config": config_file.name,
                        "roster": os.path.relpath(config.roster_file.resolve(), config_file.parent.resolve()),
                    }
                ).encode(),
            )
            for name, content in _files(config, config_file, made):
                _add(tar, f"files/{name}", content)
            for name, content in keys.items():
                _add(tar, f"inbox-keys/{name}.key", content)
            for table in t.metadata.sorted_tables:
                if table.name not in _LEFT_OUT:
                    made.rows[table.name] = _add_table(tar, connection, table)
            _add(tar, "end.json", json.dumps(made.rows).encode())
    except sa.exc.SQLAlchemyError as error:
        raise safe_error(error, "The backup is not whole.") from None
    finally:
        engine.dispose()


def _require_known_schema(engine: sa.Engine) -> None:
    """A newer database has tables and columns that would be left out, and the backup would still seem to be whole.

    It is made at night by whatever program is installed, so also by an old one that came back by mistake.
    """
    found, known = revision(engine) or "0000", newest_revision()
    if found != known:
        raise StoreError(
            f"The database's schema is {found}, and this version of coc-mirror knows {known}.",
            meaning="A backup would not hold all that is in it, so none was made.",
            next_step="Make it with the version that was in use, or a newer one."
            if found > known
            else "Make it with the version that was in use, or after the next start, which brings the database up.",
        )


@contextmanager
def _snapshot(engine: sa.Engine, config: Config) -> Iterator[tuple[sa.Connection, dict[str, bytes]]]:
    """The database at one moment, and the short-lived keys of the reports that wait at that moment.

    One that lacks was destroyed since, because its report was handed over, and then another moment will do; or, if it
    lacks each time, it is lost.
    """
    options: dict[str, Any] = {"coc_reads": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    for left in reversed(range(_TRIES)):
        with engine.connect().execution_options(**options) as connection:
            may_be_silent(connection)  # for as long as whoever takes the backup takes
            needed = connection.scalars(
                sa.select(t.inbox.c.inbox_key).where(t.inbox.c.inbox_key.is_not(None)).distinct()
            ).all()
            keys = dict(_keys(config.inbox_keys, needed))
            if len(keys) < len(needed) and left:
                continue
            yield connection, keys
            return


def _keys(folder: Path, needed: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Those that are there, and are not just being destroyed."""
    for name in needed:
        try:
            key = (folder / f"{name}.key").read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(
                f"The inbox key {name} cannot be read ({type(error).__name__}).",
                meaning="A report that waits could not be restored, so the backup was not made.",
                next_step="Run it with the server's own account.",
            ) from None
        if any(key):
            yield name, key


def _without_key(connection: sa.Connection, keys: Collection[str]) -> list[str]:
    """The deliveries that wait for a key that is not among these; what was given up does not."""
    inbox = t.inbox.c
    waiting = inbox.inbox_key.is_not(None), inbox.state != "done"
    rows = connection.execute(sa.select(inbox.id, inbox.inbox_key).where(*waiting).order_by(inbox.seq))
    return [row.id for row in rows if row.inbox_key not in keys]


def _files(config: Config, config_file: Path, made: Backup) -> Iterable[tuple[str, bytes]]:
    """The configuration, and what it names in its own folder or below; never the root key. What lies elsewhere is noted."""
    folder, root_key = config_file.parent.resolve(), config.root_key_file.resolve()
    beside = config.roster_file.parent.glob(f"{config.roster_file.stem}*")
    for file in sorted({one.resolve() for one in (config_file, *config.files, *beside)}):
        if file == root_key or not file.is_file():
            continue
        if not file.is_relative_to(folder):
            made.outside.append(file)
            continue
        try:
            yield file.relative_to(folder).as_posix(), file.read_bytes()
        except OSError as error:
            raise StoreError(
                f"{file.name} cannot be read ({type(error).__name__}).",
                meaning="The backup is not whole.",
            ) from None


def _add_table(tar: tarfile.TarFile, connection: sa.Connection, table: sa.Table) -> int:
    lines: list[bytes] = []
    count = part = size = 0

    def flush() -> None:
        nonlocal part, lines, size
        if lines:
            _add(tar, f"tables/{table.name}/{part:06}.jsonl", b"\n".join(lines) + b"\n")
            part, lines, size = part + 1, [], 0

    at_once = 1 if table is t.file else 100  # an attachment is up to 22 MB
    for row in connection.execute(sa.select(table).execution_options(yield_per=at_once)):
        lines.append(json.dumps({name: _plain(value) for name, value in row._mapping.items()}).encode())  # noqa: SLF001 - public in SQLAlchemy
        count, size = count + 1, size + len(lines[-1])
        if size >= _CHUNK:
            flush()
    flush()
    return count


def _plain(value: object) -> object:
    """Times as the database keeps them (microseconds), bytes in base64."""
    if isinstance(value, datetime):
        return t.microseconds(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))


class _Sink:
    """Remembers why a file takes no more: of that the encryption keeps no kind."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.trouble: OSError | None = None

    def write(self, content: bytes) -> int:
        try:
            return self._out.write(content)
        except OSError as error:
            self.trouble = error
            raise

    def flush(self) -> None:
        self._out.flush()


# From a writer to a reader --------------------------------------------------------------------------


@contextmanager
def piped(write: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """What ``write`` writes, to be read; nothing of it touches a disk. Its trouble is raised here."""
    reading, into = os.pipe()
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            with open(into, "wb") as sink:  # noqa: PTH123 - a descriptor
                write(sink)
        except BrokenPipeError:
            pass  # the reader has given up, and says why
        except BaseException as error:  # noqa: BLE001 - raised in the other thread
            trouble.append(error)

    thread = threading.Thread(target=run, name="coc-backup", daemon=True)
    thread.start()
    try:
        with open(reading, "rb") as source:  # noqa: PTH123 - a descriptor
            yield source
    except Exception:
        thread.join()
        if trouble:  # the reader met an early end, and this is why
            raise trouble[0] from None
        raise
    finally:
        thread.join()
    if trouble:
        raise trouble[0]
