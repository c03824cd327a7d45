"""Fixtures that many tests share."""

from __future__ import annotations

import logging
import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from integration.logs import LIBRARIES
from sandbox.contract import OpenApiContract
from sandbox.contract_graphql import GraphQLContract
from tests import pg
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

# No deadlines: a slow machine is not a wrong answer.
settings.register_profile("coc", deadline=None)
settings.load_profile("coc")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long text, perhaps a fresh key, is no name for a test: each of the processes that share the run must find the same."""
    return argname if isinstance(val, str | bytes) and len(val) > 40 else None


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self.time = start
        self.passed = 0.0

    def now(self) -> datetime:
        return self.time

    def steady(self) -> float:
        return self.passed

    def forward(self, **parts: float) -> None:
        """Time passes. Somebody who puts the clock right, or wrong, sets :attr:`time` instead."""
        self.time += timedelta(**parts)
        self.passed += timedelta(**parts).total_seconds()


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


@pytest.fixture(scope="session")
def migrated(postgres: pg.Postgres) -> Iterator[str]:
    """A PostgreSQL database with the newest schema, to be copied: that takes less time than making it anew."""
    with postgres.fresh_database() as url:
        engine = make_engine(url)
        migrate(engine)
        engine.dispose()
        yield url


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The address of a PostgreSQL database of the test's own, with our tables; ``None`` for the usual SQLite file.

    What is marked ``pg.both`` gets the one and then the other. ``COC_TEST_DATABASE=postgresql`` puts everything else
    that takes this on PostgreSQL, for whoever changes its SQL.
    """
    kind = getattr(request, "param", None) or os.environ.get("COC_TEST_DATABASE", "sqlite")
    if kind == "sqlite":
        yield None
        return
    postgres: pg.Postgres = request.getfixturevalue("postgres")
    with postgres.fresh_database(like=request.getfixturevalue("migrated")) as url:
        yield url


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """What ``coc-server`` does to logging when a test calls its ``main`` must blind no test after it."""
    before = {name: _state(logging.getLogger(name)) for name in ("", *LIBRARIES)}
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook, logging.raiseExceptions
    yield
    sys.excepthook, sys.unraisablehook, threading.excepthook, logging.raiseExceptions = hooks
    logging.captureWarnings(capture=False)
    for name, (handlers, level, propagate) in before.items():
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def _state(logger: logging.Logger) -> tuple[list[logging.Handler], int, bool]:
    return list(logger.handlers), logger.level, logger.propagate
