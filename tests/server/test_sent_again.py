"""A report that does not open any more: its resend saves it, later ones pass it, and it is told at once."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.casework import open_incident
from integration.errors import DoesNotOpen, HostUnavailable
from integration.incident import Alias
from integration.notices import notice_of_loss
from integration.reconcile import NOT_KNOWN
from integration.store import NIGHTLY
from tests.pg import both
from webhook_server.jobs import attempt
from webhook_server.store import tables as t
from webhook_server.store.locks import Locks
from webhook_server.store.rows import insert_job
from webhook_server.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from integration.casework import Casework
    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.mail import Told
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

OPERATOR = "operator@team.example.org"


@pytest.fixture
def lose_keys(tmp_path: Path) -> Callable[[], None]:
    def lose() -> None:
        for key in (tmp_path / "inbox-keys").iterdir():
            key.unlink()

    return lose


@pytest.fixture
def tried(work: Casework, database: Database) -> Callable[[Receipt], str]:
    return lambda receipt: attempt(receipt.inbox_id, work, database, Locks(database._engine))


@pytest.fixture
def teller(work: Casework, database: Database, told: Told) -> Teller:
    return Teller(work=work, jobs=database, notifier=told, operator=OPERATOR)


def give_up(database: Database, receipt: Receipt, now: datetime) -> None:
    assert database.give_up(database.job(receipt.inbox_id), now, reason="An operator gave it up.")


def due(database: Database, clock: SetClock) -> list[str]:
    return [one.inbox_id for one in database.due_jobs(clock.now(), limit=10)]


def row(database: Database, receipt: Receipt) -> sa.Row[tuple[object, ...]]:
    with database._engine.connect() as connection:
        return connection.execute(sa.select(t.inbox).where(t.inbox.c.id == receipt.inbox_id)).one()


# It is sent again -----------------------------------------------------------------------------------


@both
def test_sent_again_a_report_without_its_key_is_kept_anew_under_the_same_receipt(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], host: MemoryHost, canary: str,
) -> None:  # fmt: skip
    first = take_in(submission="s")
    lose_keys()
    assert "does-not-open" == tried(first)

    again = take_in(make_report(account=canary), submission="s")

    assert (first.inbox_id, first.incident, True) == (again.inbox_id, again.incident, again.duplicate)
    report = database.delivery(first.inbox_id).report
    assert report is not None
    assert canary.encode() in report
    assert "done" == tried(first)
    assert 1 == len(host.tickets)


@both
def test_it_is_due_at_once_and_counts_as_not_tried(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    clock: SetClock,
) -> None:  # fmt: skip
    first = take_in(submission="s")
    lose_keys()
    tried(first)
    assert [] == due(database, clock)

    take_in(submission="s")

    assert [first.inbox_id] == due(database, clock)
    job = database.job(first.inbox_id)
    assert ("waiting", None, None, 0) == (job.state, job.reason_code, job.reason, job.attempts - job.waits)


def test_a_try_that_ends_after_it_was_kept_anew_does_not_put_it_off(
    take_in: Intake, database: Database, lose_keys: Callable[[], None], clock: SetClock
) -> None:
    first = take_in(submission="s")
    lose_keys()
    under_way = database.job(first.inbox_id)
    take_in(submission="s")

    later = clock.now() + timedelta(hours=1)
    database.job_failed(
        under_way, parked=True, code="does-not-open", reason="No key.", due_at=later, now=clock.now()
    )

    assert [first.inbox_id] == due(database, clock)


@both
def test_a_duplicate_whose_key_is_there_changes_nothing(
    take_in: Intake, database: Database, clock: SetClock
) -> None:
    first = take_in(submission="s")
    before = row(database, first)
    clock.forward(minutes=1)

    take_in(submission="s")

    assert before == row(database, first)


def test_a_report_that_is_in_its_diary_is_not_kept_again(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None]
) -> None:
    first = take_in(submission="s")
    assert "done" == tried(first)
    lose_keys()
    before = row(database, first)

    take_in(submission="s")

    assert before == row(database, first)


def test_a_report_that_a_try_could_not_open_is_kept_anew_though_its_key_is_there(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], tmp_path: Path
) -> None:
    first = take_in(submission="s")
    (key,) = (tmp_path / "inbox-keys").iterdir()
    key.write_bytes(bytes(32))
    tried(first)
    database.forget()  # as each minute: what comes next is sealed with another key

    take_in(submission="s")

    assert database.delivery(first.inbox_id).report is not None


def test_a_report_that_opens_again_since_it_was_noted_is_left_as_it_is(
    take_in: Intake, database: Database, clock: SetClock
) -> None:
    first = take_in(submission="s")
    job = database.job(first.inbox_id)
    database.job_failed(job, parked=True, code="does-not-open", reason="No key.", due_at=clock.now())
    before = row(database, first)

    take_in(submission="s")

    assert before == row(database, first)


def test_what_was_given_up_is_kept_anew_when_it_is_sent_again(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], clock: SetClock
) -> None:
    first = take_in(submission="s")
    give_up(database, first, clock.now())

    take_in(submission="s")

    assert "done" == tried(first)
    assert database.delivery(first.inbox_id).report is None


# Later ones pass it ---------------------------------------------------------------------------------


@both
def test_later_reports_of_the_incident_pass_one_that_does_not_open(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], clock: SetClock,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    lose_keys()
    second = take_in(make_report(account="second"), submission="s")
    third = take_in(make_report(account="third"), submission="s")
    assert [dead.inbox_id] == due(database, clock)
    tried(dead)

    assert [second.inbox_id] == due(database, clock)
    database.retry_now(dead.inbox_id, clock.now())
    assert [dead.inbox_id, second.inbox_id] == due(database, clock)
    assert "done" == tried(second)
    assert [dead.inbox_id, third.inbox_id] == due(database, clock)


@both
def test_looks_at_the_ticket_go_on_beside_it(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], clock: SetClock,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    lose_keys()
    tried(dead)
    with database._engine.begin() as connection:
        insert_job(connection, NIGHTLY, dead.incident, clock.now())

    def looks() -> list[str]:
        return [one.incident for one in database.due_jobs(clock.now(), limit=10, looks=NIGHTLY)]

    assert [dead.incident] == looks()
    take_in(make_report(account="edited"), submission="s")
    assert [] == looks()


def test_those_that_do_not_open_take_no_others_place(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    clock: SetClock,
) -> None:  # fmt: skip
    dead = [take_in(), take_in()]
    lose_keys()
    for one in dead:
        tried(one)
        database.retry_now(one.inbox_id, clock.now())
    live = take_in()

    assert [live.inbox_id] == [one.inbox_id for one in database.due_jobs(clock.now(), limit=1)]


def test_opened_after_all_it_is_a_later_entry(
    take_in: Intake, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report], host: MemoryHost,
) -> None:  # fmt: skip
    dead = take_in(submission="s")
    lose_keys()
    tried(dead)
    assert "done" == tried(take_in(make_report(account="edited"), submission="s"))
    before = len(host.tickets[0].comments)

    take_in(submission="s")

    assert "done" == tried(dead)
    assert (1, before + 1) == (len(host.tickets), len(host.tickets[0].comments))


def test_its_own_ticket_is_not_asked_for_once_a_later_one_may_have_passed_it(
    take_in: Intake, tried: Callable[[Receipt], str], lose_keys: Callable[[], None], host: MemoryHost
) -> None:
    dead = take_in()
    lose_keys()
    tried(dead)
    assert ["find"] == host.calls

    def away(_call: str) -> None:
        raise HostUnavailable("No.")

    host.trouble = away

    assert "does-not-open" == tried(dead)


# A restored database, in which it still waits -------------------------------------------------------


def forget_the_diary(database: Database, *receipts: Receipt) -> None:
    """An older copy of the database is put back; the reports wait in it and open."""
    with database._engine.begin() as connection:
        for statement in ("DELETE FROM ticket", "DELETE FROM epoch", "DELETE FROM comment"):
            connection.exec_driver_sql(statement)
        for one in receipts:
            connection.execute(t.inbox.update().where(t.inbox.c.id == one.inbox_id).values(state="waiting"))


@pytest.fixture
def passed(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], lose_keys: Callable[[], None],
    make_report: Callable[..., Report],
) -> Receipt:  # fmt: skip
    """One that did not open; a later one began the diary, and the database has forgotten that."""
    dead = take_in(submission="s")
    lose_keys()
    tried(dead)
    assert "done" == tried(take_in(make_report(account="edited"), submission="s"))
    forget_the_diary(database)
    return dead


def test_a_diary_that_a_later_one_began_is_not_taken_for_that_of_one_that_was_passed(
    passed: Receipt, work: Casework, database: Database
) -> None:
    with pytest.raises(DoesNotOpen):
        open_incident(passed.inbox_id, work)

    assert row(database, passed).sealed_report is not None


def test_nor_if_it_opens_again_and_something_else_kept_it_waiting_first(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], make_report: Callable[..., Report],
    host: MemoryHost, tmp_path: Path, clock: SetClock, lose_keys: Callable[[], None],
) -> None:  # fmt: skip
    """An older copy of the database is put back, with the folder; the host is away at the first try."""
    keys, away_keys = tmp_path / "inbox-keys", tmp_path / "put-away"
    dead = take_in(submission="s")
    shutil.copytree(keys, away_keys)
    lose_keys()
    assert "does-not-open" == tried(dead)
    assert "done" == tried(take_in(make_report(account="edited"), submission="s"))
    forget_the_diary(database)
    shutil.copytree(away_keys, keys, dirs_exist_ok=True)

    def away(_call: str) -> None:
        raise HostUnavailable("The host does not answer.")

    host.trouble = away
    assert "host-unavailable" == tried(dead)
    database.job_waits(
        database.job(dead.inbox_id), code="budget", reason="No room.", due_at=clock.now(), now=clock.now()
    )
    database.postpone(
        database.job(dead.inbox_id).space, clock.now(), code="budget", reason="No room.", due_at=clock.now()
    )
    job = database.job(dead.inbox_id)
    assert ("parked", "does-not-open") == (job.state, job.reason_code)
    assert job.reason is not None
    assert job.reason.startswith("The host does not answer. At an earlier try its report did not open")
    host.trouble = lambda _call: None

    assert "done" == tried(dead)

    own = database.delivery(dead.inbox_id).incident
    assert own != dead.incident
    assert 2 == len(database.comments(own)), "a keyring, and the report"
    assert row(database, dead).sealed_report is None


def test_once_it_is_in_a_diary_it_keeps_the_code_of_what_fails_then(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    database.job_failed(
        database.job(receipt.inbox_id),
        parked=True,
        code="does-not-open",
        reason="No key.",
        due_at=clock.now(),
    )

    def away_from_the_diary_on(call: str) -> None:
        if row(database, receipt).sealed_report is None:
            raise HostUnavailable(call)

    host.trouble = away_from_the_diary_on
    assert "host-unavailable" == tried(receipt)

    assert "host-unavailable" == database.job(receipt.inbox_id).reason_code


def test_nor_if_it_was_sent_again_since(
    passed: Receipt, take_in: Intake, work: Casework, database: Database, host: MemoryHost
) -> None:
    take_in(submission="s")
    there = [len(one.comments) for one in host.tickets]

    open_incident(passed.inbox_id, work)

    assert "done" == database.job(passed.inbox_id).state
    after = [len(one.comments) for one in host.tickets]
    assert after != there
    assert NOT_KNOWN in database.readers(passed.incident)
    own = database.delivery(passed.inbox_id).incident
    assert own != passed.incident, "whom the unknown diary was begun for may be meant by this report"
    assert [Alias("robert"), Alias("miriam")] == list(database.readers(own))


def test_who_passed_one_keeps_its_report_if_the_diary_is_that_ones(
    take_in: Intake, database: Database, tried: Callable[[Receipt], str], work: Casework, host: MemoryHost,
    make_report: Callable[..., Report],
) -> None:  # fmt: skip
    """The first was handed over, then a copy of the database without its key was put back."""
    first = take_in(submission="s")
    older = row(database, first)
    assert "done" == tried(first)
    forget_the_diary(database, first)
    with database._engine.begin() as connection:
        connection.execute(
            t.inbox.update().values(
                sealed_report=older.sealed_report, inbox_key=older.inbox_key, reason_code="does-not-open"
            )
        )
    later = take_in(make_report(account="edited"), submission="s")

    assert "done" == tried(later)

    entries = sum(len(one.comments) for one in host.tickets)
    assert 4 == entries, "two diaries, each with a keyring and one report"
    assert row(database, first).sealed_report is not None
    assert work.store.delivery(later.inbox_id).report is None


# It is told -----------------------------------------------------------------------------------------


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
