"""The playground for end-to-end tests, on a clock that stands still and with a Jira search that lags."""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import Identity, generate_identity
from sandbox.playground import TEAM, playground
from sandbox.rehearsal import Server, SetClock
from sandbox.wire import serving
from tests.e2e.town import Town

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment


@pytest.fixture(scope="session")
def identities() -> dict[str, Identity]:
    return {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}


@pytest.fixture
def server(tmp_path: Path, identities: dict[str, Identity], elsewhere: str | None) -> Iterator[Server]:
    clock = SetClock()
    lag = timedelta(seconds=90)
    with playground(
        tmp_path / "server", now=clock.now, search_lag=lag, identities=identities, database_url=elsewhere
    ) as world:
        made = Server(world, clock)
        yield made
        made.close()


@pytest.fixture
def town(tmp_path: Path, identities: dict[str, Identity], elsewhere: str | None) -> Iterator[Town]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = SetClock(datetime.now(UTC))  # a desk has its own clock, and the two may be minutes apart only
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(
            playground(
                tmp_path / "server",
                now=clock.now,
                identities=identities,
                service_port=port,
                database_url=elsewhere,
            )
        )
        server = Server(world, clock)
        stack.callback(server.close)

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            """The server as it is now: it may be started again meanwhile."""
            return server.parts.app(environ, start_response)

        stack.enter_context(serving(app, port=port))
        yield Town(server, tmp_path, identities)
