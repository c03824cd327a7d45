"""Whatever two servers take in or note at once, on either kind of database, is kept once and nothing of it is lost."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from integration.audience import AdminProof, Principal
from integration.errors import HeadConflict, StoreError
from integration.incident import SpaceName
from tests.server.both_databases.conftest import all_at_once, count
from webhook_server.store import tables as t
from webhook_server.store.audiences import Audiences

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.store import Receipt
    from tests.conftest import SetClock
    from webhook_server.store.database import Database


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
