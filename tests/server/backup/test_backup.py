"""A backup made while the server works, brought back on an empty machine, on either database."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import pyrage
import pytest
import sqlalchemy as sa

from integration.casework import receive
from integration.incident import SpaceName
from tests.server.backup.conftest import (
    IDENTITY,
    Site,
    empty_machine,
    entries,
    everything,
    opened,
    restore,
    run,
    wipe,
)
from webhook_server import backup as backing_up
from webhook_server.config import load_config
from webhook_server.store.overview import look_into
from webhook_server.store.sealed import new_root_key
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.report import Report
    from tests.conftest import SetClock


def test_everything_comes_back_and_what_waited_can_be_opened(site: Site, tmp_path: Path, canary: str) -> None:
    before, backup, folder = everything(site.config), site.backup(), empty_machine(site, tmp_path)
    wipe(site.config)

    done = restore(site, backup, folder)

    assert 0 == done.exit_code, done.output
    assert before == everything(folder / "coc-server.toml")
    database = opened(folder / "coc-server.toml")
    report = database.delivery(site.waits).report
    assert report is not None
    assert canary.encode() in report
    assert database.delivery(site.handed_over).report is None
    database.close()
    assert {one.name for one in site.config.parent.glob("roster*")} <= {one.name for one in folder.iterdir()}


def test_a_backup_from_sqlite_moves_into_postgresql(site: Site, tmp_path: Path, postgres_url: str) -> None:
    before, backup, folder = everything(site.config), site.backup(), empty_machine(site, tmp_path)
    text = "".join(
        line for line in site.config.read_text().splitlines(keepends=True) if "database =" not in line
    )
    (folder / "coc-server.toml").write_text(
        text.replace("[server]\n", f'[server]\ndatabase = "{postgres_url}"\n')
    )
    (folder / "coc-server.toml").chmod(0o600)
    (folder / "inbox-keys").mkdir(mode=0o700, exist_ok=True)
    wipe(site.config)

    done = run("restore", backup, "--identity", site.identity, "--into", folder, "--keep-configuration")

    assert 0 == done.exit_code, done.output
    assert postgres_url == load_config(folder / "coc-server.toml").database_url
    assert before == everything(folder / "coc-server.toml")


def test_what_comes_in_after_a_restore_follows_what_was_there(
    site: Site, tmp_path: Path, make_report: Callable[..., Report], clock: SetClock
) -> None:
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    wipe(site.config)
    assert 0 == restore(site, backup, folder).exit_code
    database = opened(folder / "coc-server.toml")

    before = max(database.job(one).seq for one in (site.waits, site.handed_over))

    again = receive(
        "report-form", SpaceName("conduct"), "s1", make_report(account="x"), store=database, clock=clock
    )
    new = receive("report-form", SpaceName("conduct"), "s3", make_report(), store=database, clock=clock)

    assert before < database.job(again.inbox_id).seq < database.job(new.inbox_id).seq
    assert again.incident == database.job(site.waits).incident
    database.close()


def test_a_backup_holds_nothing_in_clear_and_no_root_key(site: Site, canary: str) -> None:
    raw = site.backup().read_bytes()
    (secret,) = IDENTITY.findall(site.identity.read_text())
    plain = pyrage.decrypt(raw, [pyrage.x25519.Identity.from_str(secret)])

    assert raw.startswith(b"age-encryption.org/v1\n")
    assert b"coc-backup/1" not in raw
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        names = tar.getnames()
    assert "files/root.key" not in names
    assert {"files/coc-server.toml", "files/service.key", "files/roster.toml", "end.json"} <= set(names)
    assert (site.config.parent / "root.key").read_bytes().strip() not in plain
    assert canary.encode() not in plain


def test_with_the_backup_and_its_identity_alone_no_waiting_report_is_read(site: Site, tmp_path: Path) -> None:
    """Somebody who has both, and not the root key."""
    folder = tmp_path / "thief"
    (folder / "inbox-keys").mkdir(mode=0o700, parents=True)
    (folder / "root.key").write_bytes(new_root_key())
    (folder / "root.key").chmod(0o600)
    backup = site.backup()
    wipe(site.config)

    refused = restore(site, backup, folder)

    assert 1 == refused.exit_code
    assert "another root key" in refused.output
    assert {0} == {len(rows) for rows in everything(folder / "coc-server.toml").values()}


@pytest.mark.parametrize(("found", "then"), [("9999", "or a newer one"), ("0001", "after the next start")])
def test_no_backup_is_made_of_a_schema_that_this_version_would_copy_in_part(
    site: Site, found: str, then: str
) -> None:
    """An older program knows no newer table: its backup would lack what is in them, and say nothing."""
    engine = make_engine(load_config(site.config).database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :it"), {"it": found})
    engine.dispose()

    refused = run("backup", site.backups, "--config", site.config)

    assert 1 == refused.exit_code
    assert f"The database's schema is {found}" in refused.output
    assert then in refused.output
    assert [] == list(site.backups.iterdir())


def test_debians_age_opens_a_backup_too(site: Site) -> None:
    if shutil.which("age") is None:
        pytest.skip("Debian's age is not on this machine; make needs installs it")

    tar = subprocess.run(
        ["age", "-d", "-i", str(site.identity), str(site.backup())], capture_output=True, check=True
    ).stdout

    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert "manifest.json" == archive.getnames()[0]


def test_a_backup_holds_no_more_in_memory_if_there_are_many_attachments(site: Site, clock: SetClock) -> None:
    database, megabyte = opened(site.config), 1_000_000
    incident = database.delivery(site.handed_over).incident
    with_one = most_memory_of_a_backup(site, clock)
    for n in range(3, 23):
        database.keep_file(incident, f"{n:04}.age", bytes(5 * megabyte), clock.now())
    database.close()

    assert most_memory_of_a_backup(site, clock) < with_one + 10 * megabyte


def most_memory_of_a_backup(site: Site, clock: SetClock) -> int:
    config = load_config(site.config)
    tracemalloc.start()
    with open(os.devnull, "wb") as out:  # noqa: PTH123 - as short as it gets
        backing_up.make_backup(config, site.config, out, now=clock.now())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_a_disk_that_is_full_is_told_of_in_a_sentence_and_nothing_is_left(site: Site) -> None:
    command = f'"{sys.executable}" -m webhook_server.cli backup "{site.backups}" --config "{site.config}"'

    full = subprocess.run(
        ["bash", "-c", f"ulimit -f 200; {command}"], capture_output=True, text=True, check=False
    )

    assert 1 == full.returncode
    assert f"The backup could not be written to {site.backups} (EFBIG)." in full.stderr
    assert "None was made" in full.stderr
    assert "run it again now" in full.stderr
    assert "event=died" not in full.stderr
    assert [] == list(site.backups.iterdir())
    before = site.backup().read_bytes()
    assert before.startswith(b"age-encryption.org/v1\n")


def test_what_a_killed_backup_left_is_removed_by_the_next_one(site: Site) -> None:
    site.backups.mkdir()
    left, others = site.backups / "coc-backup-20261101T020000Z.half", site.backups / "of-somebody.half"
    left.touch()
    others.touch()

    new = site.backup()

    assert {new, others} == set(site.backups.iterdir())


def test_what_a_backup_that_still_runs_has_written_so_far_is_left_to_it(site: Site) -> None:
    site.backups.mkdir()
    half = site.backups / "coc-backup-20261101T020000Z.half"
    half.touch()
    running = os.open(site.backups, os.O_RDONLY)
    fcntl.flock(running, fcntl.LOCK_SH)

    site.backup()

    os.close(running)
    assert half.exists()


def test_a_report_handed_over_while_the_backup_is_made_is_in_it_as_handed_over(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, a_comment: Callable[[Head], SealedComment]
) -> None:
    """Between the snapshot and the reading of its keys the report goes into the diary, and its key is destroyed."""
    real = make_engine

    def hands_over_meanwhile(url: str) -> sa.Engine:
        engine = real(url)
        left = [1]

        @sa.event.listens_for(engine, "after_cursor_execute")
        def after(*_: object) -> None:
            if left and left.pop():
                database = opened(site.config)
                head = database.head(database.delivery(site.waits).incident)
                database.hand_over(site.waits, head=head, comments=[a_comment(head)], epoch=None, readers=())
                database.close()

        return engine

    monkeypatch.setattr(backing_up, "make_engine", hands_over_meanwhile)
    backup = site.backup()
    monkeypatch.undo()
    wipe(site.config)
    folder = empty_machine(site, tmp_path)

    assert 0 == restore(site, backup, folder).exit_code
    database = opened(folder / "coc-server.toml")
    assert database.delivery(site.waits).report is None
    database.close()


def test_a_backup_is_of_one_moment_while_deliveries_come_in(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_report: Callable[..., Report], clock: SetClock
) -> None:  # fmt: skip
    """One that comes between two tables would be in the inbox, and its incident not among the incidents."""
    before, real, left = everything(site.config), make_engine, [1]

    def takes_one_in_meanwhile(url: str) -> sa.Engine:
        engine = real(url)

        @sa.event.listens_for(engine, "after_cursor_execute")
        def after(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("SELECT incident.id") and left and left.pop():
                database = opened(site.config)
                receive("report-form", SpaceName("conduct"), "s9", make_report(), store=database, clock=clock)
                database.close()

        return engine

    monkeypatch.setattr(backing_up, "make_engine", takes_one_in_meanwhile)
    backup = site.backup()
    monkeypatch.undo()
    folder = empty_machine(site, tmp_path)
    assert len(before["inbox"]) + 1 == len(everything(site.config)["inbox"])
    wipe(site.config)

    done = restore(site, backup, folder)

    assert 0 == done.exit_code, done.output
    assert before == everything(folder / "coc-server.toml")


def test_a_key_that_is_just_being_destroyed_counts_as_gone(site: Site) -> None:
    """It is overwritten first. Nothing opens with zeros, and nobody would be warned of a report that has them."""
    (key,) = load_config(site.config).inbox_keys.iterdir()
    key.write_bytes(bytes(32))

    made = run("backup", site.backups, "--config", site.config)

    assert 0 == made.exit_code
    assert site.waits in made.stderr
    (backup,) = site.backups.iterdir()
    assert not any(name.startswith("inbox-keys/") for name in entries(site, backup))


def test_a_lost_key_of_a_waiting_report_is_warned_of_and_all_else_is_in_the_backup(
    site: Site, tmp_path: Path
) -> None:
    shutil.rmtree(load_config(site.config).inbox_keys)
    before = everything(site.config)

    made = run("backup", site.backups, "--config", site.config)

    assert 0 == made.exit_code
    assert "WARNING: 1 report(s) that wait are in it without the key" in made.stderr
    assert site.waits in made.stderr
    assert site.handed_over not in made.stderr
    folder = empty_machine(site, tmp_path)
    wipe(site.config)
    (backup,) = site.backups.iterdir()
    assert 0 == restore(site, backup, folder).exit_code
    assert before == everything(folder / "coc-server.toml")


def test_of_what_was_given_up_a_backup_does_not_warn(site: Site) -> None:
    for key in load_config(site.config).inbox_keys.iterdir():
        key.unlink()
    assert 0 == run("jobs", "give-up", site.waits, "--config", site.config, answer="y").exit_code

    assert "" == run("backup", site.backups, "--config", site.config).stderr


def test_a_key_that_cannot_be_read_stops_the_backup(site: Site) -> None:
    (key,) = load_config(site.config).inbox_keys.iterdir()
    key.unlink()
    key.mkdir()  # what root can read too is no trouble; this it cannot

    refused = run("backup", site.backups, "--config", site.config)

    assert 1 == refused.exit_code
    assert "cannot be read (IsADirectoryError)" in refused.output
    assert [] == list(site.backups.iterdir())


def test_a_backup_that_fails_each_night_is_noted_until_one_is_made(site: Site) -> None:
    (key,) = load_config(site.config).inbox_keys.iterdir()
    content = key.read_bytes()
    key.unlink()
    key.mkdir()
    for _ in range(2):
        assert 1 == run("backup", site.backups, "--config", site.config).exit_code
    assert [("backup", "", "store")] == failing(site.config)
    site.backups.rmdir()
    site.backups.write_text("not a folder")
    assert 1 == run("backup", site.backups, "--config", site.config).exit_code
    assert [("backup", "", "unexpected")] == failing(site.config)

    site.backups.unlink()
    key.rmdir()
    key.write_bytes(content)
    site.backup()

    assert [] == failing(site.config)


def failing(config: Path) -> list[tuple[str, str, str]]:
    overview = look_into(load_config(config).database_url)
    found = [(one.chore, one.part, one.code) for one in overview.chore_troubles()]
    overview.close()
    return found


def test_without_a_recipient_it_says_how_to_make_one(filled_in: Path, tmp_path: Path) -> None:
    refused = run("backup", tmp_path, "--config", filled_in)

    assert 1 == refused.exit_code
    assert "coc-server backup-key" in refused.output


def test_a_backup_key_is_never_overwritten(tmp_path: Path) -> None:
    run("backup-key", tmp_path / "backup.key")
    before = (tmp_path / "backup.key").read_bytes()

    assert 1 == run("backup-key", tmp_path / "backup.key").exit_code
    assert before == (tmp_path / "backup.key").read_bytes()
    assert 0o600 == (tmp_path / "backup.key").stat().st_mode & 0o777
