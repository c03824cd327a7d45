"""A delivery that is authentic and not understood: kept as it came, answered and told."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.intake.answers import CANARY, answered, with_canary
from webhook_server.intake.registry import READERS, Reader

if TYPE_CHECKING:
    from tests.intake.conftest import Door

pytestmark = pytest.mark.usefixtures("nothing_of_a_report_is_logged")

UNREADABLE = [
    pytest.param(f'{{"type": "{CANARY}'.encode(), id="cut off"),
    pytest.param(b'{"type": "' + CANARY.encode() + b'\xff\xfe"}', id="invalid UTF-8"),
    pytest.param(b"[" * 100_000, id="deep nesting"),
    pytest.param(b"", id="empty"),
    pytest.param(b'{"type": "report.submitted", "ip": "' + CANARY.encode() + b'"}', id="other shape"),
    pytest.param(json.dumps({"type": "x", "n": float("nan"), "c": CANARY}).encode(), id="NaN"),
    pytest.param(
        json.dumps(
            {
                "type": "report.submitted",
                "timestamp": "",
                "data": {
                    "submission_id": "s",
                    "answers": [{"id": "q", "question": CANARY, "answer": CANARY}] * 10_000,
                },
            }
        ).encode(),
        id="10,000 answers",
    ),
]


@pytest.mark.parametrize("raw", UNREADABLE)
def test_authentic_but_unreadable_is_stored_as_it_came_answered_and_alerted(door: Door, raw: bytes) -> None:
    answered(door.generic(raw), 200)

    ((source, submission_id, report),) = door.received
    assert (source, submission_id) == ("script", f"unreadable-{hashlib.sha256(raw).hexdigest()}")
    assert report.verbatim is not None
    assert report.verbatim.reveal() == raw.decode(errors="backslashreplace")
    assert CANARY not in repr(report)
    assert door.alerts == [("script", "unreadable-submission")]


def test_unreadable_delivery_again_has_the_same_id(door: Door) -> None:
    door.generic(b"{")
    door.generic(b"{")

    assert door.received[0] == door.received[1]


def test_bug_in_a_reader_loses_nothing(
    door: Door,
    generic_report: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(raw: bytes, content_type: str) -> None:
        raise KeyError(raw.decode(), content_type)

    table = {**READERS, "generic": Reader("generic", broken, "standard-webhooks", "x")}  # type: ignore[arg-type]  # broken on purpose
    monkeypatch.setattr("webhook_server.intake.routes.READERS", table)

    answered(door.generic(with_canary(generic_report)), 200)

    assert door.received[0][2].verbatim is not None
    assert door.alerts == [("script", "unreadable-submission")]
    assert "outcome=unreadable size=" in caplog.text
    assert "error=KeyError" in caplog.text
