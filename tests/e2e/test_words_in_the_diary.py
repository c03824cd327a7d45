"""Words that somebody puts into a comment of the diary, wherever in it, are sealed and taken off, and the right one stands again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, OWNER, REPOSITORY
from sandbox.rehearsal import HeldHook
from tests.e2e.office import Office

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from sandbox.rehearsal import HostName, Server

WORDS = "It was Noah who told us."


class JiraTicket(Office):
    """A ticket in Jira, and somebody who may edit comments there."""

    host = "jira"

    @property
    def texts(self) -> list[str]:
        return [str(one.body) for one in self.server.world.jira.site.issues[self.ref.id].comments]

    def put_words_into_code(self, *, second_block: bool) -> None:
        """Edit the newest comment of the diary."""
        comment = self.server.world.jira.site.issues[self.ref.id].comments[-1]
        line, block = comment.body["content"]
        (text,) = block["content"]
        content = [line, {**block, "content": [{**text, "text": f"{text['text']}\n{WORDS}"}]}]
        if second_block:
            content = [line, block, {**block, "content": [{**text, "text": WORDS}]}]
        answer = requests.put(
            f"{self.server.world.jira_url}/rest/api/3/issue/{self.ref.id}/comment/{comment.id}",
            auth=("robert@team.example", self.server.world.token("robert")),
            json={"body": {**comment.body, "content": content}},
            timeout=10,
        )
        answer.raise_for_status()


class GitHubTicket(Office):
    """The same on GitHub."""

    host = "github"

    @property
    def texts(self) -> list[str]:
        issue = self.server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[int(self.ref.id)]
        return [text for one in issue.comments for text in (one.body, *one.history)]

    def put_words_into_code(self, *, second_block: bool) -> None:
        """Edit the newest comment of the diary."""
        comment = self.server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[int(self.ref.id)].comments[-1]
        between = "\n```\n\n```text\n" if second_block else "\n"
        answer = requests.patch(
            f"{self.server.world.github_url}/repos/{ORG}/{REPOSITORY}/issues/comments/{comment.id}",
            headers={"Authorization": f"Bearer {self.server.world.token(OWNER)}"},
            json={"body": comment.body.replace("\n```\n", f"{between}{WORDS}\n```\n")},
            timeout=10,
        )
        answer.raise_for_status()


@pytest.fixture(params=["jira", "github"])
def ticket(
    request: pytest.FixtureRequest, server: Server, identities: dict[str, Identity]
) -> JiraTicket | GitHubTicket:
    host: HostName = request.param
    inbox_id = server.report(host, NOAHS_REPORT)
    server.open_until_done(inbox_id)
    incident = server.incident_of(inbox_id).id
    if host == "jira":
        return JiraTicket(server, server.hear_jira(), incident, identities)
    hook = HeldHook(
        f"{server.world.origin}/from/in-github", server.world.webhook_secret, "X-Hub-Signature-256"
    )
    server.world.github.hooks.append(hook)
    return GitHubTicket(server, hook, incident, identities)


@pytest.mark.parametrize("second_block", [False, True], ids=["under-the-ciphertext", "in-a-second-block"])
def test_words_in_the_code_of_a_diary_comment_are_sealed_and_the_right_one_is_written_again(
    ticket: JiraTicket | GitHubTicket, *, second_block: bool
) -> None:
    ticket.put_words_into_code(second_block=second_block)
    assert any(WORDS in text for text in ticket.texts)

    ticket.told()

    assert not any(WORDS in text for text in ticket.texts)
    (note,) = ticket.diary()  # it verifies
    assert f"  {WORDS}" in note
    assert "comments,exposed" == ticket.found()
    assert [one[1] for one in ticket.untold()] == [ticket.incident.code_name]
    posted = ticket.server.shown(ticket.host, ticket.incident_id).texts
    assert len(set(posted)) == len(posted) == 3
