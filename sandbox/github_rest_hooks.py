"""GitHub's REST calls on webhooks of repositories and organizations: make, list, change, ping, look at deliveries.

A secret that was given is never shown again: it reads ``********``.
https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/orgs/webhooks
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from sandbox.github_access import owns, rank
from sandbox.github_calls import Calls, Reply, body, paged
from sandbox.github_json import stamp
from sandbox.github_owner_state import Webhook
from sandbox.github_refusal import Refused, invalid
from sandbox.github_state import Organization
from sandbox.wire import Hook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.github_access import Caller
    from sandbox.github_actions import Actions
    from sandbox.github_deliveries import Deliveries
    from sandbox.github_json import Json, Show
    from sandbox.github_state import Repository, State
    from sandbox.github_webhooks import Webhooks

HEADER = "X-Hub-Signature-256"
_HIDDEN = "********"
_EVENTS = frozenset(
    [
        "*",
        "branch_protection_rule",
        "check_run",
        "create",
        "delete",
        "deploy_key",
        "deployment",
        "discussion",
        "fork",
        "gollum",
        "issue_comment",
        "issues",
        "label",
        "member",
        "meta",
        "milestone",
        "page_build",
        "ping",
        "project",
        "public",
        "pull_request",
        "push",
        "release",
        "repository",
        "status",
        "sub_issues",
        "team_add",
        "watch",
        "workflow_run",
    ]
)
_OF_AN_ORGANIZATION = frozenset({"membership", "organization", "team", "installation_target"})


class HookCalls(Calls):
    """For who administers the repository, with a token that carries webhooks; for all others there is no hook."""

    in_a_repository: ClassVar[Mapping[str, str]] = {
        "GET /hooks": "hooks",
        "POST /hooks": "create_hook",
        "GET /hooks/<int:hook_id>": "hook",
        "PATCH /hooks/<int:hook_id>": "edit_hook",
        "DELETE /hooks/<int:hook_id>": "delete_hook",
        "POST /hooks/<int:hook_id>/pings": "ping_hook",
        "GET /hooks/<int:hook_id>/deliveries": "hook_deliveries",
        "POST /hooks/<int:hook_id>/deliveries/<int:delivery_id>/attempts": "hook_deliver_again",
    }
    elsewhere: ClassVar[Mapping[str, str]] = {
        "GET /orgs/<login>/hooks": "org_hooks",
        "POST /orgs/<login>/hooks": "create_org_hook",
    }

    def __init__(
        self,
        state: State,
        *,
        show: Show,
        actions: Actions,
        hooks: Sequence[Hook],
        deliveries: Deliveries,
        tell: Webhooks,
    ) -> None:
        super().__init__(state, show=show, actions=actions)
        self._hooks = hooks
        self._deliveries = deliveries
        self._tell = tell

    # Of a repository

    def _call_hooks(self, caller: Caller, repo: Repository) -> Reply:
        self._administers(caller, repo, write=False)
        given = [
            Webhook(place, hook, ("*",), active=True, created_at=repo.created_at)
            for place, hook in enumerate(self._hooks, 1)
        ]
        return paged([self._shown(one, repo) for one in [*given, *repo.webhooks]], self._show.root)

    def _call_create_hook(self, caller: Caller, repo: Repository) -> Reply:
        self._administers(caller, repo, write=True)
        made = self._made(repo.webhooks, _EVENTS)
        self._tell.ping(made, repo, caller)
        return Reply(self._shown(made, repo), 201)

    def _call_hook(self, caller: Caller, repo: Repository, hook_id: int) -> Reply:
        return Reply(self._shown(self._webhook(caller, repo, hook_id, write=False), repo))

    def _call_edit_hook(self, caller: Caller, repo: Repository, hook_id: int) -> Reply:
        one, sent = self._webhook(caller, repo, hook_id, write=True), body()
        config = sent.get("config")
        if config is not None:
            # The whole configuration is replaced: a secret that is not sent again is gone.
            one.hook.url, one.hook.secret = (
                str(config.get("url", one.hook.url)),
                str(config.get("secret", "")),
            )
            one.content_type = str(config.get("content_type", "form"))
            one.insecure_ssl = str(config.get("insecure_ssl", "0"))
        if "events" in sent:
            one.events = tuple(sent["events"])
        if "active" in sent:
            one.active = bool(sent["active"])
        return Reply(self._shown(one, repo))

    def _call_delete_hook(self, caller: Caller, repo: Repository, hook_id: int) -> Reply:
        repo.webhooks.remove(self._webhook(caller, repo, hook_id, write=True))
        return Reply(status=204)

    def _call_ping_hook(self, caller: Caller, repo: Repository, hook_id: int) -> Reply:
        self._tell.ping(self._webhook(caller, repo, hook_id, write=True), repo, caller)
        return Reply(status=204)

    def _call_hook_deliveries(self, caller: Caller, repo: Repository, hook_id: int) -> Reply:
        return self._deliveries.listed(self._hook(caller, repo, hook_id, write=False), self._show.root)

    def _call_hook_deliver_again(
        self, caller: Caller, repo: Repository, hook_id: int, delivery_id: int
    ) -> Reply:
        return self._deliveries.again(self._hook(caller, repo, hook_id, write=True), delivery_id)

    # Of an organization

    def _call_org_hooks(self, caller: Caller, login: str) -> Reply:
        org = self._owned(caller, login)
        return paged([self._of_org(one, org) for one in org.webhooks], self._show.root)

    def _call_create_org_hook(self, caller: Caller, login: str) -> Reply:
        org = self._owned(caller, login)
        return Reply(self._of_org(self._made(org.webhooks, _EVENTS | _OF_AN_ORGANIZATION), org), 201)

    def _owned(self, caller: Caller, login: str) -> Organization:
        account = self._state.account(login)
        if not isinstance(account, Organization) or not owns(caller, account):
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return account

    # Helpers

    def _made(self, webhooks: list[Webhook], known: frozenset[str]) -> Webhook:
        sent = body()
        config: dict[str, Any] = sent.get("config") or {}
        events = tuple(sent.get("events") or ("push",))
        if sent.get("name", "web") != "web" or not urlsplit(str(config.get("url", ""))).hostname:
            raise invalid("Hook", "url", "url is missing a host")
        if not set(events) <= known:
            raise invalid("Hook", "events", code="invalid")
        if any(one.hook.url == config["url"] and set(one.events) & set(events) for one in webhooks):
            raise invalid("Hook", "url", "Hook already exists on this repository")
        made = Webhook(
            self._state.new_id(),
            Hook(str(config["url"]), str(config.get("secret", "")), HEADER),
            events,
            active=bool(sent.get("active", True)),
            created_at=self._do.now(),
            content_type=str(config.get("content_type", "form")),
            insecure_ssl=str(config.get("insecure_ssl", "0")),
        )
        webhooks.append(made)
        return made

    def _shown(self, one: Webhook, repo: Repository) -> Json:
        url = f"{self._show.root}/repos/{repo.full_name}/hooks/{one.id}"
        return {
            "type": "Repository",
            **self._base(one, url),
            "test_url": f"{url}/test",
            "last_response": self._deliveries.last_response(one.hook),
        }

    def _of_org(self, one: Webhook, org: Organization) -> Json:
        return {
            "type": "Organization",
            **self._base(one, f"{self._show.root}/orgs/{org.login}/hooks/{one.id}"),
        }

    @staticmethod
    def _base(one: Webhook, url: str) -> Json:
        config = {"url": one.hook.url, "content_type": one.content_type, "insecure_ssl": one.insecure_ssl}
        return {
            "id": one.id,
            "name": "web",
            "active": one.active,
            "events": list(one.events),
            "config": {**config, "secret": _HIDDEN} if one.hook.secret else config,
            "url": url,
            "ping_url": f"{url}/pings",
            "deliveries_url": f"{url}/deliveries",
            "created_at": stamp(one.created_at),
            "updated_at": stamp(one.created_at),
        }

    def _administers(self, caller: Caller, repo: Repository, *, write: bool) -> None:
        caller.require("repository_hooks", write=write)
        if caller.app is None and rank(caller.level(repo)) < rank("admin"):
            raise Refused(404, "Not Found", kind="NOT_FOUND")

    def _webhook(self, caller: Caller, repo: Repository, hook_id: int, *, write: bool) -> Webhook:
        self._administers(caller, repo, write=write)
        found = next((one for one in repo.webhooks if one.id == hook_id), None)
        if found is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return found

    def _hook(self, caller: Caller, repo: Repository, hook_id: int, *, write: bool) -> Hook:
        self._administers(caller, repo, write=write)
        if 1 <= hook_id <= len(self._hooks):
            return self._hooks[hook_id - 1]
        return self._webhook(caller, repo, hook_id, write=write).hook
