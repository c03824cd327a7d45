"""A ticket space that somebody can read who may not is frozen for every process, and thawed by a fresh proof."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.audience import ADMIN_PROOF_LASTS, Acknowledged
from integration.casework import open_incident
from integration.errors import (
    HostFrozen,
    HostNotRestricted,
    HostReplaced,
    HostUnavailable,
    HostUnproven,
)
from integration.guard import PROOF_LASTS, Guard
from tests.server.memory_host import SPACE, MemoryHost
from webhook_server.jobs import attempt
from webhook_server.store.audiences import Audiences
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.casework import Casework
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from webhook_server.store.database import Database


@pytest.fixture
def other_process(database: Database) -> Audiences:
    """The same database, seen by another process."""
    return Audiences(database._engine)


def test_somebody_who_may_not_read_freezes_the_space_for_every_process(
    guard: Guard, host: MemoryHost, other_process: Audiences
) -> None:
    host.accounts.append("mallory")

    assert not guard.look_now(SPACE)

    record = other_process.record(SPACE)
    assert record.is_frozen
    assert record.freeze is not None
    assert ("the account 'mallory' can read it by a role and is not in the roster",) == record.freeze.reasons


class NamelessHost(MemoryHost):
    """A host that does not say who we are."""

    @property
    def own_accounts(self) -> frozenset[str]:
        raise HostUnavailable("It does not say.")

    @own_accounts.setter
    def own_accounts(self, _given: frozenset[str]) -> None:
        """The dataclass sets it."""


@pytest.mark.parametrize("doors", [[], ["the repository is public"]])
def test_an_open_door_freezes_the_space_although_the_host_does_not_say_who_we_are(
    doors: list[str], guard: Guard, clock: SetClock
) -> None:
    host = NamelessHost(clock, open_doors=doors)

    with pytest.raises(HostNotRestricted if doors else HostUnavailable):
        guard.prove(host)
    assert guard.is_frozen(SPACE) is bool(doors)


def test_nothing_is_written_to_a_frozen_space_and_no_report_is_lost(
    guard: Guard, host: MemoryHost, take_in: Intake, work: Casework, database: Database
) -> None:
    host.accounts.append("mallory")
    guard.look_now(SPACE)
    receipt = take_in()

    assert "host-not-restricted" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    assert not host.tickets
    assert database.delivery(receipt.inbox_id).report is not None


def test_a_space_frozen_while_a_job_is_under_way_gets_no_more_writes(
    guard: Guard, host: MemoryHost, take_in: Intake, work: Casework, other_process: Audiences, clock: SetClock
) -> None:
    receipt = take_in()

    def freeze_at_the_find(call: str) -> None:
        if call == "find":
            other_process.freeze(SPACE, ["the repository is public"], clock.now())

    host.trouble = freeze_at_the_find

    with pytest.raises(HostFrozen):
        open_incident(receipt.inbox_id, work)
    assert guard.is_frozen(SPACE)
    assert not host.tickets


def test_an_event_that_casts_doubt_lets_a_job_under_way_ask_anew_before_it_writes(
    host: MemoryHost, take_in: Intake, work: Casework, other_process: Audiences
) -> None:
    receipt = take_in()

    def mallory_is_let_in(call: str) -> None:
        if call == "find":
            host.accounts.append("mallory")
            other_process.doubt(SPACE)

    host.trouble = mallory_is_let_in

    with pytest.raises(HostNotRestricted, match="mallory"):
        open_incident(receipt.inbox_id, work)
    assert not host.tickets


def test_a_look_that_began_before_the_doubt_proves_nothing(
    guard: Guard, host: MemoryHost, spaces: Audiences
) -> None:
    times = []

    def doubt_while_it_is_read(call: str) -> None:
        if call == "audience":
            times.append(call)
            spaces.doubt(SPACE)

    host.trouble = doubt_while_it_is_read

    with pytest.raises(HostUnavailable):
        guard.prove(host)
    assert len(times) > 1
    assert spaces.record(SPACE).proven_at is None


def test_a_fresh_proof_thaws_and_what_waited_goes_on_at_once(
    guard: Guard, host: MemoryHost, take_in: Intake, work: Casework, database: Database, clock: SetClock
) -> None:
    host.accounts.append("mallory")
    receipt = take_in()
    attempt(receipt.inbox_id, work, database, Locks(database._engine))
    assert not database.due_jobs(clock.now(), limit=9)
    host.accounts.remove("mallory")

    assert guard.look(SPACE)

    assert [receipt.inbox_id] == [job.inbox_id for job in database.due_jobs(clock.now(), limit=9)]
    assert "done" == attempt(receipt.inbox_id, work, database, Locks(database._engine))


def test_an_acknowledged_exception_thaws_until_its_day(
    guard: Guard, host: MemoryHost, spaces: Audiences, clock: SetClock
) -> None:
    host.accounts.append("olga-owner")
    guard.look(SPACE)
    tomorrow = (clock.now() + timedelta(days=1)).date()
    restarted = Guard(
        book=spaces, store=guard.store, hosts=guard.hosts, roster=guard.roster, clock=clock,
        acknowledged={SPACE: (Acknowledged("olga-owner", tomorrow, "owns the organisation"),)},
    )  # fmt: skip

    assert restarted.look(SPACE)
    clock.forward(seconds=2 * 86400)
    assert not restarted.look(SPACE)


def test_another_repository_under_the_name_freezes(guard: Guard, host: MemoryHost) -> None:
    assert guard.look(SPACE)
    host.space_id = "4712"

    with pytest.raises(HostReplaced):
        guard.prove(host)
    assert guard.is_frozen(SPACE)


def test_an_empty_list_of_readers_freezes(guard: Guard, host: MemoryHost) -> None:
    host.accounts.clear()

    assert not guard.look(SPACE)
    assert guard.is_frozen(SPACE)


def test_a_host_that_gives_no_answer_freezes_nothing_and_proves_nothing(
    guard: Guard, host: MemoryHost, spaces: Audiences
) -> None:
    guard.look(SPACE)

    def away(_call: str) -> None:
        raise HostUnavailable("away")

    host.trouble = away
    with pytest.raises(HostUnavailable):
        guard.look_now(SPACE)
    assert not guard.is_frozen(SPACE)
    assert not guard.has_recent_proof(SPACE)
    assert spaces.record(SPACE).proven_at is None


def test_an_event_of_the_host_needs_no_request_after_a_recent_proof(
    guard: Guard, host: MemoryHost, clock: SetClock
) -> None:
    guard.prove(host)
    host.calls.clear()

    clock.forward(seconds=PROOF_LASTS.total_seconds())
    guard.prove_recently(host)
    assert [] == host.calls
    clock.forward(seconds=1)
    guard.prove_recently(host)
    assert ["audience"] == host.calls


def test_a_proof_from_a_clock_that_was_put_back_since_is_not_recent(
    guard: Guard, host: MemoryHost, clock: SetClock
) -> None:
    guard.prove(host)
    clock.forward(seconds=-3600)

    assert not guard.has_recent_proof(SPACE)


# The admin's proof ----------------------------------------------------------------------------------


def test_when_the_admins_proof_has_ended_reports_are_parked_with_the_command_that_helps(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    clock.forward(seconds=ADMIN_PROOF_LASTS.total_seconds())
    receipt = take_in()

    assert "host-unproven" == attempt(receipt.inbox_id, work, database, Locks(database._engine))

    job = database.job(receipt.inbox_id)
    assert "parked" == job.state
    assert "coc-server doctor conduct --admin-token-file" in str(job.reason)
    assert not host.tickets


def test_a_recent_proof_does_not_stand_in_for_the_admins(
    guard: Guard, host: MemoryHost, clock: SetClock
) -> None:
    clock.forward(seconds=ADMIN_PROOF_LASTS.total_seconds() - 60)
    guard.prove(host)
    clock.forward(seconds=120)

    with pytest.raises(HostUnproven):
        guard.prove_recently(host)


def test_a_new_proof_by_an_admin_lets_what_waited_go_on(
    take_in: Intake, work: Casework, spaces: Audiences, database: Database, clock: SetClock
) -> None:
    first = spaces.record(SPACE).admin
    assert first is not None
    clock.forward(seconds=ADMIN_PROOF_LASTS.total_seconds())
    receipt = take_in()
    attempt(receipt.inbox_id, work, database, Locks(database._engine))

    new = type(first)(clock.now(), clock.now() + ADMIN_PROOF_LASTS, first.space_id, first.principals)
    spaces.admin_passed(SPACE, new, clock.now())

    assert new == spaces.record(SPACE).admin
    assert [receipt.inbox_id] == [job.inbox_id for job in database.due_jobs(clock.now(), limit=9)]
