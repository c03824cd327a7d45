"""What the tests of the GitHub host share: an incident's view, its diary comments, GitHub played by responses."""

from __future__ import annotations

import json
import logging
import os
import secrets
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from integration.code_name import CodeName
from integration.diary.comment import CommentId, CommentKind, Link, SealedComment, link_of, plain_line, render
from integration.github import fields, text
from integration.github.credential import AppCredential, TokenCredential
from integration.github.host import GitHubHost
from integration.github.space import GitHubSpace
from integration.incident import Alias, Incident, IncidentId, IncidentType, SpaceName, Stage
from integration.mirror import MirrorView, TicketName, TicketRef, mirror
from integration.process import default_process
from integration.risk import Level
from sandbox.contract import observer
from sandbox.github_com import Field, GitHubCom
from sandbox.wire import serving
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.github_state import Issue, Repository

API = "https://api.github.com:443"
TOKEN = "ghp_" + secrets.token_hex(24)
CANARY = "canary" + secrets.token_hex(24)
"""Stands in every hostile answer; long and random, so that it turns up nowhere by chance."""

OPENED = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


REF = TicketRef(
    TicketName("github:acme/conduct#17"), "17", "#17", "https://github.com/acme/conduct/issues/17"
)


def make_view(**changes: Any) -> MirrorView:  # noqa: ANN401 - any field of an incident
    incident = Incident(
        id=changes.pop("id", None) or new_incident_id(),
        code_name=CodeName("AMBER-HERON-42"),
        type=changes.pop("type", IncidentType.CONDUCT_ENFORCEMENT),
        space=SpaceName("hub"),
        opened_at=changes.pop("opened_at", OPENED),
        **changes,
    )
    return mirror(incident, default_process())


def make_comment(incident: IncidentId, seq: int, ticket: str = "github:acme/conduct#17") -> SealedComment:
    """A comment of the right shape; what it encrypts is noise."""
    place, prev, age = CommentId(seq, 1), Link(43 * "A"), secrets.token_bytes(2000)
    head = plain_line(incident, ticket, place, 1, 1, CommentKind.ENTRY, prev)
    sealed = render(head, age, None, secrets.token_bytes(64), "k1")
    return SealedComment(incident, ticket, place, 1, 1, CommentKind.ENTRY, prev, link_of(head, age), sealed)


@pytest.fixture
def ref() -> TicketRef:
    return REF


@pytest.fixture
def view() -> MirrorView:
    return make_view(
        stage=Stage.ASSESSING,
        impact=Level.MEDIUM,
        likelihood=Level.HIGH,
        lead=Alias("wren"),
        opened_at=OPENED,
    )


@pytest.fixture
def comments(view: MirrorView) -> list[SealedComment]:
    return [make_comment(view.incident, 1), make_comment(view.incident, 2)]


class PlayedGitHub:
    """GitHub as a test plays it, at the edge of the requests library."""

    canary = CANARY
    token = TOKEN

    def __init__(self, wire: responses.RequestsMock) -> None:
        self.wire = wire

    def answers(self, method: str, path: str, body: object = None, **more: Any) -> None:  # noqa: ANN401 - passed on
        told = body if isinstance(body, str | bytes | Exception) else json.dumps(body)
        self.wire.add(method, path if path.startswith("http") else API + path, body=told, **more)

    def repository(self, **changes: object) -> None:
        self.answers("GET", "/repos/acme/conduct", {**_REPOSITORY, **changes})

    def no_issue_fields(self) -> None:
        self.answers("GET", "/orgs/acme/issue-fields", {"message": "Not Found"}, status=404)

    def issue(self, view: MirrorView, **changes: object) -> dict[str, object]:
        """The reply to what the host sends for a view without issue fields."""
        return {
            "id": 9_000_000_017,
            "node_id": "I_kwDO17",
            "number": 17,
            "title": view.code_name,
            "body": text.ticket_body(view),
            "labels": [{"name": label} for label in fields.plan(view, ()).labels],
            "repository_url": "https://api.github.com/repos/acme/conduct",
            "html_url": "https://github.com/acme/conduct/issues/17",
            "created_at": "2026-11-22T14:00:05Z",
            "issue_field_values": [],
            **changes,
        }

    def writes(self) -> list[responses.Call]:
        return [call for call in self.wire.calls if call.request.method not in {"GET", "HEAD"}]

    def sent(self, at: int = -1) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.writes()[at].request.body or "null")


_REPOSITORY = {
    "id": 4711,
    "node_id": "R_kgDO4711",
    "full_name": "acme/conduct",
    "private": True,
    "visibility": "private",
    "archived": False,
}


@pytest.fixture
def github() -> Iterator[PlayedGitHub]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield PlayedGitHub(wire)


@pytest.fixture
def host() -> GitHubHost:
    """A host that has asked already who it is."""
    made = GitHubHost(GitHubSpace(SpaceName("hub"), "acme", "conduct"), TokenCredential(TOKEN), pause=0)
    made._login = "coc-bot"
    return made


@pytest.fixture
def leaks_nothing(caplog: pytest.LogCaptureFixture) -> Callable[[BaseException], None]:
    """Check that neither an error, nor what it hangs on, nor any log holds the canary or the token."""
    caplog.set_level(logging.DEBUG)
    for name in ("github", "github.Requester", "urllib3", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, name)

    def check(error: BaseException) -> None:
        told = "".join(traceback.format_exception(error))
        chain: BaseException | None = error
        seen = 0
        while chain is not None:
            told += f"{chain} {chain!r} {chain.args!r} {vars(chain)!r}"
            chain, seen = chain.__cause__ or chain.__context__, seen + 1
        assert seen == 1
        told += caplog.text + "".join(f"{record.msg!r} {record.args!r}" for record in caplog.records)
        assert CANARY not in told
        assert TOKEN not in told

    return check


ISSUE_FIELDS = (
    Field("CoC type", "single_select", tuple(kind.value for kind in IncidentType)),
    Field("CoC impact", "number"),
    Field("CoC risk", "text"),
    Field("CoC stage", "single_select", ("Reported", "Assessing")),
    Field("Something else", "text"),
)


class World:
    """The stand-in, served on loopback, with an organisation, its team's repository, and ways in."""

    bot_token = "ghp_bot_of_the_team"

    def __init__(self, address: str, hub: GitHubCom, key: str, problems: list[str]) -> None:
        self.address, self.hub, self.key, self.problems = address, hub, key, problems
        self.installation = 0

    def space(self, **changes: Any) -> GitHubSpace:  # noqa: ANN401 - any field of a space
        given: dict[str, Any] = {"name": SpaceName("hub"), "owner": "acme", "repository": "conduct"}
        return GitHubSpace(**{**given, "base_url": self.address, **changes})

    def with_token(self) -> GitHubHost:
        return GitHubHost(self.space(), TokenCredential(self.bot_token))

    def with_app(self, *, known: bool = True) -> GitHubHost:
        number = self.installation if known else None
        return GitHubHost(self.space(), AppCredential("31", self.key, number))

    def repo(self) -> Repository:
        return self.hub.repo("acme/conduct")

    def issue(self, number: int | str) -> Issue:
        return self.repo().issues[int(number)]

    def writes(self) -> list[str]:
        """Method and path of every request that asked for a change."""
        return [f"{exchange.method} {exchange.path}" for exchange in self.hub.wire.writes()]

    def reads(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.hub.wire.journal if not one.is_write]

    def give_issue_fields(self, *, enabled: bool = True) -> None:
        """The organisation defines fields; ``enabled`` is whether the repository takes values, or drops them."""
        self.repo().issue_fields = enabled
        other = self.hub.add_org("fields-of", owners=["ada"], issue_fields=ISSUE_FIELDS)
        self.repo().organization.issue_fields = other.issue_fields  # type: ignore[union-attr]  # it is acme

    def values(self, number: int | str) -> dict[str, object]:
        """Field values of an issue by the fields' names."""
        organization = self.repo().organization
        names = {field.id: field.name for field in organization.issue_fields} if organization else {}
        return {names[field]: value for field, value in self.issue(number).values.items()}

    def forget_journal(self) -> None:
        self.hub.wire.journal.clear()


@pytest.fixture(scope="session")
def app_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return key.private_bytes(*form).decode()


@pytest.fixture
def world(app_key: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """GitHub with the organisation acme: two owners, a member, the team's bot, an App, and an outsider."""
    hub = GitHubCom()
    for login in ("ada", "wren", "robin", "mallory"):
        hub.add_user(login, token=f"ghp_{login}")
    hub.add_user("coc-bot", token=World.bot_token)
    hub.add_org("acme", owners=["ada"], members=["wren", "robin", "coc-bot"])
    hub.add_repo("acme", "conduct", collaborators={"wren": "push", "robin": "push", "coc-bot": "admin"})
    hub.add_repo("acme", "public", private=False, collaborators={"coc-bot": "admin"})
    problems: list[str] = []
    if os.environ.get("COC_REFERENCE"):
        rest = observer(request.getfixturevalue("github_contract"), problems)
        graphql = observer(request.getfixturevalue("github_graphql_contract"), problems)
        hub.wire.observer = lambda exchange: (graphql if exchange.path == "/graphql" else rest)(exchange)
    with serving(hub.wire) as address:
        made = World(address, hub, app_key, problems)
        made.installation = hub.add_app(
            app_id=31, slug="coc-mirror", key_pem=app_key, org="acme", permissions={"issues": "write"}
        )
        yield made
    assert problems == []


@pytest.fixture(params=["token", "app", "app-looked-up"])
def any_host(request: pytest.FixtureRequest, world: World) -> GitHubHost:
    made: GitHubHost = (
        world.with_token() if request.param == "token" else world.with_app(known=request.param == "app")
    )
    return made


@pytest.fixture
def unassessed() -> MirrorView:
    """Another incident, as it is when it was just reported."""
    return make_view()


@pytest.fixture
def views() -> list[MirrorView]:
    """Several incidents at once."""
    return [make_view() for _ in range(8)]


@pytest.fixture
def incidents() -> list[tuple[MirrorView, list[SealedComment]]]:
    """More incidents with their diaries than one opening has calls."""
    made = [make_view() for _ in range(14)]
    return [(view, [make_comment(view.incident, seq) for seq in (1, 2)]) for view in made]


@pytest.fixture
def diary(view: MirrorView) -> Callable[[int], list[SealedComment]]:
    return lambda count: [make_comment(view.incident, seq) for seq in range(1, count + 1)]


@pytest.fixture
def app_host(github: PlayedGitHub, app_key: str) -> GitHubHost:
    """A host that is an App, on a played GitHub that gives it a token."""
    token = {"token": "ghs_played", "expires_at": "2999-01-01T00:00:00Z", "repository_selection": "selected"}
    github.answers("POST", "/app/installations/7/access_tokens", token, status=201)
    space = GitHubSpace(SpaceName("hub"), "acme", "conduct")
    return GitHubHost(space, AppCredential("31", app_key, 7), pause=0)
