"""Writes that come together share a transaction; each caller hears of its own write only."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from integration.errors import StoreError
from webhook_server.store.group_commit import GroupCommit
from webhook_server.store.transactions import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Disk:
    """Commits batches; holds the first one up until it is let go, so that others gather behind it."""

    def __init__(self, *, refuses: Sequence[int] = (), away_from: int = 1_000) -> None:
        """From its try ``away_from`` on, counted from 0, it does not answer any more."""
        self.refuses = refuses
        self.away_from = away_from
        self.tries = 0
        self.batches: list[list[int]] = []
        self.first = threading.Event()
        self.go = threading.Event()

    def commit(self, items: Sequence[int]) -> list[int]:
        if not self.first.is_set():
            self.first.set()
            self.go.wait(10)
        self.tries += 1
        if self.tries > self.away_from:
            raise Unavailable("no")
        if any(item in self.refuses for item in items):
            raise StoreError("no")
        self.batches.append(list(items))
        return [item * 10 for item in items]


def write_together(disk: Disk, count: int) -> dict[int, int | Exception]:
    """Item 0 goes first; while it is being written, all others come."""
    write: GroupCommit[int, int] = GroupCommit(disk.commit)
    got: dict[int, int | Exception] = {}

    def one(item: int) -> None:
        try:
            got[item] = write(item)
        except StoreError as error:
            got[item] = error

    threads = [threading.Thread(target=one, args=(item,)) for item in range(count)]
    threads[0].start()
    assert disk.first.wait(10)
    for thread in threads[1:]:
        thread.start()
    while write._waiting.qsize() < count - 1:
        pass
    disk.go.set()
    for thread in threads:
        thread.join()
    write.close()
    return got


def test_what_comes_while_the_disk_is_busy_is_one_transaction() -> None:
    disk = Disk()

    got = write_together(disk, 20)

    assert {item: item * 10 for item in range(20)} == got
    assert [1, 19] == [len(batch) for batch in disk.batches]


def test_one_bad_write_takes_no_other_with_it() -> None:
    disk = Disk(refuses=[3])

    got = write_together(disk, 6)

    assert {0: 0, 1: 10, 2: 20, 4: 40, 5: 50} == {item: one for item, one in got.items() if item != 3}
    assert isinstance(got[3], StoreError)


def test_a_disk_that_does_not_answer_is_waited_for_once_and_not_for_each() -> None:
    disk = Disk(away_from=0)

    got = write_together(disk, 20)

    assert [Unavailable] * 20 == [type(one) for one in got.values()]
    assert 2 == disk.tries


def test_it_is_waited_for_once_too_if_it_goes_away_while_each_is_tried_alone() -> None:
    disk = Disk(refuses=[3], away_from=4)

    got = write_together(disk, 20)

    assert {0: 0, 1: 10, 2: 20} == {item: one for item, one in got.items() if isinstance(one, int)}
    assert {Unavailable} == {type(one) for one in got.values() if not isinstance(one, int)}
    assert 5 == disk.tries


def test_a_transaction_stays_within_a_bound() -> None:
    disk = Disk()

    write_together(disk, 100)

    assert max(len(batch) for batch in disk.batches) == 64
    assert 100 == sum(len(batch) for batch in disk.batches)


def test_the_writer_outlives_whatever_a_write_raises() -> None:
    def commit(items: Sequence[str]) -> Sequence[str]:
        if items == ["bad"]:
            raise KeyboardInterrupt
        return items

    write = GroupCommit(commit)
    with pytest.raises(KeyboardInterrupt):
        write("bad")

    assert "good" == write("good")
    write.close()


def test_what_waits_when_it_is_closed_is_written_and_then_it_ends() -> None:
    disk = Disk()
    write: GroupCommit[int, int] = GroupCommit(disk.commit)
    first, second = (threading.Thread(target=write, args=(item,), daemon=True) for item in (0, 1))
    closing = threading.Thread(target=write.close, daemon=True)
    first.start()
    assert disk.first.wait(10)
    for waiting, thread in enumerate((second, closing), 1):
        thread.start()
        while write._waiting.qsize() < waiting:
            pass
    disk.go.set()

    closing.join(10)

    assert not closing.is_alive()
    assert [[0], [1]] == disk.batches


def test_it_can_be_closed_before_anything_was_written() -> None:
    GroupCommit(list).close()
