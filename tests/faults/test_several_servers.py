"""Two servers on one PostgreSQL, as on two machines: one is killed for good in the middle of its work, the other one finishes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.faults.form_tool import FORMS, FormTool
from tests.faults.soak import SPEED
from tests.faults.verdict import half_made, verdict, wait_until_done
from tests.faults.world import fault_world, lives_of, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.faults.world import Nursery

_REPORTS = 6  # to each form: more than one server brings at once
_BEGUN = sa.text("SELECT count(*) FROM dbos.workflow_status WHERE status = 'PENDING' AND executor_id = :name")


def test_the_other_one_finishes_what_a_dead_one_began(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, postgres_url: str
) -> None:
    """They share the database and the folder of inbox keys; configuration, keys and roster are copies.

    The servers' clock is quick; how long a process may be silent is by the database's clock, and so is real.
    """
    with (
        fault_world(
            tmp_path / "server", speed=SPEED, identities=identities, database_url=postgres_url
        ) as world,
        lives_of(world, nursery) as survivor,
        lives_of(world, nursery, "doomed", apart=True) as doomed,
    ):
        doomed.start_until_ready()
        survivor.start_until_ready()
        world.doors.remove(survivor.door)
        for wire in (world.play.jira.wire, world.play.github.wire):
            wire.latency = 0.5  # so that there is work under way to be killed in
        tool = FormTool(world, seed=1, pace=1)
        for form in FORMS * _REPORTS:
            tool.submit(form)
        wait_for(
            lambda: half_made(world) and begun_by("doomed", postgres_url) > 0, "work under way", seconds=60
        )

        doomed.kill()

        for wire in (world.play.jira.wire, world.play.github.wire):
            wire.latency = 0.0
        waiting = wait_until_done(survivor.says, seconds=120)

        assert "event=worker-silent worker=doomed" in world.log.read_text(encoding="utf-8"), (
            "the dead one had begun nothing"
        )
        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong
        keys = world.play.folder / "inbox-keys"
        wait_for(lambda: not any(keys.iterdir()), "the end of all inbox keys, the dead one's too", seconds=60)


def begun_by(name: str, url: str) -> int:
    """How many attempts the process of this name is at, by the engine's own table."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.scalar(_BEGUN, {"name": name}) or 0
    finally:
        engine.dispose()
