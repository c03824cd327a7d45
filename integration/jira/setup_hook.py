"""The set-up of the webhook by which Jira says what happened in the project, signed with a secret.

An admin's webhook: those of apps have no secret and end after thirty days.
https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.errors import HostRejected
from integration.jira.admin import HOOKS
from integration.jira.setup_parts import Lack, Part
from integration.jira.wanted import HOOK_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.jira.admin import JiraAdmin
    from integration.jira.fields import Json
    from integration.jira.setup_parts import Found, Plan

JQL_SECTION = "issue-related-events-section"


class HookPart(Part):
    """One webhook for this project alone. Jira shows nobody its secret, only that there is one."""

    def __init__(self, admin: JiraAdmin, plan: Plan, found: Found) -> None:
        super().__init__(admin, plan, found)
        self._renewed = False

    def lacks(self) -> Iterator[Lack]:
        """One read."""
        if self._plan.hook_url is None:
            return
        hooks = self._admin.read_list(HOOKS, what="list the webhooks")
        ours = [one for one in hooks if one.get("url") == self._plan.hook_url]
        if not ours:
            yield Lack("webhook", f"make the signed webhook to {self._plan.hook_url}", self._make)
            return
        wrong = list(faults(ours[0], self._plan.space.project))
        if self._plan.secret_is_new and not self._renewed:
            wrong.append("it signs with a secret that is not in the file")
        if wrong:
            number = str(ours[0].get("self", "")).rpartition("/")[2]

            def renew() -> None:
                self._admin.change(f"{HOOKS}/{number}", self._body(), what="renew the webhook")
                self._read_back(number)

            yield Lack("webhook", f"put the webhook right: {'; '.join(wrong)}", renew)

    def _make(self) -> None:
        made = self._admin.write(HOOKS, self._body(), what="make the webhook")
        self._read_back(str(made.get("self", "")).rpartition("/")[2])

    def _body(self) -> Json:
        return {
            "name": f"coc-mirror {self._plan.space.project}",
            "url": self._plan.hook_url,
            "events": list(HOOK_EVENTS),
            "filters": {JQL_SECTION: jql_of(self._plan.space.project)},
            "excludeBody": False,
            "enabled": True,
            "secret": self._plan.hook_secret,
        }

    def _read_back(self, number: str) -> None:
        hook = self._admin.read(f"{HOOKS}/{number}", what="read the webhook back")
        self._renewed = True
        if wrong := list(faults(hook, self._plan.space.project)):
            raise HostRejected(
                f"The webhook is not as it was asked for: {'; '.join(wrong)}.",
                meaning="Its events would not be believed by the service, or would be of other projects.",
                next_step="In Jira: Settings, System, WebHooks; delete it, and set up again.",
            )


def jql_of(project: str) -> str:
    """Which tickets' events are sent."""
    return f'project = "{project}"'


def faults(hook: Json, project: str) -> Iterator[str]:
    """What is wrong with our webhook as Jira shows it."""
    if hook.get("isSigned") is not True:
        yield "it is not signed"
    if hook.get("enabled") is not True:
        yield "it is switched off"
    if (hook.get("filters") or {}).get(JQL_SECTION) != jql_of(project):
        yield "it is not limited to the project"
    if hook.get("excludeBody") is True:
        yield "it sends no body"
    events = hook.get("events")
    if not set(HOOK_EVENTS) <= set(events if isinstance(events, list) else []):
        yield "it lacks events"
