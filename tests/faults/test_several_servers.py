"""Two servers on one PostgreSQL: one is killed for good in the middle of its work, the other one finishes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.form_tool import FORMS, FormTool
from tests.faults.verdict import half_made, verdict, wait_until_done
from tests.faults.world import ServerProcess, fault_world, free_port, lives_of, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.faults.world import FaultWorld, Nursery

_REPORTS = 3  # to each form
_LONGEST_LEASE = 900
"""Seconds until a server that is silent must have been taken for dead, with the work that then waits."""


def test_the_other_one_finishes_what_a_dead_one_began(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, postgres_url: str
) -> None:
    """On real time: how long a server may be silent is not to be shortened by a test's clock."""
    with (
        fault_world(tmp_path / "server", identities=identities, database_url=postgres_url) as world,
        lives_of(world, nursery) as commands,
    ):
        first = ServerProcess(world)
        second = second_server(world)
        try:
            first.wait_until_ready()
            second.wait_until_ready()
            for wire in (world.play.jira.wire, world.play.github.wire):
                wire.latency = 0.2  # so that there is work under way to be killed in
            tool = FormTool(world, seed=1, pace=1)
            for form in FORMS * _REPORTS:
                tool.submit(form)
            wait_for(lambda: half_made(world), "work under way", seconds=60)

            first.kill()

            for wire in (world.play.jira.wire, world.play.github.wire):
                wire.latency = 0.0
            waiting = wait_until_done(commands.says, seconds=_LONGEST_LEASE)
            world.play.service_port = int(second.origin.rpartition(":")[2])  # where desks ask now
            assert [] == verdict(world, tool.submissions, waiting=waiting).wrong
        finally:
            first.kill()
            second.kill()


def second_server(world: FaultWorld) -> ServerProcess:
    """Another server with the same keys, roster and database; only its address and its name differ."""
    port = free_port()
    text = world.play.config_path.read_text(encoding="utf-8")
    config = world.play.folder / "second.toml"
    config.write_text(
        text.replace(world.play.origin, f"http://127.0.0.1:{port}").replace(
            world.play.origin.removeprefix("http://"), f"127.0.0.1:{port}"
        ),
        encoding="utf-8",
    )
    return ServerProcess(world, config=config, origin=f"http://127.0.0.1:{port}", name="second")
