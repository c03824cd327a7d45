"""That a report does not open is told at once with what can be done, and its loss once, to who may know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import HostUnavailable
from integration.notices import notice_of_loss
from tests.pg import both
from tests.server.sent_again.conftest import OPERATOR, due, give_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.casework import Casework
    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database
    from webhook_server.telling import Teller


def test_it_is_told_after_its_first_try_with_what_can_be_done(
    take_in: Intake, tried: Callable[[Receipt], str], lose_keys: Callable[[], None], teller: Teller, told: Told,
    database: Database,
) -> None:  # fmt: skip
    dead = take_in()
    lose_keys()
    tried(dead)

    teller.turn()
    teller.turn()

    ((addresses, subject, text),) = told.mails
    assert ("paper@board.example.org",) == addresses
    assert "waits and needs you" in subject
    assert "cannot be opened with the inbox key" in text
    assert "let the form tool send the report again" in text
    assert f"coc-server jobs give-up {dead.inbox_id}" in text
    assert "parked" == database.job(dead.inbox_id).state


def test_that_a_key_is_gone_is_told_at_once_while_the_host_is_away_too(
    take_in: Intake, tried: Callable[[Receipt], str], lose_keys: Callable[[], None], teller: Teller, told: Told,
    host: MemoryHost,
) -> None:  # fmt: skip
    def away(_call: str) -> None:
        raise HostUnavailable("The host does not answer.")

    host.trouble = away
    receipt = take_in()
    tried(receipt)
    teller.turn()
    assert [] == told.mails
    lose_keys()
    assert "host-unavailable" == tried(receipt)

    teller.turn()

    ((_, _, text),) = told.mails
    assert "The host does not answer. Besides, the report's inbox key is not in its folder" in text
    assert "Do not let the form tool send the report again before the host has answered" in text


def test_what_waits_behind_another_is_told_with_that_ones_reason(
    take_in: Intake, tried: Callable[[Receipt], str], make_report: Callable[..., Report], teller: Teller,
    told: Told, host: MemoryHost, clock: SetClock,
) -> None:  # fmt: skip
    def away(_call: str) -> None:
        raise HostUnavailable("The host does not answer.")

    host.trouble = away
    first = take_in(submission="s")
    take_in(make_report(account="edited"), submission="s")
    tried(first)
    clock.forward(hours=1)

    teller.turn()

    assert 2 == len(told.mails)
    assert f"waits for an older delivery of the same incident, {first.inbox_id}" in told.mails[1][2]
    assert "The host does not answer." in told.mails[1][2]
    assert "may have stopped" not in told.mails[1][2]


@both
def test_that_one_was_given_up_is_told_once_and_that_it_must_be_asked_for_again(
    take_in: Intake, tried: Callable[[Receipt], str], lose_keys: Callable[[], None], teller: Teller, told: Told,
    database: Database, clock: SetClock,
) -> None:  # fmt: skip
    dead = take_in()
    lose_keys()
    tried(dead)
    teller.turn()
    give_up(database, dead, clock.now())

    teller.turn()
    clock.forward(hours=25)
    teller.turn()

    assert 2 == len(told.mails)
    addresses, subject, text = told.mails[1]
    assert ("paper@board.example.org",) == addresses
    assert f"{database.job(dead.inbox_id).code_name}: a report could not be opened and is lost" == subject
    assert "Please ask for it again" in text
    assert [] == database.unfinished_jobs()


def test_without_a_recovery_key_the_operator_is_told_that_it_is_lost(
    take_in: Intake, lose_keys: Callable[[], None], teller: Teller, told: Told, database: Database, team: Team,
    clock: SetClock, work: Casework,
) -> None:  # fmt: skip
    team.recovery = []
    dead = take_in()
    lose_keys()
    give_up(database, dead, clock.now())

    teller.turn()

    ((addresses, subject, text),) = told.mails
    assert ((OPERATOR,), "A report is lost, and nobody on the team could be told") == (addresses, subject)
    assert dead.inbox_id in text
    assert () == notice_of_loss(dead.inbox_id, dead.incident, work).addresses


@both
@pytest.mark.parametrize("meanwhile", ["handed over", "tried", "sent again"])
def test_one_that_is_not_as_it_was_seen_is_not_given_up(
    take_in: Intake, database: Database, clock: SetClock, lose_keys: Callable[[], None], meanwhile: str
) -> None:
    dead = take_in(submission="s")
    seen = database.job(dead.inbox_id)
    if meanwhile == "handed over":
        head = database.head(dead.incident)
        database.hand_over(dead.inbox_id, head=head, comments=[], epoch=None, readers=[])
    elif meanwhile == "tried":
        database.job_failed(seen, parked=False, code="x", reason="y", due_at=clock.now())
    else:
        lose_keys()
        take_in(submission="s")

    assert not database.give_up(seen, clock.now(), reason="An operator gave it up.")

    assert [dead.inbox_id] == [one.inbox_id for one in database.unfinished_jobs()]


@both
def test_one_that_was_given_up_is_tried_again_on_request(
    take_in: Intake, tried: Callable[[Receipt], str], database: Database, clock: SetClock
) -> None:
    dead = take_in()
    give_up(database, dead, clock.now())
    assert [] == due(database, clock)

    database.retry_now(dead.inbox_id, clock.now())

    assert [dead.inbox_id] == due(database, clock)
    assert "done" == tried(dead)
