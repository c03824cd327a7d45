"""Each space is looked at before its proof is too old, sooner when it is frozen or gave no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import HostUnavailable
from integration.guard import PROOF_LASTS, Guard
from tests.server.memory_host import SPACE
from webhook_server.lookout import EVERY, Lookout, audiences_looked_at
from webhook_server.store.chores import ChoreBook

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


def test_the_timer_looks_every_ten_minutes_before_a_proof_is_too_old(
    guard: Guard, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    chore = audiences_looked_at(guard, ChoreBook(database._engine))
    for _ in range(25):
        chore(clock.now())
        assert guard.has_recent_proof(SPACE)
        clock.forward(seconds=60)

    assert ["audience"] * 3 == host.calls
    assert EVERY < PROOF_LASTS


def test_the_timer_goes_on_after_a_host_that_is_away(
    guard: Guard, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    def away(_call: str) -> None:
        raise HostUnavailable("away")

    host.trouble = away
    chore = audiences_looked_at(guard, ChoreBook(database._engine))
    chore(clock.now())
    host.trouble = lambda _call: None
    host.accounts.append("mallory")
    clock.forward(seconds=EVERY.total_seconds())
    chore(clock.now())

    assert guard.is_frozen(SPACE)


def test_an_event_of_the_host_is_answered_before_the_look_that_freezes(
    guard: Guard, host: MemoryHost, clock: SetClock
) -> None:
    lookout = Lookout(guard, clock)
    guard.prove(host)
    host.calls.clear()
    host.accounts.append("mallory")

    lookout.look_now(SPACE)
    lookout.look_now(SPACE)
    assert [] == host.calls
    assert not guard.has_recent_proof(SPACE)
    lookout.turn()
    lookout.turn()

    assert ["audience"] == host.calls
    assert guard.is_frozen(SPACE)


def test_a_server_that_starts_looks_at_once_whether_a_frozen_space_is_restricted_again(
    guard: Guard, host: MemoryHost, clock: SetClock
) -> None:
    host.accounts.append("mallory")
    guard.look(SPACE)
    host.accounts.remove("mallory")
    host.calls.clear()

    started = Lookout(guard, clock)
    started.turn()
    started.turn()

    assert ["audience"] == host.calls
    assert not guard.is_frozen(SPACE)


def test_a_look_that_got_no_answer_is_taken_again_half_a_minute_later(
    guard: Guard, host: MemoryHost, clock: SetClock
) -> None:
    lookout = Lookout(guard, clock)

    def away(_call: str) -> None:
        raise HostUnavailable("away")

    host.trouble = away
    lookout.look_now(SPACE)
    lookout.turn()
    host.trouble = lambda _call: None
    lookout.turn()
    assert ["audience"] == host.calls
    clock.forward(seconds=30)
    lookout.turn()

    assert guard.has_recent_proof(SPACE)
