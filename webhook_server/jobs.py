"""The jobs: every stored delivery is brought wholly onto its host, however often something dies.

The inbox table is the truth: a delivery stays there, waiting or parked with a reason, until it is done. The
:class:`Dispatcher` hands due ones to the engine, a bounded window at a time, and has members told what they
must know (:mod:`webhook_server.telling`).
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from integration.casework import is_retryable, open_incident
from integration.errors import (
    BudgetSpent,
    Busy,
    CoCError,
    DoesNotOpen,
    HostError,
    HostGone,
    HostRejected,
    KeptApart,
    MoreToSeal,
)
from integration.logs import Log
from integration.store import HOST, NIGHTLY
from webhook_server.host_room import LONGEST_ASKED, HostRoom, until_its_turn
from webhook_server.loop import Loop
from webhook_server.places import Places
from webhook_server.space_notices import SpaceNotices
from webhook_server.store.workers import BEAT
from webhook_server.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from integration.casework import Casework
    from integration.incident import SpaceName
    from integration.ports import Notifier
    from webhook_server.engine import Engine
    from webhook_server.fellows import Fellows
    from webhook_server.space_notices import ToldBook
    from webhook_server.store.database import Database
    from webhook_server.store.job_list import Job
    from webhook_server.store.locks import Locks

_log = Log("coc.jobs")

_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=15)
_REJECTED_WAIT = timedelta(hours=24)
"""What a host refuses or alters once it will again: a comment it rewrites would be added at each try."""
_PATIENCE = 8
"""After this many tries in a row a delivery counts as parked: a person should look. It is still retried.

So many, because they last longer than a lagging search of a host (casework.SETTLE), which needs nobody.
"""
_INTERRUPTED = "interrupted"
_NO_KEY = (
    " Besides, the report's inbox key is not in its folder any more: put the folder back. Do not let the form tool send the "
    "report again before the host has answered. The report may be on its ticket already, and would then come to stand in a "
    "second one."
)
_DID_NOT_OPEN = " At an earlier try its report did not open: as long as it is in no diary, later ones of its incident pass it."
_AHEAD = 2
"""Times as many incidents are handed over as run at once: so many more stand ready for a place that becomes free."""
_EVENTS_AT_ONCE = 2
"""Jobs of hosts' events in the engine at once, of each ticket space."""
_NIGHTLY_AT_ONCE = 2
"""Nightly jobs of one ticket space at once, beside the reports: none of these waits behind a night's thousand."""
_TIDY_EVERY = timedelta(minutes=1)
_LOOK_AGAIN = timedelta(seconds=30)
"""How soon it is looked whether an attempt that was handed over has ended without a note."""
_LONGEST_GOODBYE = 30  # seconds


def attempt(inbox_id: str, work: Casework, jobs: Database, locks: Locks) -> str:
    """Try once to bring a delivery onto its host; note the result in the inbox. Never raises for a host's trouble.

    No two processes work on one incident at a time: the engine sees to that, and the lock does even if the engine
    took a process for dead that only stood still.

    Returns:
        ``done``, or the code of the error that was noted.
    """
    job = jobs.job(inbox_id)
    hints = jobs.hints(job.incident).upto if job.only_looks else 0
    try:
        with locks.held(f"incident {job.incident}", f"Another server works on {job.code_name}."):
            open_incident(inbox_id, work)
    except BudgetSpent as spent:
        now = work.clock.now()
        jobs.job_waits(job, code=spent.code, reason=str(spent), due_at=now + until_its_turn(spent), now=now)
        _log.info("delivery-waits-its-turn", incident=job.code_name, delivery=inbox_id)
        return spent.code
    except Busy as busy:  # another server brings it on: no trouble of the report, however often it happens
        now = work.clock.now()
        wait = timedelta(0) if isinstance(busy, KeptApart | MoreToSeal) else _FIRST_WAIT
        jobs.job_waits(job, code=busy.code, reason=str(busy), due_at=now + wait, now=now)
        _log.warning(
            "delivery-waits", incident=job.code_name, delivery=inbox_id, state=job.state, code=busy.code
        )
        return busy.code
    except CoCError as error:
        code, reason, retry = error.code, str(error) + _advice(error, job, jobs), is_retryable(error)
        after = error.after if isinstance(error, HostError) else None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, a panic in Rust too, somebody must hear of it
        # The text of a foreign exception may hold content, so only its type is kept.
        code, reason, retry, after = (
            "unexpected",
            f"Unexpected trouble of the kind {type(error).__name__}.",
            True,
            None,
        )
    else:
        _log.info("delivery-done", incident=job.code_name, delivery=inbox_id)
        return "done"
    tries = job.attempts - job.waits
    lost = code == DoesNotOpen.code
    # The host had to be asked first whether the report is on its ticket, and may be away.
    if not lost and jobs.lacks_key(inbox_id):
        lost, reason = True, reason + _NO_KEY
    if code != DoesNotOpen.code == job.reason_code:
        reason += _DID_NOT_OPEN
    parked = not retry or lost or tries + 1 >= _PATIENCE
    wait = _wait(tries, after) if retry else _REJECTED_WAIT if code == HostRejected.code else _LONGEST_WAIT
    now = work.clock.now()
    jobs.job_failed(job, parked=parked, code=code, reason=reason, due_at=now + wait, now=now)
    if job.only_looks:
        jobs.wake_if_touched(job.incident, hints, now)
    state = "parked" if parked else "waiting"
    _log.warning("delivery-waits", incident=job.code_name, delivery=inbox_id, state=state, code=code)
    return code


def attempt_in_turn(inbox_id: str, work: Casework, jobs: Database, locks: Locks, places: Places) -> str:
    """As :func:`attempt`, once a place of the ticket space is free; looks have room of their own and begin at once."""
    job = jobs.job(inbox_id)
    host = work.hosts.get(job.space)
    if job.only_looks or host is None:
        return attempt(inbox_id, work, jobs, locks)
    with places.taken(job.space, host.at_once, job.seq) as has_place:
        if has_place:
            return attempt(inbox_id, work, jobs, locks)
    now = work.clock.now()
    jobs.job_waits(
        job, code=_INTERRUPTED, reason="The server was stopped before this try.", due_at=now, now=now
    )
    return _INTERRUPTED


def _advice(error: CoCError, job: Job, jobs: Database) -> str:
    """How to go on if a report does not open, or if a ticket was deleted.

    Before its diary began nothing is lost with a ticket, afterwards a member restores it.
    """
    if isinstance(error, DoesNotOpen) and not job.only_looks:
        return (
            " If that cannot be put right, let the form tool send the report again: it is then taken in anew. If nobody can "
            f"send it, coc-server jobs give-up {job.inbox_id} ends this and has members told."
        )
    if not isinstance(error, HostGone) or jobs.ticket(job.incident).ref is None:
        return ""
    if jobs.comments(job.incident):
        return (
            " If the ticket was deleted for good, a member who is cleared lets it have a new one: "
            f"coc diary restore {job.code_name} --new-ticket"
        )
    return (
        f" If the ticket was deleted for good, let it have a new one: coc-server jobs reopen {job.inbox_id}"
    )


def _wait(attempts: int, after: float | None) -> timedelta:
    """Twice as long after each try, with jitter, and never shorter than the host asked for."""
    backoff = min(_LONGEST_WAIT, _FIRST_WAIT * int(2 ** min(attempts, 10))) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    asked = min(after or 0, LONGEST_ASKED.total_seconds())
    return max(backoff, timedelta(seconds=asked))


class Dispatcher:
    """Feeds the engine in one loop, tells members in another, says that it lives in a third, and looks in a fourth who does not.

    None of them holds up another. Of several processes on one database each feeds its engine, which takes every
    attempt once, and one leads: it alone tells members and tidies.
    """

    def __init__(
        self,
        *,
        work: Casework,
        jobs: Database,
        engine: Engine,
        notifier: Notifier,
        fellows: Fellows,
        operator: str | None = None,
        spaces: ToldBook | None = None,
        tidy: Sequence[Callable[[datetime], object]] = (),
        chores: Loop | None = None,
        lookout: Loop | None = None,
        places: Places | None = None,
    ) -> None:
        """``operator`` is told where no member can be; each of ``tidy`` is called once a minute to drop what is over.

        ``spaces`` holds what is told of ticket spaces. ``chores`` and ``lookout`` run beside, for as long as the jobs do.
        ``places`` are those that the engine's attempts take.
        """
        self._work = work
        self._jobs = jobs
        self._engine = engine
        self._fellows = fellows
        self._teller = Teller(work=work, jobs=jobs, notifier=notifier, operator=operator)
        self._spaces = SpaceNotices(spaces, work.roster, notifier, operator) if spaces is not None else None
        self._places = places or Places()
        self._room = HostRoom(work, jobs)
        self._tidy = tidy
        self._tidied: datetime | None = None
        self._handed: dict[tuple[str, int], datetime] = {}
        self._hand_over = Loop("dispatcher", self._hand_over_and_tidy)
        self._tell = Loop("notices", self._tell_if_leading)
        self._beat = Loop("heartbeat", self._fellows.beat, pause=BEAT.total_seconds())
        self._look_around = Loop("take-over", self._replace_the_dead, pause=BEAT.total_seconds())
        self._beside = [loop for loop in (chores, lookout) if loop is not None]
        self._loops = (self._beat, self._look_around, self._hand_over, self._tell, *self._beside)

    @property
    def is_stuck(self) -> bool:
        """Whether one of the loops has not got through a turn for minutes."""
        return any(loop.is_stuck for loop in self._loops)

    def start(self) -> None:
        """Start the engine and the loops.

        Raises:
            StoreError: another process of this name works on the database, or the database is away.
        """
        self._fellows.join()
        self._places.open()
        self._engine.start()
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """Stop all; what is under way is taken up at the next start."""
        self._hand_over.stop()
        self._places.close()
        for loop in (self._tell, *self._beside, self._look_around, self._beat):
            loop.stop(wait=_LONGEST_GOODBYE)  # a mail server may be slow; a mail sent twice does no harm
        self._engine.stop()
        self._fellows.leave()

    def wake(self) -> None:
        """A delivery has come in; do not wait for the next turn."""
        self._hand_over.wake()

    def alert(self, source: str, code: str) -> None:
        """Let the operator know about a source. Returns at once."""
        self._teller.alerts.note(source, code)

    def turn(self) -> None:
        """One turn of each loop that works."""
        self._hand_over.turn()
        self._tell.turn()

    def tell_members(self) -> None:
        """Send a notice for each delivery whose state is news, and a reminder for each that still waits.

        Before them, what is to be told of the ticket spaces.
        """
        if self._spaces is not None:
            self._spaces.turn(self._work.clock.now())
        self._teller.turn()

    def hand_over_due(self) -> None:
        """Give the engine the oldest unfinished delivery of each incident whose time has come.

        Of each ticket space only twice as many as its host takes at once, so that a host that hangs holds up no other and
        whoever crashes and comes back goes on with the oldest; and as there is room for in the budget of writes. The
        rest stays in the inbox, where it costs nothing: a thousand that try and are sent back would keep this machine
        busy for hours. What hosts' events ask for goes first.
        """
        now = self._work.clock.now()
        processes = self._fellows.count()
        room = self._room
        handed: dict[tuple[str, int], datetime] = {}
        events = self._jobs.due_jobs(now, limit=_EVENTS_AT_ONCE, looks=HOST)
        self._hand_over_those(events, room.for_looks, lambda _space: _EVENTS_AT_ONCE, handed)
        nightly = self._jobs.due_jobs(now, limit=_NIGHTLY_AT_ONCE, looks=NIGHTLY)
        self._hand_over_those(
            [*self._due(now, processes), *nightly],
            lambda space, incidents: room.for_incidents(space, incidents, processes),
            lambda space: room.places(space, processes),
            handed,
        )
        self._handed = handed

    def _hand_over_those(
        self,
        jobs: list[Job],
        has_room: Callable[[SpaceName, int], bool],
        at_once: Callable[[SpaceName], int],
        handed: dict[tuple[str, int], datetime],
    ) -> None:
        """Give the engine those for which there is room, and note in ``handed`` when."""
        now = self._work.clock.now()
        given: Counter[SpaceName] = Counter()
        full: set[SpaceName] = set()
        for job in jobs:
            key = (job.inbox_id, job.attempts)
            given[job.space] += 1
            since = self._handed.get(key, now)
            if since < now < since + _LOOK_AGAIN:
                handed[key] = since
                continue
            if job.space in full or not has_room(job.space, given[job.space]):
                full.add(job.space)
                continue
            handed[key] = now
            soon = given[job.space] <= at_once(job.space)
            if self._engine.run(job.inbox_id, job.attempts, incident=job.incident, seq=job.seq, soon=soon):
                self._unstick(job)

    def _due(self, now: datetime, processes: int) -> list[Job]:
        """What each ticket space takes, and as often as there are processes: a dead one may hold its part."""
        at_once = {name: _AHEAD * self._room.places(name, processes) for name in self._work.hosts}
        place: Counter[SpaceName] = Counter()
        due = []
        for job in self._jobs.due_jobs(now, limit=max(at_once.values(), default=1)):
            place[job.space] += 1
            if place[job.space] <= at_once.get(job.space, 1):
                due.append(job)
        return due

    def _hand_over_and_tidy(self) -> None:
        self.hand_over_due()
        self._jobs.log.empty_what_is_left()
        now = self._work.clock.now()
        if self._tidied is None or abs(now - self._tidied) >= _TIDY_EVERY:
            self._tidied = now
            self._each_for_itself(
                self._work.roster,  # a new file counts, or the log says why not, although nobody asks for the roster
                self._jobs.forget,
                lambda: self._fellows.forget_former_lives(self._forget_keys_of),
                self._if_leading(self._begun_by_the_gone),
                self._if_leading(self._keys_of_the_gone),
                self._if_leading(lambda: self._engine.forget(now)),
                *(self._if_leading(partial(tidy, now)) for tidy in self._tidy),
            )

    def _if_leading(self, task: Callable[[], object]) -> Callable[[], object]:
        return lambda: task() if self._fellows.leads() else None

    def _replace_the_dead(self) -> None:
        self._fellows.replace_the_dead(self._engine.take_over, self._forget_keys_of)

    def _begun_by_the_gone(self) -> None:
        self._fellows.settle_for_the_gone(self._engine.at_work(), self._engine.take_over)

    def _keys_of_the_gone(self) -> None:
        self._fellows.settle_for_the_gone(self._jobs.key_owners(), self._forget_keys_of)

    def _forget_keys_of(self, name: str) -> None:
        self._jobs.forget(of=name)

    def _each_for_itself(self, *tasks: Callable[[], object]) -> None:
        """Trouble with one must not keep the others undone, every minute anew."""
        for task in tasks:
            try:
                task()
            except CoCError as error:
                _log.error("tidying-trouble", code=error.code)
            except Exception as error:  # noqa: BLE001 - its text may hold anything
                _log.error("tidying-trouble", error=type(error).__name__)

    def _tell_if_leading(self) -> None:
        # First, and by each for itself: who leads is in the database, and this must go out while that is away.
        self._teller.alerts.send()
        if self._fellows.leads():
            self.tell_members()

    def _unstick(self, job: Job) -> None:
        """An attempt that ended without a note (the database was away) must not count as still running."""
        now = self._jobs.job(job.inbox_id)
        if now.state != "done" and now.attempts == job.attempts:
            self._jobs.job_failed(
                job,
                parked=False,
                code=_INTERRUPTED,
                reason="The last try ended without a result.",
                due_at=self._work.clock.now(),
            )
