"""``jobs retry``, ``give-up`` and ``reopen`` change what waits, only where that loses nothing, and else say why not."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from integration.casework import receive
from integration.incident import SpaceName
from tests.server.cli.conftest import Now, run
from tests.server.conftest import proven_by_admin
from webhook_server import wiring
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks
from webhook_server.store.overview import look_into
from webhook_server.wiring import join

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.audiences import Audiences
    from webhook_server.store.database import Database


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
