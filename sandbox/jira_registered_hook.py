"""A webhook that an admin of the Jira stand-in registered: which news it gets, how they are signed and sent again.

https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.jira_jql import parse
from sandbox.wire import Hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sandbox.jira_site import Site
    from sandbox.jira_state import Issue

_AGAIN = frozenset({0, 408, 409, 425, 429})
"""Answers after which Jira delivers again; 0 is no answer. So are all of 500 and more."""
_TROUBLE = 500


@dataclass
class RegisteredHook(Hook):
    """A webhook that an admin registered. What was not taken waits for :meth:`retry`; Jira does it by itself."""

    id: str = ""
    name: str = ""
    events: list[str] = field(default_factory=list)
    jql: str = ""
    enabled: bool = True
    updated_by: str = ""
    undelivered: list[tuple[dict[str, str], bytes, int]] = field(default_factory=list)

    def wants(self, site: Site, event: str, issue: Issue | None, now: datetime) -> bool:
        """Whether this event of this issue goes to it."""
        if not self.enabled or event not in self.events:
            return False
        if issue is None or not self.jql:
            return True
        return bool(parse(site, self.jql, now=now, visible=lambda _key: True).run([issue]))

    def send(
        self,
        payload: Mapping[str, object],
        headers: Mapping[str, str],
        answered: Callable[[int], None] = lambda _code: None,
    ) -> None:
        """Deliver it under an identifier that is this hook's own and stays the same when it is sent again."""
        super().send(payload, {**headers, "X-Atlassian-Webhook-Identifier": str(uuid.uuid4())}, answered)

    def _post(
        self,
        headers: dict[str, str],
        body: bytes,
        before: object,
        answered: Callable[[int], None],
    ) -> None:
        if not self.secret:
            headers.pop(self.header, None)
        super()._post(headers, body, before, answered)  # type: ignore[arg-type]  # the thread before, handed on
        code = self.deliveries[-1][2]
        if code in _AGAIN or code >= _TROUBLE:
            tries = int(headers.get("X-Atlassian-Webhook-Retry", "0")) + 1
            self.undelivered.append((headers, body, tries))

    def retry(self) -> None:
        """Send what was not taken once more, byte for byte, and say how often it was tried."""
        self.drain()
        waiting, self.undelivered = self.undelivered, []
        for headers, raw, tries in waiting:
            again = {**headers, "X-Atlassian-Webhook-Retry": str(tries)}
            self._post(again, raw, None, lambda _code: None)
