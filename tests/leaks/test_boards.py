"""Canaries in a report are on no board, in no name and query of one, and in nothing that the command says."""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests

from integration.incident import SpaceName
from sandbox.form import QUESTIONS
from sandbox.playground import ORG, REPOSITORY, playground
from sandbox.rehearsal import HostName, Server, SetClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.leaks.conftest import Canary

HOSTS: list[HostName] = ["jira", "github"]


@pytest.fixture
def server(tmp_path: Path, identities: dict[str, Identity]) -> Iterator[Server]:
    clock = SetClock(datetime.now(UTC))
    with contextlib.ExitStack() as stack:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        world = stack.enter_context(
            playground(tmp_path / "server", now=clock.now, service_port=port, identities=identities)
        )
        made = Server(world, clock)
        stack.callback(made.close)
        yield made


def test_no_word_of_a_report_is_on_a_board(
    canary: Canary, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    typed = {ref: canary.text(ref) for ref in QUESTIONS if ref not in {"not_for", "what_is_it"}}
    answers = {**typed, "what_is_it": "Somebody broke the Code of Conduct", "not_for": "nobody"}
    names, said = [], ""
    for host in HOSTS:
        inbox_id = server.report(host, answers, token=f"same-person-{host}")
        server.open_until_done(inbox_id)
        names.append(server.incident_of(inbox_id).code_name)
        said += "; ".join(server.parts.boards.renew(SpaceName(f"in-{host}"), server.clock.now()))
    server.clock.forward(hours=25)
    server.parts.chores.turn()

    world = server.world
    repo = world.github.repo(f"{ORG}/{REPOSITORY}")
    (board,) = (issue for issue in repo.issues.values() if issue.title == "Incident board")
    (dashboard,) = world.jira.site.dashboards
    pages = [
        requests.get(f"{world.github_url}/{ORG}/{REPOSITORY}/issues/{board.number}?as=robert", timeout=10),
        requests.get(f"{world.jira_url}/jira/dashboards/{dashboard}?as=acc-robert", timeout=10),
    ]
    assert names[1] in pages[0].text, "the board shows the incident"
    assert "Conduct Enforcement" in pages[1].text, "the dashboard counts it"
    found = canary.found_in("what the command says", said.encode())
    found += canary.found_in("the log", caplog.text.encode())
    found += canary.found_in("what Jira holds", world.jira.text_of_everything())
    found += canary.found_in("what GitHub holds", world.github.text_of_everything())
    for page in pages:
        assert page.status_code == 200
        found += canary.found_in("a page", page.content)
    assert [] == found
