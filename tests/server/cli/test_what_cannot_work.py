"""What reads well and cannot work is said by ``check``, and not first by a server that ends or a host that stays silent."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.server.cli.conftest import run
from webhook_server.cli import _cannot_listen
from webhook_server.door import make_door
from webhook_server.secret_files import account_name

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity

SECOND_SPACE = '\n[spaces.second]\nhost = "github"\nowner = "Example-Org"\nrepository = "Conduct"\ntoken_file = "github.token"\n'
SECOND_SOURCE = '\n[sources.second]\nreader = "generic"\nscheme = "tally"\nsecret_files = ["typeform.secret"]\nspace = "conduct"\n'


def change(config: Path, old: str, new: str) -> None:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('"127.0.0.1:8800"', '"http://127.0.0.1:8800"', '"127.0.0.1:8800", without http://'),
        ('"127.0.0.1:8800"', '"no-such-name.invalid:8800"', "no-such-name.invalid is no address of this machine"),
        ('"127.0.0.1:8800"', '"192.0.2.1:8800"', "192.0.2.1 is no address of this machine"),
        ('"127.0.0.1:8800"', '"0.0.0.0:8800"\nmetrics = "127.0.0.1:8800"', "[server].metrics must have another port"),
        ('"127.0.0.1:8800"', '"127.0.0.1:8800"\nmetrics = "127.0.0.1:8800"', "[server].metrics must have another port"),
        ("[server]", '[server]\ndatabase = "none/coc.sqlite"', "none is not there; make it for the server's account"),
        ("[server]", '[server]\nengine_database = "none/e.sqlite"', "[server].engine_database: the folder"),
        ("operator@example.org", "op@", "[mail].operator must be a mail address"),
        ("conduct@example.org", "Conduct <conduct@>", "[mail].from must be a mail address"),
    ],
)  # fmt: skip
def test_what_no_server_can_work_with_is_a_mistake(config: Path, old: str, new: str, mistake: str) -> None:
    change(config, old, new)

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "has 1 mistake:" in result.output
    assert mistake in result.output


def test_metrics_on_another_address_of_this_machine_may_have_the_same_port(config: Path) -> None:
    change(config, '"127.0.0.1:8800"', '"127.0.0.1:8800"\nmetrics = "127.0.0.2:8800"')

    assert "No mistakes." in run("check", "--config", config).output


@pytest.mark.parametrize("listen", ["[::1]:8801", "localhost:8801", "0.0.0.0:8801", "*:8801"])
def test_other_ways_to_listen_are_taken_and_so_is_a_name_before_an_address(config: Path, listen: str) -> None:
    change(config, "127.0.0.1:8800", listen)
    change(config, '"conduct@example.org"', '"Code of Conduct <conduct@example.org>"')

    assert "[server].listen must be" not in run("check", "--config", config).output
    assert "[mail]" not in run("check", "--config", config).output


@pytest.mark.parametrize(("entry", "name"), [("database", "/coc.sqlite"), ("inbox_keys", "")])
def test_a_folder_that_takes_no_file_is_said_with_the_account_that_asked(
    config: Path, entry: str, name: str
) -> None:
    change(config, "[server]", f'[server]\n{entry} = "roster.toml{name}"')

    result = run("check", "--config", config)

    folder, me = config.parent / "roster.toml", account_name(os.geteuid())
    assert (
        f"[server].{entry}: the folder {folder} takes no file from {me}, as which this command"
        in result.output
    )
    assert "otherwise say the command as the server's account" in result.output


def test_an_exception_that_has_ended_keeps_no_server_from_starting_and_is_said(config: Path) -> None:
    ended = datetime.now(UTC).date() - timedelta(days=1)
    entry = f'{{ account = "olga", until = {ended}, why = "owner" }}'
    change(config, 'host = "github"', f'host = "github"\nacknowledged = [{entry}]')

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "A server would start, but correct this:" in result.output
    assert f"[spaces.conduct].acknowledged: the exception until {ended} has ended" in result.output
    assert "No mistakes" not in result.output

    renewed = entry.replace(str(ended), str(ended + timedelta(days=90))).replace("olga", "Olga")
    change(config, entry, f"{entry}, {renewed}")
    assert "No mistakes." in run("check", "--config", config).output


def test_a_member_on_duty_without_names_is_said(config: Path, robert: Identity) -> None:
    roster = config.parent / "roster.toml"
    roster.write_text(roster.read_text().replace('names = ["Robert Kraus"]', "names = []"))
    (config.parent / "roster.toml.sig.robert").write_text(robert.sign("coc-roster@v1", roster.read_bytes()))

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "the roster: On duty, but without names in the roster: robert." in result.output


def test_two_names_for_one_repository_are_said_and_keep_no_server_from_starting(config: Path) -> None:
    """Reports may lie under both names: a server that did not start would take in nothing."""
    config.write_text(config.read_text() + SECOND_SPACE)

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "A server would start, but correct this:" in result.output
    assert "[spaces.second] is the same repository as [spaces.conduct]" in result.output


def test_one_secret_for_two_forms_is_said_without_showing_it(config: Path) -> None:
    config.write_text(config.read_text() + SECOND_SOURCE)

    result = run("check", "--config", config)

    assert 1 == result.exit_code
    assert "[sources.report-form] and [sources.second] have the same secret" in result.output
    assert "a-secret-that-is-long-enough" not in result.output


def test_a_name_without_an_address_does_not_lead_to_another_program() -> None:
    with pytest.raises((OSError, ValueError)) as raised:
        make_door(lambda *_: [], "no-such-name.invalid", 8800)

    said = str(_cannot_listen("listen", "no-such-name.invalid", 8800, raised.value))

    assert "no address belongs to this name" in said
    assert "Put an address of this machine, 127.0.0.1 as a rule, into [server].listen" in said
    assert "other program" not in said
