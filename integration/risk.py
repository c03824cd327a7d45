"""Impact, likelihood and what follows from them.

The wording of the scale is process data (``[scale]`` in the process file); the arithmetic is here.
"""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """One of three steps of impact or of likelihood. "Not yet assessed" is ``None``."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


def risk(impact: Level | None, likelihood: Level | None) -> int | None:
    """Impact × likelihood, 1 to 9; ``None`` while either is not yet assessed."""
    if impact is None or likelihood is None:
        return None
    return int(impact) * int(likelihood)


def stronger_action(impact: Level | None, likelihood: Level | None) -> bool:
    """Whether the process asks for stronger action: likely to recur AND impact medium or high.

    A rule of its own, not a threshold on the product: impact 3, likelihood 2 is no and impact 2,
    likelihood 3 is yes, though both products are 6.
    """
    return likelihood == Level.HIGH and impact is not None and impact >= Level.MEDIUM


def in_words(impact: Level | None, likelihood: Level | None) -> str:
    """As people read it: ``2 * 1 = 2``, or ``not yet assessed``."""
    product = risk(impact, likelihood)
    if impact is None or likelihood is None or product is None:
        return "not yet assessed"
    return f"{int(impact)} * {int(likelihood)} = {product}"
