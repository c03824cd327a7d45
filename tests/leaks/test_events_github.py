"""A canary in a plain comment on GitHub and in its events: nowhere in clear once it was handled, but in the diary."""

from __future__ import annotations

import json
import logging
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
from sandbox.playground import NOAHS_REPORT, ORG, REPOSITORY, TEAM, playground
from sandbox.rehearsal import HeldHook, Server, SetClock
from sandbox.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def by(server: Server, who: str, method: str, path: str, sent: object) -> None:
    answer = requests.request(
        method, f"{server.world.github_url}/repos/{ORG}/{REPOSITORY}{path}", json=sent, timeout=10,
        headers={"Authorization": f"Bearer {server.world.token(who)}"},
    )  # fmt: skip
    answer.raise_for_status()


def forged(server: Server, hook: HeldHook, words: str) -> list[int]:
    """Events full of canaries: rightly signed and odd, wrongly signed."""
    guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    headers = {"X-GitHub-Event": "issues", "X-GitHub-Delivery": guid}
    odd = hook.signed(
        {"action": words, "issue": {"number": words, "title": words}, "repository": words}, headers
    )
    other = hook.signed({words: words, "zen": words}, {**headers, "X-GitHub-Event": "ping"})
    client = server.parts.app.test_client()
    codes = [
        client.post("/from/in-github", data=body, headers=sent).status_code for sent, body in (odd, other)
    ]
    spoilt = {**odd[0], "X-Hub-Signature-256": "sha256=" + words.encode().hex()}
    codes.append(client.post("/from/in-github", data=json.dumps(words).encode(), headers=spoilt).status_code)
    return codes


def test_a_plain_comment_on_github_is_nowhere_in_clear_once_it_was_handled(
    canary: Canary,
    server: Server,
    box: Mailbox,
    caplog: pytest.LogCaptureFixture,
    identities: dict[str, Identity],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("github", "github.Requester", "urllib3", "sqlalchemy.engine", "werkzeug"):
        caplog.set_level(logging.DEBUG, logger=name)
    hook = HeldHook(
        f"{server.world.origin}/from/in-github", server.world.webhook_secret, "X-Hub-Signature-256"
    )
    inbox_id = server.report("github", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    server.world.github.hooks.append(hook)
    incident = server.incident_of(inbox_id)
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    own = server.world.token("coc-service")
    by(server, "charlie", "POST", f"/issues/{ref.id}/comments", {"body": canary.text("plain comment")})
    by(server, "charlie", "POST", f"/issues/{ref.id}/labels", [f"lead: {canary.text('label')[:30]}"])
    by(server, "charlie", "PATCH", f"/issues/{int(ref.id) + 1}", {"title": canary.text("a step's title")})
    first = len(server.wire("github").journal)

    assert set(server.deliver(hook)) == {200}
    assert [200, 200, 401] == forged(server, hook, canary.text("event"))
    for skip in range(4):  # the first tries fail at each call
        server.wire("github").fail_next(Fault("status-after", status=500), skip=skip)
        for job in server.parts.database.due_jobs(server.clock.now(), limit=9, looks=HOST):
            try:
                server.open(job.inbox_id)
            except HostError as error:
                caplog.records.append(logging.makeLogRecord({"msg": str(error)}))
        server.wire("github").heal()
        server.clock.forward(minutes=1)
    server.deliver(hook)
    for job in server.parts.database.due_jobs(server.clock.now(), limit=9, looks=HOST):
        server.open(job.inbox_id)
    server.parts.dispatcher.tell_members()

    found: list[str] = []
    ours = [one for one in server.wire("github").journal[first:] if own in str(one.request_headers)]
    assert len(ours) > 4
    found += [hit for one in ours for hit in canary.found_in(f"sent: {one.method}", one.request_body)]
    issues = server.world.github.repo(f"{ORG}/{REPOSITORY}").issues.values()
    comments = [text for issue in issues for one in issue.comments for text in (one.body, *one.history)]
    found += canary.found_in("what comments hold", "\n".join(comments).encode())
    for path in server.world.folder.rglob("*"):
        if path.is_file():
            found += canary.found_in(path.name, path.read_bytes())
    with closing(sqlite3.connect(server.world.folder / "coc.sqlite")) as database:
        found += canary.found_in("the database", "\n".join(database.iterdump()).encode())
    found += canary.found_in("the log", "\n".join(map(str, caplog.records)).encode() + caplog.text.encode())
    for _address, mail in box.mails:
        found += canary.found_in("a mail", mail)
    assert [] == found

    shown = server.shown("github", incident.id)
    trust = trust_of(incident.id, ref.name, server.parts.work.roster())
    head = server.parts.database.head(incident.id)
    diary = open_diary(shown.texts, identity=identities["robert"], trust=trust, head=head)
    notes = [one.body.reveal() for one in diary.entries if str(one.content) == "note"]
    assert sum(canary.cores["plain comment"] in note for note in notes) == 1
