"""The API that desks talk to, on a shelf in memory. Signatures are real."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from integration.code_name import CodeName
from integration.diary.chain import Head
from integration.diary.comment import Link
from integration.errors import CoCError, StoreError
from integration.incident import Alias, IncidentId, IncidentType, Stage
from integration.mirror import TicketName
from integration.risk import Level
from integration.roster import Member, Roster
from integration.signed_request import new_nonce, sign_request
from integration.text import SealedText
from webhook_server.api import api
from webhook_server.api_ports import ShelvedIncident, Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from integration.diary.keys import Identity
    from tests.conftest import SetClock

ORIGIN = "https://coc.example.org"
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
LIST = "/api/v1/incidents"
DIARY = "/api/v1/incidents/BLUE-JAY-27/diary"
CANARY = "canary-9f27c1d06be84c55a1e0f7f3"

BLUE_JAY = ShelvedIncident(
    id=IncidentId("inc_abcdefghijklmnopqrstuvwxyz"),
    code_name=CodeName("BLUE-JAY-27"),
    type=IncidentType.CONDUCT_ENFORCEMENT,
    stage=Stage.REPORTED,
    impact=Level.MEDIUM,
    likelihood=None,
    lead=Alias("robert"),
    secondary=None,
    ticket=TicketName("github:acme/conduct#17"),
    ticket_url="https://github.example/acme/conduct/issues/17",
    opened_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    part_bytes=44_000,
)


@dataclass
class Shelf:
    """A shelf on which robert is cleared for BLUE-JAY-27, and nobody for AMBER-HERON-42."""

    nonces: set[tuple[str, str]] = field(default_factory=set)
    expiries: list[datetime] = field(default_factory=list)
    broken: bool = False
    incident: ShelvedIncident = BLUE_JAY

    def cleared_incident(self, code_name: str, alias: str) -> ShelvedIncident | None:
        if self.broken:
            raise StoreError(f"The database said {CANARY}.")
        return self.incident if (code_name, alias) == ("BLUE-JAY-27", "robert") else None

    def cleared_incidents(self, alias: str) -> list[ShelvedIncident]:
        return [self.incident] if alias == "robert" else []

    def all_incidents(self, alias: str) -> list[tuple[ShelvedIncident, bool]]:
        return [(self.incident, alias == "robert")]

    def comments(self, incident: IncidentId) -> list[SealedText]:
        return [SealedText(f"sealed 1 of {incident}"), SealedText("sealed 2")]

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        return f"sealed file of {incident}".encode() if name == "0003.age" else None

    def waiting(self, incident: IncidentId) -> Waiting | None:
        del incident
        return Waiting(2, "host-gone", parked=True)

    def head(self, incident: IncidentId) -> Head | None:
        return Head(incident, 2, 1, Link("l" * 43))

    def use_nonce(self, alias: str, nonce: str, expires: datetime) -> bool:
        if (alias, nonce) in self.nonces:
            return False
        self.nonces.add((alias, nonce))
        self.expiries.append(expires)
        return True


@dataclass
class Work:
    """What desks asked for; ``refusal`` is raised instead of doing it."""

    written: list[tuple[IncidentId, tuple[str, ...], Head, tuple[Alias, ...]]] = field(default_factory=list)
    restored: list[tuple[IncidentId, bool]] = field(default_factory=list)
    attached: list[tuple[IncidentId, str, bytes]] = field(default_factory=list)
    erased: list[tuple[IncidentId, int, int]] = field(default_factory=list)
    refusal: CoCError | None = None

    def record(
        self, incident: IncidentId, texts: Sequence[str], head: Head, readers: Sequence[Alias]
    ) -> Head:
        if self.refusal is not None:
            raise self.refusal
        self.written.append((incident, tuple(texts), head, tuple(readers)))
        return Head(incident, head.seq + 1, 1, Link("n" * 43))

    def attach(self, incident: IncidentId, name: str, content: bytes) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.attached.append((incident, name, content))

    def restore(self, incident: IncidentId, *, new_ticket: bool) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.restored.append((incident, new_ticket))

    def erase(self, incident: IncidentId, seq: int, redaction: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.erased.append((incident, seq, redaction))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def client(shelf: Shelf, work: Work, robert: Identity, miriam: Identity, clock: SetClock) -> FlaskClient:
    def roster() -> Roster:
        members = tuple(
            Member(Alias(one.alias), one.recipient, one.signing_key, "", True, (), (), {})  # noqa: FBT003 - on duty
            for one in (robert, miriam)
        )
        return Roster(1, "", "0" * 64, members, (), ())

    app = Flask(__name__)
    app.register_blueprint(api(shelf, work, roster, origin=ORIGIN, clock=clock))
    return app.test_client()


def proof(
    signer: Identity,
    target: str,
    *,
    alias: str | None = None,
    origin: str = ORIGIN,
    method: str = "GET",
    body: bytes = b"",
    now: datetime = NOW,
) -> dict[str, str]:
    header = sign_request(
        signer,
        alias=alias or signer.alias,
        origin=origin,
        method=method,
        target=target,
        body=body,
        now=now,
        nonce=new_nonce(),
    )
    return {"Authorization": header}


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.data)["error"]
