"""Admin webhooks of the Jira stand-in: registered by the site's admins, filtered by JQL, signed if they have a secret.

https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Response, g, jsonify

from sandbox.jira_api import Api, base, body, named, need_site_admin, nothing, on
from sandbox.jira_jql import parse
from sandbox.jira_refusal import Refusal
from sandbox.jira_registered_hook import RegisteredHook

if TYPE_CHECKING:
    from sandbox.jira_state import Json

JQL_SECTION = "issue-related-events-section"
SIGNATURE = "X-Hub-Signature"


class WebhookApi(Api):
    """Registering webhooks. Nobody reads a secret back; ``isSigned`` says that there is one."""

    prefix = "/rest/webhooks/1.0"

    @on("GET", "/webhook")
    def hooks(self) -> Response:
        """All registered hooks."""
        need_site_admin()
        return jsonify([self._shown(one) for one in self._registered()])

    @on("POST", "/webhook")
    def create_hook(self) -> Response:
        """A new hook."""
        need_site_admin()
        hook = RegisteredHook("", "", SIGNATURE, id=self.site.new_id())
        self._fill(hook, body())
        self.cloud.hooks.append(hook)
        answer = jsonify(self._shown(hook))
        answer.status_code = 201
        return answer

    @on("GET", "/webhook/<hook_id>")
    def read_hook(self, hook_id: str) -> Response:
        """One hook."""
        need_site_admin()
        return jsonify(self._shown(self._hook(hook_id)))

    @on("PUT", "/webhook/<hook_id>")
    def change_hook(self, hook_id: str) -> Response:
        """Change what is named; without a secret in the request the old one stays."""
        need_site_admin()
        hook = self._hook(hook_id)
        self._fill(hook, {**self._shown(hook), **body()})
        return jsonify(self._shown(hook))

    @on("DELETE", "/webhook/<hook_id>")
    def delete_hook(self, hook_id: str) -> Response:
        """A hook less."""
        need_site_admin()
        self.cloud.hooks.remove(self._hook(hook_id))
        return nothing()

    def _registered(self) -> list[RegisteredHook]:
        return [one for one in self.cloud.hooks if isinstance(one, RegisteredHook)]

    def _hook(self, hook_id: str) -> RegisteredHook:
        for one in self._registered():
            if one.id == hook_id:
                return one
        raise Refusal(404, "The webhook does not exist.")

    def _fill(self, hook: RegisteredHook, given: Json) -> None:
        url = named(given, "url", longest=2048)
        if urlsplit(url).scheme not in {"http", "https"}:
            raise Refusal(400, "The webhook's URL is not valid.")
        jql = given.get("filters", {}).get(JQL_SECTION, "")
        parse(self.site, jql, now=self.cloud.now(), visible=lambda _key: True)
        hook.name, hook.url, hook.jql = named(given), url, jql
        hook.events, hook.enabled = list(given.get("events", [])), bool(given.get("enabled", True))
        hook.secret = str(given.get("secret") or hook.secret)
        hook.updated_by = g.user.account_id

    def _shown(self, hook: RegisteredHook) -> Json:
        return {
            "name": hook.name,
            "url": hook.url,
            "excludeBody": False,
            "filters": {JQL_SECTION: hook.jql},
            "events": hook.events,
            "enabled": hook.enabled,
            "self": f"{base()}{self.prefix}/webhook/{hook.id}",
            "lastUpdatedUser": hook.updated_by,
            "lastUpdatedDisplayName": self.site.users[hook.updated_by].name,
            "lastUpdated": int(self.cloud.now().timestamp() * 1000),
            "isSigned": bool(hook.secret),
        }
