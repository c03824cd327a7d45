"""Ids for tests."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from integration.incident import incident_id

if TYPE_CHECKING:
    from integration.incident import IncidentId


def new_incident_id() -> IncidentId:
    """A fresh random id."""
    return incident_id(secrets.token_bytes(16))
