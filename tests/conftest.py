"""Fixtures that many tests share."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest


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
