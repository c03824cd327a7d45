"""What ``coc-server doctor`` finds out about a host: one assumption of ours, whether it holds, and what to do if not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """UNKNOWN is said wherever something could not be looked at; it is never taken for PASS."""

    PASS = "PASS"  # noqa: S105 - a word, no secret
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Check:
    """One assumption about a host.

    ``key`` is its stable name (``security-level-members``), ``what`` a sentence on what was found, ``next_step`` what a
    person does about it (empty only with PASS). Both may name accounts, roles and settings of the host, and nothing
    that comes from a report.
    """

    key: str
    outcome: Outcome
    what: str
    next_step: str = ""
