"""What ``coc-server status`` says: what needs a look, and how things are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(slots=True)
class Status:
    """``warnings`` are (what is the matter, what to do), ``lines`` are (of what, how it is)."""

    warnings: list[tuple[str, str]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def warn(self, what: str, then: str) -> None:
        """Something needs a look."""
        self.warnings.append((what, then))

    def say(self, name: str, text: str) -> None:
        """How something is."""
        self.lines.append((name, text))


def ago(then: datetime, now: datetime) -> str:
    """A duration in the largest unit that fits: ``3 hours``."""
    seconds = max(0, int((now - then).total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds} seconds"
