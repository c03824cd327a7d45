"""``coc-server status`` tries whether a report could be put on disk, and says what it can of a broken configuration."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from webhook_server import status_folders
from webhook_server.cli import main
from webhook_server.config import Addresses, load_config
from webhook_server.status import look
from webhook_server.status_folders import look_at_folders
from webhook_server.status_report import Status
from webhook_server.wiring import join

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.now(UTC)


@pytest.fixture
def config(filled_in: Path) -> Iterator[Path]:
    parts = join(load_config(filled_in))
    yield filled_in
    parts.close()


def well(_host: str, _port: int) -> str | None:
    return "ok"


def folders(where: Path, *, postgresql: bool = False) -> str:
    status = Status()
    url = "postgresql+psycopg://127.0.0.1/coc" if postgresql else f"sqlite:///{where}/coc.sqlite"
    look_at_folders(status, Addresses("127.0.0.1", 8800, url, where / "inbox-keys"))
    return "\n".join(f"{what} -> {then}" for what, then in status.warnings)


def test_folders_that_take_files_are_not_spoken_of_and_nothing_is_left_in_them(tmp_path: Path) -> None:
    assert "" == folders(tmp_path)
    assert [] == list(tmp_path.iterdir())

    (tmp_path / "inbox-keys").mkdir(mode=0o700)

    assert "" == folders(tmp_path)
    assert [] == list((tmp_path / "inbox-keys").iterdir())


@pytest.mark.parametrize("which", ["inbox-keys", "."])
def test_a_folder_that_the_servers_account_may_not_write_to_is_said_also_to_root(
    tmp_path: Path, which: str
) -> None:
    (tmp_path / "inbox-keys").mkdir()
    (tmp_path / which).chmod(0o500)

    said = folders(tmp_path)
    (tmp_path / which).chmod(0o700)

    name = {"inbox-keys": "the inbox keys", ".": "the database"}[which]
    assert f"The folder of {name}, {tmp_path / which}, takes no file" in said
    assert 1 == said.count("takes no file")


def test_a_file_in_the_place_of_the_keys_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "inbox-keys").touch()

    assert "takes no file (NotADirectoryError)" in folders(tmp_path)


def test_a_folder_that_is_not_mounted_matters_where_servers_share_it(tmp_path: Path) -> None:
    assert "takes no file (FileNotFoundError)" in folders(tmp_path, postgresql=True)


def test_a_database_that_is_read_only_is_said(tmp_path: Path) -> None:
    (tmp_path / "coc.sqlite").touch(mode=0o400)

    assert "the database is read-only" in folders(tmp_path)


def test_a_folder_of_another_account_than_the_database_is_said_to_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only root can give a folder away, and this must run for everybody: so the system's answers are put in their place."""
    (tmp_path / "coc.sqlite").touch()
    keys, really = tmp_path / "inbox-keys", Path.stat
    keys.mkdir(mode=0o700)

    def given_away(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = really(self, follow_symlinks=follow_symlinks)
        owner = found.st_uid + (self == keys)
        return os.stat_result([*found[:4], owner, *found[5:10]])

    monkeypatch.setattr(Path, "stat", given_away)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert "belongs to another account than the database" in folders(tmp_path)


def test_each_disk_that_is_nearly_full_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inbox-keys").mkdir()
    monkeypatch.setattr(status_folders, "_LEAST_FREE", 10**18)

    assert 1 == folders(tmp_path).count("MB left. -> Make room: on a full disk no report is taken in.")


def test_status_ends_with_1_while_the_keys_folder_takes_nothing(config: Path) -> None:
    (config.parent / "inbox-keys").touch()

    result = CliRunner().invoke(main, ["status", "--config", str(config)])

    assert 1 == result.exit_code
    assert "The folder of the inbox keys" in result.output


def test_what_a_server_says_of_storing_comes_with_what_it_means(config: Path) -> None:
    status = look(config, NOW, lambda _host, _port: "reports cannot be stored")

    ((what, then),) = [one for one in status.warnings if "says:" in one[0]]
    assert "reports cannot be stored" in what
    assert "Form tools send again for some hours only" in then
    assert "event=intake outcome=failed" in then


def test_what_a_server_says_of_itself_is_said_also_if_its_database_is_damaged(config: Path) -> None:
    for file in config.parent.glob("coc.sqlite*"):
        file.unlink()
    (config.parent / "coc.sqlite").write_bytes(b"no database" * 1000)

    status = look(config, NOW, lambda _host, _port: "the database is away")

    assert ["Server"] == [name for name, _ in status.lines]
    assert any("says: the database is away." in what for what, _ in status.warnings)
    assert any("restore the newest backup" in then for _, then in status.warnings)


# A configuration whose syntax is wrong ------------------------------------------------------------


def test_wrong_syntax_elsewhere_is_said_and_the_rest_is_looked_at(config: Path) -> None:
    text = re.sub(r"(?m)^listen = .*$", 'listen = "127.0.0.1:8899"', config.read_text())
    config.write_text(text + "\n[mail\nhost = broken")
    asked = []

    def ask(host: str, port: int) -> str | None:
        asked.append((host, port))
        return "ok"

    status = look(config, NOW, ask)

    what, then = status.warnings[0]
    assert "it is not valid TOML" in what
    assert "usual places" not in then
    assert [("127.0.0.1", 8899)] == asked
    assert ("Reports", "0 waiting, 0 parked, 0 done") in status.lines
    assert not any("mistake(s)" in one for one, _ in status.warnings)


def test_wrong_syntax_of_the_server_table_leads_to_the_usual_places_and_says_so(config: Path) -> None:
    config.write_text(config.read_text().replace("[server]\n", "[server]\nlisten = 127.0.0.1\n", 1))

    status = look(config, NOW, well)

    what, then = status.warnings[0]
    assert "it is not valid TOML" in what
    assert "usual places" in then
    assert ("Reports", "0 waiting, 0 parked, 0 done") in status.lines


def test_wrong_syntax_is_one_sentence_at_the_command_too(config: Path) -> None:
    config.write_text(config.read_text() + "\n[mail\n")

    result = CliRunner().invoke(main, ["status", "--config", str(config)])

    assert 1 == result.exit_code
    assert isinstance(result.exception, SystemExit)
    assert "it is not valid TOML" in result.output
    assert "schema" in result.output
