"""A database machine that dies without a goodbye is noticed within a minute, on every connection that we hold."""

from __future__ import annotations

import select
import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.casework import receive
from tests.server.conftest import a_report
from tests.server.memory_host import SPACE
from webhook_server.engine import Engine
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.sql import make_engine
from webhook_server.store.transactions import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import SetClock
    from webhook_server.store.sealed import Sealer

_POOLS: dict[str, Callable[[str], sa.Engine]] = {
    "the work": make_engine,
    "the locks": lambda url: Locks(make_engine(url))._engine,
    "the durable engine": lambda url: Engine(url, lambda _inbox_id: "done")._sql,
}


@pytest.mark.parametrize("pool", list(_POOLS))
def test_each_connection_notices_within_a_minute_that_the_other_side_is_dead(
    postgres_url: str, pool: str
) -> None:
    """By what TCP has for that, see https://www.postgresql.org/docs/current/libpq-connect.html."""
    engine = _POOLS[pool](postgres_url)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        connection.rollback()
        said = driver.info.get_parameters()
        there = {
            name: int(str(connection.scalar(sa.text(f"SHOW tcp_keepalives_{name}"))))
            for name in ("idle", "interval", "count")
        }
    engine.dispose()

    here = {name: int(said[f"keepalives_{name}"]) for name in ("idle", "interval", "count")}
    for side in (here, there):
        assert 0 < side["idle"] + side["interval"] * side["count"] < 60
    assert 0 < int(said["tcp_user_timeout"]) < 60_000, "milliseconds: for an answer to what was sent"
    assert 0 < int(said["connect_timeout"]) < 60


@pytest.mark.parametrize("pool", list(_POOLS))
def test_no_connection_keeps_its_locks_when_its_process_stands_still(postgres_url: str, pool: str) -> None:
    """The most impatient form tool waits for 10 seconds: it gets its 503 in time, and soon afterwards the way is free."""
    engine = _POOLS[pool](postgres_url)
    with engine.connect() as connection:
        assert "15s" == connection.scalar(sa.text("SHOW idle_in_transaction_session_timeout"))
        expected = "3s" if pool == "the work" else "0"
        assert expected == connection.scalar(sa.text("SHOW lock_timeout"))
    engine.dispose()


_TAKEN_BY_A_POOLER = {
    "user", "database", "client_encoding", "datestyle", "timezone", "standard_conforming_strings", "application_name",
    "intervalstyle",
}  # fmt: skip
"""What PgBouncer takes of a connection's first words without being told to: https://www.pgbouncer.org/config.html#ignore_startup_parameters"""


@pytest.mark.parametrize("pool", list(_POOLS))
def test_a_pooler_is_asked_for_nothing_that_it_refuses(pool: str) -> None:
    said: dict[str, str] = {}

    def listen() -> None:
        connection, _ = listener.accept()
        with connection:
            while not said:
                (length,) = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))
                words = connection.recv(length - 4, socket.MSG_WAITALL)[4:].decode().split("\0")
                if len(words) > 1:
                    said.update(zip(words[::2], words[1::2], strict=False))
                else:  # it asks for TLS
                    connection.sendall(b"N")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        pooler = threading.Thread(target=listen)
        pooler.start()
        engine = _POOLS[pool](f"postgresql+psycopg://coc@127.0.0.1:{listener.getsockname()[1]}/coc")
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
        pooler.join()

    assert said["user"] == "coc"
    assert {name for name in said if name} <= _TAKEN_BY_A_POOLER


def test_what_the_address_of_the_database_says_itself_holds(postgres_url: str) -> None:
    theirs = "-c%20statement_timeout%3D7000%20-c%20tcp_keepalives_count%3D2"
    engine = make_engine(f"{postgres_url}?connect_timeout=3&options={theirs}")
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        assert "3" == driver.info.get_parameters()["connect_timeout"]
        assert "7s" == connection.scalar(sa.text("SHOW statement_timeout"))
        assert "20" == connection.scalar(sa.text("SHOW tcp_keepalives_idle"))
        assert "2" == connection.scalar(sa.text("SHOW tcp_keepalives_count"))
    engine.dispose()


def test_however_many_deliveries_come_at_once_they_wait_for_it_together(
    sealer: Sealer, clock: SetClock, tmp_path: Path
) -> None:
    """The kernel of that machine still says hello, and nobody answers."""
    ended: list[type[Exception]] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql+psycopg://coc@127.0.0.1:{silent.getsockname()[1]}/coc?connect_timeout=2"
        database = Database(make_engine(address), sealer, InboxKeys(tmp_path, alone=False))

        def deliver(number: int) -> None:
            try:
                receive("form", SPACE, f"s{number}", a_report(), store=database, clock=clock)
            except Unavailable as error:
                ended.append(type(error))

        deliveries = [threading.Thread(target=deliver, args=(number,)) for number in range(20)]
        for one in deliveries:
            one.start()
        for one in deliveries:
            one.join()
        database.close()
        waits = 0
        while select.select([silent], [], [], 0)[0]:
            silent.accept()[0].close()
            waits += 1

    assert 20 == len(ended)
    assert waits <= 3, "each is connect_timeout long; the first to come may be alone"
