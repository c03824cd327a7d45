"""What all faults share: the team's keys, which do not matter to them, and the process that starts servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import Identity, generate_identity
from sandbox.playground import TEAM
from tests.faults.world import Nursery, running_nursery

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def identities() -> dict[str, Identity]:
    return {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with running_nursery() as made:
        yield made
