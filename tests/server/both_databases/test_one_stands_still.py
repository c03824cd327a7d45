"""A server that stands still in the middle of a transaction holds up no other, and does no harm when it goes on.

As with SIGSTOP or a paused virtual machine, whose kernel still answers: only the database can end what it had begun.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.ports import Pace
from tests.server.both_databases.conftest import count
from webhook_server.store import tables as t
from webhook_server.store.budget import SharedBudget
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.migrate import migrate
from webhook_server.store.sealing import nothing_is_being_sealed
from webhook_server.store.sql import make_engine
from webhook_server.store.transactions import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from integration.store import Receipt
    from tests.conftest import SetClock
    from webhook_server.store.sealed import Sealer

_SOONER = "?options=-c%20idle_in_transaction_session_timeout%3D1500%20-c%20lock_timeout%3D500"
_PACE = Pace(limits=((80, 60.0),), gap=1.0)


class StandsStill:
    """An engine of which the next COMMIT does not come before :attr:`goes_on` is set."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.stands, self.goes_on = threading.Event(), threading.Event()
        sa.event.listen(self.engine, "commit", self._stop)

    def _stop(self, connection: sa.Connection) -> None:
        assert connection.get_transaction() is not None
        if not self.goes_on.is_set() and connection.info.pop("stops", False):
            self.stands.set()
            self.goes_on.wait(60)

    def stop_after(self, beginning: str) -> None:
        """Stand still in the transaction that runs such a statement."""

        def note(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith(beginning):
                connection.info["stops"] = True

        sa.event.listen(self.engine, "before_cursor_execute", note)


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url + _SOONER


@pytest.fixture
def still(url: str) -> Iterator[StandsStill]:
    still = StandsStill(url)
    migrate(still.engine)
    yield still
    still.goes_on.set()
    still.engine.dispose()


def servers(tmp_path: Path, sealer: Sealer, *engines: sa.Engine) -> list[Database]:
    folder = tmp_path / "inbox-keys"
    folder.mkdir(mode=0o700)
    names = "ab"
    return [
        Database(engine, sealer, InboxKeys(folder, name, alone=False))
        for name, engine in zip(names, engines, strict=True)
    ]


def test_another_takes_in_reports_and_tidies(
    still: StandsStill, url: str, sealer: Sealer, tmp_path: Path, deliver: Callable[..., Receipt]
) -> None:
    """The form tool's delivery ran out of time at one server, and the load balancer gives its second try to the other."""
    still.stop_after("INSERT INTO inbox (")
    one, other = servers(tmp_path, sealer, still.engine, make_engine(url))
    with ThreadPoolExecutor(1) as thread:
        first_try = thread.submit(deliver, one, "s1")
        assert still.stands.wait(60)
        with pytest.raises(Unavailable, match="LockNotAvailable"):
            deliver(other, "s1")
        began = time.monotonic()
        deliver(other, "another person's report")
        other.forget()
        assert time.monotonic() - began < 10
        until = time.monotonic() + 30
        while (kept := again(deliver, other)) is None:
            assert time.monotonic() < until, "the one that stands still keeps the other out"
        assert not kept.duplicate

        still.goes_on.set()
        with pytest.raises(Unavailable):
            first_try.result()

    assert deliver(one, "s1").duplicate
    assert 2 == count(other, t.inbox)
    assert other.delivery(kept.inbox_id).report is not None
    for server in (one, other):
        server.close()


def again(deliver: Callable[..., Receipt], database: Database) -> Receipt | None:
    try:
        return deliver(database, "s1")
    except Unavailable:
        return None


def test_another_writes_to_the_host(still: StandsStill, url: str, clock: SetClock) -> None:
    still.stop_after("INSERT INTO host_write")
    other = make_engine(url)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(SharedBudget(still.engine, clock).reserve, "github:x", _PACE, 1)
        assert still.stands.wait(60)
        began = time.monotonic()
        SharedBudget(other, clock).reserve("github:x", _PACE, 1)
        assert time.monotonic() - began < 20

        still.goes_on.set()
        with pytest.raises(Unavailable):
            first.result()

    with other.connect() as connection:
        assert 1 == connection.scalar(sa.select(sa.func.count()).select_from(t.host_write))
    other.dispose()


def test_who_destroys_keys_is_not_ended_however_slow_their_folder_is(url: str) -> None:
    """If it were, its lock would be gone and a report could be sealed with a key that is about to be destroyed."""
    engine = make_engine(url)
    with engine.connect() as connection:
        assert nothing_is_being_sealed(connection, "a")
        time.sleep(2.5)
        assert 1 == connection.scalar(sa.text("SELECT 1"))
    engine.dispose()
