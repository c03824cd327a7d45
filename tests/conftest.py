"""Fixtures that many tests share."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sandbox.contract import OpenApiContract
from sandbox.contract_graphql import GraphQLContract
from tests import pg

if TYPE_CHECKING:
    from collections.abc import Iterator

# No deadlines: a slow machine is not a wrong answer.
settings.register_profile("coc", deadline=None)
settings.load_profile("coc")


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    def forward(self, **parts: float) -> None:
        self.time += timedelta(**parts)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 11, 22, 14, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder with the vendors' API descriptions and real payloads; the test skips without it."""
    named = os.environ.get("COC_REFERENCE")
    if not named:
        pytest.skip("COC_REFERENCE is not set; it names the folder with contracts/ and fixtures/")
    return Path(named)


@pytest.fixture(scope="session")
def jira_contract(reference: Path) -> OpenApiContract:
    """Atlassian's description of Jira Cloud's API version 3, to check every exchange of a stand-in with."""
    return OpenApiContract(reference / "contracts" / "jira-cloud-v3.openapi.json")


@pytest.fixture(scope="session")
def github_contract(reference: Path) -> OpenApiContract:
    """GitHub's description of its REST API, to check every exchange of a stand-in with."""
    return OpenApiContract(reference / "contracts" / "github-rest.openapi.json")


@pytest.fixture(scope="session")
def github_graphql_contract(reference: Path) -> GraphQLContract:
    """GitHub's GraphQL schema with what its stored copy lacks, to check every document and answer with."""
    contracts = reference / "contracts"
    return GraphQLContract(contracts / "github.graphql", contracts / "github-overlay.graphql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Postgres]:
    """A PostgreSQL server for the whole run. Who stops it starts it again; the test skips without its programs."""
    binaries = pg.programs()
    if binaries is None:
        pytest.skip("PostgreSQL's programs are not on this machine; make needs installs them")
    with pg.running(binaries) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: pg.Postgres) -> Iterator[str]:
    """The address of an empty PostgreSQL database of the test's own; it is dropped afterwards."""
    with postgres.fresh_database() as url:
        yield url
