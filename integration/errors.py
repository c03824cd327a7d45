"""Every error of coc-mirror.

``str(error)`` is always safe to log, to mail and to show: it is made of our own words, ids and code
names, and never holds a body, a name or a token. Each error says what happened, what it means and
what to do next.

    CoCError
    ├── ConfigError               the configuration, roster or process file has mistakes; all are listed
    │   └── RootKeyRefused        a root key file that lacks what the running server works with
    ├── RosterRefused             a roster that is not signed as it must be, or does not follow the one before
    ├── IntakeError               a delivery was not taken in; carries the HTTP status to answer
    │   ├── Unauthenticated       401
    │   │   ├── StaleDelivery     401
    │   │   └── UnknownSource     401 (not 404: Typeform would switch the form off)
    │   ├── TooLarge              413
    │   └── NotReceived           503, or no answer: it was not waited for until it was whole
    ├── UnreadableSubmission      authentic, but not understood: sealed verbatim, never lost
    ├── SealError
    │   ├── NoReaders             nobody could open what would be sealed
    │   ├── CannotOpen            this key does not open this diary, or the diary is damaged
    │   ├── HeadConflict          somebody else wrote into the diary first; sign again for the new head
    │   └── WriteRefused          nothing was written: the service, or this desk itself, does not allow it
    ├── HostError                 Jira or GitHub did not do what was asked
    │   ├── HostUnavailable       nothing was written; try again
    │   ├── HostLimited           the host asks us to wait
    │   │   └── BudgetSpent       we wait by ourselves, so that the host need not ask
    │   ├── HostUnknownOutcome    a write may or may not have happened: read before writing again
    │   ├── HostRefused           401, 403: key or permission
    │   ├── HostRejected          the host did not accept what we sent
    │   ├── HostGone              the ticket or the ticket space is not there (any more)
    │   ├── UnknownDiary          the ticket holds diary comments that our database does not know
    │   ├── HostNotRestricted     more people can read the ticket space than the team says
    │   │   ├── HostUnproven      the proof that needs an admin's credential is lacking or has ended
    │   │   └── HostFrozen        the ticket space was found not to be restricted while a job was under way
    │   └── HostReplaced          another repository or project stands under the ticket space's name
    ├── NotifyError               a notice reached nobody
    │   └── AddressesRefused      the mail server refused each address of it
    ├── StoreError                the database did not take it; nothing was answered as received
    │   ├── DoesNotOpen           a sealed value of the database was made with another key, changed or moved
    │   └── Busy                  another server is at the same work now
    │       ├── KeptApart         a report has just been given an incident of its own
    │       └── MoreToSeal        a ticket has more plain comments than are sealed at once
    ├── BadRequestProof           a desk's request does not prove that a member's desk made it
    │   ├── StaleRequest          its time is too far from the service's clock
    │   └── ReplayedRequest       it came before
    └── DeskError                 what a member reads at their own desk
        ├── HomeError             a file of the desk is missing, in the way or not ours
        ├── ServiceUnreachable    no usable answer came from the service
        ├── ServiceRefused        the service does not accept this desk's request
        ├── NotCleared            no such incident for this member; whether it exists is not said
        └── TicketUnreadable      the host did not show this member the ticket's comments
"""

from __future__ import annotations

from typing import ClassVar


class CoCError(Exception):
    """Base of all our errors. ``code`` is stable and documented; ``str()`` is safe to log."""

    code: ClassVar[str] = "error"

    def __init__(self, what: str, *, meaning: str = "", next_step: str = "") -> None:
        self.what = what
        self.meaning = meaning
        self.next_step = next_step
        super().__init__(" ".join(part for part in (what, meaning, next_step) if part))


class ConfigError(CoCError):
    """A file of the team has mistakes. All of them are listed in :attr:`mistakes`."""

    code = "config"

    def __init__(self, where: str, mistakes: list[str]) -> None:
        self.where = where
        self.mistakes = tuple(mistakes)
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        listing = "".join(f"\n  - {mistake}" for mistake in mistakes)
        super().__init__(
            f"{where} has {count}:{listing}\nNothing was started or changed. Correct the file and try again."
        )


class RootKeyRefused(ConfigError):
    """The root key file that a running server read again lacks a key that it works with. The keys it has stay in use."""

    code = "root-key"


class RosterRefused(CoCError):
    """A roster is not signed as it must be, or does not follow the accepted one. The accepted one stays."""

    code = "roster-refused"


class IntakeError(CoCError):
    """A delivery was not taken in. ``status`` is the HTTP status the sender gets, with an empty body."""

    code = "intake"
    status: ClassVar[int] = 503


class Unauthenticated(IntakeError):
    """The delivery does not prove that it comes from the configured source."""

    code = "unauthenticated"
    status = 401


class StaleDelivery(Unauthenticated):
    """The signed time is outside the tolerance: a replay, or a wrong clock."""

    code = "stale-delivery"


class UnknownSource(Unauthenticated):
    """No source of this name is configured."""

    code = "unknown-source"


class TooLarge(IntakeError):
    """The delivery is over the size limit."""

    code = "too-large"
    status = 413


class NotReceived(IntakeError):
    """The delivery did not come whole: there was no room for it, or it came too slowly."""

    code = "not-received"


class UnreadableSubmission(CoCError):
    """Authentic, but not what the reader understands. The caller seals the delivery as it came."""

    code = "unreadable-submission"


class SealError(CoCError):
    """Sealing or opening a diary did not work."""

    code = "seal"


class NoReaders(SealError):
    """Nobody could open what would be sealed: everyone conflicts and there is no recovery key."""

    code = "no-readers"


class CannotOpen(SealError):
    """This key does not open this diary, or the diary is damaged."""

    code = "cannot-open"


class HeadConflict(SealError):
    """Somebody else wrote into the diary at the same moment; nothing was taken."""

    code = "head-conflict"


class WriteRefused(SealError):
    """Nothing was written: the service does not take it, or this desk does not send it."""

    code = "write-refused"


class HostError(CoCError):
    """Jira or GitHub did not do what was asked.

    ``retry`` says whether the same job may be run again without a person; ``after`` is the shortest
    wait in seconds, where the host named one.
    """

    code = "host"
    retry: ClassVar[bool] = False

    def __init__(
        self, what: str, *, meaning: str = "", next_step: str = "", after: float | None = None
    ) -> None:
        super().__init__(what, meaning=meaning, next_step=next_step)
        self.after = after


class HostUnavailable(HostError):
    """The host could not be reached or had trouble of its own; nothing was written."""

    code = "host-unavailable"
    retry = True


class HostLimited(HostError):
    """The host asks us to slow down; ``after`` says for how long."""

    code = "host-limited"
    retry = True


class BudgetSpent(HostLimited):
    """Our own budget of writes to the host is used up for now. No trouble: ``after`` is when it is our turn."""

    code = "host-budget"


class HostUnknownOutcome(HostError):
    """A write was sent and no usable answer came back. Read before writing again."""

    code = "host-unknown-outcome"
    retry = True


class HostRefused(HostError):
    """The host does not accept our key, or the key lacks a permission."""

    code = "host-refused"


class HostRejected(HostError):
    """The host did not accept what we sent. ``fields`` names our own fields it complained about."""

    code = "host-rejected"

    def __init__(
        self,
        what: str,
        *,
        fields: tuple[str, ...] = (),
        meaning: str = "",
        next_step: str = "",
        after: float | None = None,
    ) -> None:
        super().__init__(what, meaning=meaning, next_step=next_step, after=after)
        self.fields = fields


class HostGone(HostError):
    """The ticket or the ticket space is not there, or not visible to us."""

    code = "host-gone"


class UnknownDiary(HostError):
    """The ticket holds diary comments that the database does not know and that do not surely continue its diary."""

    code = "unknown-diary"


class HostNotRestricted(HostError):
    """It is not proven that only the team can read the ticket space. Nothing is written.

    ``reasons`` are sentences that name accounts of the host and the paths by which each can read.
    """

    code = "host-not-restricted"

    def __init__(
        self,
        what: str,
        *,
        reasons: tuple[str, ...] = (),
        meaning: str = "",
        next_step: str = "",
        after: float | None = None,
    ) -> None:
        super().__init__(what, meaning=meaning, next_step=next_step, after=after)
        self.reasons = reasons


class HostUnproven(HostNotRestricted):
    """The proof that needs an admin's credential is lacking, has ended, or does not fit the roster any more."""

    code = "host-unproven"


class HostFrozen(HostNotRestricted):
    """Nothing is written to the ticket space since somebody was found who may not read it."""

    code = "host-frozen"


class HostReplaced(HostError):
    """Under the ticket space's name stands another repository or project than the proven one. Nothing is written."""

    code = "host-replaced"


class NotifyError(CoCError):
    """A notice reached nobody; it is sent again."""

    code = "notify"


class AddressesRefused(NotifyError):
    """The mail server answered, and refused each address."""

    code = "addresses-refused"


class StoreError(CoCError):
    """The database did not take it. Nothing was acknowledged to anyone."""

    code = "store"


class DoesNotOpen(StoreError):
    """A sealed value of the database does not open: another root key, or it was changed or moved."""

    code = "does-not-open"


class Busy(StoreError):
    """Another server is at the same work at this moment, or has done it meanwhile; two would do it twice."""

    code = "busy"


class KeptApart(Busy):
    """A report has been given an incident of its own just now; whoever works on that one holds its lock, so it comes next."""

    code = "kept-apart"


class MoreToSeal(Busy):
    """There are more plain comments on a ticket than are sealed at once; the next ones follow."""

    code = "more-to-seal"


class BadRequestProof(CoCError):
    """A request to the service does not prove that it comes from a member's desk; answered with 401."""

    code = "bad-proof"


class StaleRequest(BadRequestProof):
    """The signed time is outside the tolerance: a wrong clock, or an old request sent again."""

    code = "stale-request"


class ReplayedRequest(BadRequestProof):
    """This very request was answered before."""

    code = "replayed-request"


class DeskError(CoCError):
    """Something at a member's own desk did not work."""

    code = "desk"


class HomeError(DeskError):
    """A file in the desk's folder is missing, already there, or does not fit the others."""

    code = "desk-home"


class ServiceUnreachable(DeskError):
    """The service could not be reached, or what answered is not the service as we know it."""

    code = "service-unreachable"


class ServiceRefused(DeskError):
    """The service does not accept this desk's signed request."""

    code = "service-refused"


class NotCleared(DeskError):
    """There is no such incident for this member. Not cleared and not existing are said alike."""

    code = "not-cleared"


class TicketUnreadable(DeskError):
    """The host did not show the ticket's comments to this member's own credential."""

    code = "ticket-unreadable"
