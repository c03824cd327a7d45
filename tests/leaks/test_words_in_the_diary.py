"""A canary inside a comment of the diary in Jira, where the ciphertext stands: nowhere in clear once it was handled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from sandbox.form import NOAHS_REPORT
from tests.leaks.event_flow import handle, kept_or_said, notes, ref_of

if TYPE_CHECKING:
    import pytest

    from integration.diary.keys import Identity
    from sandbox.mailbox import Mailbox
    from sandbox.rehearsal import Server
    from tests.leaks.conftest import Canary


def test_words_in_the_code_of_a_diary_comment_are_nowhere_in_clear_once_they_were_handled(
    canary: Canary,
    server: Server,
    box: Mailbox,
    caplog: pytest.LogCaptureFixture,
    identities: dict[str, Identity],
) -> None:
    inbox_id = server.report("jira", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    incident, hook = server.incident_of(inbox_id), server.hear_jira()
    ref, words = ref_of(server, incident.id), canary.text("words in the code")
    comment = server.world.jira.site.issues[ref.id].comments[-1]
    line, block = comment.body["content"]
    (text,) = block["content"]
    changed = {**block, "content": [{**text, "text": f"{text['text']}\n{words}"}]}
    written_before = len(server.wire("jira").journal)
    answer = requests.put(
        f"{server.world.jira_url}/rest/api/3/issue/{ref.id}/comment/{comment.id}",
        auth=("charlie@team.example", server.world.token("charlie")),
        json={"body": {**comment.body, "content": [line, changed]}},
        timeout=10,
    )
    answer.raise_for_status()

    assert [200] == server.deliver(hook)
    handle(server, hook, "jira", caplog)

    found = kept_or_said(canary, server, box, caplog)
    ours = server.wire("jira").journal[written_before + 1 :]
    found += [hit for one in ours for hit in canary.found_in(f"sent: {one.method}", one.request_body)]
    left = [str(one.comments) for one in server.world.jira.site.issues.values()]
    found += canary.found_in("what tickets hold", "\n".join(left).encode())
    assert [] == found

    (note,) = notes(server, "jira", incident.id, identities["robert"])
    assert canary.cores["words in the code"] in note
