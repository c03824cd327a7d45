"""A plain comment goes only when all that it says is sealed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.casework import Casework, open_incident
from integration.errors import HostUnknownOutcome
from integration.host_events import HostEvent, Touched
from integration.mirror import PlainComment
from integration.text import Untrusted
from tests.server.memory_host import SPACE

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

FIRST, MORE = "I spoke to Noah.", "I spoke to Noah. He is not safe at home."


def looks(database: Database, work: Casework) -> None:
    """Do the one job that looks at a ticket."""
    (job,) = [one for one in database.unfinished_jobs() if one.only_looks]
    open_incident(job.inbox_id, work)


def test_words_that_are_added_while_a_plain_comment_is_being_sealed_are_sealed_too(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    (ticket,) = host.tickets
    first = PlainComment("777", "robert-gh", clock.now(), Untrusted(FIRST))
    more = replace(first, text=Untrusted(MORE))
    other = PlainComment("778", "miriam-gh", clock.now(), Untrusted("Another one."))
    ticket.plain += [first, other]
    database.note_event(
        SPACE, HostEvent("d", Touched.COMMENTS, ticket.ref.id, "robert-gh", own=False), clock.now()
    )

    def edited(call: str) -> None:
        if call == "remove":  # between the last look and the deletion
            ticket.plain[ticket.plain.index(first)] = more
            host.trouble = lambda _call: None

    host.trouble = edited
    with pytest.raises(HostUnknownOutcome, match="was changed while it was being sealed"):
        looks(database, work)

    assert [more] == ticket.plain
    assert ["778"] == [one.comment_id for one in database.untold_exposures()]
    assert database.exposed(receipt.incident, first)
    assert database.exposed(receipt.incident, more) is None

    looks(database, work)  # the same job, at its next try

    assert [] == ticket.plain
    assert database.exposed(receipt.incident, more)
    assert [] == [one for one in database.unfinished_jobs() if one.only_looks]
    told = [(one.comment_id, one.account) for one in database.untold_exposures()]
    assert [("777", "robert-gh"), ("778", "miriam-gh")] == sorted(told)  # its author once
