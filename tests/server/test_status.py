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
from integration.casework import receive
from integration.errors import ConfigError
from integration.incident import SpaceName
from integration.store import NIGHTLY
from webhook_server import status_folders
from webhook_server.config import load_config
from webhook_server.status import ask_server, look
from webhook_server.store import tables as t
from webhook_server.store.audiences import Audiences
from webhook_server.store.overview import Overview
from webhook_server.store.rows import insert_job
from webhook_server.store.transactions import writing
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from integration.report import Report
    from webhook_server.status_report import Status

NOW = datetime.now(UTC)
CONDUCT = SpaceName("conduct")


class Now:
    def now(self) -> datetime:
        return NOW

    def steady(self) -> float:
        return 0.0


def said(status: Status) -> str:
    return "\n".join(f"! {what} -> {then}" for what, then in status.warnings) + "\n" + "\n".join(
        f"{name}: {text}" for name, text in status.lines
    )  # fmt: skip


@pytest.fixture
def config(filled_in: Path) -> Path:
    return filled_in


@pytest.fixture
def parts(config: Path) -> Iterator[Parts]:
    parts = join(load_config(config), clock=Now())
    Audiences(parts.database._engine).admin_passed(
        CONDUCT, AdminProof(NOW, NOW + ADMIN_PROOF_LASTS, "4711", ()), NOW
    )
    yield parts
    parts.close()


def well(_host: str, _port: int) -> str | None:
    return "ok"


def nobody(_host: str, _port: int) -> str | None:
    return None


def write(parts: Parts, table: sa.Table, **values: object) -> None:
    with parts.database._engine.begin() as connection:
        connection.execute(table.insert().values(**values))


def report(parts: Parts, make_report: Callable[..., Report], space: str = "conduct") -> str:
    return receive("f", SpaceName(space), "s1", make_report(), store=parts.database, clock=Now()).inbox_id


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
    write(parts, t.worker, name="east", started_at=NOW, seen_at=NOW, version="1", root_key_id=key)

    assert [] == look(config, NOW, nobody).warnings
    assert "east, version 1: not seen for 3 hours" in said(look(config, NOW + timedelta(hours=3), well))
    assert "No server answers" in said(look(config, NOW + timedelta(hours=3), nobody))
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


def test_backups_and_chores_that_are_overdue_are_said(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    assert [] == look(config, NOW, well).warnings
    inbox_id = report(parts, make_report)
    parts.database.finish(inbox_id, NOW)
    parts.database.told(parts.database.job(inbox_id), NOW)
    assert "No backup is noted." in said(look(config, NOW, well))

    write(parts, t.chore, name="backup", done_at=NOW)
    write(parts, t.chore, name="reconcile", done_at=NOW)

    assert [] == look(config, NOW + timedelta(days=1), well).warnings
    assert "The last reconcile was 3 days ago." in said(look(config, NOW + timedelta(days=3), well))
    assert "The last backup" not in said(look(config, NOW + timedelta(days=3), well))
    assert "The last backup was 9 days ago." in said(look(config, NOW + timedelta(days=9), well))


@pytest.mark.parametrize(
    ("chore", "part", "claimed_as", "what", "then"),
    [
        ("audience", "conduct", "audience", "The look at who can read the ticket space conduct",
         "See: coc-server doctor conduct --config"),
        ("boards", "conduct", "board of conduct", "The renewal of the board of conduct", "coc-server board conduct --config"),
        ("missed-webhooks", "github:example-org/conduct/78", "webhooks of github:example-org/conduct/78",
         "Asking for webhooks that did not arrive, at github:example-org/conduct/78", "coc-server doctor --config"),
        ("unknown-tickets", "conduct", "unknown tickets",
         "The look for tickets that nothing here works on, in conduct", "coc-server doctor --config"),
        ("unknown-tickets", "", "unknown tickets", "The chore unknown-tickets", "the server's log"),
        ("nightly", "", "nightly", "The chore nightly", "the server's log"),
        ("backup", "", "backup", "The chore backup", "Make one now: coc-server backup FOLDER --config"),
    ],
)  # fmt: skip
def test_a_chore_that_was_begun_a_moment_ago_and_fails_is_said_with_since_when_and_what_to_do(
    config: Path, parts: Parts, chore: str, part: str, claimed_as: str, what: str, then: str
) -> None:
    config.write_text(config.read_text().replace("token_file =", "hook_id = 78\ntoken_file ="))
    write(parts, t.chore, name=claimed_as, done_at=NOW)
    since = NOW - timedelta(days=3)
    write(parts, t.chore_trouble, chore=chore, part=part, failed_since=since, reason_code="host-refused")

    status = look(config, NOW, well)

    ((said_of_it, next_step),) = status.warnings
    assert said_of_it == f"{what} fails since {since:%Y-%m-%d %H:%M} UTC (3 days): host-refused."
    assert then in next_step
    assert "{" not in next_step
    assert f"{claimed_as.capitalize()}: 0 seconds ago, and fails" in said(status)


def test_the_board_of_another_ticket_space_is_not_called_failing(config: Path, parts: Parts) -> None:
    write(parts, t.chore, name="board of conduct", done_at=NOW)
    write(parts, t.chore_trouble, chore="boards", part="old", failed_since=NOW, reason_code="host-refused")

    status = look(config, NOW, well)

    assert [] == status.warnings, "the configuration does not have it any more"
    assert "and fails" not in said(status)
    (config.parent / "root.key").unlink()
    assert "board of old fails" in said(look(config, NOW, well)), "what the configuration has is not known"
    assert "and fails" not in said(look(config, NOW, well))


def test_a_start_forgets_the_trouble_of_what_is_not_configured_any_more(config: Path, parts: Parts) -> None:
    for chore, part in (
        ("nightly", ""),
        ("boards", "conduct"),
        ("boards", "old"),
        ("missed-webhooks", "gone"),
    ):
        write(parts, t.chore_trouble, chore=chore, part=part, failed_since=NOW, reason_code="host-refused")

    again = join(load_config(config), clock=Now())

    left = Overview(again.database._engine).chore_troubles()
    assert [("boards", "conduct"), ("nightly", "")] == [(one.chore, one.part) for one in left]
    again.close()


def test_chores_that_the_configuration_does_not_have_any_more_are_not_spoken_of(
    config: Path, parts: Parts
) -> None:
    """Nothing does them any more, so they would be overdue for ever."""
    hooked = config.read_text().replace("token_file =", "hook_id = 78\ntoken_file =")
    names = ["webhooks of github:example-org/conduct/77", "webhooks of github:example-org/conduct/78",
             "board of conduct", "board of old", "nightly"]  # fmt: skip
    for name in names:
        write(parts, t.chore, name=name, done_at=NOW - timedelta(days=3))

    config.write_text(hooked)

    text = said(look(config, NOW, well))
    spoken_of = [name for name in names if f"The last {name} was 3 days ago." in text]
    assert names[1:3] + names[4:] == spoken_of
    assert "/77" not in text
    (config.parent / "root.key").unlink()
    assert "/77" in said(look(config, NOW, well)), "what the configuration has is not known"


def test_incidents_of_a_space_that_is_not_configured_any_more_are_said(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    report(parts, make_report, space="old")

    assert "1 incident(s) belong to the ticket space old" in said(look(config, NOW, well))


def test_tickets_that_the_database_does_not_know_are_said_by_their_keys(config: Path, parts: Parts) -> None:
    for number in (12, 9):
        write(parts, t.stray, space="conduct", key=f"COC-{number}", found_at=NOW)

    ((what, then),) = look(config, NOW, well).warnings

    assert "2 ticket(s)" in what
    assert "conduct COC-9, conduct COC-12." in what
    assert "After restoring a backup" in then


def test_second_tickets_are_said_apart_by_their_keys(config: Path, parts: Parts) -> None:
    write(parts, t.stray, space="conduct", key="COC-9", found_at=NOW)
    write(parts, t.stray, space="conduct", key="COC-12", found_at=NOW, is_second=True)

    (_, (what, then)) = look(config, NOW, well).warnings

    assert "1 ticket(s) carry the marker of an incident that has another ticket" in what
    assert "conduct COC-12." in what
    assert "COC-9" not in what
    assert "do not write to them" in then


def test_a_database_of_an_older_release_has_no_second_tickets(config: Path, parts: Parts) -> None:
    with parts.database._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE stray DROP COLUMN is_second"))

    assert "ticket(s) carry" not in said(look(config, NOW, well))


def test_an_exception_that_ends_soon_is_said(config: Path, parts: Parts) -> None:
    assert parts.database.unfinished_jobs() == []
    ends = (NOW + timedelta(days=5)).date()
    text = config.read_text().replace(
        'host = "github"',
        f'host = "github"\nacknowledged = [{{ account = "boss", until = {ends}, why = "owner" }}]',
    )
    config.write_text(text)

    shown = said(look(config, NOW, well))

    assert f"[spaces.conduct]: the exception for an account outside the team ends on {ends}." in shown
    assert "boss" not in shown


def test_an_exception_that_has_ended_is_not_said_to_end(config: Path, parts: Parts) -> None:
    assert parts.database.unfinished_jobs() == []
    ended = (NOW - timedelta(days=5)).date()
    acknowledged = f'acknowledged = [{{ account = "boss", until = {ended}, why = "owner" }}]'
    config.write_text(config.read_text().replace('host = "github"', f'host = "github"\n{acknowledged}'))

    shown = said(look(config, NOW, well))

    assert (
        f"[spaces.conduct]: the exception for an account outside the team ended on {ended}; while it can"
        in shown
    )
    assert "ends on" not in shown


def test_a_frozen_space_is_said_with_who_can_read_it_and_the_command_that_lists_all(
    config: Path, parts: Parts
) -> None:
    book = Audiences(parts.database._engine)
    book.passed(CONDUCT, doubts=0, now=NOW)
    assert "conduct, github: 0 incident(s); proven 0 seconds ago, by an admin until 20" in said(
        look(config, NOW, well)
    )
    book.freeze(CONDUCT, [f"the account 'someone-{number}' can read it" for number in range(7)], NOW)

    text = said(look(config, NOW + timedelta(hours=3), well))

    assert "[spaces.conduct] is frozen for 3 hours: the account 'someone-0' can read it; " in text
    assert "someone-5" not in text
    assert "and 2 more. -> Take the access away" in text
    assert "coc-server audience conduct" in text


@pytest.mark.parametrize(
    ("days", "expected"), [(75, None), (77, "ends on"), (90, "ended on"), (None, "never proven")]
)
def test_an_admins_proof_that_ends_or_is_lacking_is_said_with_the_command_that_helps(
    config: Path, parts: Parts, days: int | None, expected: str | None
) -> None:
    if days is None:
        with parts.database._engine.begin() as connection:
            connection.execute(t.audience.delete())

    text = said(look(config, NOW + timedelta(days=days or 0), well))

    assert ("coc-server doctor conduct --admin-token-file" in text) is (expected is not None)
    assert expected is None or expected in text


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
