"""A diary moves on in one step or not at all, and nobody writes to one that has moved on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.diary.chain import genesis
from integration.diary.comment import CommentId, Link
from integration.diary.keys import Epoch
from integration.errors import HeadConflict, StoreError
from integration.incident import Alias
from integration.store import TicketRecord
from tests.server.diaries import EPOCH, REF, a_comment, hand_over, rows
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from webhook_server.store.database import Database


def test_an_attempt_is_noted_and_taken_back(database: Database, take_in: Intake, clock: SetClock) -> None:
    incident = take_in().incident
    assert TicketRecord() == database.ticket(incident)

    database.ticket_attempted(incident, clock.now())
    assert TicketRecord(clock.now(), None) == database.ticket(incident)

    database.ticket_attempted(incident, None)
    assert TicketRecord() == database.ticket(incident)

    database.ticket_attempted(incident, clock.now())
    database.ticket_opened(incident, REF)
    assert TicketRecord(clock.now(), REF) == database.ticket(incident)


def test_a_new_diary_is_empty(database: Database, take_in: Intake) -> None:
    incident = take_in().incident

    assert genesis(incident) == database.head(incident)
    assert database.epoch(incident) is None
    assert () == tuple(database.readers(incident))
    assert () == tuple(database.comments(incident))


def test_handing_over_moves_the_diary_and_erases_the_report(database: Database, take_in: Intake) -> None:
    receipt = take_in()

    comment = hand_over(database, receipt, epoch=EPOCH)

    assert (comment,) == tuple(database.comments(receipt.incident))
    head = database.head(receipt.incident)
    assert (1, 1, comment.link) == (head.seq, head.part, head.link)
    assert EPOCH == database.epoch(receipt.incident)
    assert ["robert", "miriam"] == list(database.readers(receipt.incident))
    assert database.delivery(receipt.inbox_id).report is None


def test_comments_come_back_in_order(database: Database, take_in: Intake) -> None:
    receipt = take_in()
    head = genesis(receipt.incident)
    parts = [
        replace(a_comment(head), id=CommentId(seq, part), parts=12, link=Link(chr(97 + seq) * 43))
        for seq in (1, 2)
        for part in range(1, 13)
    ]

    database.hand_over(receipt.inbox_id, head=head, comments=list(reversed(parts)), epoch=None, readers=[])

    assert parts == list(database.comments(receipt.incident))
    assert (2, 12) == (database.head(receipt.incident).seq, database.head(receipt.incident).part)


def test_a_diary_that_moved_on_is_not_written_to(
    database: Database, take_in: Intake, make_report: Callable[..., Report]
) -> None:
    receipt = take_in(submission="s1")
    second = take_in(make_report(account="other"), submission="s1")
    old = database.head(receipt.incident)
    hand_over(database, receipt, epoch=EPOCH)

    with pytest.raises(HeadConflict, match="has moved on"):
        database.hand_over(
            second.inbox_id,
            head=old,
            comments=[a_comment(old, letter="m")],
            epoch=Epoch(2, "r", "w"),
            readers=[],
        )

    assert 1 == len(database.comments(receipt.incident))
    assert EPOCH == database.epoch(receipt.incident)
    assert database.delivery(second.inbox_id).report is not None


def test_a_hand_over_that_fails_half_way_changes_nothing(database: Database, take_in: Intake) -> None:
    receipt = take_in()
    head = genesis(receipt.incident)
    twice = [a_comment(head), a_comment(head)]

    with pytest.raises(StoreError, match="diary was not changed"):
        database.hand_over(
            receipt.inbox_id, head=head, comments=twice, epoch=EPOCH, readers=[Alias("robert")]
        )

    assert genesis(receipt.incident) == database.head(receipt.incident)
    assert database.epoch(receipt.incident) is None
    assert database.delivery(receipt.inbox_id).report is not None


def test_the_hosts_ids_of_comments_are_noted(database: Database, take_in: Intake) -> None:
    receipt = take_in()
    comment = hand_over(database, receipt)

    database.comments_posted(receipt.incident, {comment.id: "c77", CommentId(9, 9): "c78"})

    assert ["c77"] == [row.host_comment_id for row in rows(database, t.comment)]
