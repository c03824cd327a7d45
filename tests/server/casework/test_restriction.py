"""Nothing is written before the space is proven restricted, each time anew, and the ticket's fields are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident
from integration.errors import HostNotRestricted
from tests.server.casework.whole import assert_whole

if TYPE_CHECKING:
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


def test_a_space_that_is_not_restricted_is_not_written_to(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    host.accounts.append("mallory")

    with pytest.raises(HostNotRestricted, match="mallory"):
        open_incident(receipt.inbox_id, work)

    assert ["audience"] == host.calls
    assert database.delivery(receipt.inbox_id).report is not None


def test_it_is_proven_anew_each_time(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    open_incident(take_in().inbox_id, work)
    host.open_doors.append("the repository is public")
    host.calls.clear()

    with pytest.raises(HostNotRestricted):
        open_incident(take_in().inbox_id, work)

    assert ["audience"] == host.calls


def test_the_rosters_accounts_may_read(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    host.accounts += ["robert-gh", "MIRIAM-GH"]

    open_incident(take_in().inbox_id, work)

    assert 1 == len(host.tickets)


def test_a_ticket_whose_fields_do_not_stay_gets_no_comment(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    host.stubborn_fields = True

    with pytest.raises(HostNotRestricted, match="do not stay"):
        open_incident(receipt.inbox_id, work)

    assert [] == host.tickets[0].comments
    assert database.delivery(receipt.inbox_id).report is not None


def test_wrong_fields_are_put_right_first(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    host.trouble = lambda call: (
        setattr(host.tickets[0], "fields_right", False)
        if host.calls == ["audience", "find", "open_ticket", "read"] and call == "read"
        else None
    )

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert ["audience", "find", "open_ticket", "read", "write", "read", "write", "read"] == host.calls
