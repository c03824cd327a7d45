"""Nothing of a report lies in the database's file in clear, and what was moved or sealed otherwise is noticed."""

from __future__ import annotations

import base64
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from integration.diary.chain import genesis
from integration.errors import StoreError
from integration.incident import Alias
from tests.server.diaries import EPOCH, a_comment, hand_over, rows
from webhook_server.store import tables as t
from webhook_server.store.database import Database
from webhook_server.store.sealed import Sealer
from webhook_server.store.transactions import Collision, reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from tests.server.conftest import Intake


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def test_nothing_of_a_report_lies_on_disk(
    take_in: Intake, make_report: Callable[..., Report], tmp_path: Path, canary: str
) -> None:
    take_in(make_report(subject=canary, do_not_show=canary), submission=canary)

    assert {"coc.sqlite", "coc.sqlite-wal", "coc.sqlite-shm"} <= {file.name for file in tmp_path.iterdir()}
    assert canary.encode() not in everything_on_disk(tmp_path)


def test_what_was_sealed_is_there_before_and_gone_after_the_hand_over(
    take_in: Intake, make_report: Callable[..., Report], database: Database, tmp_path: Path, canary: str
) -> None:
    receipt = take_in(make_report(account=canary * 400))
    sealed = rows(database, t.inbox)[0].sealed_report.encode()
    pieces = [sealed[at : at + 200] for at in range(20, len(sealed) - 200, 200)]
    assert any(piece in everything_on_disk(tmp_path) for piece in pieces)

    hand_over(database, receipt)

    disk = everything_on_disk(tmp_path)
    assert [] == [piece for piece in pieces if piece in disk]
    assert canary.encode() not in disk


def test_readers_are_not_named_on_disk(take_in: Intake, database: Database, tmp_path: Path) -> None:
    receipt = take_in()
    head = genesis(receipt.incident)

    database.hand_over(
        receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=EPOCH, readers=[Alias("Quokka-Canary")]
    )

    assert b"Quokka-Canary" not in everything_on_disk(tmp_path)


@pytest.mark.parametrize("others", [0, 1, 47])
def test_the_length_of_what_is_sealed_does_not_tell_how_many_read(
    take_in: Intake, database: Database, others: int
) -> None:
    receipt = take_in()
    head = genesis(receipt.incident)
    readers = [Alias(f"reader-{n}".ljust(32, "x")) for n in range(others)]

    database.hand_over(receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=EPOCH, readers=readers)

    (row,) = rows(database, t.epoch)
    assert 4096 + 12 + 16 == len(base64.b64decode(row.sealed_readers.split(".")[2]))
    assert readers == list(database.readers(receipt.incident))


def test_more_readers_than_fit_are_filled_up_to_the_next_step(take_in: Intake, database: Database) -> None:
    receipt = take_in()
    head = genesis(receipt.incident)
    readers = [Alias(f"reader-{n}") for n in range(500)]

    database.hand_over(receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=EPOCH, readers=readers)

    (row,) = rows(database, t.epoch)
    assert 2 * 4096 + 12 + 16 == len(base64.b64decode(row.sealed_readers.split(".")[2]))
    assert readers == list(database.readers(receipt.incident))


def swap(database: Database, column: sa.Column[Any], key: sa.Column[Any]) -> None:
    with database._engine.begin() as connection:
        (one, first), (two, second) = connection.execute(sa.select(key, column)).all()
        for row, value in ((one, second), (two, first)):
            connection.execute(column.table.update().where(key == row).values({column.name: value}))


def test_reports_swapped_between_rows_are_noticed(take_in: Intake, database: Database) -> None:
    one = take_in()
    take_in()

    swap(database, t.inbox.c.sealed_report, t.inbox.c.id)

    with pytest.raises(StoreError, match="changed or moved"):
        database.delivery(one.inbox_id)


def test_readers_swapped_between_incidents_are_noticed(take_in: Intake, database: Database) -> None:
    one, two = take_in(), take_in()
    hand_over(database, one, epoch=EPOCH)
    hand_over(database, two, epoch=EPOCH)

    swap(database, t.epoch.c.sealed_readers, t.epoch.c.incident_id)

    with pytest.raises(StoreError, match="changed or moved"):
        database.readers(one.incident)


def test_another_root_key_opens_nothing(take_in: Intake, database: Database) -> None:
    receipt = take_in()

    with pytest.raises(StoreError, match="another root key"):
        Database(database._engine, Sealer(bytes(32)), database._inbox_keys).delivery(receipt.inbox_id)


def test_trouble_of_the_database_shows_none_of_its_parameters(
    take_in: Intake, database: Database, canary: str
) -> None:
    with database._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE inbox")

    with pytest.raises(StoreError) as raised:
        take_in(submission=canary)

    assert canary not in str(raised.value)
    assert "SQLITE_ERROR" in str(raised.value)
    assert "was not stored" in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_read_that_fails_shows_none_of_its_parameters(database: Database, canary: str) -> None:
    """Whoever formats the error with what it came from would have them."""
    with pytest.raises(StoreError) as raised, reading(database._engine) as connection:
        connection.execute(sa.text("SELECT :it FROM nowhere"), {"it": canary})

    assert canary not in str(raised.value)
    assert canary not in "".join(traceback.format_exception(raised.value))


def test_a_write_that_another_made_first_shows_none_of_its_parameters(
    database: Database, canary: str
) -> None:
    with writing(database._engine, "Nothing.") as connection:
        connection.execute(t.inbox_key.insert().values(id=canary))

    with pytest.raises(Collision) as raised, writing(database._engine, "Nothing.") as connection:
        connection.execute(t.inbox_key.insert().values(id=canary))

    assert canary not in "".join(traceback.format_exception(raised.value))
