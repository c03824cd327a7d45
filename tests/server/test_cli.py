"""``coc-server``: begin, check, see what waits, let it be tried again."""

from __future__ import annotations

import re
import stat
import tomllib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from integration.casework import receive
from integration.incident import SpaceName
from webhook_server import cli
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.store.database import Database, make_engine
from webhook_server.store.migrate import migrate
from webhook_server.wiring import join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from integration.diary.keys import Identity
    from integration.report import Report
    from tests.server.conftest import MemoryHost


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def folder(tmp_path: Path, robert: Identity) -> Path:
    """A folder as ``init`` makes it, with what a person adds."""
    folder = tmp_path / "coc"
    key = re.search(r"^\[\[service_keys\]\]\n.*\n.*$", run("init", folder).output, re.MULTILINE)
    assert key is not None
    (folder / "roster.toml").write_text(
        "version = 1\nserial = 1\n[[members]]\n"
        f'alias = "robert"\nrecipient = "{robert.recipient}"\nsigning_key = "{robert.signing_key}"\n'
        f'email = "robert@example.org"\non_duty = true\n{key[0]}\n',
        encoding="utf-8",
    )
    (folder / "github.token").write_text("a-token")
    (folder / "typeform.secret").write_text("a-secret-that-is-long-enough")
    return folder


@pytest.fixture
def config(folder: Path) -> Path:
    return folder / "coc-server.toml"


@pytest.fixture
def database(config: Path) -> Iterator[Database]:
    loaded = load_config(config)
    engine = make_engine(loaded.database_url)
    migrate(engine)
    database = Database(engine, loaded.sealer)
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


def test_nothing_waits(config: Path) -> None:
    assert "Nothing waits: every report is on its host." in run("jobs", "list", "--config", config).output


def test_what_waits_is_listed_with_its_reason_and_an_id_to_copy(
    config: Path, database: Database, waiting: str
) -> None:
    database.job_failed(
        waiting, parked=True, code="host-refused", reason="The [bold]token[/] is old.", due_at=datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    )  # fmt: skip

    output = run("jobs", "list", "--config", config).output

    assert f"coc-server jobs retry {waiting}\n" in output
    assert "The [bold]token[/] is old." in output
    for word in (database.job(waiting).code_name, "parked", "host-refused", "2026-11-22 14:05:00"):
        assert word in output


def test_a_new_report_that_waits_has_no_reason_yet(config: Path, waiting: str) -> None:
    assert f"coc-server jobs retry {waiting}\n" in run("jobs", "list", "--config", config).output


def test_retry_makes_it_due(config: Path, database: Database, waiting: str) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    database.job_failed(waiting, parked=True, code="x", reason="y", due_at=later)

    result = run("jobs", "retry", waiting, "--config", config)

    assert 0 == result.exit_code
    assert database.job(waiting).due_at < later


def test_retry_of_what_is_not_there_says_so(config: Path) -> None:
    result = run("jobs", "retry", "in_x", "--config", config)

    assert 1 == result.exit_code
    assert "There is no delivery in_x. See: coc-server jobs list" in result.output


def test_retry_of_what_is_done_says_so(config: Path, database: Database, waiting: str) -> None:
    database.finish(waiting, datetime.now(UTC))

    result = run("jobs", "retry", waiting, "--config", config)

    assert 1 == result.exit_code
    assert "is on its host already" in result.output


def test_without_a_mail_server_nothing_is_joined_differently(config: Path) -> None:
    config.write_text(config.read_text().partition("[mail]")[0])
    parts = join(load_config(config))

    assert 200 == parts.app.test_client().get("/health/ready").status_code
    parts.close()
