"""Somebody left the team: no diary goes on with keys that they have, and everybody is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from desk.reading import trust_of
from integration.diary.keys import generate_identity
from integration.diary.open import open_diary
from integration.roster import load_roster
from tests.desk.conftest import INCIDENT, TICKET

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.desk.conftest import At, Shelf, Team

NAME = "BLUE-JAY-27"


@pytest.fixture
def without_miriam(team: Team, tmp_path: Path) -> Path:
    """Roster 2, on which Miriam is no more."""
    raw = team.roster_file(serial=2, previous=team.roster.hash)
    second = raw.index(b"[[members]]", raw.index(b"[[members]]") + 1)
    path = tmp_path / "roster.toml"
    path.rename(path.with_name("roster-1.toml"))
    team.write(path, raw[:second] + raw[raw.index(b"[[recovery]]") :])
    return path


def accept(robert: At, roster: Path) -> Result:
    done = robert.desk("roster", "accept", str(roster), input="y\n")
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def cleared(robert: At, miriam: At) -> At:
    """Robert's desk, after he has cleared Miriam and she has read."""
    assert robert("clear", NAME, "miriam", "--yes").exit_code == 0
    assert miriam("diary", "read", NAME).exit_code == 0
    return robert


def test_accepting_a_roster_without_somebody_says_what_to_do_and_renew_does_it(
    cleared: At, miriam: At, shelf: Shelf, without_miriam: Path
) -> None:
    assert "coc renew" in accept(cleared, without_miriam).output
    before = cleared("diary", "read", NAME, "--read-only")

    renewed, again = cleared("renew"), cleared("renew")
    cleared("diary", "write", NAME, "--file", "-", input="after she left\n")

    assert "former-reader" in before.stdout
    assert before.exit_code == 0
    assert renewed.exit_code == 0, renewed.output
    assert f"{NAME}: renewed, read by robert. Left out: miriam." in renewed.stdout
    assert "Only robert can read it now" in renewed.stdout
    assert "nothing to do" in again.stdout
    shelf.cleared.add("miriam")  # a service that serves her all the same
    hers = miriam("diary", "read", NAME, "--format", "json")
    assert "after she left" not in hers.output
    assert "not-cleared" in hers.output


def test_a_recovery_key_that_was_replaced_opens_nothing_that_comes_after(
    cleared: At, shelf: Shelf, team: Team, tmp_path: Path
) -> None:
    old, new = team.recovery, generate_identity("recovery")
    raw = team.roster_file(serial=2, previous=team.roster.hash)
    path = tmp_path / "roster.toml"
    path.rename(path.with_name("roster-1.toml"))
    team.write(path, raw.replace(old.recipient.encode(), new.recipient.encode()))
    assert "coc renew" in accept(cleared, path).output

    renewed = cleared("renew")
    cleared("diary", "write", NAME, "--file", "-", input="after it was replaced\n")

    assert f"{NAME}: renewed" in renewed.stdout
    trust = trust_of(INCIDENT, TICKET, load_roster(path))
    texts = [comment.text for comment in shelf.sealed]
    last = {
        whose: open_diary(texts, identity=key, trust=trust).entries[-1].body.reveal()
        for whose, key in (("old", old), ("new", new))
    }
    assert "after it was replaced" in last["new"]
    assert "after it was replaced" not in last["old"]


@pytest.mark.parametrize("command", ["read", "write"])
def test_reading_and_writing_renew_it_too_and_say_so(
    cleared: At, miriam: At, shelf: Shelf, without_miriam: Path, command: str
) -> None:
    accept(cleared, without_miriam)

    first = cleared("diary", command, NAME, *(["--file", "-"] if command == "write" else []), input="one\n")
    cleared("diary", "write", NAME, "--file", "-", input="two\n")

    assert first.exit_code == 0, first.output
    assert "renewed" in first.stderr
    assert "left out: miriam" in first.stderr
    shelf.cleared.add("miriam")
    hers = miriam("diary", "read", NAME, "--format", "json").output
    assert [word for word in ("one", "two") if f'"{word}"' in hers] == []


def test_a_roster_that_only_adds_somebody_asks_for_nothing(cleared: At, team: Team, tmp_path: Path) -> None:
    path = tmp_path / "roster.toml"
    path.rename(path.with_name("roster-1.toml"))
    team.write(path, team.roster_file(serial=2, previous=team.roster.hash, extra="# nobody left\n"))

    assert "coc renew" not in accept(cleared, path).output
    assert "nothing to do" in cleared("renew").stdout


def test_a_diary_with_findings_is_not_renewed_and_stops_no_other(
    cleared: At, shelf: Shelf, without_miriam: Path
) -> None:
    accept(cleared, without_miriam)
    newest = shelf.newest
    del shelf.sealed[1]

    renewed = cleared("renew")

    assert renewed.exit_code == 3
    assert f"{NAME}: NOT renewed. Found: missing." in renewed.stdout
    assert shelf.newest == newest


def test_who_is_cleared_for_nothing_is_told_so(robert: At, shelf: Shelf) -> None:
    shelf.cleared.clear()

    result = robert("renew")

    assert (result.exit_code, result.stdout.strip()) == (0, "You are cleared for no incident.")
