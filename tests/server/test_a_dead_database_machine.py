"""A database machine that dies without a goodbye is noticed within a minute, on every connection that we hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from webhook_server.engine import Engine
from webhook_server.store.locks import Locks
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_what_the_address_of_the_database_says_itself_holds(postgres_url: str) -> None:
    engine = make_engine(f"{postgres_url}?connect_timeout=3&options=-c%20statement_timeout%3D7000")
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        assert "3" == driver.info.get_parameters()["connect_timeout"]
        assert "7s" == connection.scalar(sa.text("SHOW statement_timeout"))
        assert "20" == connection.scalar(sa.text("SHOW tcp_keepalives_idle"))
    engine.dispose()
