"""A host that shows a diary's comments page by page, and a desk that reads them there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from flask import Flask, Response, jsonify, request

from integration.mirror import TicketName
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.desk.conftest import At, Shelf

NAME = "BLUE-JAY-27"
TOKEN = "token-4f1d77c0"


@dataclass
class Host:
    """A host that shows comments, page by page, to whoever has the token. Tests change what stands there."""

    shelf: Shelf
    origin: str = ""
    change: Callable[[list[str]], list[str]] = field(default=lambda texts: texts)
    asked: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return self.change([f"For people.\n\n```text\n{one.text}\n```\n" for one in self.shelf.sealed])


@pytest.fixture(params=["github", "jira"])
def host(request: pytest.FixtureRequest, shelf: Shelf) -> Iterator[Host]:
    kind: str = request.param
    app = Flask(__name__)
    one = Host(shelf)
    app.add_url_rule("/repos/acme/conduct/issues/17/comments", "github", lambda: _github(one))
    app.add_url_rule("/rest/api/3/issue/10042/comment", "jira", lambda: _jira(one))
    with serving(app) as origin:
        one.origin = origin
        if kind == "jira":
            ticket = TicketName(f"jira:{origin.removeprefix('http://')}/10042")
            shelf.sealed.clear()
            shelf.epoch = None
            shelf.incident = replace(shelf.incident, ticket=ticket)
            shelf.write(shelf.account)
        yield one


def _github(host: Host) -> Response | tuple[str, int]:
    host.asked.append(request.headers.get("Authorization", ""))
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return "secret words of an error page", 404
    size, page = int(request.args["per_page"]), int(request.args["page"])
    return jsonify([{"body": text} for text in host.texts][size * (page - 1) : size * page])


def _jira(host: Host) -> Response | tuple[str, int]:
    host.asked.append(request.headers.get("Authorization", ""))
    who = request.authorization
    if who is None or (who.username, who.password) != ("robert@team.example", TOKEN):
        return "secret words of an error page", 404
    start, size = int(request.args["startAt"]), 50  # Jira may give smaller pages than were asked for
    documents = [
        {"type": "doc", "content": [{"type": "codeBlock", "content": [{"type": "text", "text": text}]}]}
        for text in host.texts
    ]
    return jsonify(comments=[{"body": one} for one in documents[start : start + size]], total=len(documents))


@pytest.fixture
def from_host(robert: At, host: Host, tmp_path: Path) -> Callable[[], tuple[int, str]]:
    """``coc diary verify --from-host``: exit code and output. The credential stands in the desk's folder."""
    folder = robert.desk.folder
    (folder / "own.token").write_text(f"{TOKEN}\n", encoding="ascii")
    (folder / "hosts.toml").write_text(
        "".join(
            f'[{kind}]\nurl = "{host.origin}"\ntoken_file = "own.token"\n'
            + ('email = "robert@team.example"\n' if kind == "jira" else "")
            for kind in ("jira", "github")
        ),
        encoding="utf-8",
    )
    del tmp_path

    def run() -> tuple[int, str]:
        result = robert("diary", "verify", NAME, "--from-host")
        return result.exit_code, result.output

    return run
