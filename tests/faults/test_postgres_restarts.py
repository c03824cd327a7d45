"""PostgreSQL is away, or crashes and comes back while the server works: nothing is lost or there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.form_tool import FormTool
from tests.faults.searched import found_in_files
from tests.faults.soak import SPEED
from tests.faults.verdict import verdict, wait_until_done
from tests.faults.world import ServerProcess, fault_world, lives_of, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.faults.world import Nursery
    from tests.pg import Postgres

CRASHES = 2


def test_nothing_is_lost_when_postgresql_crashes(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, postgres: Postgres, postgres_url: str
) -> None:
    with (
        fault_world(
            tmp_path / "server", speed=SPEED, identities=identities, database_url=postgres_url
        ) as world,
        lives_of(world, nursery) as server,
    ):
        server.start_until_ready()
        tool = FormTool(world, seed=1, pace=1)
        tool.start()
        for _ in range(CRASHES):
            wait_for_more(lambda: tool.acknowledged, 4, "deliveries")
            postgres.stop("immediate")
            wait_for_more(lambda: tool.turned_away, 1, "503")
            postgres.start()
        tool.finish()
        waiting = wait_until_done(server.says, seconds=60)
        found = verdict(world, tool.submissions, waiting=waiting)

        assert [] == found.wrong + tool.refused
        assert [] == found_in_files(postgres.data, world.canary)


def test_a_server_that_starts_without_postgresql_says_so_and_no_password(
    tmp_path: Path, identities: dict[str, Identity], postgres: Postgres, postgres_url: str
) -> None:
    with fault_world(tmp_path / "server", identities=identities, database_url=postgres_url) as world:
        postgres.stop()
        process = ServerProcess(world)
        wait_for(lambda: process.ended or world.is_ready(), "a start or an end", seconds=60)
        process.kill()
        postgres.start()

        log = world.log.read_text(encoding="utf-8")
        assert postgres.password not in log
        assert "Traceback" not in log
        assert "database" in log


def wait_for_more(count: Callable[[], int], more: int, what: str) -> None:
    before = count()
    wait_for(lambda: count() >= before + more, what, seconds=60)
