"""One run shows every mistake: those of the file, those that a host's own code sees, and those of the roster's signatures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.server.cli.conftest import run
from webhook_server.config import load_config
from webhook_server.wiring import join

if TYPE_CHECKING:
    from pathlib import Path

BOARD = """
[spaces.board]
host = "jira"
site = "https://example.atlassian.example"
project = "coc"
email = "not an address"
token_file = "github.token"
issue_type_id = "10001"
subtask_type_id = "Sub-task"
security_level_id = "10003"
browse_roles = []
fields = { type = "customfield_1", impact = "f2", likelihood = "customfield_3", risk = "customfield_4", lead = "customfield_5", secondary = "customfield_6" }
"""
AS_APP = 'app_id = "31"\nprivate_key_file = "github.token"\n'
MALFORMED = f'owner = "acme org"\nrepository = "https://github.com/acme/conduct"\n{AS_APP}'


def mistakes(output: str) -> list[str]:
    return re.findall(r"^  - (.*)$", output, re.MULTILINE)


@pytest.mark.parametrize("command", ["check", "serve", "worker"])
def test_one_run_shows_the_mistakes_of_every_kind(config: Path, command: str) -> None:
    text = config.read_text().replace('listen = "127.0.0.1:8800"', "listen = 8800")
    text = re.sub(r'owner = [^[]*token_file = "github.token"\n', MALFORMED, text)
    config.write_text(text + BOARD)
    (config.parent / "roster.toml.sig.robert").unlink()

    result = run(command, "--config", config)

    assert 1 == result.exit_code
    assert f"The configuration {config} has " in result.output
    found = mistakes(result.output)
    for expected in [
        "[server].listen must be an address and a port",
        "[server].roster: Roster 1 is not signed by anybody who may",
        "[spaces.conduct]: owner must be a GitHub user or organisation",
        "[spaces.conduct]: repository must be a GitHub repository's name",
        "[spaces.conduct]: private_key_file does not name a whole RSA key",
        "[spaces.board]: project must be the project's key",
        "[spaces.board]: email must be the address of the service's account",
        "[spaces.board]: subtask_type_id must be Jira's number",
        "[spaces.board]: browse_roles or browse_groups must name who may read",
        "[spaces.board].fields.stage must be a text",
        "[spaces.board]: fields.impact must look like customfield_10050",
    ]:
        assert 1 == sum(one.startswith(expected) for one in found), expected
    assert 11 == len(found)


def test_what_is_not_there_is_said_once(config: Path) -> None:
    text = config.read_text()
    config.write_text(
        text.replace('owner = "example-org"', "").replace('repository = "conduct"', "repository = 5")
    )

    assert [
        "[spaces.conduct].owner must be a text",
        "[spaces.conduct].repository must be a text",
    ] == mistakes(run("check", "--config", config).output)


def test_a_key_that_is_open_to_others_and_cut_off_is_said_to_be_both(config: Path) -> None:
    config.write_text(config.read_text().replace('token_file = "github.token"', AS_APP))
    (config.parent / "github.token").chmod(0o604)

    first, second = mistakes(run("check", "--config", config).output)

    assert first.startswith("[spaces.conduct].private_key_file: the file is open to other accounts")
    assert second.startswith("[spaces.conduct]: private_key_file does not name a whole RSA key")


def test_a_database_that_cannot_be_read_hides_no_mistake(config: Path) -> None:
    (config.parent / "coc.sqlite").write_text("this is no database " * 100)
    config.write_text(config.read_text().replace("127.0.0.1:8800", "192.0.2.1:8800"))

    first, second = mistakes(run("check", "--config", config).output)

    assert first.startswith("[server].listen: 192.0.2.1 is no address of this machine")
    assert second.startswith("[server].roster: The database had trouble (SQLITE_NOTADB)")


@pytest.mark.parametrize(
    "entry", ['root_key_file = "none.key"', 'root_key_file = "root.key"\ndatabase = "mysql://x/y"']
)
def test_a_roster_that_cannot_be_compared_with_the_one_in_use_is_said_to_be_so(
    config: Path, entry: str
) -> None:
    join(load_config(config)).close()
    config.write_text(re.sub(r'root_key_file = "root.key"', entry, config.read_text()))

    first, second = mistakes(run("check", "--config", config).output)

    assert first.startswith(
        ("[server].root_key_file: it is not there", "[server].database must be a file or")
    )
    assert second.startswith("[server].roster: Whether the roster follows the one in use is not known.")
