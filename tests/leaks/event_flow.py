"""What is the same for the events of both hosts: they are handled though calls fail, and then everything is searched."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from desk.reading import trust_of
from integration.diary.open import open_diary
from integration.errors import HostError
from integration.store import HOST
from sandbox.wire import Fault

if TYPE_CHECKING:
    import pytest

    from integration.diary.keys import Identity
    from integration.incident import IncidentId
    from integration.mirror import TicketRef
    from sandbox.mailbox import Mailbox
    from sandbox.rehearsal import HeldHook, HostName, Server
    from tests.leaks.conftest import Canary


def handle(server: Server, hook: HeldHook, host: HostName, caplog: pytest.LogCaptureFixture) -> None:
    """Do the jobs of all events, and tell the members. The first tries fail at each call; their errors count as logged."""
    for skip in range(5):
        server.wire(host).fail_next(Fault("status-after", status=500), skip=skip)
        for job in server.parts.database.due_jobs(server.clock.now(), limit=9, looks=HOST):
            try:
                server.open(job.inbox_id)
            except HostError as error:
                caplog.records.append(logging.makeLogRecord({"msg": str(error)}))
        server.wire(host).heal()
        server.clock.forward(minutes=1)
    server.deliver(hook)
    for job in server.parts.database.due_jobs(server.clock.now(), limit=9, looks=HOST):
        server.open(job.inbox_id)
    server.parts.dispatcher.tell_members()


def kept_or_said(canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Which canaries are in the server's files, its database, its log, or a mail of it."""
    found: list[str] = []
    for path in server.world.folder.rglob("*"):
        if path.is_file():
            found += canary.found_in(path.name, path.read_bytes())
    with closing(sqlite3.connect(server.world.folder / "coc.sqlite")) as database:
        found += canary.found_in("the database", "\n".join(database.iterdump()).encode())
    found += canary.found_in("the log", "\n".join(map(str, caplog.records)).encode() + caplog.text.encode())
    for _address, mail in box.mails:
        found += canary.found_in("a mail", mail)
    return found


def notes(server: Server, host: HostName, incident: IncidentId, reader: Identity) -> list[str]:
    """The notes that a cleared member reads in the diary on the ticket."""
    shown = server.shown(host, incident)
    trust = trust_of(incident, ref_of(server, incident).name, server.parts.work.roster())
    head = server.parts.database.head(incident)
    diary = open_diary(shown.texts, identity=reader, trust=trust, head=head)
    return [one.body.reveal() for one in diary.entries if str(one.content) == "note"]


def ref_of(server: Server, incident: IncidentId) -> TicketRef:
    """The incident's ticket."""
    ref = server.parts.database.ticket(incident).ref
    assert ref is not None
    return ref
