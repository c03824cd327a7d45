"""What GitHub would mail: new issues, comments, closing and opening again, to those who watch or take part.

Everybody who may push is taken to watch, as GitHub sets them to when they are given access; with them those who wrote,
are assigned or are mentioned. Nobody is mailed what they may not see, or what they did themselves. An edit or a deletion
mails nobody, and calls no mail back. That a field was set is told by notification, and mailed as well where that is on.
https://docs.github.com/en/subscriptions-and-notifications/concepts/about-notifications
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.github_access import level_of, rank
from sandbox.host_mail import HostMail

if TYPE_CHECKING:
    from sandbox.github_access import Caller
    from sandbox.github_state import Comment, Issue, State

_MENTION = re.compile(r"(?<![\w`])@([A-Za-z0-9-]+)")


class GitHubMail:
    """Collects the mails, oldest first, in ``sent``."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.sent: list[HostMail] = []

    def issue(self, caller: Caller, issue: Issue, action: str) -> None:
        """What an ``issues`` event of this action mails."""
        texts = {
            "opened": issue.body or "",
            "closed": f"Closed #{issue.number} as {issue.state_reason}.",
            "reopened": f"Reopened #{issue.number}.",
            "field_added": f"The fields of #{issue.number} were set.",
            "field_removed": f"The fields of #{issue.number} were set.",
        }
        if action in texts:
            self._mail(caller, issue, texts[action], again=action != "opened")

    def comment(self, caller: Caller, comment: Comment, action: str) -> None:
        """A new comment; no other change of one is mailed."""
        if action == "created":
            self._mail(caller, comment.issue, comment.body, again=True)

    def _mail(self, caller: Caller, issue: Issue, text: str, *, again: bool) -> None:
        subject = f"{'Re: ' if again else ''}[{issue.repo.full_name}] {issue.title} (Issue #{issue.number})"
        concerned = {issue.author.login, *(one.author.login for one in issue.comments)}
        concerned |= {one.login for one in issue.assignees} | set(_MENTION.findall(text))
        names = {one.lower() for one in concerned}
        for account in self._state.accounts.values():
            level = level_of(account, issue.repo)
            wants = rank(level) >= rank("push") or account.login.lower() in names
            if account.kind == "User" and account is not caller.account and level != "none" and wants:
                self.sent.append(HostMail(account.login, subject, text))
