"""Who is silent is replaced, and who only stands still keeps name and keys until it is surely gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import StoreError
from tests.server.both_databases.conftest import cut_the_locks, fellows, noting, silence
from webhook_server.fellows import Fellows
from webhook_server.store.locks import Locks
from webhook_server.store.sealed import Sealer, new_root_key
from webhook_server.store.workers import SILENT_AFTER, Workers

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa


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


def test_also_who_was_silent_for_long_is_looked_at_twice(shared: sa.Engine, sealer: Sealer) -> None:
    """The database itself may have been away for so long, and with it the names of all."""
    Workers(shared).beat("a", root_key_id="k", starts=True)
    silence(shared, "a")
    taken: list[str] = []
    other = fellows(shared, "b", sealer)

    other.replace_the_dead(noting(taken), taken.append)
    assert [] == taken

    other.replace_the_dead(noting(taken), taken.append)
    assert ["a", "a"] == taken


def test_two_do_not_take_over_from_the_same_one_at_the_same_time(shared: sa.Engine, sealer: Sealer) -> None:
    Workers(shared).beat("a", root_key_id="k", starts=True)
    silence(shared, "a")
    one, other = fellows(shared, "b", sealer), fellows(shared, "c", sealer)
    taken: list[str] = []

    def take_over(_name: str) -> int:
        taken.append("b")
        for _ in range(2):
            other.replace_the_dead(lambda _name: taken.append("c"), lambda _name: None)
        return 1

    for _ in range(2):
        one.replace_the_dead(take_over, lambda _name: None)

    assert ["b"] == taken


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
