"""A ticket or a space that is gone is named; a deleted ticket is forgotten only while it has no diary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident, reopen
from integration.errors import HostGone, HostNotRestricted, HostUnavailable, WriteRefused
from tests.pg import both
from tests.server.casework.interrupted import Once
from tests.server.casework.whole import assert_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from integration.store import Receipt
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


def test_a_ticket_that_was_deleted_is_said_to_be_gone(
    take_in: Intake, work: Casework, host: MemoryHost
) -> None:
    receipt = take_in()
    host.trouble = Once("write", HostUnavailable("No."))
    with pytest.raises(HostUnavailable):
        open_incident(receipt.inbox_id, work)
    host.tickets.clear()

    with pytest.raises(HostGone):
        open_incident(receipt.inbox_id, work)


def test_a_space_that_left_the_configuration_is_named(take_in: Intake, work: Casework) -> None:
    receipt = take_in()

    with pytest.raises(HostGone, match=r"'conduct' of .* not in the configuration"):
        open_incident(receipt.inbox_id, replace(work, hosts={}))


def ticket_without_diary(receipt: Receipt, host: MemoryHost, work: Casework) -> None:
    host.stubborn_fields = True
    with pytest.raises(HostNotRestricted):
        open_incident(receipt.inbox_id, work)
    host.stubborn_fields = False


@both
def test_a_report_whose_ticket_was_deleted_too_early_gets_a_new_one(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    ticket_without_diary(receipt, host, work)
    host.tickets.clear()
    with pytest.raises(HostGone):
        open_incident(receipt.inbox_id, work)

    reopen(receipt.inbox_id, work)
    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)


def test_a_ticket_that_is_there_is_not_forgotten(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    ticket_without_diary(receipt, host, work)

    with pytest.raises(WriteRefused, match="still there"):
        reopen(receipt.inbox_id, work)

    assert database.ticket(receipt.incident).ref is not None


def test_a_host_that_does_not_say_makes_nothing_forgotten(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    ticket_without_diary(receipt, host, work)

    def away(_call: str) -> None:
        raise HostUnavailable("The host is away.")

    host.trouble = away

    with pytest.raises(HostUnavailable):
        reopen(receipt.inbox_id, work)

    assert database.ticket(receipt.incident).ref is not None


def test_what_has_no_ticket_has_none_to_forget(take_in: Intake, work: Casework) -> None:
    with pytest.raises(WriteRefused, match="No ticket"):
        reopen(take_in().inbox_id, work)


def test_once_there_is_a_diary_its_members_restore_it(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    first = take_in(submission="s1")
    open_incident(first.inbox_id, work)
    second = take_in(make_report(account="more"), submission="s1")
    host.tickets.clear()

    for receipt in (first, second):
        with pytest.raises(WriteRefused, match="coc diary restore"):
            reopen(receipt.inbox_id, work)

    assert database.ticket(first.incident).ref is not None
