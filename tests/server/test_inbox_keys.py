"""Reports wait with a short-lived key outside the database, which is gone once they are in the diary."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.errors import DoesNotOpen, StoreError
from webhook_server.store import tables as t
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys, key_ids
from webhook_server.store.sealed import Sealer
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from tests.server.conftest import Intake


@pytest.fixture
def keys(tmp_path: Path) -> InboxKeys:
    return InboxKeys(tmp_path / "inbox-keys", "server")


def seal(keys: InboxKeys, report: bytes, row: str) -> tuple[str, bytes]:
    keys.prepare(lambda _key_id: None)
    key = keys.current()
    return key.id, key.seal(report, row)


@pytest.fixture
def shared(tmp_path: Path) -> Callable[[str], InboxKeys]:
    """Makes a process's keys in a folder that it shares with others."""
    (tmp_path / "inbox-keys").mkdir()
    return lambda owner: InboxKeys(tmp_path / "inbox-keys", owner, alone=False)


def forget(keys: InboxKeys, needed: set[str], *, of: str | None = None) -> None:
    """As for a database that lists all keys of the folder."""
    keys.forget(key_ids(keys._folder) - needed, of=of)


def files(folder: Path) -> list[str]:
    return sorted(one.name for one in (folder / "inbox-keys").iterdir())


def test_what_is_sealed_is_opened_for_its_own_row_only(keys: InboxKeys) -> None:
    key_id, sealed = seal(keys, b"report", "in_1")

    assert b"report" == keys.open(key_id, sealed, "in_1")
    assert b"report" not in sealed
    with pytest.raises(DoesNotOpen):
        keys.open(key_id, sealed, "in_2")


def test_a_key_is_readable_by_its_owner_only(keys: InboxKeys, tmp_path: Path) -> None:
    key_id, _ = seal(keys, b"report", "in_1")

    assert 0o600 == (tmp_path / "inbox-keys" / f"{key_id}.key").stat().st_mode & 0o777
    assert 0o700 == (tmp_path / "inbox-keys").stat().st_mode & 0o777


def test_a_key_lives_for_as_long_as_a_report_needs_it(keys: InboxKeys) -> None:
    key_id, sealed = seal(keys, b"report", "in_1")

    forget(keys, {key_id})
    assert b"report" == keys.open(key_id, sealed, "in_1")

    forget(keys, set())
    with pytest.raises(DoesNotOpen, match="inbox key"):
        keys.open(key_id, sealed, "in_1")


def test_after_a_key_was_destroyed_the_next_report_gets_another(keys: InboxKeys) -> None:
    first, _ = seal(keys, b"report", "in_1")
    forget(keys, set())

    assert first != seal(keys, b"report", "in_2")[0]


def test_the_next_report_does_not_share_the_key_of_one_that_waits_for_long(keys: InboxKeys) -> None:
    first, _ = seal(keys, b"report", "in_1")
    forget(keys, {first})

    assert first != seal(keys, b"report", "in_2")[0]


def test_no_report_is_sealed_with_a_key_that_is_not_in_the_folder(keys: InboxKeys, tmp_path: Path) -> None:
    first, _ = seal(keys, b"report", "in_1")
    (tmp_path / "inbox-keys" / f"{first}.key").unlink()

    key_id, sealed = seal(keys, b"report", "in_2")

    assert b"report" == keys.open(key_id, sealed, "in_2")


def test_a_share_that_remembers_a_destroyed_key_for_a_while_does_not_get_it_used_again(
    shared: Callable[[str], InboxKeys], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it was on sshfs, with two mounts of one folder: who looked for the key found it, who opened it did not."""
    one, other = shared("a"), shared("b")
    first, _ = seal(one, b"report", "in_1")
    gone, is_there = tmp_path / "inbox-keys" / f"{first}.key", Path.exists
    monkeypatch.setattr(Path, "exists", lambda self: self == gone or is_there(self))

    forget(other, set(), of="a")
    key_id, sealed = seal(one, b"report", "in_2")

    assert b"report" == other.open(key_id, sealed, "in_2")


def test_no_other_key_in_the_folder_is_ever_destroyed(keys: InboxKeys, tmp_path: Path) -> None:
    """Somebody may name the folder in which the server's own keys lie."""
    seal(keys, b"report", "in_1")
    others = dict.fromkeys(("root.key", "service.key", "tls.example.org.key", "server.key"), b"x" * 32)
    for name, content in others.items():
        (tmp_path / "inbox-keys" / name).write_bytes(content)

    forget(keys, set())
    forget(keys, set(), of="server")

    assert others == {one.name: one.read_bytes() for one in (tmp_path / "inbox-keys").iterdir()}


def test_two_processes_of_one_name_destroy_none_of_each_others_keys(
    shared: Callable[[str], InboxKeys],
) -> None:
    one, two = (shared("server") for _ in range(2))
    key_id, sealed = seal(one, b"report", "in_1")

    forget(two, set())

    assert b"report" == one.open(key_id, sealed, "in_1")


def test_a_shared_folder_that_is_not_there_is_not_made_and_takes_no_report(tmp_path: Path) -> None:
    """It is a share that is not mounted. What is written into its place is hidden by the mount."""
    keys = InboxKeys(tmp_path / "share" / "inbox-keys", "a", alone=False)

    with pytest.raises(StoreError, match="Mount it"):
        keys.require_folder()
    with pytest.raises(StoreError, match="sends it again"):
        seal(keys, b"report", "in_1")
    assert [] == list(tmp_path.iterdir())

    (tmp_path / "share" / "inbox-keys").mkdir(parents=True)
    keys.require_folder()
    key_id, sealed = seal(keys, b"report", "in_1")
    assert b"report" == keys.open(key_id, sealed, "in_1")


def test_a_share_that_goes_while_the_server_runs_takes_no_report_until_it_is_back(tmp_path: Path) -> None:
    share, away = tmp_path / "share", tmp_path / "away"
    (share / "inbox-keys").mkdir(parents=True)
    keys = InboxKeys(share / "inbox-keys", "a", alone=False)
    key_id, sealed = seal(keys, b"report", "in_1")
    share.rename(away)
    share.mkdir()  # what is left of a share is the folder on which it was mounted

    with pytest.raises(StoreError):
        seal(keys, b"report", "in_2")

    assert [] == list(share.iterdir())
    share.rmdir()
    away.rename(share)
    assert b"report" == keys.open(key_id, sealed, "in_1")


def test_the_keys_of_one_that_is_dead_are_destroyed_by_another(shared: Callable[[str], InboxKeys]) -> None:
    dead, living = (shared(name) for name in ("a", "b"))
    gone, needed = seal(dead, b"report", "in_1"), seal(dead, b"report", "in_2")
    forget(dead, set())
    needed = seal(dead, b"report", "in_2")
    own = seal(living, b"report", "in_3")

    forget(living, {needed[0]}, of="a")

    assert b"report" == living.open(*needed, "in_2")
    assert b"report" == living.open(*own, "in_3")
    with pytest.raises(DoesNotOpen):
        living.open(*gone, "in_1")


def test_keys_of_other_processes_are_left_alone(shared: Callable[[str], InboxKeys]) -> None:
    keys, other = shared("server"), shared("other")
    key_id, sealed = seal(other, b"report", "in_1")

    forget(keys, set())

    assert b"report" == other.open(key_id, sealed, "in_1")


def test_a_folder_that_takes_no_key_means_that_nothing_is_stored(
    take_in: Intake, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "inbox-keys").write_text("a file in the way")

    with pytest.raises(StoreError, match="No inbox key"):
        take_in()

    with database._engine.connect() as connection:
        assert 0 == connection.scalar(sa.select(sa.func.count()).select_from(t.inbox))


def test_an_old_copy_of_the_database_and_the_root_key_do_not_open_what_was_handed_over(
    take_in: Intake, make_report: Callable[..., Report], database: Database, sealer: Sealer, tmp_path: Path,
    hand_over: Callable[[str], None], canary: str,
) -> None:  # fmt: skip
    receipt = take_in(make_report(account=canary))
    with sqlite3.connect(tmp_path / "coc.sqlite") as connection:
        connection.execute(f"VACUUM INTO '{tmp_path / 'old.sqlite'}'")
    old = Database(make_engine(f"sqlite:///{tmp_path / 'old.sqlite'}"), sealer, database._inbox_keys)
    before = old.delivery(receipt.inbox_id).report
    assert before is not None
    assert canary.encode() in before

    hand_over(receipt.inbox_id)

    assert [] == files(tmp_path)
    with pytest.raises(DoesNotOpen, match="inbox key"):
        old.delivery(receipt.inbox_id)
    old.close()


def test_a_report_that_still_waits_keeps_its_key_while_others_are_handed_over(
    take_in: Intake, database: Database, hand_over: Callable[[str], None]
) -> None:
    first, second = take_in(submission="s1"), take_in(submission="s2")

    hand_over(first.inbox_id)

    assert database.delivery(second.inbox_id).report is not None
    assert database.delivery(first.inbox_id).report is None


def test_who_reads_a_report_while_it_is_handed_over_sees_that_it_is_gone(
    take_in: Intake, database: Database, hand_over: Callable[[str], None]
) -> None:
    receipt = take_in()
    with database._engine.connect() as connection:
        row = connection.execute(sa.select(t.inbox)).one()

    hand_over(receipt.inbox_id)

    assert database._report(row) is None


def test_without_its_key_a_report_is_said_not_to_open(
    take_in: Intake, database: Database, tmp_path: Path
) -> None:
    receipt = take_in()
    shutil.rmtree(tmp_path / "inbox-keys")

    with pytest.raises(DoesNotOpen, match="inbox_keys"):
        database.delivery(receipt.inbox_id)


def test_what_an_older_version_took_in_is_opened_with_the_root_key_alone(
    take_in: Intake, database: Database, sealer: Sealer
) -> None:
    receipt = take_in()
    old = sealer.seal(b"old", table="inbox", column="sealed_report", row=receipt.inbox_id)
    with database._engine.begin() as connection:
        connection.execute(t.inbox.update().values(sealed_report=old, inbox_key=None))

    assert b"old" == database.delivery(receipt.inbox_id).report


def test_a_key_of_a_share_that_is_away_is_not_taken_for_gone(
    shared: Callable[[str], InboxKeys], tmp_path: Path
) -> None:
    keys = shared("a")
    key_id, sealed = seal(keys, b"report", "in_1")
    folder, away = tmp_path / "inbox-keys", tmp_path / "away"
    folder.rename(away)

    assert not keys.is_gone(key_id)
    with pytest.raises(StoreError, match="mounted"):
        keys.open(key_id, sealed, "in_1")

    (tmp_path / "inbox-keys").mkdir()
    assert keys.is_gone(key_id)
    with pytest.raises(DoesNotOpen):
        keys.open(key_id, sealed, "in_1")


def test_a_folder_that_refuses_us_loses_no_key(keys: InboxKeys, tmp_path: Path) -> None:
    """So a share does whose server takes this account for another, and one that went and came back."""
    key_id, sealed = seal(keys, b"report", "in_1")
    file = tmp_path / "inbox-keys" / f"{key_id}.key"
    file.rename(tmp_path / "kept")
    file.mkdir()  # what is no file cannot be opened as one, by root either

    assert not keys.is_gone(key_id)
    with pytest.raises(StoreError, match="mounted"):
        keys.open(key_id, sealed, "in_1")


def test_no_key_is_destroyed_between_sealing_and_committing(
    database: Database, take_in: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then no report needs it, as far as the database shows."""
    real, forgets = Sealer.seal, threading.Thread(target=database.forget)

    def while_another_thread_forgets(self: Sealer, clear: bytes, *, table: str, column: str, row: str) -> str:
        forgets.start()
        until = time.monotonic() + 0.5
        while files(tmp_path) and time.monotonic() < until:
            time.sleep(0.01)
        return real(self, clear, table=table, column=column, row=row)

    monkeypatch.setattr(Sealer, "seal", while_another_thread_forgets)

    receipt = take_in()

    forgets.join()
    assert 1 == len(files(tmp_path))
    assert database.delivery(receipt.inbox_id).report is not None
