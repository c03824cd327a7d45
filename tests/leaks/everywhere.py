"""A report full of canaries, and the search for them in everything that is no cleared member's machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from click.testing import CliRunner
from prometheus_client import generate_latest

from sandbox.form import QUESTIONS
from sandbox.playground import ORG, OWNER, PROJECT, REPOSITORY, Playground
from webhook_server.cli import main as coc_server

if TYPE_CHECKING:
    import pytest

    from sandbox.mailbox import Mailbox
    from sandbox.rehearsal import HostName, Server
    from tests.leaks.conftest import Canary

HOSTS: list[HostName] = ["jira", "github"]


def answers(canary: Canary) -> dict[str, str]:
    """A report with a canary in every answer; Robert and Charlie stay cleared."""
    typed = {ref: canary.text(ref) for ref in QUESTIONS if ref not in {"not_for", "what_is_it"}}
    return {**typed, "what_is_it": "Somebody broke the Code of Conduct", "not_for": "nobody"}


def leaks(canary: Canary, server: Server, box: Mailbox, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Where a canary is that should not be there."""
    world = server.world
    found: list[str] = []
    for host in HOSTS:
        for exchange in server.wire(host).journal:
            sent = [exchange.path, exchange.query, *exchange.request_headers.values()]
            where = f"{exchange.method} {exchange.path} to {host}"
            found += canary.found_in(where, "\n".join(sent).encode() + b"\n" + exchange.request_body)
    found += canary.found_in("what Jira holds", world.jira.text_of_everything())
    found += canary.found_in("what GitHub holds", world.github.text_of_everything())
    for path in world.folder.rglob("*"):
        if path.is_file():
            found += canary.found_in(path.name, path.read_bytes())
    found += canary.found_in("the log", caplog.text.encode())
    for _address, mail in box.mails:
        found += canary.found_in("a mail", mail)
    for page in pages(world):
        found += canary.found_in("a page of a stand-in", page)
    listed = CliRunner().invoke(coc_server, ["jobs", "list", "--config", str(world.config_path)])
    found += canary.found_in("coc-server jobs list", listed.output.encode())
    status = CliRunner().invoke(coc_server, ["status", "--config", str(world.config_path)])
    assert "Database" in status.output
    found += canary.found_in("coc-server status", status.output.encode())
    figures = generate_latest(server.parts.figures)
    assert b"coc_jobs_done" in figures
    found += canary.found_in("the figures", figures)
    return found


def pages(world: Playground) -> list[bytes]:
    """What people see in the stand-ins."""
    places = (
        f"{world.jira_url}/browse/{PROJECT}-1?as=acc-",
        f"{world.github_url}/{ORG}/{REPOSITORY}/issues/1?as=",
    )
    return [requests.get(place + who, timeout=10).content for place in places for who in ("robert", OWNER)]
