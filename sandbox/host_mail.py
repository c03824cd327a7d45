"""A notification that a host would mail, kept by the stand-ins for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostMail:
    """To whom (the host's own id of an account), and what stands in it."""

    to: str
    subject: str
    text: str
