"""Who can read a ticket space, who should, and the proof that both are the same.

A host reads what the service's own credential can see (:class:`Audience`); :func:`prove` compares it
with the roster. No proof, no write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.errors import HostNotRestricted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from integration.incident import SpaceName


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who can read the ticket space: the host's id of an account, and the path by which they can."""

    account: str
    path: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An account outside the team that cannot be kept out, such as an organisation's owner, until a date."""

    account: str
    until: date
    why: str


@dataclass(frozen=True, slots=True)
class Audience:
    """What was read from the host about one ticket space.

    ``open_doors`` are findings that let in people who cannot be listed, each a sentence of ours
    ("the repository is public"). ``complete`` is true only if the reading held something that must be
    in it (the service's own account or a member): an empty answer is not a proof. ``space_id`` is the host's own id of
    the repository or project, which none other ever gets; empty only where there is an open door as well.
    """

    space: SpaceName
    principals: tuple[Principal, ...]
    open_doors: tuple[str, ...]
    complete: bool
    space_id: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """At this time, only the named accounts could read the ticket space."""

    space: SpaceName
    proven_at: datetime
    readers: frozenset[str]


def prove(
    audience: Audience,
    *,
    allowed: frozenset[str],
    acknowledged: Sequence[Acknowledged],
    now: datetime,
) -> Proof:
    """Proof that the audience is within the roster's accounts and the acknowledged exceptions.

    Args:
        audience: what the host says.
        allowed: accounts of the roster on this host, and the service's own.
        acknowledged: exceptions; one whose date has passed counts no more.
        now: the time of the reading.

    Raises:
        HostNotRestricted: with each reason. Accounts are host ids of people with access, which the
            host's admins can see anyway; nothing from a report is named.
    """
    today = now.date()
    current = {one.account.casefold() for one in acknowledged if one.until >= today}
    lapsed = {one.account.casefold(): one.until for one in acknowledged if one.until < today}
    inside = {account.casefold() for account in allowed} | current
    reasons = list(audience.open_doors)
    for principal in audience.principals:
        account = principal.account.casefold()
        if account in inside:
            continue
        note = f"; the exception for it ended on {lapsed[account]}" if account in lapsed else ""
        reasons.append(
            f"the account {principal.account!r} can read it by {principal.path} and is not in the roster{note}"
        )
    if not audience.complete:
        reasons.append(
            "the host's list of readers lacks an account that must be in it, so it is not the whole list"
        )
    if reasons:
        raise HostNotRestricted(
            f"The ticket space {audience.space!r} is not proven to be restricted: "
            + "; ".join(reasons)
            + ".",
            meaning="Nothing was written to it. The report stays sealed in the service.",
            next_step="Take these accounts' access away, or acknowledge them by name with an end date; "
            "the job tries again by itself.",
        )
    return Proof(audience.space, now, frozenset(principal.account for principal in audience.principals))
