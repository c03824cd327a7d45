"""A stand-in for GitHub that the unmodified PyGithub talks to: REST, GraphQL, webhooks and a page to look at.

Its state is in memory, it is made up by the ``add_…`` methods, and it enforces GitHub's permissions and
limits. Serve :attr:`GitHubCom.wire` with :func:`sandbox.wire.serving` and use the address as base URL.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from flask import Response, jsonify, request

from sandbox.github_access import Caller, caller_of
from sandbox.github_actions import Actions
from sandbox.github_app_auth import AppCalls
from sandbox.github_calls import body
from sandbox.github_deliveries import Deliveries
from sandbox.github_doings import Doings
from sandbox.github_graphql import GraphQL
from sandbox.github_json import Show
from sandbox.github_manifest import ManifestPages
from sandbox.github_overlap import OverlapWire, UnderWay
from sandbox.github_owners import OwnersOrders
from sandbox.github_refusal import Refused
from sandbox.github_rest_hooks import HookCalls
from sandbox.github_rest_issues import IssueCalls
from sandbox.github_rest_org import OrgCalls
from sandbox.github_rest_places import PlaceCalls
from sandbox.github_rest_search import SearchCalls
from sandbox.github_rest_settings import SettingCalls
from sandbox.github_state import (
    Account,
    App,
    Invitation,
    Issue,
    IssueField,
    IssueType,
    Level,
    Option,
    Organization,
    Repository,
    State,
    Team,
    Token,
)
from sandbox.github_view import View
from sandbox.github_webhooks import Webhooks
from sandbox.quick_app import QuickApp
from sandbox.wire import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sandbox.host_mail import HostMail
    from sandbox.wire import Hook

_DOCS = "https://docs.github.com/rest"
_FLAGS = {
    "has_issues": True,
    "has_projects": False,
    "has_wiki": False,
    "has_pages": False,
    "has_discussions": False,
    "has_downloads": False,
    "allow_forking": False,
}


@dataclass(frozen=True)
class Field:
    """How to declare an organization's issue field: name, data type, and options of a select."""

    name: str
    data_type: str
    options: tuple[str, ...] = ()


class GitHubCom(OwnersOrders):
    """GitHub, small.

    ``hooks`` hear of every change, and so does an App's own (:meth:`add_app`); a hook's place in the list, from 1,
    is its id. ``limits`` are the rate limits, and ``state.events_name_parents`` is whether events of a sub-issue name
    its parent, both to be changed at any time; ``wire`` is what to serve, with its journal
    and faults. ``now`` dates what is written; the times in tokens are always the real time, since the client library
    checks them against that.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self.hooks: list[Hook] = []
        self.state = State()
        self.limits = self.state.limits
        self._now = now
        self._show = Show(self.state)
        self._under_way = UnderWay()
        self._deliveries = Deliveries(now)
        self._tell = Webhooks(self.state, show=self._show, hooks=self.hooks, deliveries=self._deliveries)
        self.actions = Actions(
            self.state,
            show=self._show,
            tell=self._tell,
            now=now,
            meanwhile=self._under_way.added_meanwhile,
        )
        self.people = Doings(self.state, show=self._show, tell=self._tell)
        self.app = self._flask()
        self.wire = OverlapWire(self.app, self._under_way)

    # Setting up

    def add_user(self, login: str, *, token: str | None = None) -> Account:
        """A person, with a classic token that may do what the person may."""
        account = self.state.keep(Account(self.state.new_id(), login))
        self.state.accounts[login.lower()] = account
        if token is not None:
            self.state.tokens[token] = Token(account)
        return account

    def add_token(
        self,
        login: str,
        token: str,
        *,
        repositories: Iterable[str] | None = None,
        permissions: Mapping[str, str] | None = None,
    ) -> None:
        """One more token of a person; with repositories or permissions, a fine-grained one."""
        chosen = None if repositories is None else frozenset(self.repo(name).id for name in repositories)
        granted = None if permissions is None else {"metadata": "read", **permissions}
        self.state.tokens[token] = Token(self.state.account(login), repositories=chosen, permissions=granted)

    def add_org(
        self,
        login: str,
        *,
        owners: Sequence[str],
        members: Sequence[str] = (),
        default_permission: Level = "none",
        issue_fields: Sequence[Field] = (),
        issue_types: Sequence[str] = ("Task", "Bug", "Feature"),
    ) -> Organization:
        """An organization; its people must have been added before."""
        state = self.state
        org = state.keep(Organization(state.new_id(), login, kind="Organization"))
        org.owners = {state.account(owner).login.lower() for owner in owners}
        org.members = {state.account(member).login.lower() for member in members}
        org.default_permission = default_permission
        for declared in issue_fields:
            options = [state.keep(Option(state.new_id(), name)) for name in declared.options]
            org.issue_fields.append(
                state.keep(IssueField(state.new_id(), declared.name, declared.data_type, options))
            )
        org.issue_types = [state.keep(IssueType(state.new_id(), name)) for name in issue_types]
        state.accounts[login.lower()] = org
        return org

    def add_repo(
        self,
        owner: str,
        name: str,
        *,
        private: bool = True,
        visibility: str | None = None,
        collaborators: Mapping[str, Level] | None = None,
        teams: Mapping[str, tuple[Level, Sequence[str]]] | None = None,
        invitations: Mapping[str, Level] | None = None,
        issue_fields: bool = False,
        archived: bool = False,
        flags: Mapping[str, bool] | None = None,
    ) -> Repository:
        """A repository. ``teams`` maps a slug to its level and members; ``flags`` are has_wiki and the like."""
        state = self.state
        repo = Repository(
            state.new_id(),
            state.account(owner),
            name,
            visibility or ("private" if private else "public"),
            self._now(),
            archived=archived,
            issue_fields=issue_fields,
            flags={**_FLAGS, **(flags or {})},
        )
        for login, level in (collaborators or {}).items():
            repo.collaborators[state.account(login).login.lower()] = level
        for slug, (level, members) in (teams or {}).items():
            repo.teams.append(
                Team(state.new_id(), slug, level, frozenset(member.lower() for member in members))
            )
        for login, level in (invitations or {}).items():
            repo.invitations.append(Invitation(state.new_id(), state.account(login), level, self._now()))
        state.repos[repo.id] = state.keep(repo)
        return repo

    def add_app(
        self,
        *,
        app_id: int,
        slug: str,
        key_pem: bytes | str,
        org: str,
        repositories: Sequence[str] | None = None,
        permissions: Mapping[str, str],
        hook: Hook | None = None,
    ) -> int:
        """An App (its key as PEM, private or public) installed in an organization; gives the installation's id."""
        state = self.state
        owner = state.account(org)
        if not isinstance(owner, Organization):
            raise TypeError("Apps are installed in organizations here")
        chosen = None
        if repositories is not None:
            chosen = frozenset(self.repo(f"{org}/{name}").id for name in repositories)
        app = App(
            app_id,
            slug,
            _public_key(key_pem),
            owner,
            state.keep(Account(state.new_id(), f"{slug}[bot]", kind="Bot")),
            state.new_id(),
            chosen,
            {"metadata": "read", **permissions},
            self._now(),
            hook,
        )
        state.apps[app_id] = state.keep(app)
        return app.installation_id

    @property
    def mails(self) -> list[HostMail]:
        """What was mailed so far, oldest first."""
        return self._tell.mail.sent

    # What people and time do

    def repo(self, full_name: str) -> Repository:
        """The repository ``owner/name``."""
        found = self.state.repo(*full_name.split("/"))
        if found is None:
            raise KeyError(full_name)
        return found

    def rename_repo(self, full_name: str, new_name: str) -> None:
        """As :meth:`Doings.rename`."""
        self.people.rename(full_name, new_name)

    def delete_repo(self, full_name: str) -> None:
        """As :meth:`Doings.delete`."""
        self.people.delete(full_name)

    def transfer_issue(self, full_name: str, number: int, *, to: str) -> Issue:
        """As :meth:`Doings.transfer_issue`."""
        return self.people.transfer_issue(full_name, number, to=to)

    def expire_tokens(self) -> None:
        """All installation tokens are past their hour."""
        for token in self.state.tokens.values():
            if token.app is not None:
                token.expires_at = utc_now()

    def text_of_everything(self) -> bytes:
        """All text the host holds, old versions too, and all it was ever sent: for a search."""
        sent = [
            f"{exchange.path}?{exchange.query}\n{_readable(exchange.request_body)}"
            for exchange in self.wire.journal
        ]
        return self.state.text() + "\n".join(["", *sent]).encode()

    # Serving

    def _flask(self) -> QuickApp:
        app = QuickApp("sandbox.github_com", static_folder=None)
        app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
        app.url_map.strict_slashes = False
        app.before_request(self._before)
        app.after_request(self._after)
        app.register_error_handler(Refused, _refusal)
        app.register_error_handler(404, lambda _: _refusal(Refused(404, "Not Found")))
        app.register_error_handler(405, lambda _: _refusal(Refused(404, "Not Found")))
        for calls in (IssueCalls, PlaceCalls, OrgCalls, SettingCalls, SearchCalls):
            calls(self.state, show=self._show, actions=self.actions).register(app)
        AppCalls(self.state, show=self._show, deliveries=self._deliveries).register(app)
        HookCalls(
            self.state,
            show=self._show,
            actions=self.actions,
            hooks=self.hooks,
            deliveries=self._deliveries,
            tell=self._tell,
        ).register(app)
        graphql = GraphQL(self.state, show=self._show, actions=self.actions)

        def run() -> Response:
            return jsonify(graphql.answer(self._caller(), body()))

        app.add_url_rule("/graphql", "graphql", run, methods=["POST"])
        ManifestPages(self.state, show=self._show, now=self._now).register(app)
        View(self.state).register(app)
        numbered = "/repositories/<int:number>"
        for rule in (numbered, f"{numbered}/<path:rest>"):
            app.add_url_rule(
                rule, "by number", self._by_number, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
            )
        return app

    def _by_number(self, number: int, rest: str = "") -> Response:
        """A repository's other address, where redirects lead: serve what its name would."""
        repo = self.state.repos.get(number)
        adapter = self.app.create_url_adapter(request)
        if repo is None or adapter is None:
            raise Refused(404, "Not Found")
        endpoint, named = adapter.match(f"/repos/{repo.full_name}/{rest}".rstrip("/"), method=request.method)
        view: Any = self.app.view_functions[endpoint]
        response: Response = view(**named)
        return response

    @staticmethod
    def _authorization() -> str:
        return request.headers.get("Authorization", "")

    def _caller(self) -> Caller:
        return caller_of(self.state, self._authorization())

    def _token(self) -> Token | None:
        return self.state.tokens.get(self._authorization().partition(" ")[2])

    def _before(self) -> None:
        self.state.root = request.url_root.rstrip("/")
        token = self._token()
        if token is None or request.path == "/rate_limit":
            return
        token.used += 1
        if token.used > self.limits.hourly_requests:
            message = f"API rate limit exceeded for user ID {token.account.id}."
            raise Refused(403, message, kind="RATE_LIMITED")

    def _after(self, response: Response) -> Response:
        token = self._token()
        used = token.used if token else 0
        graphql = request.path == "/graphql"
        response.headers.update(
            {
                "X-GitHub-Media-Type": "github.v3; format=json",
                "X-RateLimit-Limit": str(self.limits.hourly_requests),
                "X-RateLimit-Used": str(used),
                "X-RateLimit-Remaining": str(max(self.limits.hourly_requests - used, 0)),
                "X-RateLimit-Reset": str(int(utc_now().timestamp()) + 3600),
                "X-RateLimit-Resource": "graphql" if graphql else "core",
            }
        )
        return response


def _refusal(refused: Refused) -> Response:
    shown: dict[str, object] = {"message": refused.message}
    if refused.location:
        shown["url"] = refused.location
    if refused.errors is not None:
        shown["errors"] = refused.errors
    shown["documentation_url"] = _DOCS
    if refused.status != 422:
        shown["status"] = str(refused.status)
    response = jsonify(shown)
    response.status_code = refused.status
    response.headers.update(refused.headers)
    if refused.location:
        response.headers["Location"] = refused.location
    return response


def _public_key(pem: bytes | str) -> RSAPublicKey:
    raw = pem.encode() if isinstance(pem, str) else pem
    key = load_pem_private_key(raw, None).public_key() if b"PRIVATE" in raw else load_pem_public_key(raw)
    if not isinstance(key, RSAPublicKey):
        raise TypeError("a GitHub App's key is an RSA key")
    return key


def _readable(raw: bytes) -> str:
    """A sent body with JSON's escapes undone, so that a search finds what a person would read."""
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False)
    except ValueError:
        return raw.decode(errors="replace")
