"""The parts joined: from a signed delivery to the sealed inbox, health pages, and a server that starts and stops."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from integration.errors import StoreError
from integration.github.host import GitHubHost
from integration.jira.host import JiraHost
from integration.report import load_report
from webhook_server.config import load_config
from webhook_server.jobs import Dispatcher
from webhook_server.store.clocks import SystemClock
from webhook_server.store.sealed import new_root_key
from webhook_server.store.shelf import Shelf
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.diary.keys import Identity, ServiceKey

ROOT = Path(__file__).parents[2]
FORM_SECRET = "a-form-secret-that-is-long-enough"

CONFIG = """
[server]
listen = "127.0.0.1:{port}"
origin = "https://coc.example.org"
root_key_file = "root.key"
service_key_file = "service.key"
service_key_id = "svc-test"
roster = "roster.toml"

[spaces.conduct]
host = "github"
owner = "acme"
repository = "conduct"
base_url = "http://127.0.0.1:9"
token_file = "token"

[spaces.app]
host = "github"
owner = "acme"
repository = "conduct-app"
base_url = "http://127.0.0.1:9"
app_id = "4711"
private_key_file = "app.pem"

[spaces.board]
host = "jira"
site = "http://127.0.0.1:9"
project = "COC"
email = "coc-bot@example.org"
token_file = "token"
issue_type_id = "10001"
subtask_type_id = "10002"
security_level_id = "10003"
browse_roles = ["10004"]
[spaces.board.fields]
type = "customfield_10001"
impact = "customfield_10002"
likelihood = "customfield_10003"
risk = "customfield_10004"
lead = "customfield_10005"
secondary = "customfield_10006"
stage = "customfield_10007"

[sources.paper]
reader = "typeform"
secret_files = ["form.secret"]
space = "conduct"
[sources.paper.questions]
what = "account"
"""


@pytest.fixture(scope="module")
def app_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.fixture
def folder(tmp_path: Path, service_key: ServiceKey, robert: Identity, app_key: bytes) -> Path:
    folder = tmp_path / "coc"
    folder.mkdir()
    for name in ("root.key", "token", "form.secret", "app.pem"):
        (folder / name).touch(mode=0o600)
    (folder / "root.key").write_bytes(new_root_key())
    service_key.save(folder / "service.key")
    (folder / "token").write_text("a-token")
    (folder / "app.pem").write_bytes(app_key)
    (folder / "form.secret").write_text(FORM_SECRET)
    text = roster_text(robert, service_key)
    (folder / "roster.toml").write_text(text, encoding="utf-8")
    (folder / "roster.toml.sig.robert").write_text(robert.sign("coc-roster@v1", text.encode()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "coc-server.toml").write_text(CONFIG.format(port=port), encoding="utf-8")
    return folder


def roster_text(robert: Identity, key: ServiceKey) -> str:
    return (
        f'version = 1\nserial = 1\n[[members]]\nalias = "robert"\nrecipient = "{robert.recipient}"\n'
        f'signing_key = "{robert.signing_key}"\nemail = "robert@example.org"\non_duty = true\n'
        f'[[service_keys]]\nid = "{key.id}"\npublic = "{key.public_line}"\n'
    )


@pytest.fixture
def parts(folder: Path) -> Iterator[Parts]:
    parts = join(load_config(folder / "coc-server.toml"))
    yield parts
    parts.close()


def delivery(account: str) -> tuple[bytes, dict[str, str]]:
    body = {
        "event_id": "e1",
        "event_type": "form_response",
        "form_response": {
            "form_id": "f1",
            "token": "t1",
            "submitted_at": "2026-11-22T13:00:00Z",
            "definition": {
                "id": "f1",
                "fields": [{"id": "q", "ref": "what", "type": "long_text", "title": "What?"}],
            },
            "answers": [
                {"type": "text", "text": account, "field": {"id": "q", "ref": "what", "type": "long_text"}}
            ],
        },
    }
    raw = json.dumps(body).encode()
    proof = base64.b64encode(hmac.digest(FORM_SECRET.encode(), raw, hashlib.sha256)).decode()
    return raw, {"Typeform-Signature": f"sha256={proof}", "Content-Type": "application/json"}


def test_a_signed_delivery_is_in_the_inbox_before_it_is_answered(
    parts: Parts, folder: Path, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raw, headers = delivery(canary)
    client = parts.app.test_client()

    answers = [client.post("/in/paper", data=raw, headers=headers) for _ in range(2)]

    assert [(200, b""), (200, b"")] == [(answer.status_code, answer.data) for answer in answers]
    (job,) = parts.database.unfinished_jobs()
    stored = parts.database.delivery(job.inbox_id)
    assert stored.report is not None
    assert [canary] == [
        one.answer.reveal() for many in load_report(stored.report).fields.values() for one in many
    ]
    assert ("paper", "conduct") == (stored.source, parts.database.incident(job.incident).space)
    assert canary not in caplog.text
    assert canary.encode() not in b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_what_the_reader_does_not_understand_is_kept_and_logged_by_source_and_code(
    parts: Parts, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = json.dumps({"surprise": canary}).encode()
    proof = base64.b64encode(hmac.digest(FORM_SECRET.encode(), raw, hashlib.sha256)).decode()

    answer = parts.app.test_client().post(
        "/in/paper", data=raw, headers={"Typeform-Signature": f"sha256={proof}"}
    )

    assert 200 == answer.status_code
    (job,) = parts.database.unfinished_jobs()
    assert parts.database.delivery(job.inbox_id).unreadable
    assert "event=source-alert source=paper code=unreadable-submission" in caplog.text
    assert canary not in caplog.text


def test_health_pages_say_little(parts: Parts) -> None:
    client = parts.app.test_client()

    assert (200, "ok\n") == (client.get("/health/live").status_code, client.get("/health/live").text)
    assert (200, "ok\n") == (client.get("/health/ready").status_code, client.get("/health/ready").text)


@pytest.mark.parametrize(
    ("file", "opens"), [("nginx.conf", "location {} {{"), ("Caddyfile", "handle {}* {{")]
)
def test_the_web_server_in_front_opens_every_door_there_is(parts: Parts, file: str, opens: str) -> None:
    routes = {f"/{rule.rule.split('/')[1]}/" for rule in parts.app.url_map.iter_rules()}
    doors = routes | {"/in/"}  # the intake stands in front of Flask and its routes
    text = (ROOT / "deploy" / file).read_text(encoding="utf-8")

    assert {"/in/", "/from/", "/api/", "/health/"} == doors
    assert [] == [door for door in sorted(doors) if opens.format(door) not in text]


def test_a_database_that_is_away_is_said_and_no_delivery_is_taken(
    parts: Parts, folder: Path, canary: str
) -> None:
    parts.close()
    for file in folder.glob("coc.sqlite*"):
        file.unlink()
    (folder / "coc.sqlite").write_bytes(b"this is no database" * 100)
    client = parts.app.test_client()
    raw, headers = delivery(canary)

    ready = client.get("/health/ready")

    assert (503, "the database is away\n") == (ready.status_code, ready.text)
    assert 200 == client.get("/health/live").status_code
    assert 503 == client.post("/in/paper", data=raw, headers=headers).status_code


def test_a_server_that_could_not_store_is_not_ready_until_a_delivery_is_stored(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = parts.app.test_client()
    raw, headers = delivery("account")

    def broken(**_: object) -> None:
        raise StoreError("No inbox key could be made.")

    with monkeypatch.context() as patch:
        patch.setattr(parts.database, "receive", broken)
        assert 503 == client.post("/in/paper", data=raw, headers=headers).status_code
    ready = client.get("/health/ready")
    assert (503, "reports cannot be stored\n") == (ready.status_code, ready.text)

    assert 200 == client.post("/in/paper", data=raw, headers=headers).status_code
    assert 200 == client.get("/health/ready").status_code


def test_a_file_in_the_place_of_the_keys_folder_is_known_before_a_report_comes_and_told_when_one_came(
    parts: Parts, folder: Path, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "inbox-keys").write_text("no folder")
    client = parts.app.test_client()
    raw, headers = delivery(canary)

    ready = client.get("/health/ready")

    assert (503, "reports cannot be stored\n") == (ready.status_code, ready.text)
    assert 503 == client.post("/in/paper", data=raw, headers=headers).status_code
    assert "event=source-alert source=paper code=intake" in caplog.text
    assert canary not in caplog.text


def test_jobs_that_do_not_turn_are_said_and_deliveries_are_still_taken(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dispatcher, "is_stuck", True)
    client = parts.app.test_client()
    raw, headers = delivery("account")

    ready = client.get("/health/ready")

    assert (503, "the jobs do not turn\n") == (ready.status_code, ready.text)
    assert 200 == client.post("/in/paper", data=raw, headers=headers).status_code


def test_a_delivery_refused_by_a_wrong_clock_is_alerted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = base64.b64encode(bytes(range(32))).decode()
    (folder / "form.secret").write_text(key)
    config = folder / "coc-server.toml"
    config.write_text(config.read_text().replace('reader = "typeform"', 'reader = "generic"'))
    alerts: list[tuple[str, str]] = []
    monkeypatch.setattr(Dispatcher, "alert", lambda _self, source, code: alerts.append((source, code)))
    parts = join(load_config(config))
    proof = base64.b64encode(hmac.digest(bytes(range(32)), b"m1.1700000000.{}", hashlib.sha256)).decode()

    answer = parts.app.test_client().post(
        "/in/paper",
        data=b"{}",
        headers={"webhook-id": "m1", "webhook-timestamp": "1700000000", "webhook-signature": f"v1,{proof}"},
    )
    parts.close()

    assert 401 == answer.status_code
    assert [("paper", "stale-delivery")] == alerts


def test_old_nonces_are_dropped_by_the_jobs(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(parts.database._engine, parts.database, lambda _space: 0)
    assert shelf.use_nonce("robert", "n1", SystemClock().now() - timedelta(seconds=1))
    assert not shelf.use_nonce("robert", "n1", SystemClock().now())
    monkeypatch.setattr(parts.dispatcher, "hand_over_due", lambda: None)

    parts.dispatcher.turn()

    assert shelf.use_nonce("robert", "n1", SystemClock().now())


def test_the_end_of_a_try_wakes_the_dispatcher_however_it_ends(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[bool] = []
    monkeypatch.setattr(parts.dispatcher, "wake", lambda: woken.append(True))

    with pytest.raises(StoreError):
        parts.dispatcher._engine._attempt("in_that_is_not_there")

    assert [True] == woken


def test_the_members_door_is_there_and_closed(parts: Parts) -> None:
    assert 401 == parts.app.test_client().get("/api/v1/incidents").status_code


def test_no_cookie_and_no_file_is_served(parts: Parts) -> None:
    answer = parts.app.test_client().get("/static/anything")

    assert 404 == answer.status_code
    assert "Set-Cookie" not in answer.headers


def test_each_space_gets_its_kind_of_host(parts: Parts) -> None:
    kinds = {str(name): type(host) for name, host in parts.work.hosts.items()}

    assert {"conduct": GitHubHost, "app": GitHubHost, "board": JiraHost} == kinds


def test_the_real_clock_is_in_utc() -> None:
    assert "+00:00" == SystemClock().now().isoformat()[-6:]


def test_a_server_starts_answers_and_stops(folder: Path) -> None:
    config = folder / "coc-server.toml"
    address = f"http://127.0.0.1:{load_config(config).listen_port}"
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from webhook_server.cli import program; program()",
            "serve",
            "--config",
            str(config),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert b"ok\n" == _fetch(f"{address}/health/ready", server)
    finally:
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=30)

    assert 0 == server.returncode
    assert b"Stopping; what is under way goes on at the next start." in output
    assert (folder / "engine.sqlite").exists()


def _fetch(url: str, server: subprocess.Popen[bytes]) -> bytes:
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server on loopback
                return bytes(answer.read())
        except URLError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")
