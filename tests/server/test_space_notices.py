"""Who can read a frozen space is told to those on duty, at once, daily and after the thaw; a proof's end to the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.casework import open_incident
from integration.errors import NotifyError
from tests.pg import both
from tests.server.memory_host import SPACE
from webhook_server.jobs import attempt
from webhook_server.space_notices import SpaceNotices
from webhook_server.store.chores import ChoreBook
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.guard import Guard
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.audiences import Audiences
    from webhook_server.store.database import Database


@pytest.fixture
def notices(spaces: Audiences, team: Team, told: Told) -> SpaceNotices:
    return SpaceNotices(spaces, team, told, "operator@team.example.org")


def test_members_on_duty_are_told_who_can_read_and_how_at_once_and_daily(
    guard: Guard, host: MemoryHost, notices: SpaceNotices, told: Told, clock: SetClock, team: Team
) -> None:
    team.on_duty.remove("miriam")
    host.accounts.append("mallory")
    guard.look(SPACE)

    for hours in (0, 1, 22, 1):
        clock.forward(seconds=hours * 3600)
        notices.turn(clock.now())

    assert [("robert@team.example.org",)] * 2 == [addresses for addresses, _, _ in told.mails]
    assert "'mallory' can read it by a role" in told.mails[0][2]
    assert "coc-server audience conduct" in told.mails[0][2]


def test_one_more_who_can_read_is_told_at_once(
    guard: Guard, host: MemoryHost, notices: SpaceNotices, told: Told, clock: SetClock
) -> None:
    for account in ("mallory", "eve"):
        host.accounts.append(account)
        guard.look(SPACE)
        notices.turn(clock.now())
        guard.look(SPACE)
        notices.turn(clock.now())

    assert 2 == len(told.mails)
    assert "'eve'" in told.mails[1][2]


def test_after_the_thaw_members_are_told_once_who_could_read_and_between_when(
    guard: Guard, host: MemoryHost, notices: SpaceNotices, told: Told, clock: SetClock
) -> None:
    guard.look(SPACE)
    proven = clock.now()
    clock.forward(seconds=600)
    host.accounts.append("mallory")
    guard.look(SPACE)
    notices.turn(clock.now())
    clock.forward(seconds=600)
    host.accounts.remove("mallory")
    guard.look(SPACE)
    for _ in range(3):
        clock.forward(seconds=60)
        notices.turn(clock.now())

    frozen, thawed = told.mails
    assert "conduct: only the team can read the ticket space again" == thawed[1]
    assert "'mallory'" in thawed[2]
    assert f"At {proven:%Y-%m-%d %H:%M} UTC it was not so yet" in thawed[2]
    assert frozen[0] == thawed[0]


def test_a_host_that_says_itself_that_somebody_was_let_in_takes_nothing_of_what_is_told(
    guard: Guard, host: MemoryHost, notices: SpaceNotices, told: Told, clock: SetClock
) -> None:
    for _ in range(2):
        guard.look(SPACE)
        proven = clock.now()
        clock.forward(seconds=300)
        host.accounts.append("mallory")
        guard.look_now(SPACE)
        notices.turn(clock.now())
        guard.doubt(SPACE)

        assert f"At {proven:%Y-%m-%d %H:%M} UTC it was not so yet" in told.mails[-1][2]
        host.accounts.remove("mallory")
        guard.look_now(SPACE)
        notices.turn(clock.now())
        assert f"At {proven:%Y-%m-%d %H:%M} UTC it was not so yet" in told.mails[-1][2]
        clock.forward(seconds=300)


@both
def test_who_runs_the_service_is_told_daily_before_the_admins_proof_ends_and_after(
    guard: Guard, notices: SpaceNotices, told: Told, clock: SetClock
) -> None:
    del guard
    for _ in range(91):
        notices.turn(clock.now())
        clock.forward(seconds=86400)

    assert {("operator@team.example.org",)} == {addresses for addresses, _, _ in told.mails}
    assert 14 == sum("ends soon" in subject for _, subject, _ in told.mails)
    assert 1 == sum("has ended" in subject for _, subject, _ in told.mails)


def test_without_anybody_on_duty_the_operator_is_told_of_a_freeze(
    guard: Guard, host: MemoryHost, notices: SpaceNotices, told: Told, clock: SetClock, team: Team
) -> None:
    team.on_duty.clear()
    host.open_doors.append("the repository is public")
    guard.look(SPACE)
    notices.turn(clock.now())

    assert [("operator@team.example.org",)] == [addresses for addresses, _, _ in told.mails]


def test_a_mail_that_was_not_taken_is_sent_again_a_minute_later(
    guard: Guard, host: MemoryHost, notices: SpaceNotices, told: Told, clock: SetClock
) -> None:
    host.accounts.append("mallory")
    guard.look(SPACE)
    told.trouble = NotifyError("no")
    notices.turn(clock.now())
    told.trouble = None
    notices.turn(clock.now())
    assert not told.mails
    clock.forward(seconds=60)
    notices.turn(clock.now())

    assert 1 == len(told.mails)


def test_a_crowd_is_told_of_in_a_mail_of_bounded_length(
    guard: Guard, host: MemoryHost, notices: SpaceNotices, told: Told, clock: SetClock
) -> None:
    host.accounts += [f"somebody-{number}" for number in range(600)]
    guard.look(SPACE)
    notices.turn(clock.now())

    assert "and 580 more" in told.mails[0][2]
    assert "somebody-599" not in told.mails[0][2]


@pytest.mark.usefixtures("guard")
def test_each_night_a_frozen_space_is_left_alone(
    host: MemoryHost, take_in: Intake, work: Casework, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    clock.forward(seconds=86400)
    ChoreBook(database._engine).begin_night(clock.now())
    host.accounts.append("mallory")
    work.guard.look(SPACE)
    host.calls.clear()

    (job,) = database.unfinished_jobs()
    assert "done" == attempt(job.inbox_id, work, database, Locks(database._engine))
    assert [] == host.calls
