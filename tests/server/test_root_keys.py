"""A new root key: everything is sealed anew, digests stay, and the old key is not needed any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.errors import ConfigError, DoesNotOpen, RootKeyRefused
from integration.store import GIVEN_UP
from tests.pg import both
from webhook_server.fellows import Fellows
from webhook_server.store import reseal, sealed
from webhook_server.store import tables as t
from webhook_server.store.database import Database
from webhook_server.store.locks import Locks
from webhook_server.store.reseal import reseal as reseal_
from webhook_server.store.reseal import sealed_with
from webhook_server.store.sealed import Sealer, new_root_key, with_new_root_key, with_newest_root_key_only
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import Intake

PLACE = {"table": "inbox", "column": "sealed_report", "row": "in_1"}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "root.key"
    file.write_bytes(new_root_key())
    return file


@pytest.fixture
def sealer(key_file: Path) -> Sealer:
    """In place of the shared fixture: one that reads a file."""
    return Sealer.load(key_file)


@pytest.fixture
def filled(database: Database, take_in: Intake) -> Database:
    for number in range(60):
        take_in(submission=f"s{number}")
    return database


def rotate(key_file: Path) -> None:
    key_file.write_bytes(with_new_root_key(key_file))


def test_the_newest_seals_and_all_open(key_file: Path, sealer: Sealer) -> None:
    old = sealer.seal(b"old", **PLACE)
    rotate(key_file)

    later = Sealer.load(key_file)

    assert later.key_id != sealer.key_id
    assert (later.key_id, sealer.key_id) == later.key_ids
    assert b"old" == later.open(old, **PLACE)
    assert later.seal(b"new", **PLACE).startswith(f"v1.{later.key_id}.")


def test_digests_outlive_every_rotation(key_file: Path, sealer: Sealer) -> None:
    before = sealer.digest("submission", b"s1")
    for _ in range(3):
        rotate(key_file)
        assert before == Sealer.load(key_file).digest("submission", b"s1")
        key_file.write_bytes(with_newest_root_key_only(key_file))
        assert before == Sealer.load(key_file).digest("submission", b"s1")


def test_a_running_server_finds_the_key_that_was_just_added(key_file: Path, sealer: Sealer) -> None:
    rotate(key_file)
    by_another_process = Sealer.load(key_file).seal(b"new", **PLACE)

    assert b"new" == sealer.open(by_another_process, **PLACE)


def test_everything_is_sealed_anew_and_the_old_key_can_go(
    filled: Database, sealer: Sealer, key_file: Path
) -> None:
    old = sealer.key_id
    rotate(key_file)
    sealer.reload()

    assert 60 == reseal_(filled._engine, sealer)
    assert 0 == reseal_(filled._engine, sealer)
    assert {sealer.key_id: 60} == sealed_with(filled._engine)
    assert old not in sealed_with(filled._engine)
    key_file.write_bytes(with_newest_root_key_only(key_file))
    again = Database(make_engine(str(filled._engine.url)), Sealer.load(key_file), filled._inbox_keys)
    assert all(again.delivery(job.inbox_id).report for job in again.unfinished_jobs())
    again.close()


def test_what_was_erased_meanwhile_does_not_come_back(
    filled: Database, sealer: Sealer, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL another server may hand a report over between our reading it and our sealing it anew."""
    rotate(key_file)
    sealer.reload()
    real = Sealer.seal

    def seal_while_another_erases(self: Sealer, clear: bytes, *, table: str, column: str, row: str) -> str:
        connection.execute(t.inbox.update().where(t.inbox.c.id == row).values(sealed_report=None))
        return real(self, clear, table=table, column=column, row=row)

    monkeypatch.setattr(Sealer, "seal", seal_while_another_erases)
    with filled._engine.connect() as connection:
        monkeypatch.setattr(reseal, "writing", lambda _engine, _consequence: _Same(connection))
        reseal_(filled._engine, sealer)
        erased = connection.scalar(
            sa.select(sa.func.count()).select_from(t.inbox).where(t.inbox.c.sealed_report.is_(None))
        )

    assert 60 == erased


class _Same:
    """The connection of the other server, so that SQLite lets it write in between."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sa.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        pass


@both
def test_a_value_that_does_not_open_holds_up_no_other(
    filled: Database, sealer: Sealer, key_file: Path
) -> None:
    foreign = Sealer(bytes(32)).seal(b"?", table="inbox", column="sealed_report", row="x")
    with filled._engine.begin() as connection:
        connection.execute(t.inbox.update().where(t.inbox.c.seq == 1).values(sealed_report=foreign))
    rotate(key_file)
    sealer.reload()

    with pytest.raises(DoesNotOpen):
        reseal_(filled._engine, sealer)

    assert {sealer.key_id: 59, foreign[3:11]: 1} == sealed_with(filled._engine)


@pytest.mark.parametrize("before_inbox_keys", [False, True])
def test_a_report_that_was_given_up_is_kept_as_it_is_for_a_root_key_that_may_be_found(
    filled: Database, sealer: Sealer, key_file: Path, *, before_inbox_keys: bool
) -> None:
    (job, *_) = filled.unfinished_jobs()
    lost = Sealer(bytes(32))
    foreign = lost.seal(b"?", table="inbox", column="sealed_report", row=job.inbox_id)
    with filled._engine.begin() as connection:
        given_up = t.inbox.update().where(t.inbox.c.id == job.inbox_id)
        connection.execute(given_up.values(sealed_report=foreign, state="done", reason_code=GIVEN_UP))
        if before_inbox_keys:
            connection.execute(given_up.values(inbox_key=None))
    rotate(key_file)
    sealer.reload()

    assert 59 == reseal_(filled._engine, sealer)

    with filled._engine.connect() as connection:
        kept = connection.scalar(sa.select(t.inbox.c.sealed_report).where(t.inbox.c.id == job.inbox_id))
    assert foreign == kept


def test_every_sealed_column_is_resealed() -> None:
    assert {column.table.name for column in reseal.sealed_columns()} == set(reseal._ROWS)


@pytest.mark.parametrize("content", [b"", b"digests:AAAA\n", b"x\n"])
def test_a_file_without_a_root_key_is_refused(key_file: Path, content: bytes) -> None:
    key_file.write_bytes(content)

    with pytest.raises(ConfigError):
        sealed.read_root_keys(key_file)


def test_several_keys_without_the_one_of_the_digests_are_refused(key_file: Path) -> None:
    """Whoever put two files together by hand would make every known submission look new."""
    key_file.write_bytes(new_root_key() + new_root_key())

    with pytest.raises(ConfigError, match="digests"):
        Sealer.load(key_file)


def test_a_file_that_cannot_be_read_changes_nothing_for_a_running_server(
    key_file: Path, sealer: Sealer
) -> None:
    value = sealer.seal(b"kept", **PLACE)
    key_file.write_bytes(b"half")

    with pytest.raises(ConfigError):
        sealer.reload()

    assert b"kept" == sealer.open(value, **PLACE)


@pytest.mark.parametrize("change", ["another", "an older copy", "another key of the digests"])
def test_a_running_server_takes_no_root_key_file_that_lacks_a_key_in_use(key_file: Path, change: str) -> None:
    """Each delivery would be new by other digests and open a second ticket; and what is sealed meanwhile would be lost."""
    before = key_file.read_bytes()
    rotate(key_file)
    running = Sealer.load(key_file)
    digest, value = running.digest("submission", b"s1"), running.seal(b"kept", **PLACE)
    newest = key_file.read_bytes().splitlines(keepends=True)[0]
    key_file.write_bytes(
        {
            "another": new_root_key(),
            "an older copy": before,
            "another key of the digests": newest + b"digests:" + new_root_key(),
        }[change]
    )

    with pytest.raises(RootKeyRefused, match=running.key_id):
        running.reload()
    foreign = Sealer(bytes(32)).seal(b"?", **PLACE)
    with pytest.raises(DoesNotOpen):
        running.open(foreign, **PLACE)

    assert digest == running.digest("submission", b"s1")
    assert b"kept" == running.open(value, **PLACE)
    assert running.seal(b"new", **PLACE).startswith(f"v1.{running.key_id}.")


@pytest.mark.parametrize("content", [new_root_key(), b"half a file"])
def test_the_operator_hears_of_a_root_key_file_that_is_not_taken(
    database: Database, sealer: Sealer, key_file: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    alarms: list[str] = []
    engine = database._engine
    server = Fellows(
        "server", workers=Workers(engine), locks=Locks(engine), sealer=sealer, alarm=alarms.append
    )
    server.join()
    key_file.write_bytes(content)

    server.beat()

    assert ["root-key"] == alarms
    assert "event=root-key-not-read" in caplog.text
    (worker,) = Workers(engine).all()
    assert sealer.key_id == worker.root_key_id
    server.leave()
