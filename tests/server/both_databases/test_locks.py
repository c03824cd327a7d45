"""A lock is held by one process, freed when its holder is gone, and nothing is written once it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import Busy, StoreError
from integration.jira.turns import PACE
from integration.ports import Unlimited
from tests.server.both_databases.conftest import cut_the_locks
from webhook_server.store.fence import Fenced
from webhook_server.store.locks import Locks
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    import sqlalchemy as sa

    from tests.pg import Postgres


def test_two_processes_never_work_on_one_incident_at_once(shared: sa.Engine) -> None:
    one, two = Locks(shared), Locks(shared)

    with one.held("incident a", "busy"):
        with pytest.raises(Busy), two.held("incident a", "busy"):
            pass
        with two.held("incident b", "busy"):
            pass

    with two.held("incident a", "busy"):
        pass


def test_a_lock_is_free_when_its_holder_is_gone(shared: sa.Engine) -> None:
    lease = Locks(shared).lease("lead")
    assert lease.is_ours()
    other = Locks(shared).lease("lead")
    assert not other.is_ours()

    cut_the_locks(shared)  # as if its process had been killed

    assert other.is_ours()
    with pytest.raises(StoreError):
        lease.is_ours()
    assert not lease.is_ours()
    other.close()
    assert lease.is_ours()
    lease.close()


def test_who_lost_the_lock_writes_nothing_more(shared: sa.Engine) -> None:
    one, two = Locks(shared), Locks(shared)
    budget = Fenced(Unlimited(), one)

    with one.held("incident a", "busy"):
        budget.reserve("host", PACE, 1)
        cut_the_locks(shared)
        with two.held("incident a", "busy"):
            pass
        with pytest.raises(StoreError):
            budget.reserve("host", PACE, 1)
        with pytest.raises(Busy):  # it is free again, but another had it meanwhile
            budget.check("host", PACE, 1)

    budget.reserve("host", PACE, 1)  # what is under no lock needs none


def test_looking_whether_a_lock_is_free_does_not_take_it(shared: sa.Engine) -> None:
    one, two = Locks(shared), Locks(shared)
    lease = one.lease("worker a")

    assert two.is_free("worker a")
    assert lease.is_ours()
    assert not two.is_free("worker a")
    lease.close()
    assert two.is_free("worker a")


def test_a_lock_of_another_database_is_not_taken_for_ours(shared: sa.Engine, postgres: Postgres) -> None:
    with postgres.fresh_database() as elsewhere:
        theirs = make_engine(elsewhere)
        lease = Locks(theirs, "a").lease("lead")
        assert lease.is_ours()

        assert Locks(shared).is_free("lead")
        ours = Locks(shared, "b").lease("lead")
        assert ours.is_ours()
        ours.take_from(["a"])

        assert lease.is_ours()
        for each in (ours, lease):
            each.close()
        theirs.dispose()
