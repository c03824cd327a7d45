"""kill -9 at random moments under load: every acknowledged delivery is exactly one incident, and nothing is in clear.

COC_FAULT_KILLS says how many (the soak of `make soak` does a thousand), COC_FAULT_SEED repeats a run's moments.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from tests.faults.soak import soak

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.faults.world import Nursery

KILLS = int(os.environ.get("COC_FAULT_KILLS", "20"))
SEED = int(os.environ.get("COC_FAULT_SEED") or random.SystemRandom().randrange(2**32))


def test_nothing_is_lost_and_nothing_is_there_twice(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery
) -> None:
    count = soak(tmp_path / "server", nursery, kills=KILLS, seed=SEED, identities=identities)

    assert [] == count.wrong, f"COC_FAULT_SEED={SEED} repeats these moments"
    assert (0, 0, 0) == (count.verdict.lost, count.verdict.doubles, count.verdict.parked)
    assert count.kills == KILLS
    assert count.verdict.incidents == count.submissions > 0
    assert count.acknowledged >= count.verdict.reports
