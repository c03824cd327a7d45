"""Who is asking, and what that gives them: GitHub's rules of access, for users, Apps and their tokens.

An organization's owners reach every repository of it; other people reach private ones through the base
permission, a team or as collaborators. A token of an App, or a fine-grained one of a person, is limited
to its repositories and permissions besides.
https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.github_refusal import Refused
from sandbox.github_state import LEVELS, App, Level, Organization, Repository, State, Token
from sandbox.wire import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.github_owner_state import OrganizationRole
    from sandbox.github_state import Account

_LONGEST_JWT = 600
_CLOCK_DRIFT = 60


def rank(level: Level) -> int:
    """Levels as numbers, to compare them."""
    return LEVELS.index(level)


def level_of(account: Account, repo: Repository) -> Level:
    """What a person may do in a repository, from every source of access taken together."""
    login = account.login.lower()
    if repo.owner is account:
        return "admin"
    levels: list[Level] = ["none" if repo.private else "pull", repo.collaborators.get(login, "none")]
    levels += [team.level for team in repo.teams if login in team.everyone()]
    if (org := repo.organization) is not None:
        if login in org.owners:
            return "admin"
        levels += [role.base for role in org.roles if role.base and login in holders(role)]
        if login in org.members:
            levels.append(org.default_permission)
            if repo.visibility == "internal":
                levels.append("pull")
    return max(levels, key=rank)


def people_with_access(state: State, repo: Repository) -> Iterator[tuple[Account, Level, bool]]:
    """Everyone with access of their own, their level, and whether it was given to them directly."""
    for account in state.accounts.values():
        level = level_of(account, repo)
        public_only = not repo.private and level == "pull" and account.login.lower() not in repo.collaborators
        if account.kind == "User" and level != "none" and not public_only:
            yield account, level, account.login.lower() in repo.collaborators or repo.owner is account


@dataclass(frozen=True)
class Caller:
    """Who sent a request. No token: the public."""

    token: Token | None = None

    @property
    def account(self) -> Account:
        """The account that acts; 401 for the public."""
        if self.token is None:
            raise Refused(401, "Requires authentication", kind="UNAUTHENTICATED")
        return self.token.account

    @property
    def app(self) -> App | None:
        """The App, if an installation token was used."""
        return self.token.app if self.token else None

    def level(self, repo: Repository) -> Level:
        """What the caller may do in the repository."""
        public: Level = "none" if repo.private else "pull"
        if self.token is None:
            return public
        if not self.reaches(repo):
            return public
        return "push" if self.token.app else level_of(self.token.account, repo)

    def reaches(self, repo: Repository) -> bool:
        """Whether the token is meant for the repository: an App's only for those it is installed in."""
        if self.token is None:
            return False
        if self.token.repositories is not None and repo.id not in self.token.repositories:
            return False
        return self.token.app is None or repo.owner is self.token.app.owner

    def sees(self, repo: Repository) -> bool:
        """Whether the repository exists, as far as the caller is told."""
        return self.level(repo) != "none"

    def allows(self, permission: str, *, write: bool = False) -> bool:
        """Whether the token itself carries a permission. A classic token carries everything."""
        if self.token is None:
            if write:
                raise Refused(401, "Requires authentication", kind="UNAUTHENTICATED")
            return True
        if self.token.permissions is None:
            return True
        return self.token.permissions.get(permission) in (
            {"write", "admin"} if write else {"read", "write", "admin"}
        )

    def require(self, permission: str, *, write: bool = False) -> None:
        """403 unless the token carries the permission."""
        if not self.allows(permission, write=write):
            raise self.forbidden()

    def require_level(self, repo: Repository, least: Level) -> None:
        """404 if the repository is hidden from the caller, 403 if the level is too low."""
        self.require_sight(repo)
        if rank(self.level(repo)) < rank(least):
            raise self.forbidden()

    def require_sight(self, repo: Repository) -> None:
        """404 if the repository is hidden from the caller."""
        if not self.sees(repo):
            raise Refused(404, "Not Found", kind="NOT_FOUND")

    def may_write(self, repo: Repository, least: Level = "triage") -> bool:
        """Whether the caller may change other people's issues; what they lack is dropped or refused."""
        return self.allows("issues", write=True) and rank(self.level(repo)) >= rank(least)

    def forbidden(self) -> Refused:
        """GitHub's words for a permission that is lacking."""
        by = "integration" if self.app else "personal access token"
        return Refused(403, f"Resource not accessible by {by}", kind="FORBIDDEN")


def caller_of(state: State, authorization: str) -> Caller:
    """The caller an Authorization header proves; 401 for one that proves nothing."""
    scheme, _, value = authorization.strip().partition(" ")
    if not value:
        if scheme:
            raise Refused(401, "Bad credentials", kind="UNAUTHENTICATED")
        return Caller()
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    token = state.tokens.get(value)
    if token is None or (token.expires_at is not None and token.expires_at <= utc_now()):
        raise Refused(401, "Bad credentials", kind="UNAUTHENTICATED")
    return Caller(token)


def app_of(state: State, authorization: str) -> App:
    """The App whose signed token (RS256, at most ten minutes) the header carries.

    https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
    """
    scheme, _, value = authorization.strip().partition(" ")
    parts = value.split(".")
    undecodable = Refused(401, "A JSON web token could not be decoded")
    if scheme.lower() not in {"bearer", "token"} or len(parts) != 3:
        raise undecodable
    try:
        header: dict[str, Any] = json.loads(_decode(parts[0]))
        claims: dict[str, Any] = json.loads(_decode(parts[1]))
        signature = _decode(parts[2])
    except ValueError:
        raise undecodable from None
    issuer = str(claims.get("iss"))
    app = next((app for app in state.apps.values() if issuer in {str(app.id), client_id(app)}), None)
    if app is None:
        raise Refused(404, "Integration not found", kind="NOT_FOUND")
    if header.get("alg") != "RS256":
        raise undecodable
    try:
        app.key.verify(signature, f"{parts[0]}.{parts[1]}".encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise undecodable from None
    now = utc_now().timestamp()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now + _CLOCK_DRIFT:
        raise Refused(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        )
    if not isinstance(expires, int) or expires <= now:
        raise Refused(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        )
    if expires - now > _LONGEST_JWT + _CLOCK_DRIFT:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    return app


def client_id(app: App) -> str:
    """The App's client id; the stand-in makes it from the number."""
    return f"Iv23sandbox{app.id}"


def installed_in(app: App, repo: Repository) -> bool:
    """Whether the App's installation reaches the repository."""
    return repo.owner is app.owner and (app.repositories is None or repo.id in app.repositories)


def holders(role: OrganizationRole) -> frozenset[str]:
    """Who has an organization's role, directly or through a team."""
    return frozenset(role.users).union(*(team.everyone() for team in role.teams))


def owns(caller: Caller, org: Organization) -> bool:
    """Whether the caller is an owner of the organization, with a token that may say so."""
    is_owner = caller.token is not None and caller.app is None and caller.account.login.lower() in org.owners
    return is_owner and caller.allows("organization_administration")


def is_member(account: Account, org: Organization) -> bool:
    """Owner or member."""
    return account.login.lower() in org.owners | org.members


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
