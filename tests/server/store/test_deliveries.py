"""A delivery is kept once, comes back as it was, and belongs to one incident whose code name no other has."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from integration.casework import receive
from integration.errors import StoreError
from integration.incident import Incident, IncidentId, IncidentType, SpaceName
from tests.server.diaries import hand_over, rows
from webhook_server.store import tables as t
from webhook_server.store.arrivals import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.code_name import CodeName
    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from webhook_server.store.database import Database


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


@pytest.mark.parametrize("together", [False, True])
def test_a_code_name_is_never_given_twice(database: Database, clock: SetClock, *, together: bool) -> None:
    """Two draw the same name, which by chance might be."""

    def incident(own: IncidentId, code_name: CodeName) -> Incident:
        return Incident(
            id=own, code_name=code_name, type=IncidentType.CONDUCT_ENFORCEMENT, space=SpaceName("conduct"),
            opened_at=clock.now(),
        )  # fmt: skip

    two = [Arrival("form", str(one) * 64, "a" * 64, b"{}", False, incident, clock.now()) for one in range(2)]  # noqa: FBT003 - readable

    receipts = database._keep(two) if together else [*database._keep(two[:1]), *database._keep(two[1:])]

    assert 2 == len({database.incident(one.incident).code_name for one in receipts})


@pytest.mark.parametrize(
    "ask", [lambda d: d.delivery("in_x"), lambda d: d.incident(IncidentId("inc_x")), lambda d: d.job("in_x")]
)
def test_what_is_not_there_is_said(database: Database, ask: Callable[[Database], object]) -> None:
    with pytest.raises(StoreError, match=r"in_x|inc_x"):
        ask(database)
