"""What the GitHub stand-in tells its webhooks: GitHub's events in GitHub's shapes, signed.

Every registered hook hears of every change in every repository, one that was made by the API of what it asked for in
its own, an App's hook of those it is installed in.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github_access import installed_in
from sandbox.github_mail import GitHubMail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.github_access import Caller
    from sandbox.github_deliveries import Deliveries
    from sandbox.github_json import Json, Show
    from sandbox.github_owner_state import Webhook
    from sandbox.github_state import App, Comment, FieldValue, Issue, Repository, State
    from sandbox.wire import Hook


class Webhooks:
    """Sends events."""

    def __init__(self, state: State, *, show: Show, hooks: list[Hook], deliveries: Deliveries) -> None:
        self._state = state
        self._show = show
        self._hooks = hooks
        self._deliveries = deliveries
        self.mail = GitHubMail(state)

    def issue(self, caller: Caller, issue: Issue, action: str, **more: object) -> None:
        """An ``issues`` event, and what is mailed of it."""
        self.mail.issue(caller, issue, action)
        self._send(
            caller, issue.repo, "issues", lambda: {"action": action, "issue": self._touched(issue), **more}
        )

    def value_set(self, caller: Caller, issue: Issue, field_id: int, before: FieldValue | None) -> None:
        """A field of an issue has a value, or another one."""
        shown = next(v for v in self._show.values(issue) if v["issue_field_id"] == field_id)
        value: Json = {"id": field_id, "value": shown["value"]}
        if "single_select_option" in shown:
            value["option"] = shown["single_select_option"]
        more: Json = {"issue_field": self.brief(issue, field_id), "issue_field_value": value}
        if before is not None:
            more["changes"] = {"issue_field_value": {"from": {"id": field_id, "value": before}}}
        self.issue(caller, issue, "field_added", **more)

    @staticmethod
    def brief(issue: Issue, field_id: int) -> Json:
        """A field as webhooks name it."""
        org = issue.repo.organization
        field = next(field for field in (org.issue_fields if org else ()) if field.id == field_id)
        return {"id": field.id, "name": field.name, "field_type": field.data_type}

    def comment(self, caller: Caller, comment: Comment, action: str, **more: object) -> None:
        """An ``issue_comment`` event, and what is mailed of it."""
        self.mail.comment(caller, comment, action)

        def payload() -> Json:
            shown = {"issue": self._touched(comment.issue), "comment": self._show.comment(comment)}
            return {"action": action, **shown, **more}

        self._send(caller, comment.issue.repo, "issue_comment", payload)

    def family(self, caller: Caller, parent: Issue, child: Issue, what: str) -> None:
        """A sub-issue was added or removed: one event for the child, one for the parent."""

        def payload(above: str, repo: str) -> Json:
            return {
                "action": f"{above}_{what}",
                "parent_issue_id": parent.id,
                "parent_issue": self._issue(parent),
                "sub_issue_id": child.id,
                "sub_issue": self._issue(child),
                repo: self._show.repo(parent.repo if repo == "parent_issue_repo" else child.repo),
            }

        self._send(caller, child.repo, "sub_issues", lambda: payload("parent_issue", "parent_issue_repo"))
        self._send(caller, parent.repo, "sub_issues", lambda: payload("sub_issue", "sub_issue_repo"))

    def ping(self, one: Webhook, repo: Repository, caller: Caller) -> None:
        """The first event of a new hook, and one whenever it is asked for."""
        payload: Json = {
            "zen": "Keep it logically awesome.",
            "hook_id": one.id,
            "hook": {"type": "Repository", "id": one.id, "name": "web", "events": list(one.events)},
            "repository": self._show.repo(repo),
            "sender": self._show.user(caller.account),
        }
        self._deliveries.send(one.hook, "ping", payload, _headers(one.id, "repository", repo.id), None)

    def about(self, caller: Caller, repo: Repository, event: str, payload: Json) -> None:
        """Any other event of a repository."""
        self._send(caller, repo, event, lambda: payload)

    def _issue(self, issue: Issue) -> Json:
        """An issue as events show it: who closed it is the sender."""
        return {name: value for name, value in self._show.issue(issue).items() if name != "closed_by"}

    def _touched(self, issue: Issue) -> Json:
        """The issue that an event is about: without its parent, unless that is asked for."""
        shown = self._issue(issue)
        if not self._state.events_name_parents:
            shown.pop("parent_issue_url", None)
        return shown

    def _send(self, caller: Caller, repo: Repository, event: str, payload: Callable[[], Json]) -> None:
        """Deliver to every hook that wants it. Where there is none, as in benchmarks, nothing is made."""
        heard = [*self._heard(repo, event)]
        if not heard:
            return
        whole: Json = {
            **payload(),
            "repository": self._show.repo(repo),
            "sender": self._show.user(caller.account),
        }
        if repo.organization is not None:
            whole["organization"] = self._show.organization_simple(repo.organization)
        for hook, headers, app in heard:
            told, installation = whole, None
            if app is not None:
                installation = app.installation_id
                told = {**whole, "installation": {"id": installation, "node_id": app.node_id}}
            self._deliveries.send(hook, event, told, headers, installation)

    def _heard(self, repo: Repository, event: str) -> Iterator[tuple[Hook, dict[str, str], App | None]]:
        """The hooks that hear of an event there, each with its headers, and the App that it belongs to."""
        for place, hook in enumerate(self._hooks, 1):
            yield hook, _headers(place, "repository", repo.id), None
        for one in repo.webhooks:
            if one.wants(event):
                yield one.hook, _headers(one.id, "repository", repo.id), None
        for one in repo.organization.webhooks if repo.organization is not None else ():
            if one.wants(event):
                yield one.hook, _headers(one.id, "organization", repo.owner.id), None
        for app in self._state.apps.values():
            if app.hook is not None and installed_in(app, repo):
                yield app.hook, _headers(app.id, "integration", app.id), app


def _headers(hook_id: int, target: str, target_id: int) -> dict[str, str]:
    return {
        "User-Agent": "GitHub-Hookshot/sandbox",
        "X-GitHub-Hook-ID": str(hook_id),
        "X-GitHub-Hook-Installation-Target-Type": target,
        "X-GitHub-Hook-Installation-Target-ID": str(target_id),
    }
