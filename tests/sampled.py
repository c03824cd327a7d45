"""Some of many moments at which something can die: others in each run; all of them with COC_FAULT_ALL, as before a release."""

from __future__ import annotations

import os
import random

ALL = bool(os.environ.get("COC_FAULT_ALL"))
_EVERY = 4


def sampled(count: int) -> range:
    """The numbers from 0 to ``count``, or every fourth of them, from any of the first four on."""
    return range(count) if ALL else range(random.SystemRandom().randrange(min(_EVERY, count)), count, _EVERY)
