"""Another process's inbox keys go when nothing needs them, and stay while a report of theirs may still come."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from integration.errors import StoreError
from tests.server.both_databases.conftest import count, fellows, silence
from webhook_server.store import tables as t
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import SILENT_AFTER, Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.store import Receipt
    from webhook_server.store.sealed import Sealer


def test_keys_of_a_dead_server_that_never_comes_back_go_when_their_reports_are_in_the_diary(
    shared: sa.Engine,
    sealer: Sealer,
    deliver: Callable[..., Receipt],
    a_comment: Callable[[Head], SealedComment],
    tmp_path: Path,
) -> None:
    (tmp_path / "inbox-keys").mkdir()
    dead, living = (
        Database(shared, sealer, InboxKeys(tmp_path / "inbox-keys", name, alone=False)) for name in "ab"
    )
    receipt = deliver(dead, "s1")
    Workers(shared).beat("a", root_key_id="k", starts=True)
    silence(shared, "a", SILENT_AFTER)
    other = fellows(shared, "b", sealer)
    other.join()

    for _ in range(2):
        other.replace_the_dead(lambda _name: 1, lambda name: living.forget(of=name))
    other.settle_for_the_gone(living.key_owners(), lambda name: living.forget(of=name))
    assert ["b"] == [one.name for one in Workers(shared).all()]
    assert living.delivery(receipt.inbox_id).report is not None

    head = living.head(receipt.incident)
    living.hand_over(receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=None, readers=())
    assert {"a"} == living.key_owners()
    other.settle_for_the_gone(living.key_owners(), lambda name: living.forget(of=name))

    assert set() == living.key_owners()
    assert [] == list((tmp_path / "inbox-keys").iterdir())
    other.leave()
    for one in (dead, living):
        one.close()


def test_keys_of_one_that_is_about_to_join_are_left_alone(shared: sa.Engine, sealer: Sealer) -> None:
    joins = Locks(shared, "a").lease("worker a")
    assert joins.is_ours()
    forgotten: list[str] = []

    fellows(shared, "b", sealer).settle_for_the_gone({"a"}, forgotten.append)
    assert [] == forgotten

    joins.close()
    fellows(shared, "b", sealer).settle_for_the_gone({"a"}, forgotten.append)
    assert ["a"] == forgotten


def test_of_who_is_listed_nothing_is_settled_before_it_is_taken_for_dead(
    shared: sa.Engine, sealer: Sealer
) -> None:
    """Its name is free for a moment after the database was away, until its next beat."""
    Workers(shared).beat("a", root_key_id="k", starts=True)
    settled: list[str] = []

    fellows(shared, "b", sealer).settle_for_the_gone({"a", "c"}, settled.append)

    assert ["c"] == settled


def test_keys_of_another_process_that_has_our_name_now_are_left_alone(
    shared: sa.Engine, sealer: Sealer
) -> None:
    one, other = fellows(shared, "a", sealer), fellows(shared, "a", sealer)
    other.join()
    forgotten: list[str] = []

    one.forget_former_lives(forgotten.append)
    assert [] == forgotten

    other.forget_former_lives(forgotten.append)
    assert ["a"] == forgotten
    for each in (one, other):
        each.leave()


def test_keys_of_an_earlier_life_are_destroyed_by_the_next(
    shared: sa.Engine, sealer: Sealer, deliver: Callable[..., Receipt], tmp_path: Path
) -> None:
    (tmp_path / "inbox-keys").mkdir()
    lives = [Database(shared, sealer, InboxKeys(tmp_path / "inbox-keys", "a", alone=False)) for _ in range(2)]
    receipt = deliver(lives[0], "s1")
    one = fellows(shared, "a", sealer)
    one.join()

    one.forget_former_lives(lambda name: lives[1].forget(of=name))
    assert lives[1].delivery(receipt.inbox_id).report is not None

    with shared.begin() as connection:
        connection.execute(t.inbox.update().values(sealed_report=None, inbox_key=None))
    one.forget_former_lives(lambda name: lives[1].forget(of=name))
    assert [] == list((tmp_path / "inbox-keys").iterdir())
    one.leave()
    for life in lives:
        life.close()


def test_a_key_stays_while_its_report_may_still_come_into_being(
    shared: sa.Engine, sealer: Sealer, deliver: Callable[..., Receipt], tmp_path: Path
) -> None:
    """The connection breaks during COMMIT: who asked for it hears of trouble, and the report is there afterwards."""
    (tmp_path / "inbox-keys").mkdir()
    breaking = make_engine(shared.url.render_as_string(hide_password=False))
    used: list[Any] = []
    sa.event.listen(breaking, "checkout", lambda connection, *_: used.append(connection))
    one, two = (
        Database(engine, sealer, InboxKeys(tmp_path / "inbox-keys", name, alone=False))
        for name, engine in (("a", breaking), ("b", shared))
    )
    with shared.begin() as connection:
        connection.exec_driver_sql(_COMMIT_WAITS)
    gate = shared.connect()
    gate.exec_driver_sql("SELECT pg_advisory_lock(42)")

    with ThreadPoolExecutor(1) as thread:
        delivering = thread.submit(deliver, one, "s1")
        wait_until(lambda: waiting_in_commit(shared))
        with socket.socket(fileno=os.dup(used[-1].fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        with pytest.raises(StoreError):
            delivering.result()
    assert 0 == count(two, t.inbox)
    one.forget()
    two.forget(of="a")

    gate.exec_driver_sql("SELECT pg_advisory_unlock(42)")
    gate.close()
    wait_until(lambda: count(two, t.inbox) == 1)
    with shared.connect() as connection:
        kept = connection.execute(sa.select(t.inbox.c.id)).scalar_one()
    assert two.delivery(kept).report is not None, "it would be lost, unless it is sent again"
    again = deliver(two, "s1")

    assert again.duplicate
    assert two.delivery(again.inbox_id).report is not None
    for server in (one, two):
        server.close()


_COMMIT_WAITS = """
CREATE FUNCTION wait_for_the_gate() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON inbox DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION wait_for_the_gate()
"""


def waiting_in_commit(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        return bool(
            connection.scalar(
                sa.text(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query = 'COMMIT'"
                )
            )
        )


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)
