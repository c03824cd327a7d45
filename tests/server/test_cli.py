"""``coc-server``: begin, check, see what waits, let it be tried again."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import stat
import tempfile
import threading
import tomllib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import pytest
import requests
from click.testing import CliRunner
from flask import Flask, request

from integration.casework import receive
from integration.errors import StoreError
from integration.incident import SpaceName
from integration.mirror import TicketName, TicketRef
from tests.server.conftest import proven_by_admin
from webhook_server import cli, wiring
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.door import make_door
from webhook_server.jobs import attempt
from webhook_server.store.alone import alone_on
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.migrate import migrate
from webhook_server.store.overview import look_into
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import Workers
from webhook_server.wiring import join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.diary.keys import Identity
    from integration.report import Report
    from tests.server.conftest import MemoryHost
    from webhook_server.store.audiences import Audiences


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def folder(filled_in: Path) -> Path:
    return filled_in.parent


@pytest.fixture
def config(folder: Path) -> Path:
    return folder / "coc-server.toml"


@pytest.fixture
def database(config: Path) -> Iterator[Database]:
    loaded = load_config(config)
    engine = make_engine(loaded.database_url)
    migrate(engine)
    database = Database(engine, loaded.sealer, InboxKeys(loaded.inbox_keys))
    yield database
    database.close()


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def waiting(database: Database, make_report: Callable[..., Report]) -> str:
    receipt = receive("report-form", SpaceName("conduct"), "s1", make_report(), store=database, clock=Now())
    return receipt.inbox_id


def test_init_makes_keys_for_the_owner_only_and_a_configuration(folder: Path) -> None:
    assert {"root.key", "service.key", "coc-server.toml"} <= {file.name for file in folder.iterdir()}
    assert [0o600, 0o600] == [
        stat.S_IMODE((folder / name).stat().st_mode) for name in ("root.key", "service.key")
    ]


def test_init_prints_the_public_half_for_the_roster_and_no_secret(tmp_path: Path) -> None:
    result = run("init", tmp_path / "new")

    printed = tomllib.loads(re.search(r"\[\[service_keys\]\].*?\n\n", result.output, re.DOTALL)[0])  # type: ignore[index]  # else the test fails
    assert printed["service_keys"][0]["public"].startswith("ssh-ed25519 ")
    assert "without them nothing starts" in result.output
    assert 0 == result.exit_code
    for name in ("root.key", "service.key"):
        assert (tmp_path / "new" / name).read_text().splitlines()[0] not in result.output


def test_init_never_overwrites(folder: Path) -> None:
    before = (folder / "root.key").read_bytes()

    result = run("init", folder)

    assert 1 == result.exit_code
    assert "already holds root.key, service.key, coc-server.toml; nothing was changed" in result.output
    assert before == (folder / "root.key").read_bytes()


def test_what_init_made_is_valid_once_it_is_filled_in(config: Path) -> None:
    result = run("check", "--config", config)

    assert "1 ticket space(s), 1 source(s), roster 1 with 1 member(s). No mistakes." in result.output
    assert 0 == result.exit_code


def test_check_lists_mistakes(config: Path) -> None:
    config.write_text(config.read_text() + "\n[surprise]\n")

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "the file has the unknown entry 'surprise'" in result.output


@pytest.mark.parametrize("command", ["check", "serve"])
def test_what_only_a_hosts_own_code_can_see_is_a_mistake_too(config: Path, command: str) -> None:
    config.write_text(config.read_text().replace('owner = "example-org"', 'owner = "not an owner"'))

    result = run(command, "--config", config)

    assert 1 == result.exit_code
    assert "[spaces.conduct]: owner must be a GitHub user or organisation" in result.output


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_roster_without_signatures_is_not_used(config: Path, command: str) -> None:
    (config.parent / "roster.toml.sig.robert").unlink()

    result = run(command, "--config", config)

    assert 1 == result.exit_code
    assert "Roster 1 is not signed by anybody who may, and needs 1" in result.output
    assert "1 more must sign it (coc roster sign), of: robert." in result.output


def test_check_judges_the_roster_by_the_one_in_use(config: Path, robert: Identity) -> None:
    join(load_config(config)).close()
    roster = config.parent / "roster.toml"
    roster.write_text(roster.read_text() + "# changed\n")
    (config.parent / "roster.toml.sig.robert").write_text(robert.sign("coc-roster@v1", roster.read_bytes()))

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "This is another roster 1 than the one that was accepted." in result.output


def test_check_makes_no_database(config: Path) -> None:
    run("check", "--config", config)

    assert not list(config.parent.glob("*.sqlite*"))


def test_a_missing_configuration_leads_to_init(tmp_path: Path) -> None:
    result = run("jobs", "list", "--config", tmp_path / "coc-server.toml")

    assert 1 == result.exit_code
    assert "coc-server init" in result.output


def test_check_online_proves_the_restriction(
    config: Path, host: MemoryHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "make_hosts", lambda _config: {"conduct": host})

    result = run("check", "--online", "--config", config)

    assert "conduct: restricted; 1 account(s) can read it: coc-bot" in result.output
    assert 0 == result.exit_code


def test_check_online_names_who_else_can_read(
    config: Path, host: MemoryHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "make_hosts", lambda _config: {"conduct": host})
    host.accounts.append("mallory")

    result = run("check", "--online", "--config", config)

    assert "'mallory' can read it" in result.output
    assert 1 == result.exit_code


def test_nothing_waits(config: Path, database: Database) -> None:
    assert [] == database.unfinished_jobs()
    assert "Nothing waits: every report is on its host." in run("jobs", "list", "--config", config).output


def test_what_waits_is_listed_with_its_reason_and_an_id_to_copy(
    config: Path, database: Database, waiting: str
) -> None:
    database.job_failed(
        database.job(waiting), parked=True, code="host-refused", reason="The [bold]token[/] is old.", due_at=datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    )  # fmt: skip

    output = run("jobs", "list", "--config", config).output

    assert f"coc-server jobs retry {waiting}\n" in output
    assert "The [bold]token[/] is old." in output
    for word in (database.job(waiting).code_name, "parked", "host-refused", "2026-11-22 14:05:00"):
        assert word in output


def test_a_new_report_that_waits_has_no_reason_yet(config: Path, waiting: str) -> None:
    assert f"coc-server jobs retry {waiting}\n" in run("jobs", "list", "--config", config).output


def test_one_that_waits_is_explained_without_any_key(config: Path, database: Database, waiting: str) -> None:
    database.job_failed(
        database.job(waiting), parked=True, code="host-refused", reason="The token is old.", due_at=datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    )  # fmt: skip
    (config.parent / "root.key").unlink()

    result = run("jobs", "explain", waiting, "--config", config)

    assert 0 == result.exit_code, result.output
    for said in (
        f"{database.job(waiting).code_name}, delivery {waiting}, ticket space conduct",
        "by the form report-form", "sealed in the inbox", "not opened yet", "0 comment(s) kept", "parked, 1 try(ies) so far",
        "Next try:  now", "Why (host-refused): The token is old.", "No server works on this database now",
        f"coc-server jobs retry {waiting}",
    ):  # fmt: skip
        assert said in result.output


def test_an_explanation_tells_of_the_ticket_the_diary_and_what_goes_first(
    config: Path, database: Database, waiting: str, make_report: Callable[..., Report],
    a_comment: Callable[[Head], SealedComment],
) -> None:  # fmt: skip
    incident = database.delivery(waiting).incident
    database.ticket_attempted(incident, datetime(2026, 11, 22, 14, 5, tzinfo=UTC))
    assert (
        "one may have been opened at 2026-11-22 14:05:00"
        in run("jobs", "explain", waiting, "--config", config).output
    )
    ref = TicketRef(TicketName("github:acme/conduct#1"), "1", "#1", "https://host.example/1", "9000000001")
    database.ticket_opened(incident, ref)
    head = database.head(incident)
    database.hand_over(waiting, head=head, comments=[a_comment(head)], epoch=None, readers=())
    later = receive(
        "report-form", SpaceName("conduct"), "s1", make_report(account="more"), store=database, clock=Now()
    )
    Workers(database._engine).beat("server", root_key_id="k", starts=True)

    first = run("jobs", "explain", waiting, "--config", config).output
    second = run("jobs", "explain", later.inbox_id, "--config", config).output
    database.finish(waiting, datetime.now(UTC))
    done = run("jobs", "explain", waiting, "--config", config).output

    assert "#1, https://host.example/1" in first
    assert "in the diary; its sealed copy is erased" in first
    assert "1 comment(s) kept, 0 of them seen on the ticket" in first
    assert "No server works" not in first
    assert "1 older delivery(ies) of this incident: they go first" in second
    assert "wholly on its host" in done
    assert "Why" not in done


def test_one_that_is_not_there_is_not_explained(config: Path, waiting: str) -> None:
    result = run("jobs", "explain", "in_nothing", "--config", config)

    assert 1 == result.exit_code
    assert "There is no delivery in_nothing. See: coc-server jobs list" in result.output
    assert waiting not in result.output


def test_what_waits_is_listed_without_any_secret_and_with_mistakes_elsewhere(
    config: Path, waiting: str
) -> None:
    for name in ("root.key", "service.key", "github.token", "roster.toml"):
        (config.parent / name).unlink()
    config.write_text(config.read_text() + "\n[surprise]\n")

    result = run("jobs", "list", "--config", config)

    assert f"coc-server jobs retry {waiting}\n" in result.output
    assert 0 == result.exit_code


@pytest.mark.parametrize("command", [("jobs", "list"), ("status",)])
def test_asking_makes_no_database_and_says_that_there_is_none(config: Path, command: tuple[str, ...]) -> None:
    result = run(*command, "--config", config)

    assert 1 == result.exit_code
    assert f"There is no database {config.parent / 'coc.sqlite'}." in result.output
    assert "restore it from a backup" in result.output
    assert not list(config.parent.glob("*.sqlite*"))


@pytest.mark.parametrize(
    "command", [("jobs", "list"), ("jobs", "retry", "in_x"), ("status",), ("check",), ("serve",)]
)
def test_a_damaged_database_is_said_in_a_sentence(config: Path, command: tuple[str, ...]) -> None:
    (config.parent / "coc.sqlite").write_bytes(bytes(range(256)) * 64)

    result = run(*command, "--config", config)

    assert 1 == result.exit_code
    assert "The database had trouble (SQLITE_NOTADB)." in result.output
    assert "restore the newest backup" in result.output
    assert "disk is not full" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_retry_makes_it_due(config: Path, database: Database, waiting: str) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    database.job_failed(database.job(waiting), parked=True, code="x", reason="y", due_at=later)

    result = run("jobs", "retry", waiting, "--config", config)

    assert 0 == result.exit_code
    assert database.job(waiting).due_at < later


@pytest.mark.usefixtures("database")
def test_retry_of_what_is_not_there_says_so(config: Path) -> None:
    result = run("jobs", "retry", "in_x", "--config", config)

    assert 1 == result.exit_code
    assert "There is no delivery in_x. See: coc-server jobs list" in result.output


def test_retry_of_what_is_done_says_so(config: Path, database: Database, waiting: str) -> None:
    database.finish(waiting, datetime.now(UTC))

    result = run("jobs", "retry", waiting, "--config", config)

    assert 1 == result.exit_code
    assert "is on its host already" in result.output


def test_what_does_not_open_is_given_up_after_a_question(
    config: Path, database: Database, waiting: str
) -> None:
    shutil.rmtree(load_config(config).inbox_keys)

    asked = CliRunner().invoke(main, ["jobs", "give-up", waiting, "--config", str(config)], input="n\n")
    assert 1 == asked.exit_code
    assert "does not open" in asked.output
    assert "Its sealed bytes stay in the database" in asked.output
    assert "waiting" == database.job(waiting).state

    done = CliRunner().invoke(main, ["jobs", "give-up", waiting, "--config", str(config)], input="y\n")

    assert 0 == done.exit_code
    job = database.job(waiting)
    assert ("done", "given-up", "Its report did not open, and an operator gave it up.") == (
        job.state,
        job.reason_code,
        job.reason,
    )
    assert "Nothing waits" in run("jobs", "list", "--config", config).output
    explained = run("jobs", "explain", waiting, "--config", config).output
    assert "State:     given up" in explained
    assert f"coc-server jobs retry {waiting}" in explained
    overview = look_into(load_config(config).database_url)
    assert 0 == overview.done()
    overview.close()

    assert 0 == run("jobs", "retry", waiting, "--config", config).exit_code
    assert "parked" == database.job(waiting).state


def test_what_is_tried_while_the_question_is_asked_is_not_given_up(
    config: Path, database: Database, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(load_config(config).inbox_keys)

    def tried_meanwhile(_question: str, *, abort: bool) -> bool:
        job = database.job(waiting)
        database.job_failed(job, parked=False, code="x", reason="y", due_at=datetime.now(UTC))
        return abort

    monkeypatch.setattr(click, "confirm", tried_meanwhile)

    result = run("jobs", "give-up", waiting, "--config", config)

    assert 1 == result.exit_code
    assert "meanwhile: nothing was changed" in result.output
    assert "waiting" == database.job(waiting).state


def test_what_opens_is_not_given_up(config: Path, database: Database, waiting: str) -> None:
    result = run("jobs", "give-up", waiting, "--config", config)

    assert 1 == result.exit_code
    assert "can be opened, so it is not given up" in result.output
    assert "waiting" == database.job(waiting).state


def test_what_does_not_wait_is_not_given_up(config: Path, database: Database, waiting: str) -> None:
    database.finish(waiting, datetime.now(UTC))

    result = run("jobs", "give-up", waiting, "--config", config)

    assert 1 == result.exit_code
    assert "is not waiting" in result.output


def test_what_was_passed_does_not_count_as_before_the_next(
    config: Path, database: Database, waiting: str, make_report: Callable[..., Report]
) -> None:
    later = receive(
        "report-form", SpaceName("conduct"), "s1", make_report(account="more"), store=database, clock=Now()
    )
    assert "1 older delivery" in run("jobs", "explain", later.inbox_id, "--config", config).output
    database.job_failed(
        database.job(waiting), parked=True, code="does-not-open", reason="y", due_at=datetime.now(UTC)
    )

    assert "older delivery" not in run("jobs", "explain", later.inbox_id, "--config", config).output


def test_without_a_mail_server_nothing_is_joined_differently(config: Path) -> None:
    config.write_text(config.read_text().partition("[mail]")[0])
    parts = join(load_config(config))

    assert 200 == parts.app.test_client().get("/health/ready").status_code
    parts.close()


# A ticket that is gone ------------------------------------------------------------------------------


@pytest.fixture
def reopening(host: MemoryHost, spaces: Audiences, monkeypatch: pytest.MonkeyPatch) -> MemoryHost:
    proven_by_admin(spaces, Now().now())
    monkeypatch.setattr(wiring, "make_hosts", lambda _config, *_, **__: {SpaceName("conduct"): host})
    return host


def test_reopen_forgets_a_deleted_ticket_and_a_new_one_is_opened(
    config: Path, database: Database, waiting: str, reopening: MemoryHost
) -> None:
    parts = join(load_config(config))
    reopening.stubborn_fields = True
    attempt(waiting, parts.work, parts.database, Locks(parts.database._engine))
    reopening.tickets.clear()
    reopening.stubborn_fields = False
    attempt(waiting, parts.work, parts.database, Locks(parts.database._engine))
    assert "host-gone" == database.job(waiting).reason_code

    result = run("jobs", "reopen", waiting, "--config", config)

    assert "The old ticket is forgotten." in result.output
    assert 0 == result.exit_code
    assert "done" == attempt(waiting, parts.work, parts.database, Locks(parts.database._engine))
    assert 1 == len(reopening.tickets)
    parts.close()


def test_reopen_of_a_diary_that_has_begun_is_refused(
    config: Path, database: Database, waiting: str, reopening: MemoryHost
) -> None:
    parts = join(load_config(config))
    attempt(waiting, parts.work, parts.database, Locks(parts.database._engine))
    reopening.tickets.clear()
    parts.close()

    result = run("jobs", "reopen", waiting, "--config", config)

    assert 1 == result.exit_code
    assert "coc diary restore" in result.output
    assert database.ticket(database.job(waiting).incident).ref is not None


@pytest.mark.usefixtures("database")
def test_reopen_with_a_configuration_that_has_mistakes_says_so(config: Path) -> None:
    (config.parent / "roster.toml.sig.robert").unlink()

    result = run("jobs", "reopen", "in_x", "--config", config)

    assert 1 == result.exit_code
    assert "is not signed" in result.output


# What the process leaves on the machine -------------------------------------------------------------


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
