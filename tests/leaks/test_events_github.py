"""A canary in a plain comment on GitHub and in its events: nowhere in clear once it was handled, but in the diary."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import requests

from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, REPOSITORY
from sandbox.rehearsal import HeldHook
from tests.leaks.event_flow import handle, kept_or_said, notes, ref_of

if TYPE_CHECKING:
    import pytest

    from integration.diary.keys import Identity
    from sandbox.mailbox import Mailbox
    from sandbox.rehearsal import Server
    from tests.leaks.conftest import Canary


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
    hook = HeldHook(
        f"{server.world.origin}/from/in-github", server.world.webhook_secret, "X-Hub-Signature-256"
    )
    inbox_id = server.report("github", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    server.world.github.hooks.append(hook)
    incident = server.incident_of(inbox_id)
    ref = ref_of(server, incident.id)
    own = server.world.token("coc-service")
    by(server, "charlie", "POST", f"/issues/{ref.id}/comments", {"body": canary.text("plain comment")})
    by(server, "charlie", "POST", f"/issues/{ref.id}/labels", [f"lead: {canary.text('label')[:30]}"])
    by(server, "charlie", "PATCH", f"/issues/{int(ref.id) + 1}", {"title": canary.text("a step's title")})
    first = len(server.wire("github").journal)

    assert set(server.deliver(hook)) == {200}
    assert [200, 200, 401] == forged(server, hook, canary.text("event"))
    handle(server, hook, "github", caplog)

    found = kept_or_said(canary, server, box, caplog)
    ours = [one for one in server.wire("github").journal[first:] if own in str(one.request_headers)]
    assert len(ours) > 4
    found += [hit for one in ours for hit in canary.found_in(f"sent: {one.method}", one.request_body)]
    issues = server.world.github.repo(f"{ORG}/{REPOSITORY}").issues.values()
    comments = [text for issue in issues for one in issue.comments for text in (one.body, *one.history)]
    found += canary.found_in("what comments hold", "\n".join(comments).encode())
    assert [] == found

    read = notes(server, "github", incident.id, identities["robert"])
    assert 1 == sum(canary.cores["plain comment"] in note for note in read)
