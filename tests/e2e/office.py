"""One incident on a host, members who work there, and the webhook that tells the service."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from desk.reading import trust_of
from integration.diary.open import open_diary
from integration.errors import HostError
from integration.store import HOST
from sandbox.rehearsal import Killed, dying_at
from tests.sampled import sampled
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from integration.incident import Incident, IncidentId
    from integration.mirror import TicketRef
    from sandbox.rehearsal import HeldHook, HostName, Server

MOST_REQUESTS = 4
"""What an event costs at most."""
OF_A_COMMENT = MOST_REQUESTS + 1
"""A plain comment is read once more, right before it is deleted."""


@dataclass
class Office:
    """What is the same whichever host the team works in; a subclass says how people ask it for something."""

    server: Server
    hook: HeldHook
    incident_id: IncidentId
    identities: dict[str, Identity]

    host: ClassVar[HostName]

    def say(self, words: str) -> object:
        """A member writes a plain comment on the ticket."""
        raise NotImplementedError

    def plain(self) -> list[str]:
        """The texts of comments on the host that hold no diary."""
        raise NotImplementedError

    @property
    def incident(self) -> Incident:
        return self.server.parts.database.incident(self.incident_id)

    @property
    def ref(self) -> TicketRef:
        ref = self.server.parts.database.ticket(self.incident_id).ref
        assert ref is not None
        return ref

    def told(self) -> int:
        """Deliver the events and do their jobs; how many requests the host got."""
        assert set(self.server.deliver(self.hook)) <= {200}
        before = self.server.wire(self.host).calls
        self.run()
        return self.server.wire(self.host).calls - before

    def run(self) -> None:
        """Do the jobs of the events that were heard."""
        for job in self.server.parts.database.due_jobs(self.server.clock.now(), limit=10, looks=HOST):
            self.server.open(job.inbox_id)

    def attempt(self) -> list[str]:
        """Deliver the events and try each job once, as the engine does; the results."""
        self.server.deliver(self.hook)
        parts = self.server.parts
        locks = Locks(parts.database._engine)
        jobs = parts.database.due_jobs(self.server.clock.now(), limit=10, looks=HOST)
        return [attempt(job.inbox_id, parts.work, parts.database, locks) for job in jobs]

    def diary(self) -> list[str]:
        """What a cleared member reads of the notes, from the ticket; the diary must verify."""
        shown = self.server.shown(self.host, self.incident_id)
        trust = trust_of(self.incident_id, self.ref.name, self.server.parts.work.roster())
        head = self.server.parts.database.head(self.incident_id)
        opened = open_diary(shown.texts, identity=self.identities["robert"], trust=trust, head=head)
        assert not any(one.serious for one in opened.findings)
        return [one.body.reveal() for one in opened.entries if str(one.content) == "note"]

    def untold(self) -> list[tuple[str, str]]:
        """The accounts that are to be told of their comments, with the code name."""
        untold = self.server.parts.database.untold_exposures()
        return [(one.account, one.code_name) for one in untold if one.incident == self.incident_id]

    def found(self) -> str | None:
        """What members are to be told that was found on the ticket."""
        jobs = self.server.parts.database.untold(
            self.server.clock.now(), again_after=timedelta(days=1), overdue_after=timedelta(hours=1)
        )
        return next((one.reason for one in jobs if one.inbox_id == f"found_{self.incident_id}"), None)


def is_sealed_once_and_never_lost(office: Office, *, after: bool) -> None:
    """A plain comment for each call of its handling, at which the service is killed and started again."""
    for sealed, call in enumerate(sampled(OF_A_COMMENT)):
        words = f"Words number {call}"
        before = office.server.parts.database.head(office.incident_id).seq
        office.say(words)
        office.server.deliver(office.hook)
        with dying_at(call, after=after), contextlib.suppress(Killed, HostError):
            office.run()
        on_the_ticket = any(words in text for text in office.plain())
        assert on_the_ticket or office.server.parts.database.head(office.incident_id).seq > before
        office.server.restart()

        for _ in range(4):
            office.server.clock.forward(minutes=1)
            with contextlib.suppress(HostError):
                office.run()

        assert [] == office.plain()
        assert 1 == sum(words in note for note in office.diary())
        assert 1 + sealed == len(office.untold())
