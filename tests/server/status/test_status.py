"""``coc-server status``: what needs a look comes first, each with what to do."""

from __future__ import annotations

import http.server
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from integration.audience import ADMIN_PROOF_LASTS, AdminProof
from integration.errors import ConfigError
from integration.store import NIGHTLY
from tests.server.status.looked import CONDUCT, NOW, Now, nobody, report, said, well, write
from webhook_server import status_folders
from webhook_server.config import load_config
from webhook_server.status import ask_server, look
from webhook_server.store import tables as t
from webhook_server.store.audiences import Audiences
from webhook_server.store.rows import insert_job
from webhook_server.store.transactions import writing
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report


def test_all_is_well(config: Path, parts: Parts) -> None:
    status = look(config, NOW, well)

    assert [] == status.warnings
    assert "127.0.0.1:8800: ok" in said(status)
    assert "conduct, github: 0 incident(s)" in said(status)
    assert "number 1 in use for 0 seconds" in said(status)
    assert re.search(rf"Database: {config.parent}/coc\.sqlite, 0\.\d MB, schema \d{{4}}\n", said(status))
    assert parts.database.unfinished_jobs() == []


def test_a_server_that_does_not_answer_is_the_first_thing_said(config: Path, parts: Parts) -> None:
    assert not parts.dispatcher.is_stuck

    what, then = look(config, NOW, nobody).warnings[0]

    assert "No server answers on 127.0.0.1:8800" in what
    assert "systemctl start coc-mirror" in then


def test_a_server_that_was_stopped_a_moment_ago_is_not_called_alive(config: Path, parts: Parts) -> None:
    """On SQLite there is no other one: between stop and start of an upgrade nobody takes reports in."""
    key = load_config(config).sealer.key_id
    write(parts, t.worker, name="server", started_at=NOW, seen_at=NOW, version="1", root_key_id=key)

    status = look(config, NOW + timedelta(seconds=40), nobody)

    assert "No server answers on 127.0.0.1:8800" in status.warnings[0][0]
    assert "server, version 1: not seen for 40 seconds" in said(status)


def test_a_worker_elsewhere_that_was_just_seen_counts_as_alive(config: Path, postgres_url: str) -> None:
    config.write_text(config.read_text().replace("[server]\n", f'[server]\ndatabase = "{postgres_url}"\n'))
    (config.parent / "inbox-keys").mkdir(mode=0o700)
    parts = join(load_config(config), clock=Now())
    Audiences(parts.database._engine).admin_passed(
        CONDUCT, AdminProof(NOW, NOW + ADMIN_PROOF_LASTS, "4711", ()), NOW
    )
    key = load_config(config).sealer.key_id
    now = datetime.now(UTC)
    write(parts, t.worker, name="east", started_at=now, seen_at=now, version="1", root_key_id=key)

    assert [] == look(config, now, nobody).warnings
    later = look(config, now + timedelta(hours=3), well)  # by a clock that is wrong by so much
    assert "east, version 1: not seen for 3 hours" in said(later)
    assert "clock and that of the database's machine differ by" in later.warnings[0][0]
    assert "No server answers" in said(look(config, now + timedelta(hours=3), nobody))
    parts.close()


def test_workers_that_do_not_fit_together_are_a_warning(config: Path, parts: Parts) -> None:
    write(parts, t.worker, name="east", started_at=NOW, seen_at=NOW, version="1", root_key_id="a")
    write(parts, t.worker, name="west", started_at=NOW, seen_at=NOW, version="2", root_key_id="b")

    text = said(look(config, NOW, well))

    assert "different root keys: a, b" in text
    assert "different versions: 1, 2" in text


def test_what_the_server_says_of_itself_is_passed_on(config: Path, parts: Parts) -> None:
    assert not parts.dispatcher.is_stuck

    assert "says: the jobs do not turn." in said(
        look(config, NOW, lambda _host, _port: "the jobs do not turn")
    )


@pytest.mark.usefixtures("parts")
def test_an_engine_whose_database_is_away_is_said_and_not_taken_for_a_disk(
    config: Path, free_port: int
) -> None:
    url = f"postgresql+psycopg://coc:database-canary@127.0.0.1:{free_port}/engine"
    config.write_text(config.read_text().replace("[server]", f'[server]\nengine_database = "{url}"'))

    text = said(look(config, NOW, lambda _host, _port: "the jobs do not turn"))

    assert "! The engine's database cannot be used (OperationalError). -> Nothing is lost" in text
    assert "[server].engine_database has its right address" in text
    assert "Reports are still taken in and kept" in text
    assert "disk" not in text
    assert "canary" not in text


@pytest.mark.usefixtures("parts")
def test_an_engine_whose_file_is_damaged_is_said(config: Path) -> None:
    (config.parent / "engine.sqlite").write_bytes(bytes(range(256)) * 64)

    text = said(look(config, NOW, well))

    assert "! The engine's database cannot be used (SQLITE_NOTADB). -> Nothing is lost" in text
    assert "move it away" in text


@pytest.mark.usefixtures("parts")
def test_nothing_is_said_of_an_engine_whose_file_is_not_made_yet(config: Path) -> None:
    assert "engine" not in said(look(config, NOW, well))
    assert not (config.parent / "engine.sqlite").exists()


def test_parked_and_overdue_reports_are_counted_by_code(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    inbox_id = report(parts, make_report)
    assert "report(s) wait" not in said(look(config, NOW, well))
    assert "not tried yet (1)" in said(look(config, NOW + timedelta(hours=2), well))

    parts.database.job_failed(
        parts.database.job(inbox_id), parked=True, code="host-refused", reason="x", due_at=NOW
    )

    text = said(look(config, NOW + timedelta(minutes=3), well))
    assert (
        "1 report(s) wait for a person or for over an hour: host-refused (1). -> See why: coc-server jobs list"
        in text
    )
    assert f"the oldest unfinished is {parts.database.job(inbox_id).code_name}, for 3 minutes" in text


def test_looks_and_writes_of_desks_are_not_counted_as_reports(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    incident = parts.database.job(report(parts, make_report)).incident
    engine = parts.database._engine
    for job in parts.database.unfinished_jobs():
        parts.database.finish(job.inbox_id, NOW)
    with writing(engine, "") as connection:
        insert_job(connection, NIGHTLY, incident, NOW)
        insert_job(connection, NIGHTLY, incident, NOW)
    looked, looks = parts.database.unfinished_jobs()
    parts.database.finish(looked.inbox_id, NOW)
    parts.database.job_failed(looks, parked=True, code="host-gone", reason="x", due_at=NOW)

    text = said(look(config, NOW, well))

    assert "Reports: 0 waiting, 0 parked, 1 done\n" in text
    assert (
        "1 look(s) at a ticket, or write(s) of a desk, wait for a person or for over an hour: host-gone (1)."
        in text
    )
    assert "report(s) wait" not in text


def test_mistakes_in_the_configuration_hide_nothing_else(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    report(parts, make_report)
    (config.parent / "root.key").unlink()

    status = look(config, NOW, well)

    assert ["The configuration has 1 mistake(s); a server would not start again."] == [
        what for what, _ in status.warnings if "backup" not in what
    ]
    assert "1 waiting, 0 parked, 0 done" in said(status)
    assert "conduct: 1 incident(s)" in said(status)


def test_a_configuration_that_cannot_be_read_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="coc-server init"):
        look(tmp_path / "coc-server.toml", NOW, well)


@pytest.mark.parametrize(
    ("revision", "said_of_it"),
    [("0001", "The next start brings it to"), ("9999", "this release knows only")],
)
def test_the_schema_of_another_release_is_said(
    config: Path, parts: Parts, revision: str, said_of_it: str
) -> None:
    with parts.database._engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :it"), {"it": revision})

    assert said_of_it in said(look(config, NOW, well))


def test_a_database_of_the_first_release_is_read_without_changing_it(config: Path, parts: Parts) -> None:
    with parts.database._engine.begin() as connection:
        for table in ("worker", "chore", "chore_trouble", "host_write", "redelivery"):
            connection.execute(sa.text(f"DROP TABLE {table}"))

    assert "0 waiting, 0 parked, 0 done" in said(look(config, NOW, nobody))
    with parts.database._engine.connect() as connection:
        assert not sa.inspect(connection).has_table("worker")


def test_a_disk_that_is_nearly_full_is_said(
    config: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parts.database.unfinished_jobs() == []
    monkeypatch.setattr(status_folders, "_LEAST_FREE", 10**18)

    assert "MB left. -> Make room: on a full disk no report is taken in." in said(look(config, NOW, well))


# The server's own answer ----------------------------------------------------------------------------


class Saying(http.server.BaseHTTPRequestHandler):
    said = (200, b"ok\n")

    def do_GET(self) -> None:
        status, text = self.said
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - what a server listens on
@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ((200, b"ok\n"), "ok"),
        ((503, b"the jobs do not turn\n"), "the jobs do not turn"),
        ((404, b"hello"), "something that is not of coc-server"),
        ((200, b"\x1b[2J"), "something that is not of coc-server"),
    ],
)
def test_the_server_is_asked_on_its_own_address(
    host: str, answer: tuple[int, bytes], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Saying, "said", answer)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Saying) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        got = ask_server(host, server.server_port)
        server.shutdown()
        thread.join()

    assert taken == got


def test_where_nobody_listens_there_is_no_answer(free_port: int) -> None:
    assert ask_server("127.0.0.1", free_port) is None
