"""``coc key``: made once, never overwritten, shown without a passphrase."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from desk.home import Home, PublicKeys
from integration.diary.keys import Identity
from integration.errors import HomeError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.desk.conftest import Coc, Team


def test_a_new_key_is_asked_for_a_passphrase_twice_and_locked_by_it(coc: Coc) -> None:
    passphrase = "canary passphrase 51f0c6"

    made = coc("key", "new", "--alias", "robert", input=f"{passphrase}\n{passphrase}\n")

    identity = Identity.unlock((coc.folder / "identity.age").read_bytes(), passphrase)
    assert made.exit_code == 0
    assert f'alias = "robert"\nrecipient = "{identity.recipient}"\n' in made.stdout
    assert f'signing_key = "{identity.signing_key}"\n' in made.stdout
    assert PublicKeys("robert", identity.recipient, identity.signing_key).fingerprint in made.stdout
    assert passphrase not in made.output
    for path in coc.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert passphrase.encode() not in path.read_bytes()
    assert stat.S_IMODE(coc.folder.stat().st_mode) == 0o700


def test_two_different_passphrases_make_no_key(coc: Coc) -> None:
    made = coc("key", "new", "--alias", "robert", input="ordinary words one\nordinary words two\n")

    assert made.exit_code == 1
    assert not coc.folder.exists()


def test_a_passphrase_that_can_be_guessed_makes_no_key(
    coc: Coc, passphrase_file: str, tmp_path: Path
) -> None:
    (tmp_path / "passphrase").write_text("short\n", encoding="utf-8")

    made = coc("key", "new", "--alias", "robert", "--passphrase-file", passphrase_file)

    assert made.exit_code == 2
    assert "fewer than 10 characters" in made.stderr
    assert not coc.folder.exists()


@pytest.mark.parametrize("alias", ["", "1robert", "rob ert", "robert\n", "röbert", "r" * 33])
def test_an_alias_the_roster_would_not_take_makes_no_key(coc: Coc, alias: str) -> None:
    made = coc("key", "new", "--alias", alias)

    assert made.exit_code == 2
    assert not coc.folder.exists()


def test_a_key_is_never_overwritten(coc: Coc, team: Team, locked: bytes, passphrase_file: str) -> None:
    home = Home(coc.folder)
    keys = PublicKeys("robert", team.robert.recipient, team.robert.signing_key)
    home.keep_identity(locked, keys)

    made = coc("key", "new", "--alias", "robert", "--passphrase-file", passphrase_file)
    with pytest.raises(HomeError):
        home.keep_identity(b"another", keys)

    assert made.exit_code == 1
    assert "There is a key" in made.stderr
    assert home.locked_identity() == locked
    assert sorted(path.name for path in coc.folder.iterdir()) == ["identity.age", "identity.toml"]


def test_the_key_is_shown_without_a_passphrase(coc: Coc, team: Team, locked: bytes) -> None:
    keys = PublicKeys("robert", team.robert.recipient, team.robert.signing_key)
    Home(coc.folder).keep_identity(locked, keys)

    shown = coc("key", "show")

    assert shown.exit_code == 0
    assert keys.roster_lines() in shown.stdout
    assert keys.fingerprint in shown.stdout


def test_the_fingerprint_covers_both_keys(team: Team) -> None:
    """Else somebody could put another reading key beside a signing key that everybody has compared."""
    robert, miriam = team.robert, team.miriam
    fingerprints = {
        PublicKeys("robert", robert.recipient, robert.signing_key).fingerprint,
        PublicKeys("robert", miriam.recipient, robert.signing_key).fingerprint,
        PublicKeys("robert", robert.recipient, miriam.signing_key).fingerprint,
    }

    assert len(fingerprints) == 3


def test_without_a_key_the_next_step_is_named(coc: Coc) -> None:
    shown = coc("key", "show")

    assert shown.exit_code == 1
    assert "coc key new --alias" in shown.stderr


def test_a_damaged_public_part_is_said_and_not_shown(coc: Coc, team: Team, locked: bytes) -> None:
    Home(coc.folder).keep_identity(
        locked, PublicKeys("robert", team.robert.recipient, team.robert.signing_key)
    )
    (coc.folder / "identity.toml").write_bytes(b"\xff\x00 not toml")

    shown = coc("key", "show")

    assert shown.exit_code == 1
    assert "is damaged" in shown.stderr


def test_a_folder_that_cannot_be_made_is_said_with_a_next_step(
    team: Team, locked: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a-file").write_text("where a folder should be", encoding="ascii")
    home = Home(tmp_path / "a-file" / "desk")

    with pytest.raises(HomeError, match="--home"):
        home.keep_identity(locked, PublicKeys("robert", team.robert.recipient, team.robert.signing_key))


def test_a_key_that_was_cut_off_while_it_was_made_can_be_made_again(
    coc: Coc, team: Team, locked: bytes
) -> None:
    keys = PublicKeys("robert", team.robert.recipient, team.robert.signing_key)
    coc.folder.mkdir()
    (coc.folder / "identity.toml").write_text('alias = "rob', encoding="ascii")

    shown = coc("key", "show")
    Home(coc.folder).keep_identity(locked, keys)

    assert "coc key new" in shown.stderr
    assert Home(coc.folder).public() == keys
