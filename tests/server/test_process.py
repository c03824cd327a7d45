"""``coc-server serve`` as a process: how it ends, and that what it writes then is sentences and never a traceback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
FORM = ROOT / "tests" / "intake" / "typeform" / "fixtures" / "every-answer-type.json"
PATIENCE = 60


@dataclass
class Started:
    """A server of our own that is under way; both its outputs together in a file."""

    config: Path
    output: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "webhook_server.cli", "serve", "--config", str(self.config)],
                cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def ends(self) -> int:
        return self.process.wait(PATIENCE)


@pytest.fixture
def port(filled_in: Path, free_port: int) -> int:
    filled_in.write_text(filled_in.read_text().replace("8800", str(free_port)))
    return free_port


def without_traceback(said: str) -> bool:
    return "Traceback" not in said and 'File "' not in said


def test_a_port_in_use_is_said_with_what_to_do(filled_in: Path, port: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", port)):
        server = Started(filled_in, tmp_path / "output")
        assert 1 == server.ends()

    assert f"Error: 127.0.0.1:{port} cannot be listened on: another program listens there" in server.said()
    assert "change [server].listen" in server.said()
    assert without_traceback(server.said())


def test_a_port_in_use_for_the_figures_is_said_too(filled_in: Path, port: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        filled_in.write_text(filled_in.read_text().replace("[server]", f'[server]\nmetrics = "{where}"'))
        server = Started(filled_in, tmp_path / "output")
        assert 1 == server.ends()

    assert f"{where} cannot be listened on" in server.said()
    assert f"127.0.0.1:{port}" not in server.said()
    assert "change [server].metrics" in server.said()
    assert without_traceback(server.said())


def test_a_damaged_file_of_the_engine_is_said_with_what_to_do(
    filled_in: Path, port: int, tmp_path: Path
) -> None:
    assert port
    (filled_in.parent / "engine.sqlite").write_bytes(bytes(range(256)) * 64)
    server = Started(filled_in, tmp_path / "output")

    assert 1 == server.ends()
    assert "Error: The engine's database cannot be used (SQLITE_NOTADB). Nothing is lost" in server.said()
    assert "move it away with its -wal and its -shm, and start again" in server.said()
    assert without_traceback(server.said())


def test_an_engine_on_a_postgresql_that_is_away_is_said_with_what_to_do(
    filled_in: Path, port: int, tmp_path: Path
) -> None:
    """Its address has a password, which stands in no output."""
    assert port
    url = "postgresql+psycopg://coc:database-canary@127.0.0.1:1/engine"  # nobody listens there
    filled_in.write_text(filled_in.read_text().replace("[server]", f'[server]\nengine_database = "{url}"'))
    server = Started(filled_in, tmp_path / "output")

    assert 1 == server.ends()
    assert "Error: The engine's database cannot be used (OperationalError). Nothing is lost" in server.said()
    assert (
        "See that PostgreSQL runs and takes connections, and that [server].engine_database has"
        in server.said()
    )
    assert "disk" not in server.said()
    assert "canary" not in server.said()
    assert without_traceback(server.said())


def test_a_stop_during_an_attempt_ends_without_trouble_and_loses_nothing(
    filled_in: Path, port: int, tmp_path: Path
) -> None:
    """The host takes the connection, says nothing until the server is being stopped, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as host:
        host.settimeout(PATIENCE)
        address = f"http://127.0.0.1:{host.getsockname()[1]}"
        filled_in.write_text(
            filled_in.read_text().replace('host = "github"', f'host = "github"\nbase_url = "{address}"')
        )
        server = Started(filled_in, tmp_path / "output")
        try:
            assert 200 == deliver(port, server)
            connection, _ = host.accept()  # the attempt is under way
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "Stopping" in server.said())
            connection.close()
            host.close()
            assert 0 == server.ends()
        finally:
            server.process.kill()

    assert without_traceback(server.said())
    listed = subprocess.run(
        [sys.executable, "-m", "webhook_server.cli", "jobs", "list", "--config", str(filled_in)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "coc-server jobs retry in_" in listed


def test_a_host_that_does_not_answer_keeps_no_server_from_ending(
    filled_in: Path, port: int, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as host:
        host.settimeout(PATIENCE)
        address = f"http://127.0.0.1:{host.getsockname()[1]}"
        filled_in.write_text(
            filled_in.read_text().replace('host = "github"', f'host = "github"\nbase_url = "{address}"')
        )
        server = Started(filled_in, tmp_path / "output")
        try:
            assert 200 == deliver(port, server)
            connection, _ = host.accept()  # the attempt is under way, and stays so
            with connection:
                server.process.send_signal(signal.SIGTERM)
                assert 0 == server.ends()
        finally:
            server.process.kill()

    assert "What did not end in time is cut off" in server.said()
    assert without_traceback(server.said())


def deliver(port: int, server: Started) -> int:
    raw = json.dumps(json.loads(FORM.read_text(encoding="utf-8"))).encode()
    secret = (server.config.parent / "typeform.secret").read_bytes()
    proof = base64.b64encode(hmac.new(secret, raw, hashlib.sha256).digest()).decode()
    wait_for(lambda: "Listening on" in server.said())
    return requests.post(
        f"http://127.0.0.1:{port}/in/report-form",
        data=raw,
        headers={"Typeform-Signature": f"sha256={proof}", "Content-Type": "application/json"},
        timeout=PATIENCE,
    ).status_code


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)
