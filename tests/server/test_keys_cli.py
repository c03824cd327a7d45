"""coc-server keys: a new root key, and the old one goes only when nothing and nobody needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from integration.casework import receive
from integration.errors import DoesNotOpen
from integration.incident import SpaceName
from integration.report import dump_report
from integration.store import GIVEN_UP
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.store import tables as t
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.migrate import migrate
from webhook_server.store.reseal import sealed_with
from webhook_server.store.sealed import read_root_keys
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import Workers
from webhook_server.wiring import join

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from tests.conftest import SetClock


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["keys", *words, "--config", str(config)])


@pytest.fixture
def config(filled_in: Path) -> Path:
    return filled_in


@pytest.fixture
def database(config: Path, make_report: Callable[..., Report], clock: SetClock) -> Database:
    loaded = load_config(config)
    engine = make_engine(loaded.database_url)
    migrate(engine)
    database = Database(engine, loaded.sealer, InboxKeys(loaded.inbox_keys))
    receive("report-form", SpaceName("conduct"), "s1", make_report(), store=database, clock=clock)
    return database


def waiting(config: Path) -> list[bytes | None]:
    loaded = load_config(config)
    one = Database(make_engine(loaded.database_url), loaded.sealer, InboxKeys(loaded.inbox_keys))
    try:
        return [one.delivery(job.inbox_id).report for job in one.unfinished_jobs()]
    finally:
        one.close()


def test_a_rotation_leaves_every_report_readable_and_the_old_key_useless(
    config: Path, database: Database
) -> None:
    before, (old,) = waiting(config), load_config(config).sealer.key_ids
    database.close()

    rotated = run(config, "rotate")
    listed = run(config, "list")
    retired = run(config, "retire")

    assert (0, 0, 0) == (rotated.exit_code, listed.exit_code, retired.exit_code), rotated.output
    assert f"{old}  older   seals 1 value(s)" in listed.output
    assert before == waiting(config) != [None]
    (new,) = load_config(config).sealer.key_ids
    assert f"{new}  newest  seals 1 value(s)\n" == run(config, "list").output
    assert new != old
    assert 0o600 == load_config(config).root_key_file.stat().st_mode & 0o777


def test_no_output_shows_a_key(config: Path, database: Database) -> None:
    database.close()
    outputs = [run(config, word).output for word in ("rotate", "list", "retire")]

    for secret in read_root_keys(load_config(config).root_key_file)[0]:
        assert not any(secret.hex() in output for output in outputs)
    for line in load_config(config).root_key_file.read_text().split():
        assert not any(line in output for output in outputs)


def test_a_second_rotation_waits_for_the_first(config: Path, database: Database) -> None:
    database.close()
    run(config, "rotate")

    again = run(config, "rotate")

    assert 1 == again.exit_code
    assert "coc-server keys retire" in again.output
    assert 2 == len(load_config(config).sealer.key_ids)


def test_a_key_that_a_living_server_still_seals_with_stays(config: Path, database: Database) -> None:
    Workers(database._engine).beat("server", root_key_id=load_config(config).sealer.key_id, starts=True)
    run(config, "rotate")

    refused = run(config, "retire")

    assert 1 == refused.exit_code
    assert "server" in refused.output
    assert 2 == len(load_config(config).sealer.key_ids)
    Workers(database._engine).beat("server", root_key_id=load_config(config).sealer.key_id)
    assert 0 == run(config, "retire").exit_code
    database.close()


def test_a_key_stays_while_a_value_that_it_may_seal_does_not_open(config: Path, database: Database) -> None:
    with database._engine.begin() as connection:
        damaged = sa.func.substr(t.inbox.c.sealed_report, 1, 60)
        connection.execute(t.inbox.update().values(sealed_report=damaged))
    database.close()
    run(config, "rotate")

    refused = run(config, "retire")

    assert 1 == refused.exit_code
    assert "changed or moved" in refused.output
    assert 2 == len(load_config(config).sealer.key_ids)


@pytest.mark.parametrize("before_inbox_keys", [False, True])
def test_a_damaged_report_that_was_given_up_keeps_no_key(
    config: Path, database: Database, *, before_inbox_keys: bool
) -> None:
    job = give_up_damaged(database, before_inbox_keys=before_inbox_keys)
    run(config, "rotate")

    retired = run(config, "retire")

    assert 0 == retired.exit_code, retired.output
    (new,) = load_config(config).sealer.key_ids
    assert f"{new}  newest  seals 1 value(s)\n" == run(config, "list").output  # so a backup can be restored
    with pytest.raises(DoesNotOpen):
        database.delivery(job)
    assert 0 == run(config, "rotate").exit_code
    assert 0 == run(config, "retire").exit_code, "nor at the next rotation"
    database.close()


@pytest.mark.parametrize("before_inbox_keys", [False, True])
@pytest.mark.parametrize("retried", [False, True])
def test_it_is_taken_in_anew_afterwards_if_it_is_sent_again(
    config: Path, database: Database, make_report: Callable[..., Report], clock: SetClock,
    *, before_inbox_keys: bool, retried: bool,
) -> None:  # fmt: skip
    job = give_up_damaged(database, before_inbox_keys=before_inbox_keys)
    run(config, "rotate")
    run(config, "retire")
    database.close()
    loaded = load_config(config)
    database = Database(make_engine(loaded.database_url), loaded.sealer, InboxKeys(loaded.inbox_keys))
    if retried:
        database.retry_now(job, clock.now())
        with pytest.raises(DoesNotOpen):
            database.delivery(job)

    again = receive("report-form", SpaceName("conduct"), "s1", make_report(), store=database, clock=clock)

    assert (job, True) == (again.inbox_id, again.duplicate)
    assert dump_report(make_report()) == database.delivery(job).report
    database.close()


def give_up_damaged(database: Database, *, before_inbox_keys: bool) -> str:
    """The report that waits is damaged and given up; it may date from before short-lived inbox keys."""
    (job,) = database.unfinished_jobs()
    row = t.inbox.update().where(t.inbox.c.id == job.inbox_id)
    with database._engine.begin() as connection:
        damaged = sa.func.substr(t.inbox.c.sealed_report, 1, 60)
        connection.execute(row.values(sealed_report=damaged, state="done", reason_code=GIVEN_UP))
        if before_inbox_keys:
            connection.execute(row.values(inbox_key=None))
    return job.inbox_id


@pytest.mark.usefixtures("database")
def test_retiring_without_a_rotation_says_so(config: Path) -> None:
    assert "no older root key" in run(config, "retire").output


def test_a_running_server_seals_everything_anew_once_there_is_a_new_key(
    config: Path, database: Database, clock: SetClock
) -> None:
    database.close()
    loaded = load_config(config)
    parts = join(loaded, clock=clock)
    assert 0 == run(config, "rotate").exit_code
    loaded.sealer.reload()  # as each beat does

    for task in parts.dispatcher._tidy:
        task(clock.now())

    assert {loaded.sealer.key_id} == set(sealed_with(parts.database._engine))
    parts.close()
