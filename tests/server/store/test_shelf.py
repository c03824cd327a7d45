"""The shelf gives an incident to its readers only, and takes each nonce once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.pg import both
from tests.server.diaries import EPOCH, REF, hand_over, rows
from webhook_server.store import tables as t
from webhook_server.store.shelf import Shelf

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from webhook_server.store.database import Database


@both
def test_the_shelf_gives_an_incident_to_its_readers_only(
    take_in: Intake, database: Database, clock: SetClock
) -> None:
    first = take_in()
    clock.forward(minutes=1)
    second = take_in()
    for one in (first, second):
        hand_over(database, one, epoch=EPOCH)
    database.ticket_opened(second.incident, REF)
    take_in()
    shelf = Shelf(database._engine, database, lambda _space: 44_000)

    newest, oldest = shelf.cleared_incidents("robert")

    assert [second.incident, first.incident] == [newest.id, oldest.id]
    assert ((REF.name, REF.url), (None, None)) == (
        (newest.ticket, newest.ticket_url),
        (oldest.ticket, oldest.ticket_url),
    )
    assert newest == shelf.cleared_incident(newest.code_name, "miriam")
    assert shelf.cleared_incident(newest.code_name, "stranger") is None
    assert [] == list(shelf.cleared_incidents("stranger"))


@both
def test_the_shelf_gives_comments_and_head(take_in: Intake, database: Database) -> None:
    empty, full = take_in(), take_in()
    comment = hand_over(database, full)
    shelf = Shelf(database._engine, database, lambda _space: 44_000)

    head = shelf.head(full.incident)

    assert [comment.text] == list(shelf.comments(full.incident))
    assert head is not None
    assert comment.link == head.link
    assert shelf.head(empty.incident) is None


@both
def test_a_nonce_works_once_for_each_member_and_is_forgotten_after_its_time(
    database: Database, clock: SetClock
) -> None:
    shelf = Shelf(database._engine, database, lambda _space: 44_000)
    expires = clock.now() + timedelta(minutes=5)

    assert [True, False, True] == [
        shelf.use_nonce("robert", "n1", expires),
        shelf.use_nonce("robert", "n1", expires),
        shelf.use_nonce("miriam", "n1", expires),
    ]
    shelf.forget_nonces(expires)
    assert not shelf.use_nonce("robert", "n1", expires)
    shelf.forget_nonces(expires + timedelta(seconds=1))
    assert [] == rows(database, t.nonce)
