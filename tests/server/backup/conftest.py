"""A server of which backups are made, and an empty machine."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyrage
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from integration.casework import receive
from integration.incident import Alias, SpaceName
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.store import tables as t
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.report import Report
    from tests.conftest import SetClock


def run(*words: str | Path, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=answer)


def opened(config: Path) -> Database:
    loaded = load_config(config)
    engine = make_engine(loaded.database_url)
    migrate(engine)
    return Database(engine, loaded.sealer, InboxKeys(loaded.inbox_keys))


@dataclass
class Site:
    """A server's folder, what was taken in there, and where its backups go."""

    config: Path
    identity: Path
    backups: Path
    waits: str
    handed_over: str

    def backup(self) -> Path:
        before = set(self.backups.glob("*.age"))
        made = run("backup", self.backups, "--config", self.config)
        assert 0 == made.exit_code, made.output
        (new,) = set(self.backups.glob("*.age")) - before
        return new


@pytest.fixture(params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, filled_in: Path, tmp_path: Path, make_report: Callable[..., Report],
    clock: SetClock, a_comment: Callable[[Head], SealedComment], canary: str,
) -> Site:  # fmt: skip
    made = run("backup-key", tmp_path / "backup.key")
    line = re.search(r"^backup_recipient = .*$", made.output, re.MULTILINE)
    assert line is not None
    text = filled_in.read_text().replace("[server]\n", f"[server]\n{line[0]}\n")
    if request.param == "postgresql":
        text = text.replace(
            "[server]\n", f'[server]\ndatabase = "{request.getfixturevalue("postgres_url")}"\n'
        )
    filled_in.write_text(text)
    database = opened(filled_in)
    waits, over = (
        receive(
            "report-form", SpaceName("conduct"), one, make_report(account=canary), store=database, clock=clock
        )
        for one in ("s1", "s2")
    )
    head = database.head(over.incident)
    database.hand_over(
        over.inbox_id, head=head, comments=[a_comment(head)], epoch=None, readers=[Alias("robert")]
    )
    database.keep_file(over.incident, "0002.age", bytes(range(256)) * 40_000, clock.now())
    database.close()
    return Site(filled_in, tmp_path / "backup.key", tmp_path / "backups", waits.inbox_id, over.inbox_id)


def empty_machine(site: Site, tmp_path: Path) -> Path:
    """A folder with the root key in it and nothing else; with PostgreSQL the folder of the inbox keys is mounted."""
    folder = tmp_path / "new"
    folder.mkdir()
    shutil.copy(site.config.parent / "root.key", folder / "root.key")
    if "postgresql" in load_config(site.config).database_url:
        (folder / "inbox-keys").mkdir(mode=0o700)
    return folder


def restore(site: Site, backup: Path, folder: Path) -> Result:
    return run("restore", backup, "--identity", site.identity, "--into", folder)


def everything(config: Path) -> dict[str, list[tuple[object, ...]]]:
    engine = make_engine(load_config(config).database_url)
    with engine.connect() as connection:
        found = {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in t.metadata.sorted_tables
            if table.name not in {"worker", "host_write", "chore", "chore_trouble"}
        }
    engine.dispose()
    return found


def wipe(config: Path) -> None:
    """The old machine's database is gone; on PostgreSQL the new one takes its place under the same address."""
    engine = make_engine(load_config(config).database_url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    engine.dispose()


IDENTITY = re.compile(r"^AGE-SECRET-KEY-1\S+$", re.MULTILINE)


def entries(site: Site, backup: Path) -> dict[str, bytes]:
    """What is in a backup, by name."""
    (secret,) = IDENTITY.findall(site.identity.read_text())
    plain = pyrage.decrypt(backup.read_bytes(), [pyrage.x25519.Identity.from_str(secret)])
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {one.name: content.read() for one in tar if (content := tar.extractfile(one))}
