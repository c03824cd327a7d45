"""An incident: what the team handles. It gathers one or more reports and has one ticket."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from datetime import datetime

    from integration.code_name import CodeName
    from integration.risk import Level

IncidentId = NewType("IncidentId", str)
"""``inc_`` and 26 letters of base32: 128 random bits, never reused, meaningless to a host's admins."""

Alias = NewType("Alias", str)
"""The name by which a member is known in the mirror view."""

SpaceName = NewType("SpaceName", str)
"""The configured name of a ticket space: one Jira project or one GitHub repository."""


class IncidentType(StrEnum):
    """The two routes of the process. The values are what the host shows."""

    CONDUCT_ENFORCEMENT = "Conduct Enforcement"
    CONFLICT_RESOLUTION = "Conflict Resolution"


class Stage(StrEnum):
    """Where the team is in the process. The values are what the host shows."""

    REPORTED = "Reported"
    ASSESSING = "Assessing"
    LISTENING = "Listening"
    DECIDING = "Deciding"
    ACTING = "Acting"
    REPORTING_BACK = "Reporting back"
    CLOSED = "Closed"


@dataclass(frozen=True, slots=True)
class Incident:
    """What we keep in clear about an incident: nothing here comes from a person's words."""

    id: IncidentId
    code_name: CodeName
    type: IncidentType
    space: SpaceName
    opened_at: datetime
    stage: Stage = Stage.REPORTED
    impact: Level | None = None
    likelihood: Level | None = None
    lead: Alias | None = None
    secondary: Alias | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing of it is to be done any more."""
        return self.stage is Stage.CLOSED


def incident_id(origin: bytes) -> IncidentId:
    """The id for 16 bytes that nothing else comes from."""
    return IncidentId("inc_" + base64.b32encode(origin).decode("ascii").rstrip("=").lower())
