"""A canary in a plain comment and in the hosts' events: nowhere in clear once it was handled, but in the diary."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import requests

from sandbox.form import NOAHS_REPORT
from tests.leaks.event_flow import handle, kept_or_said, notes, ref_of

if TYPE_CHECKING:
    import pytest

    from integration.diary.keys import Identity
    from integration.incident import Incident
    from sandbox.mailbox import Mailbox
    from sandbox.rehearsal import HeldHook, Server
    from tests.leaks.conftest import Canary


def say(server: Server, incident: Incident, words: str) -> None:
    """A member writes a plain comment, in spite of all that was said."""
    text = {"type": "text", "text": words}
    body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    answer = requests.post(
        f"{server.world.jira_url}/rest/api/3/issue/{ref_of(server, incident.id).id}/comment",
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
    handle(server, hook, "jira", caplog)

    found = kept_or_said(canary, server, box, caplog)
    ours = server.wire("jira").journal[written_before + 1 :]
    found += [hit for one in ours for hit in canary.found_in(f"sent: {one.method}", one.request_body)]
    left = [
        str(one) for issue in server.world.jira.site.issues.values() for one in (issue.values, issue.comments)
    ]
    found += canary.found_in("what tickets hold", "\n".join(left).encode())
    assert [] == found

    mails = [mail.decode() for address, mail in box.mails if "charlie" in str(address)]
    assert any("a comment of yours was sealed" in mail for mail in mails)
    (note,) = notes(server, "jira", incident.id, identities["robert"])
    assert canary.cores["plain comment"] in note
