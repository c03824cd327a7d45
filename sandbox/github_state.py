"""What the GitHub stand-in holds in memory: accounts, repositories, issues, comments, Apps and tokens.

Plain objects and look-ups, no rules: who may do what is in :mod:`sandbox.github_access`, what a
change does is in :mod:`sandbox.github_actions`. Earlier bodies stay as history, as on the real host.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeVar

from sandbox.github_refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from sandbox.github_owner_state import DeployKey, OrganizationRole, Webhook
    from sandbox.wire import Hook

Level = Literal["none", "pull", "triage", "push", "maintain", "admin"]
LEVELS: tuple[Level, ...] = ("none", "pull", "triage", "push", "maintain", "admin")
"""Repository permissions, each holding those before it. The web names are read, triage, write, …"""

FieldValue = str | float | tuple[str, ...]

_T = TypeVar("_T", bound="Thing")


@dataclass(eq=False)
class Thing:
    """Anything with a database id; its node id is made of kind and id."""

    id: int

    def __post_init__(self) -> None:
        raw = base64.urlsafe_b64encode(self.id.to_bytes(6, "big")).decode().rstrip("=")
        self.node_id = f"{type(self).prefix()}_kwDO{raw}"

    @classmethod
    def prefix(cls) -> str:
        """The letters that start a node id of this kind."""
        return "".join(letter for letter in cls.__name__ if letter.isupper())


@dataclass(eq=False)
class Account(Thing):
    """A user, a bot or an organization."""

    login: str
    kind: str = "User"


@dataclass(eq=False)
class IssueType(Thing):
    """An organization's issue type, such as Task."""

    name: str
    description: str = ""


@dataclass(eq=False)
class Option(Thing):
    """One choice of a select field."""

    name: str
    color: str = "gray"


@dataclass(eq=False)
class IssueField(Thing):
    """An organization's issue field. ``data_type`` as GitHub names it; options for selects only."""

    name: str
    data_type: str
    options: list[Option] = field(default_factory=list)


@dataclass(eq=False)
class Organization(Account):
    """An organization; owners see every repository, members what ``default_permission`` gives.

    ``settings`` are what members may do, by the names that GET /orgs/{org} has for them.
    """

    owners: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    default_permission: Level = "none"
    issue_fields: list[IssueField] = field(default_factory=list)
    issue_types: list[IssueType] = field(default_factory=list)
    settings: dict[str, bool] = field(default_factory=dict)
    roles: list[OrganizationRole] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)


@dataclass(eq=False)
class Label(Thing):
    """A label of a repository."""

    name: str
    color: str = "ededed"
    description: str | None = None
    repo: Repository | None = None


@dataclass(eq=False)
class Team(Thing):
    """A team with access to a repository. Members of its child teams are its members too."""

    slug: str
    level: Level
    members: frozenset[str]
    children: list[Team] = field(default_factory=list)
    parent: Team | None = None

    def family(self) -> Iterator[Team]:
        """The team and all teams below it."""
        yield self
        for child in self.children:
            yield from child.family()

    def everyone(self) -> frozenset[str]:
        """Its members and those of all teams below it."""
        return frozenset(login for team in self.family() for login in team.members)


@dataclass(eq=False)
class Invitation(Thing):
    """An invitation nobody accepted yet."""

    invitee: Account
    level: Level
    created_at: datetime


@dataclass(eq=False)
class Repository(Thing):
    """A repository with its issues by number; ``deleted`` and ``moved`` numbers are never used again."""

    owner: Account
    name: str
    visibility: str
    created_at: datetime
    archived: bool = False
    issue_fields: bool = False
    flags: dict[str, bool] = field(default_factory=dict)
    actions: bool = False
    webhooks: list[Webhook] = field(default_factory=list)
    deploy_keys: list[DeployKey] = field(default_factory=list)
    collaborators: dict[str, Level] = field(default_factory=dict)
    teams: list[Team] = field(default_factory=list)
    invitations: list[Invitation] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    moved: dict[int, Issue] = field(default_factory=dict)
    pinned: list[PinnedIssue] = field(default_factory=list)

    @property
    def private(self) -> bool:
        """Whether outsiders are kept out."""
        return self.visibility != "public"

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner.login}/{self.name}"

    @property
    def organization(self) -> Organization | None:
        """The owning organization, if it is one."""
        return self.owner if isinstance(self.owner, Organization) else None

    def next_number(self) -> int:
        """The number of the next issue."""
        return max([0, *self.issues, *self.deleted, *self.moved]) + 1

    def issue_type(self, name: str | None) -> IssueType | None:
        """The type of this name; a person's repository has none."""
        org = self.organization
        return next((kind for kind in (org.issue_types if org else ()) if kind.name == name), None)

    def label(self, name: str) -> Label | None:
        """The label of this name; case does not matter."""
        return next((label for label in self.labels if label.name.lower() == name.lower()), None)


@dataclass(eq=False)
class Comment(Thing):
    """A comment on an issue; ``history`` holds its earlier bodies, which every reader may see."""

    issue: Issue
    body: str
    author: Account
    app: App | None
    created_at: datetime
    updated_at: datetime
    history: list[str] = field(default_factory=list)
    minimized: str | None = None
    editor: Account | None = None
    edited_at: datetime | None = None

    @classmethod
    def prefix(cls) -> str:
        """As GitHub's."""
        return "IC"


@dataclass(eq=False)
class Issue(Thing):
    """An issue. ``children`` keep the order in which they were added."""

    repo: Repository
    number: int
    title: str
    body: str | None
    author: Account
    app: App | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    closed_by: Account | None = None
    state_reason: str | None = None
    labels: list[Label] = field(default_factory=list)
    assignees: list[Account] = field(default_factory=list)
    type: IssueType | None = None
    values: dict[int, FieldValue] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    parent: Issue | None = None
    children: list[Issue] = field(default_factory=list)
    lock_reason: str | None = None
    locked: bool = False
    history: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """``open`` or ``closed``."""
        return "closed" if self.closed_at else "open"

    def depth(self) -> int:
        """How many levels are above this one."""
        return 0 if self.parent is None else 1 + self.parent.depth()

    def height(self) -> int:
        """How many levels are below this one."""
        return max((1 + child.height() for child in self.children), default=0)


@dataclass(eq=False)
class PinnedIssue(Thing):
    """An issue that stands above the others of its repository."""

    issue: Issue
    pinned_by: Account


@dataclass(eq=False)
class App(Thing):
    """A GitHub App with its one installation."""

    slug: str
    key: RSAPublicKey
    owner: Organization
    bot: Account
    installation_id: int
    repositories: frozenset[int] | None
    permissions: dict[str, str]
    created_at: datetime
    hook: Hook | None = None
    events: tuple[str, ...] = ("issue_comment", "issues", "sub_issues")

    @property
    def installed(self) -> bool:
        """Whether its owner has installed it anywhere yet."""
        return self.repositories is None or bool(self.repositories)


@dataclass(eq=False)
class Token:
    """A credential. ``repositories`` and ``permissions`` are None where the account's own rights are the limit."""

    account: Account
    app: App | None = None
    repositories: frozenset[int] | None = None
    permissions: dict[str, str] | None = None
    expires_at: datetime | None = None
    used: int = 0


@dataclass
class Limits:
    """The host's rate limits. Those on creating content (the secondary ones) are off by default.

    GitHub's own are 5,000 to 15,000 requests an hour for each token, and 80 creations a minute and 500 an hour.
    ``says_how_long`` is whether a refusal of a creation has a Retry-After header; GitHub does not promise one.
    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """

    hourly_requests: int = 15_000
    content_per_minute: int | None = None
    content_per_hour: int | None = None
    says_how_long: bool = True


@dataclass
class State:
    """Everything, with the look-ups that the rules need."""

    limits: Limits = field(default_factory=Limits)
    root: str = "http://127.0.0.1"
    """The address of the latest request; links in replies and webhooks start with it."""
    events_name_parents: bool = False
    """Whether ``issues`` and ``issue_comment`` events name a sub-issue's parent. GitHub's description lists it in REST only."""
    accounts: dict[str, Account] = field(default_factory=dict)
    repos: dict[int, Repository] = field(default_factory=dict)
    renamed: dict[str, Repository] = field(default_factory=dict)
    """Former names in lower case."""
    nodes: dict[str, Thing] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: count(1_024_001))

    def new_id(self) -> int:
        """A database id nobody has."""
        return next(self._ids)

    def keep(self, thing: _T) -> _T:
        """Make a new thing findable by its node id."""
        self.nodes[thing.node_id] = thing
        return thing

    def forget(self, thing: Issue | Comment) -> None:
        """Let nothing find an issue, its comments, or a comment any more."""
        self.nodes.pop(thing.node_id, None)
        if isinstance(thing, Comment):
            self.comments.pop(thing.id, None)
            return
        self.issues.pop(thing.id, None)
        thing.repo.pinned = [pin for pin in thing.repo.pinned if pin.issue is not thing]
        thing.repo.issues.pop(thing.number, None)
        for comment in thing.comments:
            self.forget(comment)

    def account(self, login: str) -> Account:
        """The account of this login, or 404."""
        found = self.accounts.get(login.lower())
        if found is None:
            raise Refused(404, "Not Found", kind="NOT_FOUND")
        return found

    def repo(self, owner: str, name: str) -> Repository | None:
        """The repository that has this name now."""
        wanted = f"{owner}/{name}".lower()
        return next((repo for repo in self.repos.values() if repo.full_name.lower() == wanted), None)

    def text(self) -> bytes:
        """Every text the host holds, one a line, for a search."""
        return "\n".join(_texts(self, set())).encode()


def _texts(thing: object, seen: set[int]) -> Iterator[str]:
    if isinstance(thing, str):
        yield thing
    elif id(thing) in seen:
        return
    elif is_dataclass(thing):
        seen.add(id(thing))
        for part in fields(thing):
            yield from _texts(getattr(thing, part.name), seen)
    elif isinstance(thing, dict):
        seen.add(id(thing))
        for key, value in thing.items():
            yield from _texts(key, seen)
            yield from _texts(value, seen)
    elif isinstance(thing, list | tuple | set | frozenset):
        seen.add(id(thing))
        for part in thing:
            yield from _texts(part, seen)
