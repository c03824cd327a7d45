"""Which repository or project stands under a name is kept; a restore does not lose what is not known; notices say which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.casework import open_incident
from integration.deskwork import restore
from integration.errors import HostNotRestricted, HostReplaced, HostUnavailable, HostUnproven, WriteRefused
from integration.notices import notice
from tests.server.conftest import proven_by_admin

if TYPE_CHECKING:
    from integration.casework import Casework
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.audiences import Audiences
    from webhook_server.store.database import Database


def test_the_first_proven_one_counts_and_another_is_refused(
    take_in: Intake, host: MemoryHost, work: Casework, database: Database
) -> None:
    open_incident(take_in().inbox_id, work)
    host.space_id = "4712"
    second = take_in(submission="s2")

    with pytest.raises(HostReplaced, match=r"id 4712.*id 4711.*coc-server space accept conduct"):
        open_incident(second.inbox_id, work)

    assert len(host.tickets) == 1
    assert database.space_id(host.space) == "4711"


def test_one_that_is_not_proven_is_not_kept(
    take_in: Intake, host: MemoryHost, work: Casework, database: Database
) -> None:
    host.open_doors = ["the repository is public"]

    with pytest.raises(HostNotRestricted):
        open_incident(take_in().inbox_id, work)

    assert database.space_id(host.space) is None


def test_what_the_operator_accepts_counts_from_then_on(
    take_in: Intake, host: MemoryHost, work: Casework, database: Database, clock: SetClock, spaces: Audiences
) -> None:
    open_incident(take_in().inbox_id, work)
    host.space_id = "4712"
    database.keep_space_id(host.space, "4712", clock.now())
    second = take_in(submission="s2").inbox_id

    with pytest.raises(HostUnproven, match="another repository or project"):
        open_incident(second, work)
    proven_by_admin(spaces, clock.now(), "4712")
    open_incident(second, work)

    assert len(host.tickets) == 2


def test_a_ticket_is_only_gone_if_its_ticket_space_is_the_one_it_was(
    take_in: Intake, host: MemoryHost, work: Casework, database: Database
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    before = database.ticket(receipt.incident)
    host.tickets.clear()
    host.space_id = "4712"

    with pytest.raises(WriteRefused, match="coc-server space accept"):
        restore(receipt.incident, new_ticket=True, work=work)

    assert database.ticket(receipt.incident) == before


def test_a_host_that_does_not_answer_is_no_proof_that_the_ticket_is_gone(
    take_in: Intake, host: MemoryHost, work: Casework, database: Database
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)

    def away(call: str) -> None:
        if call == "read":
            raise HostUnavailable("The host is away.")

    host.trouble = away

    with pytest.raises(WriteRefused, match="is not known"):
        restore(receipt.incident, new_ticket=True, work=work)

    assert database.ticket(receipt.incident).ref is not None


def test_a_ticket_that_was_replaced_meanwhile_is_not_forgotten(
    take_in: Intake, host: MemoryHost, work: Casework, database: Database, clock: SetClock
) -> None:
    """Two members ask at once; the first one's new ticket is there before the second one's wish is noted."""
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    old = database.ticket(receipt.incident).ref
    assert old is not None
    host.tickets.clear()
    restore(receipt.incident, new_ticket=True, work=work)
    database.ticket_attempted(receipt.incident, clock.now())

    database.restore(receipt.incident, gone=old, now=clock.now())

    assert database.ticket(receipt.incident).attempted_at == clock.now()


def test_a_notice_about_what_a_desk_wrote_speaks_of_no_report(
    take_in: Intake, work: Casework, database: Database
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    restore(receipt.incident, new_ticket=False, work=work)
    (job,) = database.unfinished_jobs()

    told = notice(job.inbox_id, receipt.incident, "It is not there.", work)

    assert "what a member wrote waits" in told.subject
    assert "report was received" not in told.text
    assert "a report waits" in notice(receipt.inbox_id, receipt.incident, "It waits.", work).subject
