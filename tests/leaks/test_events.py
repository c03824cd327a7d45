"""A canary in a plain comment and in the hosts' events: nowhere in clear once it was handled, but in the diary."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import requests

from desk.reading import trust_of
from integration.diary.keys import Identity, generate_identity
from integration.diary.open import open_diary
from integration.errors import HostError
from integration.store import HOST
from sandbox.mailbox import Mailbox, mailbox
from sandbox.playground import NOAHS_REPORT, TEAM, playground
from sandbox.rehearsal import HeldHook, Server, SetClock
from sandbox.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.incident import Incident
    from tests.leaks.conftest import Canary


@pytest.fixture(scope="module")
def identities() -> dict[str, Identity]:
    return {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path, box: Mailbox, identities: dict[str, Identity]) -> Iterator[Server]:
    clock = SetClock()
    with playground(tmp_path / "server", now=clock.now, mail_port=box.port, identities=identities) as world:
        made = Server(world, clock)
        yield made
        made.close()


@pytest.fixture(autouse=True)
def every_log(caplog: pytest.LogCaptureFixture) -> None:
    """All loggers, at their most talkative."""
    caplog.set_level(logging.DEBUG)
    for name in ("jira", "urllib3", "sqlalchemy.engine", "werkzeug"):
        caplog.set_level(logging.DEBUG, logger=name)


def say(server: Server, incident: Incident, words: str) -> None:
    """A member writes a plain comment, in spite of all that was said."""
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    text = {"type": "text", "text": words}
    body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    answer = requests.post(
        f"{server.world.jira_url}/rest/api/3/issue/{ref.id}/comment",
        auth=("charlie@team.example", server.world.token("charlie")),
        json={"body": body},
        timeout=10,
    )
    answer.raise_for_status()


def forged(server: Server, hook: HeldHook, words: str) -> list[int]:
    """Events full of canaries: rightly signed and odd, wrongly signed, for a space that is not there."""
    headers = {"X-Atlassian-Webhook-Identifier": secrets.token_hex(8)}
    odd = hook.signed({"webhookEvent": words, words: words, "issue": {"id": words, "fields": words}}, headers)
    broken = hook.signed(
        {"webhookEvent": "jira:issue_updated", "issue": words, "user": {"accountId": words}},
        {"X-Atlassian-Webhook-Identifier": words.encode("ascii", "ignore").decode()},
    )
    client = server.parts.app.test_client()
    codes = [
        client.post("/from/in-jira", data=body, headers=sent).status_code for sent, body in (odd, broken)
    ]
    codes.append(client.post("/from/in-jira", data=json.dumps(words).encode()).status_code)
    codes.append(client.post("/from/elsewhere", data=odd[1], headers=odd[0]).status_code)
    return codes


def test_a_plain_comment_is_nowhere_in_clear_once_it_was_handled(
    canary: Canary,
    server: Server,
    box: Mailbox,
    caplog: pytest.LogCaptureFixture,
    identities: dict[str, Identity],
) -> None:
    inbox_id = server.report("jira", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    incident, hook = server.incident_of(inbox_id), server.hear_jira()
    words, title = canary.text("plain comment"), canary.text("event")
    written_before = len(server.wire("jira").journal)
    say(server, incident, words)

    assert [200] == server.deliver(hook)
    assert [200, 200, 401, 401] == forged(server, hook, title)
    for skip in range(4):  # the first tries fail at each call
        server.wire("jira").fail_next(Fault("status-after", status=500), skip=skip)
        for job in server.parts.database.due_jobs(server.clock.now(), limit=9, looks=HOST):
            try:
                server.open(job.inbox_id)
            except HostError as error:
                caplog.records.append(logging.makeLogRecord({"msg": str(error)}))
        server.wire("jira").heal()
        server.clock.forward(minutes=1)
    server.deliver(hook)
    for job in server.parts.database.due_jobs(server.clock.now(), limit=9, looks=HOST):
        server.open(job.inbox_id)
    server.parts.dispatcher.tell_members()

    found: list[str] = []
    ours = server.wire("jira").journal[written_before + 1 :]
    found += [hit for one in ours for hit in canary.found_in(f"sent: {one.method}", one.request_body)]
    left = [
        str(one) for issue in server.world.jira.site.issues.values() for one in (issue.values, issue.comments)
    ]
    found += canary.found_in("what tickets hold", "\n".join(left).encode())
    for path in server.world.folder.rglob("*"):
        if path.is_file():
            found += canary.found_in(path.name, path.read_bytes())
    with closing(sqlite3.connect(server.world.folder / "coc.sqlite")) as database:
        found += canary.found_in("the database", "\n".join(database.iterdump()).encode())
    found += canary.found_in("the log", "\n".join(map(str, caplog.records)).encode() + caplog.text.encode())
    for _address, mail in box.mails:
        found += canary.found_in("a mail", mail)
    assert [] == found

    mails = [mail.decode() for address, mail in box.mails if "charlie" in str(address)]
    assert any("a comment of yours was sealed" in mail for mail in mails)
    shown = server.shown("jira", incident.id)
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    trust = trust_of(incident.id, ref.name, server.parts.work.roster())
    head = server.parts.database.head(incident.id)
    diary = open_diary(shown.texts, identity=identities["robert"], trust=trust, head=head)
    notes = [one.body.reveal() for one in diary.entries if str(one.content) == "note"]
    assert 1 == len(notes)
    assert canary.cores["plain comment"] in notes[0]
