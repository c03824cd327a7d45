"""A server's configuration, and its database with nothing amiss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.audience import ADMIN_PROOF_LASTS, AdminProof
from tests.server.status.looked import CONDUCT, NOW, Now
from webhook_server.config import load_config
from webhook_server.store.audiences import Audiences
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def config(filled_in: Path) -> Path:
    return filled_in


@pytest.fixture
def parts(config: Path) -> Iterator[Parts]:
    parts = join(load_config(config), clock=Now())
    Audiences(parts.database._engine).admin_passed(
        CONDUCT, AdminProof(NOW, NOW + ADMIN_PROOF_LASTS, "4711", ()), NOW
    )
    yield parts
    parts.close()
