"""kill -9 at random moments under load: every acknowledged delivery is exactly one incident, and nothing is in clear.

COC_FAULT_KILLS says how many (the soak of `make soak` does a thousand), COC_FAULT_SEED repeats a run's moments.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from tests.faults.searched import found_in_files
from tests.faults.soak import Count, soak

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.faults.world import Nursery
    from tests.pg import Postgres

KILLS = int(os.environ.get("COC_FAULT_KILLS", "15"))
SEED = int(os.environ.get("COC_FAULT_SEED") or random.SystemRandom().randrange(2**32))


def test_nothing_is_lost_and_nothing_is_there_twice(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery
) -> None:
    hold_against(soak(tmp_path / "server", nursery, kills=KILLS, seed=SEED, identities=identities))


def test_nor_on_postgresql(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, postgres: Postgres, postgres_url: str
) -> None:
    count = soak(
        tmp_path / "server",
        nursery,
        kills=KILLS // 2,
        seed=SEED,
        identities=identities,
        database_url=postgres_url,
    )

    hold_against(count)
    assert [] == found_in_files(postgres.data, count.canary)


def hold_against(count: Count) -> None:
    assert [] == count.wrong, f"COC_FAULT_SEED={SEED} repeats these moments"
    assert (0, 0, 0) == (count.verdict.lost, count.verdict.doubles, count.verdict.parked)
    assert count.verdict.incidents == count.submissions > 0
    assert count.acknowledged >= count.verdict.reports >= count.submissions
