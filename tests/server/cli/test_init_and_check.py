"""``coc-server init`` makes what ``check`` takes, and every mistake is said before anything is used or made."""

from __future__ import annotations

import re
import stat
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.server.cli.conftest import run
from webhook_server import cli
from webhook_server.config import load_config
from webhook_server.wiring import join

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from tests.server.memory_host import MemoryHost


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


def test_check_refuses_an_apps_key_that_was_cut_off_and_so_does_the_status(config: Path) -> None:
    key = config.parent / "app.pem"
    key.touch(mode=0o600)
    key.write_text("-----BEGIN RSA PRIVATE KEY-----\nkey-canary\n")
    as_app = 'app_id = "31"\nprivate_key_file = "app.pem"'
    config.write_text(config.read_text().replace('token_file = "github.token"', as_app))

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "[spaces.conduct]: private_key_file does not name a whole RSA key in PEM" in result.output
    assert "canary" not in result.output
    assert "The configuration has 1 mistake(s)" in run("status", "--config", config).output


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


def test_without_a_mail_server_nothing_is_joined_differently(config: Path) -> None:
    config.write_text(config.read_text().partition("[mail]")[0])
    parts = join(load_config(config))

    assert 200 == parts.app.test_client().get("/health/ready").status_code
    parts.close()
