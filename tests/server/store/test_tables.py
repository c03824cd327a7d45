"""The tables are those that migrations make, each column's kind is known, and a commit is on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from integration.errors import StoreError
from tests.server.diaries import EPOCH, hand_over, rows
from webhook_server.store import tables as t
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
    r0010_chore_troubles,
    r0011_notices_left,
    r0012_digest_key,
)
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from tests.server.conftest import Intake
    from webhook_server.store.database import Database

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
    "chore_trouble": "chore part failed_since reason_code",
    "notice_left": "inbox_id tries due_at",
    "digest_key": "",
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
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0010_chore_troubles.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0011_notices_left.downgrade()
    with pytest.raises(RuntimeError, match="Restore a backup"):
        r0012_digest_key.downgrade()


def test_a_commit_is_on_disk(database: Database) -> None:
    with database._engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1} == found


def test_another_kind_of_database_is_left_as_it_is() -> None:
    assert "postgresql" == make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none").dialect.name


def test_asking_whether_it_is_there_waits_for_no_writer(database: Database) -> None:
    with database._engine.begin() as writer:
        writer.execute(t.nonce.delete())

        database.is_there()


def test_a_database_without_its_tables_is_not_there(database: Database) -> None:
    with database._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE inbox")

    with pytest.raises(StoreError):
        database.is_there()
