"""The calls a GitHub App makes with its own signed token: where it is installed, and tokens for there.

https://docs.github.com/en/rest/apps/apps
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from sandbox.github_access import app_of, installed_in
from sandbox.github_calls import Reply, body, paged, respond
from sandbox.github_json import Show, stamp
from sandbox.github_refusal import Refused
from sandbox.github_state import App, State, Token
from sandbox.wire import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.github_deliveries import Deliveries
    from sandbox.github_json import Json

CALLS = {
    "GET /app": "app",
    "GET /app/installations": "installations",
    "GET /app/installations/<int:installation_id>": "installation",
    "POST /app/installations/<int:installation_id>/access_tokens": "token",
    "GET /app/hook/config": "hook_config",
    "GET /app/hook/deliveries": "deliveries",
    "POST /app/hook/deliveries/<int:delivery_id>/attempts": "deliver_again",
    "GET /orgs/<login>/installation": "in_org",
    "GET /repos/<owner>/<repo>/installation": "in_repo",
}
_MOST_REPOSITORIES = 500
_HIGHER = {"read": {"read", "write", "admin"}, "write": {"write", "admin"}, "admin": {"admin"}}


class AppCalls:
    """The calls, each with the App that signed."""

    def __init__(self, state: State, *, show: Show, deliveries: Deliveries) -> None:
        self._state = state
        self._show = show
        self._deliveries = deliveries

    def register(self, app: Flask) -> None:
        """Add the routes."""
        for call, name in CALLS.items():
            method, _, rest = call.partition(" ")
            app.add_url_rule(rest, f"app {name}", self._signed(getattr(self, name)), methods=[method])

    def _signed(self, call: Callable[..., Reply]) -> Callable[..., Response]:
        def view(**named: Any) -> Response:  # noqa: ANN401 - Flask passes what the path holds
            return respond(call(app_of(self._state, request.headers.get("Authorization", "")), **named))

        return view

    def app(self, app: App) -> Reply:
        """The App itself."""
        return Reply({**self._show.app(app), "installations_count": 1})

    def hook_config(self, app: App) -> Reply:
        """Where its webhook leads; the secret is never shown, and an App without a webhook shows no address."""
        shown: Json = {"content_type": "json", "insecure_ssl": "0"}
        if app.hook is not None:
            shown |= {"url": app.hook.url, **({"secret": "********"} if app.hook.secret else {})}
        return Reply(shown)

    def deliveries(self, app: App) -> Reply:
        """What its webhook was sent."""
        return self._deliveries.listed(app.hook, self._show.root)

    def deliver_again(self, app: App, delivery_id: int) -> Reply:
        """One of them once more."""
        return self._deliveries.again(app.hook, delivery_id)

    def installations(self, app: App) -> Reply:
        """All its installations: one, or none yet."""
        return paged([self._show.installation(app)] if app.installed else [], self._show.root)

    def installation(self, app: App, installation_id: int) -> Reply:
        """One installation."""
        self._require(app.installation_id == installation_id)
        return Reply(self._show.installation(app))

    def in_org(self, app: App, login: str) -> Reply:
        """The installation in an organization."""
        self._require(app.installed and app.owner.login.lower() == login.lower())
        return Reply(self._show.installation(app))

    def in_repo(self, app: App, owner: str, repo: str) -> Reply:
        """The installation that reaches a repository."""
        found = self._state.repo(owner, repo)
        self._require(found is not None and installed_in(app, found))
        return Reply(self._show.installation(app))

    def token(self, app: App, installation_id: int) -> Reply:
        """A token for one hour, limited to the repositories and permissions that were asked for.

        https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
        """
        self._require(app.installation_id == installation_id)
        sent = body()
        chosen = self._chosen(app, sent)
        granted = dict(sent.get("permissions") or app.permissions)
        for name, level in granted.items():
            if app.permissions.get(name) not in _HIGHER.get(level, set()):
                raise Refused(422, "The permissions requested are not granted to this installation.")
        granted.setdefault("metadata", "read")
        value = f"ghs_{app.id}_{secrets.token_urlsafe(390)}"
        expires = utc_now() + timedelta(hours=1)
        token = Token(app.bot, app=app, repositories=chosen, permissions=granted, expires_at=expires)
        self._state.tokens[value] = token
        reply: Json = {
            "token": value,
            "expires_at": stamp(expires),
            "permissions": granted,
            "repository_selection": "all" if chosen is None else "selected",
        }
        if chosen is not None:
            reply["repositories"] = [self._show.repo(self._state.repos[number]) for number in sorted(chosen)]
        return Reply(reply, 201)

    def _chosen(self, app: App, sent: Json) -> frozenset[int] | None:
        names, numbers = sent.get("repositories"), sent.get("repository_ids")
        if names is None and numbers is None:
            return app.repositories
        if len(names or []) + len(numbers or []) > _MOST_REPOSITORIES:
            raise Refused(422, f"Too many repositories: at most {_MOST_REPOSITORIES}.")
        found = [self._state.repo(app.owner.login, name) for name in names or []]
        found += [self._state.repos.get(number) for number in numbers or []]
        reached = [repo.id for repo in found if repo is not None and installed_in(app, repo)]
        if not found or len(reached) != len(found):
            raise Refused(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            )
        return frozenset(reached)

    @staticmethod
    def _require(found: bool) -> None:  # noqa: FBT001 - the one thing it is about
        if not found:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
