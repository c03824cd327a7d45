"""A report becomes one ticket with its steps and its diary, in the right order, sealed for who may read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident
from integration.diary.comment import find_comments
from integration.errors import NoReaders
from integration.notices import notice
from integration.report import Answer, Report
from integration.text import Untrusted
from tests.server.casework.whole import assert_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import SetClock
    from tests.server.conftest import Intake, Team
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database


def test_a_report_becomes_a_ticket_with_steps_and_diary(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, canary: str
) -> None:
    receipt = take_in()

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert ["audience", "find", "open_ticket", "read", "write", "read"] == host.calls
    assert canary not in repr(host)
    assert ["keyring", "entry"] == [comment.kind for comment in host.tickets[0].comments]
    assert [1] == [len(find_comments(comment.text)) for comment in host.tickets[0].comments][:1]


def test_no_report_waits_for_a_host_that_shapes_texts_its_own_way(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    host.own_texts = True
    receipt = take_in()

    open_incident(receipt.inbox_id, work)

    assert database.delivery(receipt.inbox_id).finished
    assert 1 == host.calls.count("write")


def test_a_finished_delivery_is_left_alone(take_in: Intake, work: Casework, host: MemoryHost) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    host.calls.clear()

    open_incident(receipt.inbox_id, work)

    assert [] == host.calls


def test_ciphertext_is_committed_before_a_comment_is_posted(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database
) -> None:
    receipt = take_in()
    stored: list[int] = []

    def look(call: str) -> None:
        if call == "write":
            stored.append(len(database.comments(receipt.incident)))
            assert database.delivery(receipt.inbox_id).report is None

    host.trouble = look

    open_incident(receipt.inbox_id, work)

    assert [2] == stored


def test_an_attempt_is_noted_before_the_ticket_is_opened(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, clock: SetClock
) -> None:
    receipt = take_in()
    noted: list[object] = []
    host.trouble = lambda call: (
        noted.append(database.ticket(receipt.incident).attempted_at) if call == "open_ticket" else None
    )

    open_incident(receipt.inbox_id, work)

    assert [clock.now()] == noted


def test_who_may_be_meant_is_no_reader(
    take_in: Intake, work: Casework, database: Database, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(make_report(subject="Miriam"))

    open_incident(receipt.inbox_id, work)

    assert ["robert"] == list(database.readers(receipt.incident))


def test_without_a_member_the_recovery_key_reads(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(make_report(subject="Miriam or Robert"))

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
    assert [] == list(database.readers(receipt.incident))
    assert ("paper@board.example.org",) == notice(receipt.inbox_id, receipt.incident, None, work).addresses


def test_without_any_reader_nothing_is_sealed_away(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, team: Team
) -> None:
    team.on_duty, team.recovery = set(), []
    receipt = take_in()

    with pytest.raises(NoReaders):
        open_incident(receipt.inbox_id, work)

    assert [] == host.tickets
    assert database.delivery(receipt.inbox_id).report is not None
    team.on_duty = {"robert"}
    open_incident(receipt.inbox_id, work)
    assert_whole(receipt, host, database)


# The text that is sealed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "report",
    [
        Report(
            datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
            verbatim=Untrusted("{ not json\n? a forged question\r\n\x00"),
        ),
        Report(None, other=(Answer("q", Untrusted("two\nlines"), Untrusted("\ud800 half a pair \udfff")),)),
        Report(None, other=(Answer("q", Untrusted(""), Untrusted("x" * 120_000)),)),
        Report(None),
    ],
    ids=["verbatim", "surrogates", "long", "empty"],
)
def test_every_report_can_be_sealed(
    take_in: Intake, work: Casework, host: MemoryHost, database: Database, report: Report
) -> None:
    receipt = take_in(report)

    open_incident(receipt.inbox_id, work)

    assert_whole(receipt, host, database)
