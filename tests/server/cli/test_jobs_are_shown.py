"""``jobs list``, ``jobs explain`` and ``status`` say what waits and why, without a secret and without making anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from integration.casework import receive
from integration.incident import SpaceName
from integration.mirror import TicketName, TicketRef
from tests.server.cli.conftest import Now, run
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment
    from integration.report import Report
    from webhook_server.store.database import Database


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
