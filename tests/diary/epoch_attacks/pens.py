"""The pen for attacks on diaries that desks wrote, through the service's own checks, on both hosts' comment styles.

Numbers of entries are those of the fixture ``shelf``: 1 keyring, 2 report, 3 keyring of epoch 2, 4 note. What a
whole service does that was taken over is done by a :class:`Pen` with its seal key, past all checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.diary.team import Pen

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from tests.diary.conftest import Shelf


def pen_of(shelf: Shelf, who: Identity | None = None) -> Pen:
    """A pen at the head with what this member's key opens, and the service's seal key."""
    ring = shelf.read(who).keyring
    assert ring is not None
    return Pen(shelf.team.incident, shelf.team.ticket, shelf.team.service, shelf.head, ring)
