"""What a server leaves on its machine: files for its account only, no memory, no body, and one server a database."""

from __future__ import annotations

import os
import resource
import socket
import stat
import tempfile
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from flask import Flask, request

from integration.errors import StoreError
from tests.server.cli.conftest import run
from webhook_server import cli
from webhook_server.config import load_config
from webhook_server.door import make_door
from webhook_server.store.alone import alone_on

if TYPE_CHECKING:
    from pathlib import Path


def test_databases_are_for_this_account_only(config: Path) -> None:
    os.umask(0o022)

    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that the server makes its database, and ends
        metrics = f'[server]\nmetrics = "127.0.0.1:{taken.getsockname()[1]}"\n'
        config.write_text(config.read_text().replace("[server]\n", metrics))
        run("serve", "--config", config)

    assert 0o600 == stat.S_IMODE((config.parent / "coc.sqlite").stat().st_mode)


def test_a_crash_leaves_no_memory_in_a_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda which, limit: limits.append((which, limit)))

    run("jobs", "list", "--config", config)

    assert [(resource.RLIMIT_CORE, (0, 0))] == limits


def test_a_second_server_on_one_database_does_not_start(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_PATIENCE", 0.3)
    with alone_on(load_config(config).database_url):
        result = run("serve", "--config", config)

    assert 1 == result.exit_code
    assert "Another coc-server is running on this database." in result.output
    with alone_on(load_config(config).database_url):
        pass  # whoever is gone holds nobody up


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite://"])
def test_other_databases_have_no_file_to_lock(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with alone_on(url), alone_on(url):
        assert [] == list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=r"cannot be made \(FileNotFoundError\)"),
        alone_on(f"sqlite:///{tmp_path}/no/coc.sqlite"),
    ):
        pass


@pytest.mark.parametrize("chunked", [True, False])
def test_no_body_is_written_to_a_file_on_its_way_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, chunked: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not-there"))  # a temporary file cannot be made
    app = Flask(__name__)
    path = "/api/v1/incidents/BLUE-JAY-27/files/f1.1"  # the only thing that may be so long
    app.add_url_rule(path, view_func=lambda: str(len(request.get_data())), methods=["POST"])
    door: Any = make_door(app, "127.0.0.1", 0)
    body = b"x" * 20_000_000
    answers: list[requests.Response] = []

    def post() -> None:
        url = f"http://127.0.0.1:{door.effective_port}{path}"
        answers.append(requests.post(url, data=iter([body]) if chunked else body, timeout=60))

    sender = threading.Thread(target=post)
    sender.start()
    while sender.is_alive():
        door.asyncore.loop(timeout=0.05, map=door._map, count=1)
    door.task_dispatcher.shutdown()
    door.asyncore.close_all(door._map)

    (answer,) = answers
    assert (200, str(len(body))) == (answer.status_code, answer.text)
