"""What must be true on SQLite and on PostgreSQL: one server or several, nothing is kept twice, nothing is lost."""

from __future__ import annotations

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from integration.audience import AdminProof, Principal
from integration.casework import receive
from integration.errors import Busy, HeadConflict, StoreError
from integration.incident import SpaceName
from integration.jira.turns import PACE
from integration.ports import Unlimited
from webhook_server.fellows import Fellows
from webhook_server.store import migrate as migrating
from webhook_server.store import tables as t
from webhook_server.store.audiences import Audiences
from webhook_server.store.database import Database
from webhook_server.store.fence import Fenced
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.migrate import migrate, revision
from webhook_server.store.sealed import Sealer, new_root_key
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import GONE_AFTER, SILENT_AFTER, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.pg import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'coc.sqlite'}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
def start(url: str, sealer: Sealer, tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """Makes a server's database object; each call is another server on the same database."""
    started: list[Database] = []

    def start(name: str) -> Database:
        engine = make_engine(url)
        migrate(engine)
        started.append(Database(engine, sealer, InboxKeys(tmp_path / "inbox-keys", name)))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def deliver(make_report: Callable[..., Report], clock: SetClock) -> Callable[..., Receipt]:
    def deliver(database: Database, submission: str, **fields: str) -> Receipt:
        return receive(
            "form", SpaceName("conduct"), submission, make_report(**fields), store=database, clock=clock
        )

    return deliver


def count(database: Database, table: sa.Table) -> int:
    with database._engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def all_at_once(*work: Callable[[], object]) -> None:
    together = threading.Barrier(len(work))
    trouble: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        together.wait()
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - raised again below
            trouble.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if trouble:
        raise trouble[0]


# Deliveries -----------------------------------------------------------------------------------------


def test_the_same_delivery_at_two_servers_at_once_is_kept_once(
    start: Callable[[str], Database], deliver: Callable[..., Receipt]
) -> None:
    servers = [start("one"), start("two")]
    receipts: list[Receipt] = []

    for number in range(10):
        all_at_once(
            *(lambda one=one, n=number: receipts.append(deliver(one, f"s{n}")) for one in servers * 4)
        )

    assert 10 == count(servers[0], t.inbox)
    assert 10 == count(servers[0], t.incident)
    assert 10 == len({one.inbox_id for one in receipts})
    assert 10 == sum(not one.duplicate for one in receipts)


def test_edits_at_two_servers_at_once_belong_to_one_incident(
    start: Callable[[str], Database], deliver: Callable[..., Receipt]
) -> None:
    one, two = start("one"), start("two")

    all_at_once(*(lambda n=n: deliver((one, two)[n % 2], "s1", account=f"account {n}") for n in range(16)))

    assert 16 == count(one, t.inbox)
    assert 1 == count(one, t.incident)


def test_a_report_taken_in_by_one_server_is_opened_by_another(
    start: Callable[[str], Database], deliver: Callable[..., Receipt]
) -> None:
    one, two = start("one"), start("two")
    receipt = deliver(one, "s1")

    assert two.delivery(receipt.inbox_id).report == one.delivery(receipt.inbox_id).report is not None


def test_a_try_that_two_servers_note_counts_once(
    start: Callable[[str], Database], deliver: Callable[..., Receipt], clock: SetClock
) -> None:
    one, two = start("one"), start("two")
    job = one.job(deliver(one, "s1").inbox_id)

    for server in (one, two):
        server.job_failed(job, parked=False, code="x", reason="y", due_at=clock.now())

    assert 1 == one.job(job.inbox_id).attempts


def test_two_servers_cannot_both_extend_a_diary(
    start: Callable[[str], Database],
    deliver: Callable[..., Receipt],
    a_comment: Callable[[Head], SealedComment],
) -> None:
    one, two = start("one"), start("two")
    first, second = deliver(one, "s1"), deliver(two, "s1", account="more")
    head = one.head(first.incident)
    outcomes: list[str] = []

    def extend(server: Database, receipt: Receipt) -> None:
        try:
            server.hand_over(receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=None, readers=())
            outcomes.append("kept")
        except (HeadConflict, StoreError):
            outcomes.append("refused")

    all_at_once(lambda: extend(one, first), lambda: extend(two, second))

    assert ["kept", "refused"] == sorted(outcomes)
    assert 1 == len(one.comments(first.incident))
    assert 1 == sum(one.delivery(each.inbox_id).report is None for each in (first, second))


# The schema -----------------------------------------------------------------------------------------


def at_first_release(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).with_name("migrations")))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


def test_a_database_of_the_first_release_is_brought_up_with_what_it_holds(url: str) -> None:
    engine = make_engine(url)
    at_first_release(engine)
    old = sa.table("nonce", sa.column("alias"), sa.column("value"), sa.column("expires_at"))
    with engine.begin() as connection:
        connection.execute(old.insert().values(alias="robert", value="n1", expires_at=1))
    assert "0001" == revision(engine)

    migrate(engine)

    with engine.connect() as connection:
        assert [] == compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), t.metadata
        )
        assert "n1" == connection.scalar(sa.select(t.nonce.c.value))
    engine.dispose()


def test_servers_that_start_together_migrate_once(url: str) -> None:
    engines = [make_engine(url) for _ in range(4)]

    all_at_once(*(lambda one=one: migrate(one) for one in engines))

    assert len({revision(one) for one in engines}) == 1
    for one in engines:
        one.dispose()


# Several processes (on SQLite there is one, and every lock is its own) ----------------------------------


@pytest.fixture
def shared(postgres_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


def test_two_processes_never_work_on_one_incident_at_once(shared: sa.Engine) -> None:
    one, two = Locks(shared), Locks(shared)

    with one.held("incident a", "busy"):
        with pytest.raises(Busy), two.held("incident a", "busy"):
            pass
        with two.held("incident b", "busy"):
            pass

    with two.held("incident a", "busy"):
        pass


def test_a_lock_is_free_when_its_holder_is_gone(shared: sa.Engine) -> None:
    lease = Locks(shared).lease("lead")
    assert lease.is_ours()
    other = Locks(shared).lease("lead")
    assert not other.is_ours()

    cut_the_locks(shared)  # as if its process had been killed

    assert other.is_ours()
    with pytest.raises(StoreError):
        lease.is_ours()
    assert not lease.is_ours()
    other.close()
    assert lease.is_ours()
    lease.close()


def fellows(engine: sa.Engine, name: str, sealer: Sealer) -> Fellows:
    return Fellows(name, workers=Workers(engine), locks=Locks(engine, name), sealer=sealer)


def test_two_processes_of_one_name_do_not_work_together(shared: sa.Engine, sealer: Sealer) -> None:
    one, same, other = (fellows(shared, name, sealer) for name in ("a", "a", "b"))
    one.join()
    other.join()

    with pytest.raises(StoreError, match="--name"):
        same.join()

    one.leave()
    same.join()
    for each in (same, other):
        each.leave()


def test_one_leads_and_another_takes_the_lead_when_it_stops(shared: sa.Engine, sealer: Sealer) -> None:
    one, two = fellows(shared, "a", sealer), fellows(shared, "b", sealer)
    assert one.leads()
    assert not two.leads()
    assert one.leads()

    one.leave()

    assert two.leads()
    two.leave()


def test_only_what_the_silent_had_begun_is_taken_over(shared: sa.Engine, sealer: Sealer) -> None:
    workers = Workers(shared)
    for name in ("a", "b", "c"):
        workers.beat(name, root_key_id="k", starts=True)
    for name in ("a", "b"):
        silence(shared, name, SILENT_AFTER)
    taken: list[str] = []
    forgotten: list[str] = []

    def take_over(name: str) -> int:
        taken.append(name)
        return 3

    other = fellows(shared, "b", sealer)
    other.replace_the_dead(take_over, forgotten.append)
    assert (
        [] == taken
    )  # PostgreSQL may have come back a moment ago, and the other be about to take its name again
    other.replace_the_dead(take_over, forgotten.append)

    assert ["a"] == taken == forgotten
    assert ["b", "c"] == [one.name for one in workers.all()]


def test_who_beats_again_after_its_session_was_lost_is_not_taken_for_dead(
    shared: sa.Engine, sealer: Sealer
) -> None:
    one, other = fellows(shared, "a", sealer), fellows(shared, "b", sealer)
    one.join()
    silence(shared, "a", SILENT_AFTER)
    cut_the_locks(shared)
    taken: list[str] = []
    other.replace_the_dead(noting(taken), taken.append)

    with pytest.raises(StoreError):
        one.beat()
    one.beat()
    for _ in range(3):
        other.replace_the_dead(noting(taken), taken.append)

    assert [] == taken
    one.leave()


def test_nobody_takes_a_name_while_its_work_is_given_to_others(shared: sa.Engine, sealer: Sealer) -> None:
    Workers(shared).beat("a", root_key_id="k", starts=True)
    silence(shared, "a", SILENT_AFTER)
    same, other = fellows(shared, "a", sealer), fellows(shared, "b", sealer)
    refused: list[str] = []

    def take_over(name: str) -> int:
        with pytest.raises(StoreError, match="--name"):
            same.join()
        refused.append(name)
        return 1

    for _ in range(2):
        other.replace_the_dead(take_over, lambda _name: None)

    assert ["a"] == refused
    same.join()
    same.leave()


def test_who_missed_a_beat_but_holds_its_name_is_not_taken_for_dead(
    shared: sa.Engine, sealer: Sealer
) -> None:
    slow, other = fellows(shared, "a", sealer), fellows(shared, "b", sealer)
    slow.join()
    silence(shared, "a", SILENT_AFTER)
    taken: list[str] = []

    for _ in range(3):
        other.replace_the_dead(noting(taken), taken.append)

    assert [] == taken
    slow.leave()


def test_who_lost_the_lock_writes_nothing_more(shared: sa.Engine) -> None:
    one, two = Locks(shared), Locks(shared)
    budget = Fenced(Unlimited(), one)

    with one.held("incident a", "busy"):
        budget.reserve("host", PACE, 1)
        cut_the_locks(shared)
        with two.held("incident a", "busy"):
            pass
        with pytest.raises(StoreError):
            budget.reserve("host", PACE, 1)
        with pytest.raises(Busy):  # it is free again, but another had it meanwhile
            budget.check("host", PACE, 1)

    budget.reserve("host", PACE, 1)  # what is under no lock needs none


def test_looking_whether_a_lock_is_free_does_not_take_it(shared: sa.Engine) -> None:
    one, two = Locks(shared), Locks(shared)
    lease = one.lease("worker a")

    assert two.is_free("worker a")
    assert lease.is_ours()
    assert not two.is_free("worker a")
    lease.close()
    assert two.is_free("worker a")


def test_a_lock_of_another_database_is_not_taken_for_ours(shared: sa.Engine, postgres: Postgres) -> None:
    with postgres.fresh_database() as elsewhere:
        theirs = make_engine(elsewhere)
        lease = Locks(theirs, "a").lease("lead")
        assert lease.is_ours()

        assert Locks(shared).is_free("lead")
        ours = Locks(shared, "b").lease("lead")
        assert ours.is_ours()
        ours.take_from(["a"])

        assert lease.is_ours()
        for each in (ours, lease):
            each.close()
        theirs.dispose()


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
    other.forget_the_gone(living.key_owners(), lambda name: living.forget(of=name))
    assert ["b"] == [one.name for one in Workers(shared).all()]
    assert living.delivery(receipt.inbox_id).report is not None

    head = living.head(receipt.incident)
    living.hand_over(receipt.inbox_id, head=head, comments=[a_comment(head)], epoch=None, readers=())
    assert {"a"} == living.key_owners()
    other.forget_the_gone(living.key_owners(), lambda name: living.forget(of=name))

    assert set() == living.key_owners()
    assert [] == list((tmp_path / "inbox-keys").iterdir())
    other.leave()
    for one in (dead, living):
        one.close()


def test_keys_of_one_that_is_about_to_join_are_left_alone(shared: sa.Engine, sealer: Sealer) -> None:
    joins = Locks(shared, "a").lease("worker a")
    assert joins.is_ours()
    forgotten: list[str] = []

    fellows(shared, "b", sealer).forget_the_gone({"a"}, forgotten.append)
    assert [] == forgotten

    joins.close()
    fellows(shared, "b", sealer).forget_the_gone({"a"}, forgotten.append)
    assert ["a"] == forgotten


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


def noting(taken: list[str]) -> Callable[[str], int]:
    def take_over(name: str) -> int:
        taken.append(name)
        return 1

    return take_over


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
    again = deliver(two, "s1")

    assert again.duplicate
    assert two.delivery(again.inbox_id).report is not None
    for server in (one, two):
        server.close()


_COMMIT_WAITS = """
CREATE FUNCTION wait_for_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
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


def silence(engine: sa.Engine, name: str, for_: timedelta = GONE_AFTER) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE worker SET seen_at = seen_at - :gone WHERE name = :name"),
            {"gone": (for_ + timedelta(seconds=1)) // timedelta(microseconds=1), "name": name},
        )


def cut_the_locks(engine: sa.Engine) -> None:
    """As if PostgreSQL had started again: no session is left that holds a lock."""
    with engine.connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'")
        )


def test_who_only_stands_still_keeps_its_name_and_its_keys(shared: sa.Engine, sealer: Sealer) -> None:
    still, other = fellows(shared, "a", sealer), fellows(shared, "b", sealer)
    still.join()
    silence(shared, "a")
    taken: list[str] = []
    forgotten: list[str] = []

    def take_over(name: str) -> int:
        taken.append(name)
        return 1

    other.replace_the_dead(take_over, forgotten.append)
    assert (["a"], []) == (taken, forgotten)
    assert ["a"] == [one.name for one in Workers(shared).all()]

    still.leave()
    for _ in range(2):
        other.replace_the_dead(take_over, forgotten.append)
    assert ["a"] == forgotten
    assert [] == list(Workers(shared).all())


def test_a_leader_that_stands_still_loses_the_lead(shared: sa.Engine, sealer: Sealer) -> None:
    still, other = fellows(shared, "a", sealer), fellows(shared, "b", sealer)
    still.join()
    assert still.leads()
    assert not other.leads()
    silence(shared, "a")

    assert not other.leads()  # the lead is taken away
    led = [other.leads() for _ in range(3)]

    assert led[-1]
    with pytest.raises(StoreError):
        still.leads()
    assert not still.leads()
    for one in (still, other):
        one.leave()


def test_a_process_whose_name_was_taken_ends(shared: sa.Engine, sealer: Sealer) -> None:
    stopped: list[str] = []
    workers = Workers(shared)
    first = Fellows(
        "a", workers=workers, locks=Locks(shared, "a"), sealer=sealer, stop=lambda: stopped.append("a")
    )
    first.join()
    cut_the_locks(shared)
    second = fellows(shared, "a", sealer)
    second.join()

    with pytest.raises(StoreError):
        first.beat()
    first.beat()

    assert ["a"] == stopped
    for one in (first, second):
        one.leave()


def test_a_root_key_file_that_cannot_be_read_does_not_make_a_server_look_dead(
    shared: sa.Engine, tmp_path: Path
) -> None:
    (tmp_path / "root.key").write_bytes(new_root_key())
    loaded = Sealer.load(tmp_path / "root.key")
    one = fellows(shared, "a", loaded)
    one.join()
    silence(shared, "a")
    (tmp_path / "root.key").write_bytes(b"half a file")

    one.beat()

    (worker,) = Workers(shared).all()
    assert not worker.is_gone
    assert loaded.key_id == worker.root_key_id
    one.leave()


# Who can read ---------------------------------------------------------------------------------------


def test_a_freeze_by_one_server_counts_for_the_other_and_only_a_look_begun_after_it_thaws(
    start: Callable[[str], Database], clock: SetClock
) -> None:
    one, other = (Audiences(start(name)._engine) for name in ("one", "other"))
    space, now = SpaceName("conduct"), clock.now()
    assert one.passed(space, doubts=0, now=now)

    assert other.freeze(space, ["the repository is public"], now)
    assert not one.freeze(space, ["the repository is public"], now)

    assert not one.passed(space, doubts=0, now=now)
    assert one.record(space).is_frozen
    assert other.passed(space, doubts=one.record(space).doubts, now=now)
    assert not one.record(space).is_frozen


def test_servers_that_note_a_space_for_the_first_time_at_once_lose_nothing(
    start: Callable[[str], Database], clock: SetClock
) -> None:
    books = [Audiences(start(name)._engine) for name in ("one", "other")]
    space, now = SpaceName("conduct"), clock.now()
    proof = AdminProof(now, now + timedelta(days=90), "4711", (Principal("olga", "an owner"),))
    both = threading.Barrier(2)

    def doubt() -> None:
        both.wait()
        for _ in range(20):
            books[0].doubt(space)

    beside = threading.Thread(target=doubt)
    beside.start()
    both.wait()
    books[1].admin_passed(space, proof, now)
    for _ in range(20):
        books[1].doubt(space)
    beside.join()

    assert 40 == books[0].record(space).doubts
    assert proof == books[0].record(space).admin
