"""Who joins later trusts what a member told them and nothing else; anybody can see who signed what."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from desk.home import Home, fingerprint
from tests.desk.roster.conftest import URL, Team

if TYPE_CHECKING:
    from pathlib import Path


# Joining a team that works --------------------------------------------------------------------------


@pytest.fixture
def grown(team: Team) -> Team:
    """Rachel founded it and left again; Miriam is new on roster 3."""
    team.found("robert", "charlie", "rachel")
    team.run("robert", "remove", str(team.file), "rachel")
    for alias in ("robert", "charlie"):
        team.sign(alias)
    for alias in ("robert", "charlie"):
        team.run(alias, "accept", str(team.file), answer="y\n")
    team.add("robert", "miriam")
    team.sign("charlie")
    team.run("robert", "accept", str(team.file), answer="y\n")
    return team


def test_who_joins_later_trusts_the_hash_that_a_member_told_them(grown: Team) -> None:
    told = grown.pinned("robert").hash

    done = grown.desk("miriam")("connect", URL, "--roster", str(grown.file), "--roster-hash", told)

    connection = Home(grown.desk("miriam").folder).connection()
    assert done.exit_code == 0, done.output
    assert connection is not None
    assert (3, [1, 2]) == (connection.roster.serial, [one.serial for one in connection.former])


def test_who_joins_later_trusts_nothing_without_it(grown: Team) -> None:
    done = grown.desk("miriam")("connect", URL, "--roster", str(grown.file), input="y\n")

    assert done.exit_code == 1
    assert "--roster-hash" in done.stderr
    assert Home(grown.desk("miriam").folder).connection() is None


def test_older_rosters_that_were_tampered_with_are_not_taken_along(grown: Team) -> None:
    older = grown.file.with_name("roster-1.toml")
    older.write_bytes(older.read_bytes() + b"# x\n")

    grown.desk("miriam")(
        "connect", URL, "--roster", str(grown.file), "--roster-hash", grown.pinned("robert").hash
    )

    connection = Home(grown.desk("miriam").folder).connection()
    assert connection is not None
    assert [2] == [one.serial for one in connection.former]


# Showing ---------------------------------------------------------------------------------------------


def test_the_accepted_roster_is_shown_with_who_signed_it(grown: Team) -> None:
    shown = grown.run("robert", "show")

    assert f"Roster 3, SHA-256 {grown.roster.hash}" in shown
    assert "Signed by charlie; needed: 1 of members of roster 2." in shown
    miriam = grown.people["miriam"][0]
    assert fingerprint(miriam.recipient, miriam.signing_key) in shown.replace("\n", "")


def test_a_file_is_shown_with_what_it_lacks(team: Team) -> None:
    team.found("robert", "charlie", "rachel")
    team.add("robert", "miriam")
    team.file.with_name("roster.toml.sig.miriam").write_text("garbage")

    shown = team.run("charlie", "show", str(team.file))

    assert "Signed by nobody; needed: 2 of members of roster 1." in shown
    assert "Does not count: miriam is not on roster 1." in shown


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_ssh_keygen_checks_a_roster_with_what_show_prints(grown: Team, tmp_path: Path) -> None:
    (tmp_path / "signers").write_text(grown.run("robert", "show", "--allowed-signers"))

    for file, who in (("roster.toml", "charlie"), ("roster-1.toml", "robert")):
        done = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "signers", "-I", f"member:{who}", "-n",
             "coc-roster@v1", "-s", grown.file.with_name(f"{file}.sig.{who}")],
            input=grown.file.with_name(file).read_bytes(), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "member:rachel " in (tmp_path / "signers").read_text()


def test_there_is_nothing_to_show_before_a_roster_was_accepted(team: Team) -> None:
    assert "has not accepted a roster yet" in team.refused("robert", "show")
