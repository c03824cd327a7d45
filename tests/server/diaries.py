"""Diaries as far as the database is concerned: comments that follow a head, and what lies in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.diary.comment import CommentId, CommentKind, Link, SealedComment
from integration.diary.keys import Epoch
from integration.incident import Alias
from integration.mirror import TicketName, TicketRef
from integration.text import SealedText
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from integration.diary.chain import Head
    from integration.store import Receipt
    from webhook_server.store.database import Database

REF = TicketRef(TicketName("github:acme/conduct#1"), "1", "#1", "https://host.example/1", "9000000001")
EPOCH = Epoch(1, "age1" + "q" * 58, "ssh-ed25519 " + "A" * 68)


def a_comment(head: Head, letter: str = "l") -> SealedComment:
    return SealedComment(
        head.incident, REF.name, CommentId(head.seq + 1, 1), 1, 1, CommentKind.ENTRY, head.link,
        Link(letter * 43), SealedText("sealed"),
    )  # fmt: skip


def hand_over(
    database: Database, receipt: Receipt, *, epoch: Epoch | None = None, letter: str = "l"
) -> SealedComment:
    head = database.head(receipt.incident)
    comment = a_comment(head, letter=letter)
    readers = [Alias("robert"), Alias("miriam")] if epoch else []
    database.hand_over(receipt.inbox_id, head=head, comments=[comment], epoch=epoch, readers=readers)
    return comment


def rows(database: Database, table: sa.Table) -> list[sa.Row[Any]]:
    with database._engine.connect() as connection:
        return list(connection.execute(sa.select(table)).all())


def forget_the_diary(database: Database, *receipts: Receipt) -> None:
    """An older copy of the database is put back; the reports wait in it and open."""
    with database._engine.begin() as connection:
        for statement in ("DELETE FROM ticket", "DELETE FROM epoch", "DELETE FROM comment"):
            connection.exec_driver_sql(statement)
        for one in receipts:
            connection.execute(t.inbox.update().where(t.inbox.c.id == one.inbox_id).values(state="waiting"))
