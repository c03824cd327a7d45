"""No start with the wrong database destroys a key that reports of the right one need; no command makes a wrong one."""

from __future__ import annotations

import re
import shutil
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from integration.casework import receive
from integration.errors import StoreError
from integration.incident import SpaceName
from tests.pg import both
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.status import look
from webhook_server.store import database as databases
from webhook_server.store import tables as t
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.known_keys import known, list_needed, not_of, refuse_if_another_is_missing
from webhook_server.store.migrate import migrate
from webhook_server.store.sealed import new_root_key
from webhook_server.store.sql import make_engine
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


class Deployment:
    """A configured folder, its server's parts, and what an operator does to its database between two lives."""

    def __init__(
        self,
        config: Path,
        clock: SetClock,
        report: Callable[..., Report],
        comment: Callable[[Head], SealedComment],
    ) -> None:
        self.config = config
        self.folder = config.parent
        self._clock = clock
        self._report = report
        self._comment = comment
        self.parts: Parts | None = None

    def start(self) -> Database:
        self.stop()
        self.parts = join(load_config(self.config), clock=self._clock)
        return self.parts.database

    def stop(self) -> None:
        if self.parts is not None:
            self.parts.close()
        self.parts = None

    def deliver(self, database: Database, submission: str) -> str:
        return receive(
            "report-form", SpaceName("conduct"), submission, self._report(), store=database, clock=self._clock
        ).inbox_id

    def hand_over(self, database: Database, inbox_id: str) -> None:
        head = database.head(database.delivery(inbox_id).incident)
        database.hand_over(inbox_id, head=head, comments=[self._comment(head)], epoch=None, readers=())

    def move_database(self, to: str) -> None:
        self.stop()
        (self.folder / to).mkdir(exist_ok=True)
        for file in self.folder.glob("coc.sqlite*"):
            file.rename(self.folder / to / file.name)

    def put_back(self, away: str) -> None:
        self.stop()
        for file in (self.folder / away).iterdir():
            file.rename(self.folder / file.name)

    def keys(self) -> list[str]:
        return sorted(one.name for one in (self.folder / "inbox-keys").glob("*.key"))


@pytest.fixture
def site(
    filled_in: Path, clock: SetClock, make_report: Callable[..., Report],
    a_comment: Callable[[Head], SealedComment],
) -> Iterator[Deployment]:  # fmt: skip
    site = Deployment(filled_in, clock, make_report, a_comment)
    yield site
    site.stop()


# The wrong database ---------------------------------------------------------------------------------


def test_a_start_without_the_database_of_the_keys_is_refused_and_makes_and_destroys_nothing(
    site: Deployment,
) -> None:
    waits = site.deliver(site.start(), "s1")
    keys = site.keys()
    site.move_database("away")

    refused = run("serve", "--config", site.config)

    assert 1 == refused.exit_code
    assert "1 inbox key(s) lie in" in refused.output
    assert "Put that database back" in refused.output
    assert keys == site.keys()
    assert not (site.folder / "coc.sqlite").exists()
    (site.folder / "coc.sqlite.lock").unlink()  # of the start that was refused
    site.put_back("away")
    assert site.start().delivery(waits).report is not None


def test_an_empty_database_that_was_made_already_does_not_take_its_place_either(site: Deployment) -> None:
    waits = site.deliver(site.start(), "s1")
    site.move_database("away")
    engine = make_engine(load_config(site.config).database_url)
    migrate(engine)
    engine.dispose()

    with pytest.raises(StoreError, match="new or empty"):
        site.start()

    site.move_database("empty")
    site.put_back("away")
    assert site.start().delivery(waits).report is not None


def test_a_first_delivery_that_was_not_stored_does_not_keep_the_next_start_away(
    site: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is known as this database's own, and destroyed."""

    def fails(*_: object, **__: object) -> None:
        raise StoreError("The power went.")

    with monkeypatch.context() as patch:
        patch.setattr(databases, "keep", fails)
        with pytest.raises(StoreError, match="power"):
            site.deliver(site.start(), "s1")
    assert 1 == len(site.keys())

    site.start().forget()

    assert [] == site.keys()


def test_a_database_destroys_no_key_of_another_one(
    database: Database, take_in: Intake, tmp_path: Path
) -> None:
    """Another one that holds reports, with the same folder and the same names of servers."""
    waits = take_in().inbox_id
    engine = make_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    migrate(engine)
    other = Database(engine, database._sealer, InboxKeys(tmp_path / "inbox-keys"))

    other.forget()
    other.forget(of="server")

    assert set() == other.key_owners()
    assert database.delivery(waits).report is not None
    other.close()


@both
def test_a_key_that_the_database_does_not_list_stays_whoever_forgets(
    database: Database, take_in: Intake, hand_over: Callable[[str], None], tmp_path: Path
) -> None:
    """Servers that share a folder have the same names beside whatever database they are started with."""
    receipt = take_in()
    other = tmp_path / "inbox-keys" / "server.00000000.0000000000000000.key"
    other.write_bytes(bytes(range(32)))

    hand_over(receipt.inbox_id)
    database.forget()
    database.forget(of="server")

    assert [other] == list((tmp_path / "inbox-keys").iterdir())
    assert bytes(range(32)) == other.read_bytes()
    assert {other.stem} == not_of(database._engine, tmp_path / "inbox-keys")


@both
def test_only_a_database_that_holds_a_report_may_stand_beside_keys_of_another(
    database: Database, take_in: Intake, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox-keys"
    folder.mkdir()
    refuse_if_another_is_missing(database._engine, folder)
    (folder / "server.00000000.0000000000000000.key").write_bytes(bytes(32))

    with pytest.raises(StoreError, match="1 inbox key"):
        refuse_if_another_is_missing(database._engine, folder)

    take_in()
    refuse_if_another_is_missing(database._engine, folder)


@both
def test_the_keys_of_waiting_reports_are_listed_once_however_many_servers_start(
    database: Database, take_in: Intake
) -> None:
    take_in()
    with database._engine.begin() as connection:
        before = known(connection)
        connection.execute(t.inbox_key.delete())

    for _ in range(2):
        list_needed(database._engine)

    with database._engine.connect() as connection:
        assert before == known(connection) != set()


# An older database ----------------------------------------------------------------------------------


def test_an_old_copy_put_back_leaves_the_keys_of_later_reports_which_wait_in_the_lost_one(
    site: Deployment,
) -> None:
    database = site.start()
    early = site.deliver(database, "s1")
    with sqlite3.connect(site.folder / "coc.sqlite") as connection:
        connection.execute(f"VACUUM INTO '{site.folder / 'copy.sqlite'}'")
    connection.close()
    database.forget()  # as each minute: the next report has another key
    late = site.deliver(database, "s2")
    site.move_database("away")
    shutil.move(site.folder / "copy.sqlite", site.folder / "coc.sqlite")

    database = site.start()
    site.hand_over(database, early)
    (warning,) = (what for what, _ in look(site.config, site._clock.now()).warnings if "inbox key" in what)
    site.move_database("restored")
    site.put_back("away")

    assert "1 inbox key(s)" in warning
    assert site.start().delivery(late).report is not None


def test_a_restore_into_the_same_folder_loses_no_report_that_came_after_the_backup(site: Deployment) -> None:
    made = run("backup-key", site.folder / "backup.key")
    line = re.search(r"^backup_recipient = .*$", made.output, re.MULTILINE)
    assert line is not None
    site.config.write_text(site.config.read_text().replace("[server]\n", f"[server]\n{line[0]}\n"))
    database = site.start()
    early = site.deliver(database, "s1")
    assert 0 == run("backup", site.folder / "backups", "--config", site.config).exit_code
    shares_its_key = site.deliver(database, "s2")
    database.forget()
    late = site.deliver(database, "s3")
    site.move_database("away")
    (backup,) = (site.folder / "backups").iterdir()

    done = run("restore", backup, "--identity", site.folder / "backup.key", "--into", site.folder)
    database = site.start()
    site.hand_over(database, early)

    assert 0 == done.exit_code, done.output
    assert "1 inbox key(s) lie there that no report of this backup needs" in done.output
    (kept,) = (site.folder / "inbox-keys").glob("kept-*")
    assert str(kept) in done.output
    site.move_database("restored")
    site.put_back("away")
    shutil.copytree(kept, site.folder / "inbox-keys", dirs_exist_ok=True)
    database = site.start()
    assert database.delivery(late).report is not None
    assert database.delivery(shares_its_key).report is not None


def test_a_database_of_the_version_before_knows_the_keys_that_its_reports_need(site: Deployment) -> None:
    waits = site.deliver(site.start(), "s1")
    site.stop()
    with sqlite3.connect(site.folder / "coc.sqlite") as connection:
        connection.executescript(
            "ALTER TABLE stray DROP COLUMN is_second; DROP TABLE inbox_key; "
            "DROP TABLE chore_trouble; DROP TABLE notice_left; DROP TABLE digest_key; "
            "UPDATE alembic_version SET version_num = '0007'"
        )
    connection.close()
    site._clock.forward(minutes=1)

    database = site.start()
    database.forget()
    assert database.delivery(waits).report is not None
    site.hand_over(database, waits)

    assert [] == site.keys()


# Commands -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list"),
        ("jobs", "retry", "in_x"),
        ("jobs", "reopen", "in_x"),
        ("keys", "list"),
        ("keys", "rotate"),
        ("keys", "retire"),
        ("board",),
    ],
)
def test_a_command_makes_no_database_that_is_not_there(site: Deployment, words: tuple[str, ...]) -> None:
    refused = run(*words, "--config", site.config)

    assert 1 == refused.exit_code
    assert "There is no database" in refused.output
    assert not (site.folder / "coc.sqlite").exists()


def test_a_backup_makes_no_database_that_is_not_there(site: Deployment) -> None:
    made = run("backup-key", site.folder / "backup.key")
    line = re.search(r"^backup_recipient = .*$", made.output, re.MULTILINE)
    assert line is not None
    site.config.write_text(site.config.read_text().replace("[server]\n", f"[server]\n{line[0]}\n"))

    refused = run("backup", site.folder / "backups", "--config", site.config)

    assert 1 == refused.exit_code
    assert "There is no database" in refused.output
    assert not (site.folder / "coc.sqlite").exists()


def test_the_doctor_makes_no_database_in_the_place_of_another(site: Deployment) -> None:
    site.deliver(site.start(), "s1")
    site.move_database("away")

    refused = run("doctor", "--config", site.config)

    assert 1 == refused.exit_code
    assert "new or empty" in refused.output
    assert not (site.folder / "coc.sqlite").exists()


# The root key ---------------------------------------------------------------------------------------


def test_a_start_with_another_root_key_is_refused_and_destroys_nothing(site: Deployment) -> None:
    waits = site.deliver(site.start(), "s1")
    site.stop()
    right, keys = (site.folder / "root.key").read_bytes(), site.keys()
    (site.folder / "root.key").write_bytes(new_root_key())

    refused = run("serve", "--config", site.config)

    assert 1 == refused.exit_code
    assert "another root key" in refused.output
    assert keys == site.keys()
    (site.folder / "root.key").write_bytes(right)
    assert site.start().delivery(waits).report is not None


def test_the_status_says_that_the_root_key_file_is_not_the_one_in_use(site: Deployment) -> None:
    site.start()
    assert site.parts is not None
    site.parts.dispatcher._fellows.join()
    (site.folder / "root.key").write_bytes(new_root_key())

    warnings = [what for what, _ in look(site.config, datetime.now(UTC)).warnings]
    site.parts.dispatcher._fellows.leave()

    assert any("root key that is not in root.key" in what for what in warnings)
