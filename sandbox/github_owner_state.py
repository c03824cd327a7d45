"""What of the GitHub stand-in only owners and admins see: roles of an organization, webhooks, deploy keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.github_state import Thing

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.github_state import Level, Team
    from sandbox.wire import Hook


@dataclass(eq=False)
class OrganizationRole(Thing):
    """A role in an organization; ``base`` is what it gives in every repository, None for nothing."""

    name: str
    base: Level | None = None
    source: str = "Predefined"
    users: set[str] = field(default_factory=set)
    teams: list[Team] = field(default_factory=list)


@dataclass(eq=False)
class Webhook(Thing):
    """A webhook that somebody made by the API. What it was sent is kept with ``hook``."""

    hook: Hook
    events: tuple[str, ...]
    active: bool
    created_at: datetime
    content_type: str = "json"
    insecure_ssl: str = "0"

    def wants(self, event: str) -> bool:
        """Whether an event goes to it."""
        return self.active and (event == "ping" or "*" in self.events or event in self.events)


@dataclass(eq=False)
class DeployKey(Thing):
    """A key that opens the repository's code, and no issues."""

    title: str
    read_only: bool
    created_at: datetime
