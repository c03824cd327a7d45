"""The playground for end-to-end tests, on a clock that stands still and with a Jira search that lags."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import Identity, generate_identity
from sandbox.playground import TEAM, playground
from sandbox.rehearsal import Server, SetClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def identities() -> dict[str, Identity]:
    return {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}


@pytest.fixture
def server(tmp_path: Path, identities: dict[str, Identity]) -> Iterator[Server]:
    clock = SetClock()
    lag = timedelta(seconds=90)
    with playground(tmp_path / "server", now=clock.now, search_lag=lag, identities=identities) as world:
        made = Server(world, clock)
        yield made
        made.close()
