"""Whether a ticket space may be written to at this moment, and what happens when it may not.

A look that finds somebody who may not read freezes the space for every process that shares the database: no job writes
there. A later look that finds nobody thaws it. Members are told of both (webhook_server/space_notices.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from integration.audience import check_admin_proof, prove
from integration.errors import HostError, HostFrozen, HostNotRestricted, HostReplaced, HostUnavailable
from integration.logs import Log
from integration.space_identity import audience_of, keep_first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from integration.audience import Acknowledged, Audience, SpaceRecord
    from integration.incident import SpaceName
    from integration.ports import Clock, Host
    from integration.roster import Roster
    from integration.store import SpaceBook, Store

_log = Log("coc.audience")

PROOF_LASTS = timedelta(minutes=15)
"""How long the service's own proof is good enough for what a host's event asks for, and for looking at another ticket."""

_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Proves ticket spaces restricted, freezes and thaws them.

    ``hosts`` are asked by :meth:`look` and :meth:`look_now` only. They are other objects than those the jobs write with:
    a look must not change which repository a job in another thread takes for the proven one.
    """

    book: SpaceBook
    store: Store
    hosts: Mapping[SpaceName, Host]
    roster: Callable[[], Roster]
    acknowledged: Mapping[SpaceName, Sequence[Acknowledged]]
    clock: Clock

    # Before a write ---------------------------------------------------------------------------------

    def prove(self, host: Host) -> None:
        """Ask the host anew who can read, and return if both proofs stand. Freezes or thaws the space.

        Raises:
            HostNotRestricted: they do not; nothing may be written.
            HostReplaced: another repository or project stands there; nothing may be written.
            HostError: the host does not say.
        """
        for _ in range(_TRIES):
            if self._passes(host):
                self._check_admin_proof(host)
                return
        raise HostUnavailable(
            f"The ticket space {host.space!r} changed each time it was looked at.",
            meaning="Whether only the team can read it is not known. Nothing was written.",
            next_step="Nothing; the job tries again by itself.",
        )

    def prove_recently(self, host: Host) -> None:
        """As :meth:`prove`, but a proof of the last 15 minutes will do, if nothing has cast doubt on it since.

        For what an event of the host asks for, and for reading: it usually costs no request.
        """
        record = self.book.record(host.space)
        if not record.is_frozen and self._is_recent(record):
            self._check_admin_proof(host)
        else:
            self.prove(host)

    def check_again(self, host: Host) -> None:
        """Right before a write: return if nobody has found the space open since it was proven.

        Costs no request, unless an event has cast doubt on the proof meanwhile.

        Raises:
            HostFrozen: somebody has.
            HostNotRestricted, HostReplaced, HostError: as :meth:`prove`.
        """
        record = self.book.record(host.space)
        if record.is_frozen:
            raise HostFrozen(
                f"The ticket space {host.space!r} was found not to be restricted a moment ago.",
                meaning="Nothing more was written to it. What is not there yet stays sealed in the service.",
                next_step=f"See who can read it: coc-server audience {host.space}",
            )
        if record.proven_at is None:
            self.prove(host)

    # On a timer, and on events ----------------------------------------------------------------------

    def look(self, space: SpaceName) -> bool:
        """Ask the host who can read a ticket space; freeze or thaw it. Gives whether it may be written to.

        Raises:
            HostError: the host does not say, and nothing of what it did say is amiss. Nothing was changed; call it again.
        """
        host = self.hosts.get(space)
        if host is None:
            return False
        try:
            self.prove(host)
        except (HostNotRestricted, HostReplaced) as error:
            _log.warning("space-not-proven", space=space, code=error.code)
            return False
        return True

    def doubt(self, space: SpaceName) -> None:
        """From this moment no earlier proof counts, for no process: every job asks the host anew. Asks no host itself."""
        self.book.doubt(space)

    def look_now(self, space: SpaceName) -> bool:
        """What a host's event about the space itself asks for (:attr:`integration.host_events.Touched.SPACE`).

        :meth:`doubt`, whatever becomes of the look, then as :meth:`look`; after a HostError call it again. It asks the
        host, so the door for webhooks uses :class:`webhook_server.lookout.Lookout`, which returns before the look.
        """
        self.doubt(space)
        return self.look(space)

    def is_frozen(self, space: SpaceName) -> bool:
        """Whether nothing is written there since somebody was found who may not read it. Asks no host."""
        return self.book.record(space).is_frozen

    def has_recent_proof(self, space: SpaceName) -> bool:
        """Whether a ticket there may be looked at without asking who can read the space."""
        record = self.book.record(space)
        return not record.is_frozen and self._is_recent(record)

    # The rule ---------------------------------------------------------------------------------------

    def _passes(self, host: Host) -> bool:
        """One look at the host; False if somebody cast doubt on it while it was under way."""
        before, space = self.book.record(host.space), host.space
        try:
            audience = audience_of(host, self.store)
            prove(
                audience,
                allowed=self._allowed(host, audience),
                acknowledged=self.acknowledged.get(space, ()),
                now=self.clock.now(),
            )
        except HostNotRestricted as error:
            self._freeze(space, error.reasons)
            raise
        except HostReplaced as error:
            self._freeze(space, (error.what,))
            raise
        keep_first(space, audience, self.store, self.clock.now())
        passed = self.book.passed(space, doubts=before.doubts, now=self.clock.now())
        if passed and before.is_frozen:
            _log.warning("space-thawed", space=space)
        return passed

    def _freeze(self, space: SpaceName, reasons: Sequence[str]) -> None:
        if self.book.freeze(space, reasons, self.clock.now()):
            _log.error("space-frozen", space=space, count=len(reasons))

    def _check_admin_proof(self, host: Host) -> None:
        check_admin_proof(
            self.book.record(host.space).admin,
            host.space,
            space_id=self.store.space_id(host.space),
            allowed=self._allowed(host),
            acknowledged=self.acknowledged.get(host.space, ()),
            now=self.clock.now(),
        )

    def _allowed(self, host: Host, audience: Audience | None = None) -> frozenset[str]:
        """Where a door is open, it does not matter whether the host says who we are."""
        try:
            own = host.own_accounts
        except HostError:
            if audience is None or not audience.open_doors:
                raise
            own = frozenset()
        return self.roster().accounts(host.kind) | own

    def _is_recent(self, record: SpaceRecord) -> bool:
        return record.proven_at is not None and _near(record.proven_at, self.clock.now())


def _near(then: datetime, now: datetime) -> bool:
    """Not long ago. What lies ahead by more was noted by a clock that has been put back since."""
    return abs(now - then) <= PROOF_LASTS
