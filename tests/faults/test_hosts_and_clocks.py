"""Hosts that are away for an hour or talk nonsense, and a server whose clock jumps by hours."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import HostError
from integration.incident import IncidentType
from sandbox.form import NOAHS_REPORT
from sandbox.jira_refusal import Refusal
from sandbox.playground import playground
from sandbox.rehearsal import HostName, Server, SetClock
from sandbox.wire import Fault
from tests.faults.form_tool import FORMS, FormTool
from tests.faults.soak import SEARCH_LAG, SPEED
from tests.faults.verdict import ROUTES, verdict, wait_until_done
from tests.faults.world import fault_world, lives_of, wait_for
from tests.sampled import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.faults.world import FaultWorld, Lives, Nursery

HOSTS: list[HostName] = ["jira", "github"]
_PATIENCE = 20
"""Seconds, and as many minutes by the server's clock."""


@contextlib.contextmanager
def running(
    folder: Path,
    identities: dict[str, Identity],
    nursery: Nursery,
    *,
    speed: float = SPEED,
    search_lag: timedelta = SEARCH_LAG,
) -> Iterator[tuple[FaultWorld, Lives, FormTool]]:
    with (
        fault_world(folder, speed=speed, search_lag=search_lag, identities=identities) as world,
        lives_of(world, nursery) as server,
    ):
        server.start_until_ready()
        yield world, server, FormTool(world, seed=1, pace=1)


def test_a_host_that_is_down_for_an_hour_gets_everything_when_it_is_back(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery
) -> None:
    with running(tmp_path / "server", identities, nursery) as (world, server, tool):
        for wire in (world.play.jira.wire, world.play.github.wire):
            wire.every = Fault("drop-before")
        for form in FORMS:
            tool.submit(form)

        for quarter in range(1, 5):
            world.server_clock.put(hours=quarter / 4)
            wait_for_a_request_to_each(world)
        wait_for(lambda: _tried_in_vain(server) == len(FORMS), "a failed try of each report", seconds=60)
        for wire in (world.play.jira.wire, world.play.github.wire):
            wire.heal()
        waiting = wait_until_done(server.says, seconds=90)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong


def _tried_in_vain(server: Lives) -> int:
    listed = server.says("jobs", "list")
    return listed.count("host-unavailable") + listed.count("host-unknown-outcome")


@pytest.mark.parametrize("hours", [5, -5])
def test_a_clock_that_jumps_delays_no_try(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, hours: int
) -> None:
    with running(tmp_path / "server", identities, nursery) as (world, server, tool):
        in_ten_minutes = (("Retry-After", "600"),)
        world.play.github.wire.every = Fault("status", status=429, headers=in_ten_minutes)
        tool.submit("form-github")
        wait_for(lambda: "host-limited" in server.says("jobs", "list"), "a failed try", seconds=60)

        world.server_clock.put(hours=hours)
        world.play.github.wire.heal()
        tool.submit("form-jira")
        waiting = wait_until_done(server.says, seconds=_PATIENCE)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong


def test_a_clock_that_jumps_after_a_lost_answer_opens_no_second_ticket(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery
) -> None:
    """Jira has opened it, its search does not show it for nearly as long as we allow for."""
    lag = timedelta(minutes=4, seconds=30)
    how = running(tmp_path / "server", identities, nursery, speed=20, search_lag=lag)
    with how as (world, server, tool):
        lose_the_answer_to_the_ticket(world)
        tool.submit("form-jira")
        wait_for(lambda: "host-unknown-outcome" in server.says("jobs", "list"), "a lost answer", seconds=60)

        world.server_clock.put(hours=5)
        waiting = wait_until_done(server.says, seconds=_PATIENCE)

        assert [] == verdict(world, tool.submissions, waiting=waiting).wrong


def wait_for_a_request_to_each(world: FaultWorld) -> None:
    asked = {name: journal.requests for name, journal in world.journals.items()}
    wait_for(
        lambda: all(world.journals[name].requests > count for name, count in asked.items()),
        "another try at each host",
        seconds=60,
    )


def lose_the_answer_to_the_ticket(world: FaultWorld) -> None:
    """Jira makes the next issue, and something before it answers 502."""
    issues = world.play.jira.issues
    issues.create = made_and_lost(issues.create, Refusal(502))  # type: ignore[method-assign]


def made_and_lost(make: Callable[..., Any], answer: Exception) -> Callable[..., Any]:
    lost = False

    def made(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        nonlocal lost
        issue = make(*args, **kwargs)
        if not lost:
            lost = True
            raise answer
        return issue

    return made


STEPS = ROUTES[IncidentType.CONDUCT_ENFORCEMENT]
NONSENSE = [
    Fault("status", status=200, body=b"<!doctype html><title>Sign in</title>"),
    Fault("status-after", status=200, body=b"<!doctype html><title>Maintenance</title>"),
    Fault("status", status=200, body=b'{"status": "ok", "data": [1, 2, 3]}'),
    Fault("status-after", status=200, body=b'[{"id": null}]'),
    Fault("status-after", status=502, body=b"<html>Bad gateway</html>"),
    Fault("truncate"),
]


@pytest.mark.parametrize("first", range(len(NONSENSE)) if ALL else [0])
@pytest.mark.parametrize("host", HOSTS)
def test_nonsense_at_any_call_is_not_believed(
    tmp_path: Path, identities: dict[str, Identity], host: HostName, first: int
) -> None:
    """A kind of nonsense at each call; with COC_FAULT_ALL each kind at each call."""
    clock = SetClock()
    with playground(
        tmp_path / "server", now=clock.now, search_lag=SEARCH_LAG, identities=identities
    ) as world:
        server = Server(world, clock)
        wire = server.wire(host)
        before = wire.calls
        server.open(server.report(host, NOAHS_REPORT))
        for call in range(wire.calls - before):
            inbox_id = server.report(host, NOAHS_REPORT)
            wire.fail_next(NONSENSE[(first + call) % len(NONSENSE)], skip=call)
            with contextlib.suppress(HostError):
                server.open(inbox_id)
            wire.heal()
            clock.forward(minutes=1)

            server.open_until_done(inbox_id, tries=20)

            shown = server.shown(host, server.incident_of(inbox_id).id)
            assert (1, STEPS, [(1, 1), (2, 1)]) == (shown.tickets, shown.steps, shown.comments), (
                f"at call {call}"
            )
        server.close()
