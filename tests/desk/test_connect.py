"""``coc connect``: the member chooses address and roster; the service chooses neither."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from desk.home import Home, PublicKeys, fingerprint
from integration.errors import HomeError
from integration.roster_files import signature_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.desk.conftest import Coc, Team

URL = "https://coc.example.org"


@pytest.fixture
def desk(coc: Coc, team: Team, locked: bytes) -> Coc:
    """Robert's desk with a key, not connected yet."""
    keys = PublicKeys("robert", team.robert.recipient, team.robert.signing_key)
    Home(coc.folder).keep_identity(locked, keys)
    return coc


@pytest.fixture
def roster(tmp_path: Path, team: Team) -> Path:
    path = tmp_path / "roster.toml"
    team.write(path, team.roster_file())
    return path


def test_connecting_pins_address_and_roster_and_shows_every_fingerprint(
    desk: Coc, team: Team, roster: Path
) -> None:
    result = desk("connect", URL, "--roster", str(roster), input="y\n")

    pinned = Home(desk.folder).connection()
    assert result.exit_code == 0
    assert pinned is not None
    assert (pinned.origin, pinned.roster) == (URL, team.roster)
    assert f"Roster 1, SHA-256 {hashlib.sha256(roster.read_bytes()).hexdigest()}" in result.stdout
    for member in (team.robert, team.miriam):
        assert fingerprint(member.recipient, member.signing_key) in result.stdout
    assert fingerprint(team.service.public_line) in result.stdout


def test_the_lines_that_a_desk_prints_make_a_roster_it_accepts(desk: Coc, team: Team, roster: Path) -> None:
    lines = [line for line in desk("key", "show").stdout.split("\n") if " = " in line]
    lines = ["version = 1", "serial = 1", "[[members]]", *lines, 'email = "robert@team.example"']
    team.write(roster, "\n".join(lines).encode())

    assert desk("connect", URL, "--roster", str(roster), input="y\n").exit_code == 0


def test_the_pinned_roster_does_not_follow_the_file(desk: Coc, team: Team, roster: Path) -> None:
    desk("connect", URL, "--roster", str(roster), input="y\n")
    roster.write_bytes(team.roster_file(serial=9, previous="0" * 64))

    pinned = Home(desk.folder).connection()
    assert pinned is not None
    assert pinned.roster.serial == 1


def test_a_roster_without_ones_own_alias_is_refused(desk: Coc, team: Team, roster: Path) -> None:
    roster.write_bytes(team.roster_file().replace(b'"robert"', b'"roberta"'))

    result = desk("connect", URL, "--roster", str(roster))

    assert result.exit_code == 1
    assert "your alias robert is not in it" in result.stderr
    assert Home(desk.folder).connection() is None


@pytest.mark.parametrize("part", ["recipient", "signing_key"])
def test_a_roster_with_another_key_for_oneself_is_refused(
    desk: Coc, team: Team, roster: Path, part: str
) -> None:
    mine, other = getattr(team.robert, part), getattr(team.miriam, part)
    swapped = team.roster_file().decode().replace(other, "@@").replace(mine, other).replace("@@", mine)
    roster.write_text(swapped, encoding="utf-8")

    result = desk("connect", URL, "--roster", str(roster))

    assert result.exit_code == 1
    assert "the keys of robert are not the ones of this desk" in result.stderr


def test_nothing_is_pinned_unless_the_member_has_compared(desk: Coc, roster: Path) -> None:
    result = desk("connect", URL, "--roster", str(roster), input="n\n")

    assert result.exit_code == 1
    assert "Have you compared" in result.stderr
    assert Home(desk.folder).connection() is None


def test_a_hash_that_was_told_in_person_stands_for_the_comparison(
    desk: Coc, team: Team, roster: Path
) -> None:
    result = desk("connect", URL, "--roster", str(roster), "--roster-hash", team.roster.hash.upper())

    assert result.exit_code == 0
    assert "Have you compared" not in result.output


def test_another_hash_than_the_one_that_was_told_pins_nothing(desk: Coc, roster: Path) -> None:
    result = desk("connect", URL, "--roster", str(roster), "--roster-hash", "ab" * 32)

    assert result.exit_code == 1
    assert "another roster than the one you were told of" in result.stderr
    assert Home(desk.folder).connection() is None


def test_a_first_roster_that_nobody_signed_is_refused(desk: Coc, roster: Path) -> None:
    signature_path(roster, "robert").unlink()

    result = desk("connect", URL, "--roster", str(roster), input="y\n")

    assert result.exit_code == 1
    assert "not signed by anybody who may" in result.stderr
    assert Home(desk.folder).connection() is None


def test_connecting_again_keeps_the_roster_and_takes_the_new_address(desk: Coc, roster: Path) -> None:
    desk("connect", URL, "--roster", str(roster), input="y\n")

    result = desk("connect", "https://moved.example.org", "--roster", str(roster))

    pinned = Home(desk.folder).connection()
    assert result.exit_code == 0
    assert pinned is not None
    assert (pinned.origin, pinned.roster.serial) == ("https://moved.example.org", 1)
    assert list(Home(desk.folder).signed_roster(pinned.roster).signatures) == ["robert"]


def test_plain_http_to_another_machine_is_refused(desk: Coc, roster: Path) -> None:
    result = desk("connect", "http://coc.example.org", "--roster", str(roster))

    assert result.exit_code == 1
    assert "use https" in result.stderr


def test_a_broken_roster_is_refused_with_every_mistake(desk: Coc, team: Team, roster: Path) -> None:
    broken = team.roster_file().replace(b"serial = 1", b"serial = 0").replace(b"version = 1", b"version = 7")
    roster.write_bytes(broken)

    result = desk("connect", URL, "--roster", str(roster))

    assert result.exit_code == 1
    assert "serial must be" in result.stderr
    assert "version must be 1" in result.stderr


def test_one_needs_a_key_before_connecting(coc: Coc, roster: Path) -> None:
    result = coc("connect", URL, "--roster", str(roster))

    assert result.exit_code == 1
    assert "coc key new" in result.stderr


@pytest.mark.parametrize("name", ["connection.toml", "roster-*.toml"])
def test_a_pinned_file_that_was_changed_is_not_read_on_its_word(
    desk: Coc, team: Team, roster: Path, name: str
) -> None:
    desk("connect", URL, "--roster", str(roster), input="y\n")
    (pinned,) = desk.folder.glob(name)
    pinned.write_bytes(pinned.read_bytes().replace(team.miriam.recipient[:20].encode(), b"x") + b"x")

    with pytest.raises(HomeError, match="damaged"):
        Home(desk.folder).connection()
