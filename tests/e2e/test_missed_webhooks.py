"""What GitHub could not deliver while we were away comes again, for a repository's webhook and for an App's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from flask import Flask, request

from sandbox.contract import observer
from sandbox.form import NOAHS_REPORT
from sandbox.playground import APP_ID, BOT, ORG, REPOSITORY, playground
from sandbox.rehearsal import Server, SetClock
from sandbox.wire import Hook, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.diary.keys import Identity


class Receiver:
    """Where GitHub's webhooks go; away until :attr:`is_there`."""

    def __init__(self) -> None:
        self.is_there = False
        self.taken: list[str] = []
        self.refused: list[str] = []
        self.hook = Hook("", "secret", "X-Hub-Signature-256")
        self.app = Flask("receiver")
        self.app.add_url_rule("/from/github", "hear", self._hear, methods=["POST"])

    def _hear(self) -> tuple[str, int]:
        guid = request.headers["X-GitHub-Delivery"]
        (self.taken if self.is_there else self.refused).append(guid)
        return "", 200 if self.is_there else 502


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with serving(made.app) as url:
        made.hook.url = f"{url}/from/github"
        yield made
        made.hook.drain()


@pytest.fixture(params=["repository", "app"])
def server(
    tmp_path: Path, identities: dict[str, Identity], receiver: Receiver, request: pytest.FixtureRequest
) -> Iterator[Server]:
    clock, as_app = SetClock(), request.param == "app"
    with playground(tmp_path / "server", now=clock.now, identities=identities, github_app=as_app) as world:
        if as_app:
            world.github.state.apps[APP_ID].hook = receiver.hook
        else:
            world.github.hooks.append(receiver.hook)
            world.github.repo(f"{ORG}/{REPOSITORY}").collaborators[BOT] = "admin"
            text = world.config_path.read_text(encoding="utf-8")
            text = text.replace(
                f'repository = "{REPOSITORY}"\n', f'repository = "{REPOSITORY}"\nhook_id = 1\n'
            )
            world.config_path.write_text(text, encoding="utf-8")
        made = Server(world, clock)
        yield made
        made.close()


def look(server: Server, receiver: Receiver, *, times: int = 1, minutes: int = 10) -> None:
    for _ in range(times):
        server.parts.chores.turn()
        receiver.hook.drain()
        server.clock.forward(minutes=minutes)


def test_what_was_lost_while_we_were_away_comes_once_and_in_order(
    server: Server, receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    problems: list[str] = []
    server.open_until_done(server.report("github", NOAHS_REPORT))
    receiver.hook.drain()
    lost = list(receiver.refused)
    assert 14 <= len(lost)
    if os.environ.get("COC_REFERENCE"):
        contract = request.getfixturevalue("github_contract")
        server.wire("github").observer = observer(contract, problems)

    receiver.is_there = True
    look(server, receiver, times=3)

    assert lost == receiver.taken
    assert [] == problems


def test_when_nothing_was_lost_looking_costs_one_read(server: Server, receiver: Receiver) -> None:
    receiver.is_there = True
    server.open_until_done(server.report("github", NOAHS_REPORT))
    receiver.hook.drain()
    wire = server.wire("github")
    calls, writes = len(wire.journal), len(wire.writes())

    look(server, receiver)

    asked = [one for one in list(wire.journal)[calls:] if one.path.endswith("/deliveries")]
    assert (1, 0) == (len(asked), len(wire.writes()) - writes)


def test_what_keeps_failing_is_asked_for_five_times_and_what_is_too_old_never(
    server: Server, receiver: Receiver
) -> None:
    server.open_until_done(server.report("github", NOAHS_REPORT))
    receiver.hook.drain()
    (guid, *others) = receiver.refused

    look(server, receiver, times=4 * 8, minutes=180)

    assert 1 + 5 == receiver.refused.count(guid)
    assert all(1 + 5 == receiver.refused.count(other) for other in others)


def test_after_a_restart_nothing_is_asked_for_before_its_time(server: Server, receiver: Receiver) -> None:
    server.open_until_done(server.report("github", NOAHS_REPORT))
    receiver.hook.drain()
    look(server, receiver)
    asked = len(receiver.refused)

    server.restart()
    server.parts.chores.turn()
    receiver.hook.drain()

    assert asked == len(receiver.refused)


def test_an_app_without_a_webhook_has_nothing_to_ask_for(
    tmp_path: Path, identities: dict[str, Identity], caplog: pytest.LogCaptureFixture
) -> None:
    clock = SetClock()
    with playground(tmp_path / "server", now=clock.now, identities=identities, github_app=True) as world:
        server = Server(world, clock)
        server.parts.chores.turn()
        server.close()

    assert "webhooks" not in caplog.text


def test_without_a_hook_id_a_token_asks_for_nothing(tmp_path: Path, identities: dict[str, Identity]) -> None:
    clock = SetClock()
    with playground(tmp_path / "server", now=clock.now, identities=identities) as world:
        server = Server(world, clock)
        server.parts.chores.turn()
        server.close()

        assert [] == [one for one in world.github.wire.journal if "hook" in one.path]
