"""A GitHub stand-in with an organization and invented people, each exchange of it checked."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import github
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sandbox.github_com import Field, GitHubCom
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from github.Repository import Repository as LibraryRepository

    from sandbox.wire import Exchange
    from tests.conftest import SetClock

PEOPLE = ("owner", "writer", "triager", "reader", "member", "outsider", "invited", "teamster")
FIELDS = [
    Field("Impact", "single_select", ("1", "2", "3")),
    Field("Risk", "number"),
    Field("Lead", "text"),
    Field("Due", "date"),
    Field("Themes", "multi_select", ("online", "in person")),
]
APP_ID = 31

# GitHub redirects and forbids at any call; its description lists that at some only.
_EVERYWHERE = re.compile(r"does not have the status (301|307|403|410) here$")


@dataclass
class Hub:
    """A running stand-in and everybody's way to it."""

    com: GitHubCom
    contracts: list[Any]
    url: str = ""
    problems: list[str] = field(default_factory=list)
    installation: int = 0

    def observe(self, exchange: Exchange) -> None:
        """Check one exchange: GraphQL by its schema, REST by its description."""
        graphql = exchange.path == "/graphql"
        if exchange.path.startswith("/repositories/"):
            return  # where redirects lead; the description leaves these addresses out
        for contract in self.contracts:
            if graphql == (type(contract).__name__ == "GraphQLContract"):
                found = contract.check(exchange)
                self.problems += [problem for problem in found if not _EVERYWHERE.search(problem)]

    @contextmanager
    def wrong_on_purpose(self) -> Iterator[None]:
        """What is sent in here breaks the description, and is meant to."""
        before, self.com.wire.observer = self.com.wire.observer, None
        yield
        self.com.wire.observer = before

    def call(self, who: str | None, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401 - as requests
        """One REST call as this person, or without credentials; redirects are shown, not followed."""
        headers = {} if who is None else {"Authorization": f"Bearer token-of-{who}"}
        return requests.request(
            method, self.url + path, headers=headers, timeout=10, allow_redirects=False, **more
        )

    def graphql(self, who: str | None, query: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """One GraphQL request; the answer's JSON."""
        return self.call(who, "POST", "/graphql", json={"query": query, "variables": variables}).json()

    def library(self, who: str, **more: Any) -> github.Github:  # noqa: ANN401 - as the library
        """The unmodified client library, as this person, without its pauses and repetitions."""
        return self.library_with(github.Auth.Token(f"token-of-{who}"), **more)

    def library_with(self, auth: github.Auth.Auth, **more: Any) -> github.Github:  # noqa: ANN401 - as the library
        """The library with another way to prove who we are."""
        calm: dict[str, Any] = {
            "seconds_between_requests": None,
            "seconds_between_writes": None,
            "retry": None,
        }
        return github.Github(auth=auth, base_url=self.url, **{**calm, **more})

    def conduct(self, who: str, **more: Any) -> LibraryRepository:  # noqa: ANN401 - as the library
        """The team's repository as the library's object."""
        return self.library(who, **more).get_repo("acme/conduct")

    def open(self, who: str = "writer", repo: str = "acme/conduct", **sent: object) -> dict[str, Any]:
        """Create an issue; what GitHub says of it."""
        answer = self.call(who, "POST", f"/repos/{repo}/issues", json={"title": "BLUE-JAY-27", **sent})
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def field_ids(self) -> dict[str, int]:
        """The organization's issue fields by name."""
        answer = self.call("member", "GET", "/orgs/acme/issue-fields")
        return {shown["name"]: shown["id"] for shown in answer.json()}


@pytest.fixture(scope="session")
def app_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@pytest.fixture(scope="session")
def app_public_key(app_key: str) -> bytes:
    """Quicker to load than the private one, which is checked for being prime."""
    public = load_pem_private_key(app_key.encode(), None).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def hub(clock: SetClock, app_public_key: bytes, request: pytest.FixtureRequest) -> Iterator[Hub]:
    """The stand-in; at the end of a test, no exchange may have broken the vendor's descriptions."""
    com = GitHubCom(now=clock.now)
    for who in PEOPLE:
        com.add_user(who, token=f"token-of-{who}")
    com.add_org("acme", owners=["owner"], members=["writer", "member", "teamster"], issue_fields=FIELDS)
    com.add_repo(
        "acme",
        "conduct",
        collaborators={"writer": "push", "triager": "triage", "reader": "pull"},
        teams={"response": ("push", ["teamster"])},
        invitations={"invited": "push"},
        issue_fields=True,
    )
    com.add_repo("acme", "plain", collaborators={"writer": "push"})
    com.add_repo("acme", "public", private=False)
    contracts = []
    if os.environ.get("COC_REFERENCE"):
        names = ("github_contract", "github_graphql_contract")
        contracts = [request.getfixturevalue(name) for name in names]
    made = Hub(com, contracts)
    com.wire.observer = made.observe
    made.installation = com.add_app(
        app_id=APP_ID,
        slug="coc-mirror",
        key_pem=app_public_key,
        org="acme",
        repositories=["conduct", "plain"],
        permissions={"issues": "write", "members": "read"},
    )
    with serving(com.wire) as made.url:
        yield made
    assert made.problems == []
