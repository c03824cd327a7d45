"""What the root key file does not open: one value makes no backup worthless, and is told of; a wrong file is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from integration.casework import receive
from integration.incident import SpaceName
from tests.server.backup.conftest import Site, empty_machine, everything, opened, restore, run, wipe
from tests.server.diaries import EPOCH, hand_over
from webhook_server.config import load_config
from webhook_server.status import look
from webhook_server.store import tables as t
from webhook_server.store.sealed import Sealer, new_root_key
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from tests.conftest import SetClock

KINDS = pytest.mark.parametrize("kind", ["another root key", "damaged"])


@pytest.fixture
def with_readers(site: Site, make_report: Callable[..., Report], clock: SetClock) -> Site:
    """Beside the report that waits, something else is sealed: the readers of a diary."""
    database = opened(site.config)
    other = receive("report-form", SpaceName("conduct"), "s3", make_report(), store=database, clock=clock)
    hand_over(database, other, epoch=EPOCH)
    database.close()
    return site


def spoil(site: Site, kind: str) -> None:
    """What is sealed of the report that waits opens with no root key any more."""
    lost = Sealer(bytes(32)).seal(b"?", table="inbox", column="sealed_report", row=site.waits)
    engine = make_engine(load_config(site.config).database_url)
    with engine.begin() as connection:
        row = t.inbox.update().where(t.inbox.c.id == site.waits)
        connection.execute(row.values(sealed_report="x" if kind == "damaged" else lost))
    engine.dispose()


def give_up(site: Site) -> None:
    assert 0 == run("jobs", "give-up", site.waits, "--config", site.config, answer="y").exit_code


@KINDS
def test_it_is_warned_of_and_restored_as_it_is(with_readers: Site, tmp_path: Path, kind: str) -> None:
    site = with_readers
    spoil(site, kind)
    before = everything(site.config)

    made = run("backup", site.backups, "--config", site.config)

    assert 0 == made.exit_code
    assert "WARNING: 1 sealed value(s) in it do not open with root.key" in made.stderr
    assert f"inbox {site.waits}" in made.stderr
    folder = empty_machine(site, tmp_path)
    wipe(site.config)
    (backup,) = site.backups.iterdir()
    done = restore(site, backup, folder)
    assert 0 == done.exit_code, done.output
    assert "WARNING: 1 sealed value(s) do not open with this root.key, 0 of them of reports" in done.output
    assert f"inbox {site.waits}" in done.output
    assert before == everything(folder / "coc-server.toml")


@KINDS
def test_one_that_was_given_up_is_restored_even_if_nothing_else_is_sealed(
    site: Site, tmp_path: Path, kind: str
) -> None:
    spoil(site, kind)
    give_up(site)
    made = run("backup", site.backups, "--config", site.config)
    folder = empty_machine(site, tmp_path)
    wipe(site.config)
    (backup,) = site.backups.iterdir()

    done = restore(site, backup, folder)

    assert "" == made.stderr
    assert "1 report(s) that were given up do not open" in made.output
    assert 0 == done.exit_code, done.output
    assert "1 of them of reports that were given up" in done.output


def test_where_nothing_opens_the_root_key_is_another_one(with_readers: Site, tmp_path: Path) -> None:
    site = with_readers
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    (folder / "root.key").write_bytes(new_root_key())
    wipe(site.config)

    refused = restore(site, backup, folder)

    assert 1 == refused.exit_code
    assert "another root key than the one in this folder: of 2 sealed value(s) none opens" in refused.output
    assert [] == everything(folder / "coc-server.toml")["incident"]


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_the_status_warns_of_it_until_it_is_given_up(site: Site) -> None:
    assert "do not open" not in str(look(site.config, datetime.now(UTC), lambda *_: "ok").warnings)
    spoil(site, "another root key")

    warned = str(look(site.config, datetime.now(UTC), lambda *_: "ok").warnings)
    give_up(site)

    assert f"1 sealed value(s) do not open with root.key: inbox {site.waits}." in warned
    assert "do not open" not in str(look(site.config, datetime.now(UTC), lambda *_: "ok").warnings)


def test_a_root_key_file_without_its_digests_line_is_refused_unless_that_is_lost_for_ever(
    site: Site, tmp_path: Path
) -> None:
    """Everything opens with it; but each delivery that is sent again would open a second incident."""
    for word in ("rotate", "retire"):
        assert 0 == run("keys", word, "--config", site.config).exit_code
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    whole = (folder / "root.key").read_text()
    (folder / "root.key").write_text(whole.splitlines()[0] + "\n")
    wipe(site.config)

    refused = restore(site, backup, folder)

    assert 1 == refused.exit_code
    assert "lacks its line digests:…" in refused.output
    assert "coc-server restore --new-digests" in refused.output
    assert [] == everything(folder / "coc-server.toml")["incident"]
    without = run("restore", backup, "--identity", site.identity, "--into", folder, "--new-digests")
    assert 0 == without.exit_code, without.output
    opened(folder / "coc-server.toml").close()
    assert 0 == run("keys", "rotate", "--config", folder / "coc-server.toml").exit_code
