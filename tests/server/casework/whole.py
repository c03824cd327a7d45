"""What a ticket that is wholly on its host looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.incident import IncidentType
from integration.process import default_process

if TYPE_CHECKING:
    from integration.store import Receipt
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

STEPS = [step.key for step in default_process().route(IncidentType.CONDUCT_ENFORCEMENT)]


def assert_whole(receipt: Receipt, host: MemoryHost, database: Database, *, tickets: int = 1) -> None:
    """One ticket, each step once and in order, each comment of the diary once and in order, the report erased."""
    mine = [one for one in host.tickets if one.incident == receipt.incident]
    assert tickets == len(mine)
    assert STEPS == list(mine[0].steps)
    assert list(database.comments(receipt.incident)) == mine[0].comments
    assert mine[0].comments
    assert database.delivery(receipt.inbox_id).report is None
    assert database.delivery(receipt.inbox_id).finished
