"""Who may read a report is told of it, nobody whom it could mean is, and the notice holds nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration import notices
from integration.casework import Casework, open_incident
from integration.errors import StoreError
from integration.notices import notice
from integration.report import Report
from integration.text import Untrusted
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.conftest import Intake, Team
    from webhook_server.store.database import Database


def test_a_notice_holds_nothing_of_the_report(
    take_in: Intake, work: Casework, make_report: Callable[..., Report], canary: str
) -> None:
    receipt = take_in(make_report(subject=canary, do_not_show="no"))
    parked = notice(receipt.inbox_id, receipt.incident, "The host is away.", work)
    open_incident(receipt.inbox_id, work)
    done = notice(receipt.inbox_id, receipt.incident, None, work)

    assert canary not in f"{parked}{done}"
    assert ("robert@team.example.org", "miriam@team.example.org") == parked.addresses == done.addresses
    assert "The host is away." in parked.text
    assert receipt.inbox_id in parked.text
    assert f"coc diary read {work.store.incident(receipt.incident).code_name}" in done.text


def test_who_may_be_meant_is_not_told(
    take_in: Intake, work: Casework, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(make_report(subject="Robert"))
    parked = notice(receipt.inbox_id, receipt.incident, "The host is away.", work)
    open_incident(receipt.inbox_id, work)

    assert (
        ("miriam@team.example.org",)
        == parked.addresses
        == notice(receipt.inbox_id, receipt.incident, None, work).addresses
    )


def test_a_reader_who_left_the_roster_is_not_told(take_in: Intake, work: Casework, team: Team) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    team.members = team.members[1:]

    assert ("miriam@team.example.org",) == notice(receipt.inbox_id, receipt.incident, None, work).addresses


def test_an_unreadable_delivery_asks_for_the_form_to_be_checked(take_in: Intake, work: Casework) -> None:
    receipt = take_in(Report(None, verbatim=Untrusted("{")))

    assert "The form 'form' sent something" in notice(receipt.inbox_id, receipt.incident, None, work).text


def test_the_subject_does_not_tell_that_only_a_recovery_key_opens(
    take_in: Intake, work: Casework, make_report: Callable[..., Report]
) -> None:
    ordinary, nobody = take_in(), take_in(make_report(subject="Robert and Miriam"))
    subjects = []
    for receipt in (ordinary, nobody):
        open_incident(receipt.inbox_id, work)
        told = notice(receipt.inbox_id, receipt.incident, None, work)
        subjects.append(told.subject.partition(": ")[2])

    assert ("paper@board.example.org",) == told.addresses
    assert "recovery key" in told.text
    assert ["a report has come in"] * 2 == subjects


def swapped(database: Database, one: str, two: str) -> None:
    """Give a delivery the sealed report of another."""
    with database._engine.begin() as connection:
        sealed = connection.scalar(sa.select(t.inbox.c.sealed_report).where(t.inbox.c.id == two))
        connection.execute(t.inbox.update().where(t.inbox.c.id == one).values(sealed_report=sealed))


def test_about_a_report_that_does_not_open_the_recovery_keys_holders_are_told(
    take_in: Intake, work: Casework, database: Database, team: Team
) -> None:
    receipt, other = take_in(), take_in()
    swapped(database, receipt.inbox_id, other.inbox_id)

    told = notice(receipt.inbox_id, receipt.incident, "It was moved.", work)
    team.recovery = []

    assert ("paper@board.example.org",) == told.addresses
    assert "cannot find out whom the report could mean" in told.text
    assert () == notice(receipt.inbox_id, receipt.incident, "It was moved.", work).addresses


def test_a_mistake_of_ours_does_not_keep_everybody_from_being_told(
    take_in: Intake, work: Casework, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = take_in()

    def fail(_delivery: object, _store: object, _roster: object) -> None:
        raise KeyError(canary)

    monkeypatch.setattr(notices, "first_readers_of", fail)

    told = notice(receipt.inbox_id, receipt.incident, "The host is away.", work)

    assert ("paper@board.example.org",) == told.addresses
    assert canary not in told.text


def test_while_the_database_is_away_nobody_else_is_told_instead(
    take_in: Intake, work: Casework, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = take_in()

    def away(_inbox_id: str) -> None:
        raise StoreError("The database had trouble.")

    monkeypatch.setattr(database, "delivery", away)

    with pytest.raises(StoreError):
        notice(receipt.inbox_id, receipt.incident, "The host is away.", work)
