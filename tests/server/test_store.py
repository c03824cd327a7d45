"""The database: a delivery is kept once, a diary moves on in one step, and nothing of a report lies in clear."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from integration.casework import receive
from integration.code_name import CodeName
from integration.diary.chain import genesis
from integration.diary.comment import CommentId, CommentKind, Link, SealedComment
from integration.diary.keys import Epoch
from integration.errors import HeadConflict, StoreError
from integration.incident import Alias, Incident, IncidentId, IncidentType, SpaceName
from integration.mirror import TicketName, TicketRef
from integration.store import TicketRecord
from integration.text import SealedText
from tests.pg import both
from webhook_server.store import tables as t
from webhook_server.store.arrivals import Arrival
from webhook_server.store.database import Database
from webhook_server.store.migrate import migrate
from webhook_server.store.migrations.versions import (
    r0001_first,
    r0002_durable,
    r0003_space,
    r0004_audience,
    r0005_host_events,
    r0006_boards,
    r0007_strays,
    r0008_inbox_keys,
    r0009_copies,
)
from webhook_server.store.sealed import Sealer
from webhook_server.store.shelf import Shelf
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake

SPACE = SpaceName("conduct")
REF = TicketRef(TicketName("github:acme/conduct#1"), "1", "#1", "https://host.example/1", "9000000001")
EPOCH = Epoch(1, "age1" + "q" * 58, "ssh-ed25519 " + "A" * 68)


def a_comment(head: Head, text: str = "sealed", letter: str = "l") -> SealedComment:
    return SealedComment(
        head.incident, REF.name, CommentId(head.seq + 1, 1), 1, 1, CommentKind.ENTRY, head.link,
        Link(letter * 43), SealedText(text),
    )  # fmt: skip


def hand_over(
    database: Database, receipt: Receipt, *, epoch: Epoch | None = None, letter: str = "l"
) -> SealedComment:
    head = database.head(receipt.incident)
    comment = a_comment(head, letter=letter)
    readers = [Alias("robert"), Alias("miriam")] if epoch else []
    database.hand_over(receipt.inbox_id, head=head, comments=[comment], epoch=epoch, readers=readers)
    return comment


def rows(database: Database, table: sa.Table) -> list[sa.Row[Any]]:
    with database._engine.connect() as connection:
        return list(connection.execute(sa.select(table)).all())


# Deliveries -----------------------------------------------------------------------------------------


def test_the_same_delivery_is_one_receipt(take_in: Intake, database: Database) -> None:
    first, second = take_in(submission="s1"), take_in(submission="s1")

    assert (False, True) == (first.duplicate, second.duplicate)
    assert (first.inbox_id, first.incident) == (second.inbox_id, second.incident)
    assert 1 == len(rows(database, t.inbox))


def test_other_answers_under_the_same_id_are_a_second_report_on_the_same_incident(
    take_in: Intake, make_report: Callable[..., Report], database: Database
) -> None:
    first = take_in(submission="s1")
    second = take_in(make_report(account="something else"), submission="s1")

    assert not second.duplicate
    assert first.incident == second.incident
    assert first.inbox_id != second.inbox_id
    assert 1 == len(rows(database, t.incident))


def test_both_are_known_again_after_the_report_was_erased(
    take_in: Intake, make_report: Callable[..., Report], database: Database
) -> None:
    first = take_in(submission="s1")
    hand_over(database, first)

    again = take_in(submission="s1")
    edited = take_in(make_report(account="something else"), submission="s1")

    assert again.duplicate
    assert (first.inbox_id, first.incident) == (again.inbox_id, edited.incident)
    assert not edited.duplicate


def test_the_same_id_from_another_source_is_another_incident(
    take_in: Intake, make_report: Callable[..., Report]
) -> None:
    work = take_in.work
    one, two = (
        receive(
            source,
            work.store.incident(take_in().incident).space,
            "s1",
            make_report(),
            store=work.store,
            clock=work.clock,
        )
        for source in ("form", "other-form")
    )

    assert one.incident != two.incident
    assert not two.duplicate


def test_the_same_delivery_from_many_threads_is_kept_once(take_in: Intake, database: Database) -> None:
    receipts: list[Receipt] = []
    together = threading.Barrier(8)

    def deliver() -> None:
        together.wait()
        receipts.append(take_in(submission="s1"))

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8 == len(receipts)
    assert 1 == len({one.inbox_id for one in receipts})
    assert 7 == sum(one.duplicate for one in receipts)
    assert 1 == len(rows(database, t.incident))


def test_a_delivery_comes_back_as_it_was(
    take_in: Intake, database: Database, clock: SetClock, canary: str
) -> None:
    receipt = take_in()

    delivery = database.delivery(receipt.inbox_id)

    assert delivery.report is not None
    assert canary.encode() in delivery.report
    assert (receipt.incident, "form", clock.now(), False, False) == (
        delivery.incident,
        delivery.source,
        delivery.received_at,
        delivery.unreadable,
        delivery.finished,
    )


def test_a_code_name_is_never_given_twice(database: Database, clock: SetClock, take_in: Intake) -> None:
    first = database.incident(take_in().incident)
    names = [first.code_name, CodeName("FREE-NAME-99")]

    def incident(own: IncidentId, is_taken: Callable[[CodeName], bool]) -> Incident:
        name = names.pop(0)
        assert not is_taken(name)  # it knows only of those that are being made
        return replace(first, id=own, code_name=name)

    receipt = database.receive(
        source="form", submission_id="new", report=b"{}", answers=b"[]", unreadable=False, incident=incident, now=clock.now()
    )  # fmt: skip

    assert "FREE-NAME-99" == database.incident(receipt.incident).code_name


def test_incidents_that_are_made_together_get_different_names(database: Database, clock: SetClock) -> None:
    offered = iter(["SAME-NAME-10", "SAME-NAME-10", "OTHER-NAME-10"])

    def incident(own: IncidentId, is_taken: Callable[[CodeName], bool]) -> Incident:
        name = next(one for one in map(CodeName, offered) if not is_taken(one))
        return Incident(
            id=own, code_name=name, type=IncidentType.CONDUCT_ENFORCEMENT, space=SpaceName("conduct"),
            opened_at=clock.now(),
        )  # fmt: skip

    receipts = database._keep(
        [Arrival("form", str(one) * 64, "a" * 64, b"{}", False, incident, clock.now()) for one in range(2)]  # noqa: FBT003 - readable
    )

    assert ["OTHER-NAME-10", "SAME-NAME-10"] == sorted(
        database.incident(one.incident).code_name for one in receipts
    )


@pytest.mark.parametrize(
    "ask", [lambda d: d.delivery("in_x"), lambda d: d.incident(IncidentId("inc_x")), lambda d: d.job("in_x")]
)
def test_what_is_not_there_is_said(database: Database, ask: Callable[[Database], object]) -> None:
    with pytest.raises(StoreError, match=r"in_x|inc_x"):
        ask(database)


# The ticket and the diary ---------------------------------------------------------------------------


def test_an_attempt_is_noted_and_taken_back(database: Database, take_in: Intake, clock: SetClock) -> None:
    incident = take_in().incident
    assert TicketRecord() == database.ticket(incident)

    database.ticket_attempted(incident, clock.now())
    assert TicketRecord(clock.now(), None) == database.ticket(incident)

    database.ticket_attempted(incident, None)
    assert TicketRecord() == database.ticket(incident)

    database.ticket_attempted(incident, clock.now())
    database.ticket_opened(incident, REF)
    assert TicketRecord(clock.now(), REF) == database.ticket(incident)


def test_a_new_diary_is_empty(database: Database, take_in: Intake) -> None:
    incident = take_in().incident

    assert genesis(incident) == database.head(incident)
    assert database.epoch(incident) is None
    assert () == tuple(database.readers(incident))
    assert () == tuple(database.comments(incident))


def test_handing_over_moves_the_diary_and_erases_the_report(database: Database, take_in: Intake) -> None:
    receipt = take_in()

    comment = hand_over(database, receipt, epoch=EPOCH)

    assert (comment,) == tuple(database.comments(receipt.incident))
    head = database.head(receipt.incident)
    assert (1, 1, comment.link) == (head.seq, head.part, head.link)
    assert EPOCH == database.epoch(receipt.incident)
    assert ["robert", "miriam"] == list(database.readers(receipt.incident))
    assert database.delivery(receipt.inbox_id).report is None


def test_comments_come_back_in_order(database: Database, take_in: Intake) -> None:
    receipt = take_in()
    head = genesis(receipt.incident)
    parts = [
        replace(a_comment(head), id=CommentId(seq, part), parts=12, link=Link(chr(97 + seq) * 43))
        for seq in (1, 2)
        for part in range(1, 13)
    ]

    database.hand_over(receipt.inbox_id, head=head, comments=list(reversed(parts)), epoch=None, readers=[])

    assert parts == list(database.comments(receipt.incident))
    assert (2, 12) == (database.head(receipt.incident).seq, database.head(receipt.incident).part)


def test_a_diary_that_moved_on_is_not_written_to(
    database: Database, take_in: Intake, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(submission="s1")
    second = take_in(make_report(account="other"), submission="s1")
    old = database.head(receipt.incident)
    hand_over(database, receipt, epoch=EPOCH)

    with pytest.raises(HeadConflict, match="has moved on"):
        database.hand_over(
            second.inbox_id,
            head=old,
            comments=[a_comment(old, letter="m")],
            epoch=Epoch(2, "r", "w"),
            readers=[],
        )

    assert 1 == len(database.comments(receipt.incident))
    assert EPOCH == database.epoch(receipt.incident)
    assert database.delivery(second.inbox_id).report is not None


def test_a_hand_over_that_fails_half_way_changes_nothing(database: Database, take_in: Intake) -> None:
    receipt = take_in()
    head = genesis(receipt.incident)
    twice = [a_comment(head), a_comment(head)]

    with pytest.raises(StoreError, match="diary was not changed"):
        database.hand_over(
            receipt.inbox_id, head=head, comments=twice, epoch=EPOCH, readers=[Alias("robert")]
        )

    assert genesis(receipt.incident) == database.head(receipt.incident)
    assert database.epoch(receipt.incident) is None
    assert database.delivery(receipt.inbox_id).report is not None


def test_the_hosts_ids_of_comments_are_noted(database: Database, take_in: Intake) -> None:
    receipt = take_in()
    comment = hand_over(database, receipt)

    database.comments_posted(receipt.incident, {comment.id: "c77", CommentId(9, 9): "c78"})

    assert ["c77"] == [row.host_comment_id for row in rows(database, t.comment)]


# The database as a whole ----------------------------------------------------------------------------


def test_asking_whether_it_is_there_waits_for_no_writer(database: Database) -> None:
    with database._engine.begin() as writer:
        writer.execute(t.nonce.delete())

        database.is_there()


def test_a_database_without_its_tables_is_not_there(database: Database) -> None:
    with database._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE inbox")

    with pytest.raises(StoreError):
        database.is_there()


# What lies in the file ------------------------------------------------------------------------------


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


# The schema -----------------------------------------------------------------------------------------

CLEAR = {
    # accounts of the host and how each can read: who administers the host sees that anyway
    "audience": "space doubts proven_at admin_proven_at admin_ends_at admin_space_id admin_principals frozen_at"
    " proven_before reasons could_read thawed_at told told_at",
    "incident": "id code_name source space type stage impact likelihood lead secondary opened_at",
    "inbox": "seq id source incident_id unreadable received_at state attempts waits due_at reason_code reason told told_at inbox_key due_noted_at",
    "ticket": "incident_id attempted_at name host_id key url stable",
    "epoch": "incident_id number recipient writing_key",
    "comment": "incident_id seq part parts ticket epoch kind prev link text host_comment_id",
    "file": "incident_id name content",
    "nonce": "alias value expires_at",
    "roster": "serial hash accepted_at",
    "worker": "name started_at seen_at version root_key_id",
    "host_write": "id budget at writes",
    "chore": "name done_at",
    "redelivery": "hook guid asked_at tries",
    "space": "name host_id kept_at",
    "step": "incident_id key status at host_id",
    "host_event": "space delivery at",
    "host_hint": "id incident_id touched account",
    "exposure": "incident_id comment_id seq account found_at removed_at told_at",
    "board": "space host_id shows seen_at",
    "stray": "space key found_at told_at is_second",
    "inbox_key": "id",
}
"""Columns in clear: ids, code names, public fields, times, ciphertext, public keys. A new one needs a reason."""


def test_every_column_is_known_to_be_clear_or_sealed_or_a_digest() -> None:
    open_columns = {
        table.name: {
            column.name
            for column in table.columns
            if not column.name.startswith("sealed_") and not column.name.endswith("_digest")
        }
        for table in t.metadata.sorted_tables
    }

    assert {name: set(columns.split()) for name, columns in CLEAR.items()} == open_columns


def test_sealed_columns_hold_sealed_values_and_digests_hold_digests(
    take_in: Intake, database: Database
) -> None:
    hand_over(database, take_in(), epoch=EPOCH)
    take_in()

    for table in t.metadata.sorted_tables:
        for row in rows(database, table):
            for column in table.columns:
                value = getattr(row, column.name)
                if column.name.startswith("sealed_"):
                    assert value is None or value.startswith("v1.")
                if column.name.endswith("_digest"):
                    assert len(bytes.fromhex(value)) == 32


def test_migrations_make_the_tables_of_the_code(database: Database) -> None:
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, t.metadata)

    assert [] == differences


def test_migrating_again_changes_nothing(take_in: Intake, database: Database) -> None:
    take_in()
    before = rows(database, t.inbox)

    migrate(database._engine)

    assert before == rows(database, t.inbox)


def test_there_is_no_way_back_before_the_first_release() -> None:
    with pytest.raises(RuntimeError, match="no schema before"):
        r0001_first.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0002_durable.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0003_space.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0004_audience.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0005_host_events.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0006_boards.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0007_strays.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0008_inbox_keys.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0009_copies.downgrade()


def test_a_commit_is_on_disk(database: Database) -> None:
    with database._engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1} == found


def test_another_kind_of_database_is_left_as_it_is() -> None:
    assert "postgresql" == make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none").dialect.name


# The shelf ------------------------------------------------------------------------------------------


@both
def test_the_shelf_gives_an_incident_to_its_readers_only(
    take_in: Intake, database: Database, clock: SetClock
) -> None:
    first = take_in()
    clock.forward(minutes=1)
    second = take_in()
    for one in (first, second):
        hand_over(database, one, epoch=EPOCH)
    database.ticket_opened(second.incident, REF)
    take_in()
    shelf = Shelf(database._engine, database, lambda _space: 44_000)

    newest, oldest = shelf.cleared_incidents("robert")

    assert [second.incident, first.incident] == [newest.id, oldest.id]
    assert ((REF.name, REF.url), (None, None)) == (
        (newest.ticket, newest.ticket_url),
        (oldest.ticket, oldest.ticket_url),
    )
    assert newest == shelf.cleared_incident(newest.code_name, "miriam")
    assert shelf.cleared_incident(newest.code_name, "stranger") is None
    assert [] == list(shelf.cleared_incidents("stranger"))


@both
def test_the_shelf_gives_comments_and_head(take_in: Intake, database: Database) -> None:
    empty, full = take_in(), take_in()
    comment = hand_over(database, full)
    shelf = Shelf(database._engine, database, lambda _space: 44_000)

    head = shelf.head(full.incident)

    assert [comment.text] == list(shelf.comments(full.incident))
    assert head is not None
    assert comment.link == head.link
    assert shelf.head(empty.incident) is None


@both
def test_a_nonce_works_once_for_each_member_and_is_forgotten_after_its_time(
    database: Database, clock: SetClock
) -> None:
    shelf = Shelf(database._engine, database, lambda _space: 44_000)
    expires = clock.now() + timedelta(minutes=5)

    assert [True, False, True] == [
        shelf.use_nonce("robert", "n1", expires),
        shelf.use_nonce("robert", "n1", expires),
        shelf.use_nonce("miriam", "n1", expires),
    ]
    shelf.forget_nonces(expires)
    assert not shelf.use_nonce("robert", "n1", expires)
    shelf.forget_nonces(expires + timedelta(seconds=1))
    assert [] == rows(database, t.nonce)
