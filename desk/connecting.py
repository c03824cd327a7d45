"""From the pinned connection to somebody to ask: what every command does that speaks with the service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desk.service import Service
from integration.errors import HomeError

if TYPE_CHECKING:
    from desk.home import Connection, Home
    from integration.diary.keys import Identity


class Now:
    """This machine's clock."""

    def now(self) -> datetime:
        """The current time, with time zone UTC."""
        return datetime.now(UTC)


def connected(home: Home) -> Connection:
    """The service and roster that the member pinned.

    Raises:
        HomeError: this desk is not connected yet.
    """
    connection = home.connection()
    if connection is None:
        raise HomeError(
            "This desk is not connected to a service yet.",
            next_step="Get the team's roster.toml and say: coc connect URL --roster FILE",
        )
    return connection


def service_of(connection: Connection, identity: Identity) -> Service:
    """The pinned service, asked by this member. One for each thread: it keeps a session."""
    return Service(origin=connection.origin, alias=identity.alias, signer=identity, clock=Now())
