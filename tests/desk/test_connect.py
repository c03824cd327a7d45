"""``coc connect``: the member chooses address and roster; the service chooses neither."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from desk.home import Home, PublicKeys, fingerprint
from integration.errors import HomeError

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
    path.write_bytes(team.roster_file())
    return path


def test_connecting_pins_address_and_roster_and_shows_every_fingerprint(
    desk: Coc, team: Team, roster: Path
) -> None:
    result = desk("connect", URL, "--roster", str(roster))

    pinned = Home(desk.folder).connection()
    assert result.exit_code == 0
    assert pinned is not None
    assert (pinned.origin, pinned.roster) == (URL, team.roster)
    assert f"Roster 1, SHA-256 {hashlib.sha256(roster.read_bytes()).hexdigest()}" in result.stdout
    for member in (team.robert, team.miriam):
        assert fingerprint(member.recipient, member.signing_key) in result.stdout
    assert fingerprint(team.service.public_line) in result.stdout


def test_the_lines_that_a_desk_prints_make_a_roster_it_accepts(desk: Coc, roster: Path) -> None:
    lines = [line for line in desk("key", "show").stdout.split("\n") if " = " in line]
    lines = ["version = 1", "serial = 1", "[[members]]", *lines, 'email = "robert@team.example"']
    roster.write_text("\n".join(lines), encoding="utf-8")

    assert desk("connect", URL, "--roster", str(roster)).exit_code == 0


def test_the_pinned_roster_does_not_follow_the_file(desk: Coc, team: Team, roster: Path) -> None:
    desk("connect", URL, "--roster", str(roster))
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


@pytest.mark.parametrize(
    ("serial", "previous", "extra", "why"),
    [
        (4, "0" * 64, "", "this desk trusts number 5 already"),
        (5, "0" * 64, "# other\n", "says something else"),
        (6, "0" * 64, "", "does not name the roster 5"),
    ],
)
def test_a_roster_that_does_not_come_after_the_pinned_one_is_refused(
    desk: Coc, team: Team, roster: Path, serial: int, previous: str, extra: str, why: str
) -> None:
    roster.write_bytes(team.roster_file(serial=5, previous="0" * 64))
    desk("connect", URL, "--roster", str(roster))
    roster.write_bytes(team.roster_file(serial=serial, previous=previous, extra=extra))

    result = desk("connect", URL, "--roster", str(roster))

    pinned = Home(desk.folder).connection()
    assert result.exit_code == 1
    assert why in result.stderr
    assert pinned is not None
    assert pinned.roster.serial == 5


def test_the_next_roster_takes_the_place_of_the_pinned_one(desk: Coc, team: Team, roster: Path) -> None:
    desk("connect", URL, "--roster", str(roster))
    roster.write_bytes(team.roster_file(serial=2, previous=team.roster.hash))

    result = desk("connect", URL, "--roster", str(roster))

    pinned = Home(desk.folder).connection()
    assert result.exit_code == 0
    assert pinned is not None
    assert pinned.roster.serial == 2


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
    desk("connect", URL, "--roster", str(roster))
    (pinned,) = desk.folder.glob(name)
    pinned.write_bytes(pinned.read_bytes().replace(team.miriam.recipient[:20].encode(), b"x") + b"x")

    with pytest.raises(HomeError, match="damaged"):
        Home(desk.folder).connection()
