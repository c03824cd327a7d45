"""After a restore each table goes on counting after the rows that came back."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from integration.casework import receive
from integration.host_events import HostEvent, Touched
from integration.incident import SpaceName
from integration.mirror import TicketName, TicketRef
from integration.ports import Pace
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.store import tables as t
from webhook_server.store.budget import SharedBudget
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from tests.conftest import SetClock

SPACE = SpaceName("conduct")


def run(*words: str | Path) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert 0 == done.exit_code, done.output
    return done.output


def opened(config: Path) -> Database:
    loaded = load_config(config)
    engine = make_engine(loaded.database_url)
    migrate(engine)
    return Database(engine, loaded.sealer, InboxKeys(loaded.inbox_keys))


def newest(database: Database) -> dict[str, int]:
    """The highest number in each column whose numbers the database gives."""
    columns = [table.autoincrement_column for table in t.metadata.sorted_tables]
    with database._engine.connect() as connection:
        return {
            str(one): connection.scalar(sa.select(sa.func.max(one))) or 0
            for one in columns
            if one is not None and one.autoincrement is True
        }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_after_a_restore_every_number_that_the_database_gives_follows_those_that_came_back(
    request: pytest.FixtureRequest, kind: str, filled_in: Path, tmp_path: Path, clock: SetClock,
    make_report: Callable[..., Report],
) -> None:  # fmt: skip
    address = f'database = "{request.getfixturevalue("postgres_url")}"\n' if kind == "postgresql" else ""
    key = re.search(r"^backup_recipient = .*$", run("backup-key", tmp_path / "backup.key"), re.MULTILINE)
    assert key is not None
    filled_in.write_text(filled_in.read_text().replace("[server]\n", f"[server]\n{key[0]}\n{address}"))
    database = opened(filled_in)
    receipt = receive("report-form", SPACE, "s1", make_report(), store=database, clock=clock)
    database.ticket_opened(receipt.incident, TicketRef(TicketName("github:a/b#1"), "1", "#1", "https://x"))
    database.note_event(SPACE, HostEvent("delivery-1", Touched.TICKET, "1", "r", own=False), clock.now())
    SharedBudget(database._engine, clock).reserve("github:a", Pace(), 1)
    before = newest(database)
    assert {"inbox.seq", "host_write.id", "host_hint.id"} == set(before)
    assert 0 not in before.values()
    run("backup", tmp_path / "backups", "--config", filled_in)
    (backup,) = (tmp_path / "backups").glob("*.age")
    if kind == "postgresql":
        with database._engine.begin() as connection:
            connection.execute(sa.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    database.close()
    folder = tmp_path / "new"
    (folder / "inbox-keys").mkdir(mode=0o700, parents=True)  # with PostgreSQL a restore makes none
    shutil.copy(filled_in.parent / "root.key", folder / "root.key")

    run("restore", backup, "--identity", tmp_path / "backup.key", "--into", folder)

    database = opened(folder / filled_in.name)
    came_back = newest(database)
    assert before | {"host_write.id": 0} == came_back, "what was written to a host is in no backup"
    receive("report-form", SPACE, "s2", make_report(), store=database, clock=clock)
    event = HostEvent("delivery-2", Touched.COMMENTS, "1", "r", own=False)
    assert "noted" == database.note_event(SPACE, event, clock.now())
    SharedBudget(database._engine, clock).reserve("github:a", Pace(), 1)
    assert all(number > came_back[name] for name, number in newest(database).items())
    database.close()
