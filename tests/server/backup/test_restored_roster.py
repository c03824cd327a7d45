"""After a restore nobody who left the team since the backup reads again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import pytest

from integration.audience import AdminProof
from integration.incident import SpaceName
from integration.roster import load_roster
from integration.roster_files import signature_path
from tests.server.backup.conftest import Site, empty_machine, everything, opened, restore, wipe
from webhook_server import restore as restoring
from webhook_server.config import load_config
from webhook_server.roster_in_use import RosterFile
from webhook_server.store.audiences import Audiences
from webhook_server.store.clocks import SystemClock, common_time
from webhook_server.store.migrate import migrate
from webhook_server.store.roster_pin import RosterPin
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from integration.roster import Roster


def with_miriam(site: Site, robert: Identity, miriam: Identity) -> str:
    """The roster in use has Miriam, too; what it would be without her."""
    roster = site.config.parent / "roster.toml"
    without = roster.read_text()
    text = without + (
        f'[[members]]\nalias = "miriam"\nrecipient = "{miriam.recipient}"\nsigning_key = "{miriam.signing_key}"\n'
        'email = "miriam@example.org"\non_duty = true\nnames = ["Miriam Quist"]\n'
    )
    roster.write_text(text)
    signature_path(roster, "robert").write_text(robert.sign("coc-roster@v1", text.encode()))
    assert 1 == in_use(site.config).serial
    return without


def in_use(config: Path) -> Roster:
    loaded, database = load_config(config), opened(config)
    try:
        pin = RosterPin(database._engine, loaded.sealer)
        return RosterFile(loaded.roster_file, key=loaded.service_key, pin=pin, clock=SystemClock())()
    finally:
        database.close()


def put_newer_roster(folder: Path, before: Path, text: str, robert: Identity) -> None:
    """Roster 2, as it lies where the team keeps it."""
    previous = load_roster(before).hash
    text = text.replace("serial = 1\n", f'serial = 2\nprevious = "{previous}"\n')
    (folder / "roster.toml").write_text(text)
    signature_path(folder / "roster.toml", "robert").write_text(robert.sign("coc-roster@v1", text.encode()))


@pytest.mark.parametrize("when", ["before the restore", "before the start"])
def test_a_newer_roster_that_follows_the_one_of_the_backup_is_used(
    site: Site, tmp_path: Path, robert: Identity, miriam: Identity, when: str
) -> None:
    """Miriam left the team after the backup."""
    without = with_miriam(site, robert, miriam)
    backup, folder, before = site.backup(), empty_machine(site, tmp_path), site.config.parent / "roster.toml"
    wipe(site.config)
    if when == "before the restore":
        put_newer_roster(folder, before, without, robert)

    done = restore(site, backup, folder)

    assert 0 == done.exit_code, done.output
    if when == "before the start":
        assert "WARNING: the roster is number 1 now. IF YOUR TEAM HAS A NEWER ONE" in done.output
        put_newer_roster(folder, before, without, robert)
    else:
        assert "Roster 2, which lay there, follows the one of the backup and stays." in done.output
    now = in_use(folder / "coc-server.toml")
    assert (2, ["robert"]) == (now.serial, [one.alias for one in now.members])


def test_a_roster_that_does_not_follow_the_one_of_the_backup_is_refused(
    site: Site, tmp_path: Path, robert: Identity, miriam: Identity
) -> None:
    without = with_miriam(site, robert, miriam)
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    wipe(site.config)
    (folder / "roster.toml").write_text(without)
    signature_path(folder / "roster.toml", "robert").write_text(
        robert.sign("coc-roster@v1", without.encode())
    )

    refused = restore(site, backup, folder)

    assert 1 == refused.exit_code
    assert "another roster 1 than the one that was accepted" in refused.output
    assert without == (folder / "roster.toml").read_text()
    assert [] == everything(folder / "coc-server.toml")["incident"]


def test_no_proof_by_an_admin_counts_after_a_restore(site: Site, tmp_path: Path) -> None:
    database, now = opened(site.config), datetime.now(UTC)
    proof = AdminProof(now - timedelta(days=1), now + timedelta(days=80), "4711", ())
    Audiences(database._engine).admin_passed(SpaceName("conduct"), proof, now)
    database.close()
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    wipe(site.config)

    done = restore(site, backup, folder)

    assert "coc-server doctor SPACE --admin-token-file FILE" in done.output
    database = opened(folder / "coc-server.toml")
    admin = Audiences(database._engine).record(SpaceName("conduct")).admin
    database.close()
    assert admin is not None
    assert (proof.proven_at, "4711") == (admin.proven_at, admin.space_id)
    assert admin.ends_at <= datetime.now(UTC)


def test_an_admins_proof_ends_by_the_clock_that_the_servers_go_by(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With this machine's clock ahead it would count on for as long."""
    sql = make_engine(postgres_url)
    migrate(sql)
    now, space = common_time(sql), SpaceName("conduct")
    Audiences(sql).admin_passed(space, AdminProof(now, now + timedelta(days=30), "1", ()), now)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(hours=3)

    monkeypatch.setattr(restoring, "datetime", Ahead)
    with sql.begin() as connection:
        restoring._end_admin_proofs(connection)
    admin, then = Audiences(sql).record(space).admin, common_time(sql)
    sql.dispose()

    assert admin is not None
    assert admin.ends_at <= then
