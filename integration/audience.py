"""Who can read a ticket space, who should, and the proof that both are the same.

A proof is of one of two kinds. The service's own credential sees a part, and is asked all the time; an admin's sees the
whole, is used by a person at set-up and by ``coc-server doctor``, and what it saw is kept with an end date. Both are
lists of who can read (:class:`Audience`), compared with the roster by the same rule (:func:`prove`). Without both, no
write: :mod:`integration.guard` sees to that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from integration.errors import HostNotRestricted, HostUnproven

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from integration.errors import HostError
    from integration.incident import SpaceName

ADMIN_PROOF_LASTS = timedelta(days=90)
ADMIN_PROOF_ENDS_SOON = timedelta(days=14)
"""So long before its end those who run the service are told daily."""


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
    ``unread`` is why the reading ended early, if it did. What was found before that counts; the rest is not known.
    """

    space: SpaceName
    principals: tuple[Principal, ...]
    open_doors: tuple[str, ...]
    complete: bool
    space_id: str = ""
    unread: HostError | None = None

    def whole(self) -> Audience:
        """The same, if it was read to its end.

        Raises:
            HostError: it was not.
        """
        if self.unread is not None:
            raise self.unread
        return self


@dataclass(frozen=True, slots=True)
class Proof:
    """At this time, only the named accounts could read the ticket space."""

    space: SpaceName
    proven_at: datetime
    readers: frozenset[str]


@dataclass(frozen=True, slots=True)
class AdminProof:
    """What an admin's credential saw, at the time when it was proven: everybody who could read, and by which path.

    It counts until ``ends_at``, for the repository or project with the host's own id ``space_id`` only, and for as long
    as everybody in it is in the roster or acknowledged: who leaves the team may still hold a right that only an admin can
    see.
    """

    proven_at: datetime
    ends_at: datetime
    space_id: str
    principals: tuple[Principal, ...]


@dataclass(frozen=True, slots=True)
class Freeze:
    """Since when nothing is written to a ticket space, and why.

    ``proven_before`` is when it was last proven before: between then and the thaw somebody could read who may not.
    ``reasons`` are of the newest look, ``could_read`` of all looks since the freeze.
    """

    since: datetime
    proven_before: datetime | None
    reasons: tuple[str, ...]
    could_read: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpaceRecord:
    """What is kept of a ticket space's proofs, for all processes that share the database.

    ``doubts`` counts the times that a proof lost its worth: who began to look before cannot prove anything after.
    ``proven_at`` is the service's own newest proof, None as long as there is none or it is in doubt. ``freeze`` is what
    came last, over if ``thawed_at`` is not None. ``told`` is what people were last told of it, and when.
    """

    space: SpaceName
    doubts: int = 0
    proven_at: datetime | None = None
    admin: AdminProof | None = None
    freeze: Freeze | None = None
    thawed_at: datetime | None = None
    told: str | None = None
    told_at: datetime | None = None

    @property
    def is_frozen(self) -> bool:
        """Whether nothing may be written there."""
        return self.freeze is not None and self.thawed_at is None


@dataclass(frozen=True, slots=True)
class Reader:
    """A principal beside the team's lists: ``until`` is the end of the exception for it, if there is or was one."""

    principal: Principal
    in_team: bool
    until: date | None
    today: date

    @property
    def may_read(self) -> bool:
        """Whether it is in the roster (or the service itself), or acknowledged to the end of this day at least."""
        return self.in_team or (self.until is not None and self.until >= self.today)


def readers(
    principals: Sequence[Principal],
    *,
    allowed: frozenset[str],
    acknowledged: Sequence[Acknowledged],
    now: datetime,
) -> tuple[Reader, ...]:
    """Everybody in a list of who can read, with whether they may. Hosts do not tell large letters from small in names."""
    team = {account.casefold() for account in allowed}
    ends: dict[str, date] = {}
    for one in acknowledged:
        account = one.account.casefold()
        ends[account] = max(one.until, ends.get(account, one.until))
    return tuple(
        Reader(one, one.account.casefold() in team, ends.get(one.account.casefold()), now.date())
        for one in principals
    )


def prove(
    audience: Audience,
    *,
    allowed: frozenset[str],
    acknowledged: Sequence[Acknowledged],
    now: datetime,
) -> Proof:
    """Proof that the audience is within the roster's accounts and the acknowledged exceptions.

    Args:
        audience: what the host says, to the service's own credential or to an admin's.
        allowed: accounts of the roster on this host, and the service's own.
        acknowledged: exceptions; one whose date has passed counts no more.
        now: the time of the reading.

    Raises:
        HostNotRestricted: with each reason. Accounts are host ids of people with access, which the
            host's admins can see anyway; nothing from a report is named.
        HostError: the host did not say it all, and in what it said nobody was found who may not read.
    """
    everybody = readers(audience.principals, allowed=allowed, acknowledged=acknowledged, now=now)
    reasons = [*audience.open_doors, *(_reason(one) for one in everybody if not one.may_read)]
    if audience.unread is not None:
        if not reasons:
            raise audience.unread
        reasons.append("the host did not say who else can read it")
    elif not audience.complete:
        reasons.append(
            "the host's list of readers lacks an account that must be in it, so it is not the whole list"
        )
    if reasons:
        raise HostNotRestricted(
            f"The ticket space {audience.space!r} is not proven to be restricted: "
            + "; ".join(reasons)
            + ".",
            reasons=tuple(reasons),
            meaning="Nothing was written to it. The report stays sealed in the service.",
            next_step="Take these accounts' access away, and it goes on by itself; or acknowledge them by name with an end "
            "date in the configuration, and start the server again.",
        )
    return Proof(audience.space, now, frozenset(principal.account for principal in audience.principals))


def prove_by_admin(
    audience: Audience,
    *,
    allowed: frozenset[str],
    acknowledged: Sequence[Acknowledged],
    now: datetime,
) -> AdminProof:
    """The proof that is kept, if what an admin's credential saw is a proof.

    Raises:
        HostNotRestricted: it is none; with each reason.
    """
    prove(audience, allowed=allowed, acknowledged=acknowledged, now=now)
    if not audience.space_id:
        raise HostNotRestricted(
            f"The host does not say which repository or project {audience.space!r} is.",
            reasons=("the host does not say which repository or project it is",),
            next_step="Run coc-server doctor again.",
        )
    return AdminProof(now, now + ADMIN_PROOF_LASTS, audience.space_id, audience.principals)


def check_admin_proof(
    proof: AdminProof | None,
    space: SpaceName,
    *,
    space_id: str | None,
    allowed: frozenset[str],
    acknowledged: Sequence[Acknowledged],
    now: datetime,
) -> None:
    """Return if an admin's proof still counts; ``space_id`` is the repository or project that is written to.

    Raises:
        HostUnproven: there is none, it has ended, it was of another one, or somebody in it may not read any more.
    """
    if proof is None:
        raise _unproven(
            f"An admin's credential has never proven who can read the ticket space {space!r}.", space
        )
    if proof.space_id != space_id:
        what = f"What an admin's credential proved was another repository or project than {space!r} is now."
        raise _unproven(what, space)
    if now >= proof.ends_at:
        raise _unproven(
            f"The proof by an admin's credential of who can read the ticket space {space!r} ended on {proof.ends_at:%Y-%m-%d}.",
            space,
        )
    everybody = readers(proof.principals, allowed=allowed, acknowledged=acknowledged, now=now)
    reasons = tuple(_reason(one) for one in everybody if not one.may_read)
    if reasons:
        raise _unproven(
            f"When an admin's credential last looked at the ticket space {space!r}, it could be read by somebody who may not now: "
            + "; ".join(reasons)
            + ".",
            space,
            reasons,
        )


def _reason(reader: Reader) -> str:
    note = f"; the exception for it ended on {reader.until}" if reader.until is not None else ""
    who, path = reader.principal.account, reader.principal.path
    return f"the account {who!r} can read it by {path} and is not in the roster{note}"


def _unproven(what: str, space: SpaceName, reasons: tuple[str, ...] = ()) -> HostUnproven:
    return HostUnproven(
        what,
        reasons=reasons,
        meaning="The service's own account cannot see all who can read, so nothing is written. Reports stay sealed.",
        next_step=f"Run with an admin's credential: coc-server doctor {space} --admin-token-file FILE",
    )
