"""What ``coc-server status`` says: what needs a look, and how things are."""

from __future__ import annotations

from dataclasses import dataclass, field


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
