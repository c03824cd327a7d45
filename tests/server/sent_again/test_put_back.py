"""In a database that was put back, a diary that a later report began is not taken for that of one it passed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from integration.casework import open_incident
from integration.errors import DoesNotOpen, HostUnavailable, KeptApart
from integration.reconcile import NOT_KNOWN
from tests.server.diaries import forget_the_diary
from tests.server.sent_again.conftest import row
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.casework import Casework
    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


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

    assert ["kept-apart", "done"] == [tried(dead), tried(dead)]

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

    with pytest.raises(KeptApart):
        open_incident(passed.inbox_id, work)
    open_incident(passed.inbox_id, work)

    assert "done" == database.job(passed.inbox_id).state
    after = [len(one.comments) for one in host.tickets]
    assert after != there
    assert NOT_KNOWN in database.readers(passed.incident)
    own = database.delivery(passed.inbox_id).incident
    assert own != passed.incident, "whom the unknown diary was begun for may be meant by this report"
    assert [] == list(database.readers(own)), (
        "nor is it known whom the other one named: the recovery keys open it"
    )


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

    assert ["kept-apart", "done"] == [tried(later), tried(later)]

    entries = sum(len(one.comments) for one in host.tickets)
    assert 4 == entries, "two diaries, each with a keyring and one report"
    assert row(database, first).sealed_report is not None
    assert work.store.delivery(later.inbox_id).report is None
