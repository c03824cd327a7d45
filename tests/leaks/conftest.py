"""Canaries, every shape in which one could hide, and a server that mails and logs as much as it can."""

from __future__ import annotations

import base64
import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import Identity, generate_identity
from sandbox.mailbox import Mailbox, mailbox
from sandbox.playground import TEAM, playground
from sandbox.rehearsal import Server, SetClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TALKATIVE = (
    "github",
    "github.Requester",
    "jira",
    "urllib3",
    "sqlalchemy.engine",
    "dbos",
    "werkzeug",
    "waitress",
)


@dataclass
class Canary:
    """Long random strings; a short name would turn up in base64 by chance.

    Each is wrapped in characters that are escaped somewhere (quotes, angle brackets, non-ASCII, a mention),
    and looked for by its random core.
    """

    cores: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A canary for one place of a report."""
        core = self.cores.setdefault(name, secrets.token_hex(20))
        return f'"{name}" <b>@team</b> ünï#1 *{core}* {{code}} \u202e 日本 \\ &amp; %41'

    def found_in(self, where: str, haystack: bytes) -> list[str]:
        """Which canaries are in there, in clear or escaped: ``["log: subject as base64"]``."""
        lower = haystack.lower()
        return [
            f"{where}: {name} as {shape}"
            for name, core in self.cores.items()
            for shape, needle, exact in shapes(core)
            if needle in (haystack if exact else lower)
        ]


def shapes(core: str) -> list[tuple[str, bytes, bool]]:
    raw = core.encode()
    found = [
        ("text", raw, False),
        ("hex", raw.hex().encode(), False),
        ("UTF-16", core.encode("utf-16-le"), False),
    ]
    for shift in range(3):
        # The letters of base64 that do not depend on the neighbours, at each of the three positions.
        encoded = base64.b64encode(b"x" * shift + raw)[4 if shift else 0 : -4]
        found.append(("base64", encoded, True))
    found.append(("URL escapes", b"".join(b"%%%02x" % byte for byte in raw), False))
    found.append(("JSON escapes", b"".join(b"\\u00%02x" % byte for byte in raw), False))
    return found


@pytest.fixture
def canary() -> Canary:
    return Canary()


@pytest.fixture(autouse=True)
def every_log(caplog: pytest.LogCaptureFixture) -> None:
    """All loggers, at their most talkative; caplog sets them back."""
    caplog.set_level(logging.DEBUG)
    for name in TALKATIVE:
        caplog.set_level(logging.DEBUG, logger=name)


@pytest.fixture(scope="session")
def identities() -> dict[str, Identity]:
    return {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path, box: Mailbox, identities: dict[str, Identity]) -> Iterator[Server]:
    clock = SetClock()
    with playground(tmp_path / "server", now=clock.now, mail_port=box.port, identities=identities) as world:
        made = Server(world, clock)
        yield made
        made.close()
