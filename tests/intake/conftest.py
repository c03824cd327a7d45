"""A door with a memory: the intake's routes in front of a fake ``receive``, and ways to sign a delivery."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from integration.incident import SpaceName
from integration.report import ReportField
from tests.intake.answers import CANARY
from webhook_server.intake.mapping import FormMapping
from webhook_server.intake.routes import intake
from webhook_server.intake.schemes import PRESETS
from webhook_server.intake.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from integration.report import Report
    from tests.conftest import SetClock

HERE = Path(__file__).parent
TYPEFORM_SECRET = b"typeform-secret-of-a-test"
GENERIC_SECRET = bytes(range(32))


@dataclass
class Door:
    """The intake of two sources, ``paper`` (Typeform) and ``script`` (generic), and what came through."""

    clock: SetClock
    received: list[tuple[str, str, Report]] = field(default_factory=list)
    alerts: list[tuple[str, str]] = field(default_factory=list)
    trouble: Exception | None = None
    alert_trouble: Exception | None = None

    def __post_init__(self) -> None:
        sources = {
            "paper": Source(
                name="paper",
                reader="typeform",
                scheme=PRESETS["typeform"],
                secrets=(TYPEFORM_SECRET,),
                mapping=FormMapping(questions={"about": ReportField.SUBJECT, "what": ReportField.ACCOUNT}),
                space=SpaceName("team-space"),
            ),
            "script": Source(
                name="script",
                reader="generic",
                scheme=PRESETS["standard-webhooks"],
                secrets=(GENERIC_SECRET,),
                mapping=FormMapping(questions={"about": ReportField.SUBJECT, "what": ReportField.ACCOUNT}),
                space=SpaceName("team-space"),
            ),
        }
        self.app = Flask("door")
        self.app.register_blueprint(intake(sources, self._receive, self.clock, self._alert))
        self.client: FlaskClient = self.app.test_client()

    def _receive(self, source: Source, submission_id: str, report: Report) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.received.append((source.name, submission_id, report))

    def _alert(self, source: str, code: str) -> None:
        if self.alert_trouble is not None:
            raise self.alert_trouble
        self.alerts.append((source, code))

    def typeform(self, body: object) -> TestResponse:
        """Deliver to ``paper``, rightly signed."""
        raw = as_bytes(body)
        signature = base64.b64encode(hmac.digest(TYPEFORM_SECRET, raw, hashlib.sha256)).decode()
        return self.post("paper", raw, {"Typeform-Signature": f"sha256={signature}"})

    def generic(self, body: object, *, at: datetime | None = None) -> TestResponse:
        """Deliver to ``script``, rightly signed."""
        raw = as_bytes(body)
        return self.post("script", raw, self.standard_headers(raw, at))

    def standard_headers(self, raw: bytes, at: datetime | None = None) -> dict[str, str]:
        """The headers that prove ``raw`` to come from ``script``."""
        time = str(int((at or self.clock.now()).timestamp()))
        digest = hmac.digest(GENERIC_SECRET, b"msg_1." + time.encode() + b"." + raw, hashlib.sha256)
        return {
            "webhook-id": "msg_1",
            "webhook-timestamp": time,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }

    def post(self, source: str, raw: bytes, headers: dict[str, str] | list[tuple[str, str]]) -> TestResponse:
        """Deliver anything."""
        return self.client.post(f"/in/{source}", data=raw, headers=headers, content_type="application/json")


def as_bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def door(clock: SetClock) -> Door:
    return Door(clock)


@pytest.fixture
def generic_report() -> dict[str, object]:
    """An ordinary report in the generic format, fresh for each test to spoil."""
    return _fixture("generic", "report")


@pytest.fixture
def typeform_report() -> dict[str, object]:
    """A Typeform delivery with every type of answer, fresh for each test to spoil."""
    return _fixture("typeform", "every-answer-type")


def _fixture(reader: str, name: str) -> dict[str, object]:
    found = json.loads((HERE / reader / "fixtures" / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def nothing_of_a_report_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A test may put the canary anywhere in a request."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.records:
        assert CANARY not in f"{record.getMessage()} {record.exc_info} {record.__dict__}"
