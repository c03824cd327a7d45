"""What the tests of the intake's answers share: a canary, and what every answer is like."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

CANARY = "canary-" + secrets.token_hex(24)


def answered(response: TestResponse, status: int) -> None:
    assert (response.status_code, response.data) == (status, b"")
    assert "Content-Type" not in response.headers
    assert "Location" not in response.headers


def with_canary(report: dict[str, Any]) -> dict[str, Any]:
    """The report with the canary in every question and answer."""
    for one in report["data"]["answers"]:
        one["question"] += CANARY
        one["answer"] += CANARY
    return report
