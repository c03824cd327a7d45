"""A flood of reports: they all get through, the oldest first, at the pace that GitHub allows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.diary.comment import SealedComment
from integration.github.turns import Turns
from integration.mirror import Difference, StepView
from tests.server.memory_host import MemoryHost
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store.budget import SharedBudget
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.casework import Casework
    from integration.diary.comment import CommentId
    from integration.mirror import MirrorView, TicketRef, TicketState
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from webhook_server.fellows import Fellows
    from webhook_server.store.database import Database


@dataclass
class OneAfterAnother:
    """An engine that runs what it is given at once, each attempt once."""

    work: Casework
    database: Database
    begun: set[tuple[str, int]] = field(default_factory=set)
    finished: list[str] = field(default_factory=list)

    def run(self, inbox_id: str, number: int, *, incident: str, seq: int, soon: bool = True) -> bool:
        del incident, seq, soon
        if (inbox_id, number) not in self.begun:
            self.begun.add((inbox_id, number))
            if attempt(inbox_id, self.work, self.database, Locks(self.database._engine)) == "done":
                self.finished.append(inbox_id)
        return False


@dataclass
class BudgetedHost(MemoryHost):
    """A host in memory to which is written as to GitHub: in its turns, six things in a request."""

    turns: Turns = field(kw_only=True)

    def ready(self, incidents: int = 1) -> None:
        self.turns.check(incidents)

    def open_ticket(self, view: MirrorView) -> TicketRef:
        with self.turns.turn(1):
            return super().open_ticket(view)

    def write(
        self, ref: TicketRef, view: MirrorView, lacking: Difference, fresh: TicketState | None = None
    ) -> dict[CommentId, str]:
        del fresh
        things = [*lacking.steps, *lacking.comments]
        written: dict[CommentId, str] = {}
        for start in range(0, len(things), 6):
            batch = things[start : start + 6]
            steps = tuple(one for one in batch if isinstance(one, StepView))
            comments = tuple(one for one in batch if isinstance(one, SealedComment))
            with self.turns.turn(len(batch)):
                written |= super().write(ref, view, Difference(fields=False, steps=steps, comments=comments))
        return written


def without_waiting_for_the_disk(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    connection.execute("PRAGMA synchronous=OFF")


def test_over_a_hundred_reports_at_once_get_through_in_order_within_githubs_limits(
    take_in: Intake, work: Casework, database: Database, told: Told, clock: SetClock, fellows: Fellows
) -> None:
    sa.event.listen(database._engine, "connect", without_waiting_for_the_disk)
    database._engine.dispose()
    budget = SharedBudget(database._engine, clock)
    turns = Turns(
        "github:hundreds/acme", budget=budget, pause=0, sleep=lambda seconds: clock.forward(seconds=seconds)
    )
    host = BudgetedHost(clock, turns=turns)
    work = replace(work, hosts={host.space: host})
    begun = clock.now()
    ids = [take_in().inbox_id for _ in range(110)]
    engine = OneAfterAnother(work, database)
    dispatcher = Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=fellows)  # type: ignore[arg-type]  # what it needs of an engine
    while left := database.unfinished_jobs():
        clock.time = max(clock.now(), min(job.due_at for job in left))
        dispatcher.hand_over_due()
        budget.forget(clock.now())

    assert ids == engine.finished
    assert {(11, 2)} == {(len(one.steps), len(one.comments)) for one in host.tickets}
    assert timedelta(hours=3) < clock.now() - begun < timedelta(hours=3, minutes=10), (
        "1,540 writes at 500 an hour"
    )
    tries = [database.job(one).attempts for one in ids]
    assert max(tries) <= 2, "what waits is left in the inbox and not tried again and again"
    assert 8 * len(ids) >= len(host.calls), "a try that cannot write asks nothing of the host"
