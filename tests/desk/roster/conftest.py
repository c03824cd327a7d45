"""A team at its desks, with one shared roster file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from desk.home import Home
from integration.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.keys import Identity
    from integration.roster import Roster
    from tests.desk.conftest import Coc

URL = "https://coc.example.org"

People = dict[str, tuple["Identity", bytes]]


class Team:
    """A team at its desks, with one shared file."""

    def __init__(self, file: Path, people: People, desk_of: Callable[[str], Coc], passphrase: str) -> None:
        self.file = file
        self.people = people
        self.desk = desk_of
        self._passphrase = passphrase

    def found(self, *aliases: str) -> None:
        """Make and sign a first roster, and connect everybody to it."""
        self.draft(*aliases)
        for alias in aliases[:2] if len(aliases) > 2 else aliases[:1]:
            assert self.sign(alias).startswith(f"Roster 1:\n  - {aliases[0]} joins")
        for alias in aliases:
            done = self.desk(alias)("connect", URL, "--roster", str(self.file), input="y\n")
            assert done.exit_code == 0, done.output

    def draft(self, *aliases: str) -> None:
        first = self.desk(aliases[0])
        assert first("roster", "new", str(self.file), "--email", f"{aliases[0]}@team.example").exit_code == 0
        for alias in aliases[1:]:
            self.add(aliases[0], alias)

    def add(self, who: str, alias: str) -> str:
        lines = self.file.with_name(f"{alias}.txt")
        lines.write_text(self.desk(alias)("key", "show").stdout, encoding="utf-8")
        return self.run(who, "add", str(self.file), "--from", str(lines), "--email", f"{alias}@team.example")

    def sign(self, who: str) -> str:
        return self.run(who, "sign", str(self.file), "--passphrase-file", self._passphrase)

    def run(self, who: str, *args: str, answer: str | None = None) -> str:
        done = self.desk(who)("roster", *args, input=answer)
        assert done.exit_code == 0, done.output
        return done.stdout

    def refused(self, who: str, *args: str, answer: str | None = None) -> str:
        done = self.desk(who)("roster", *args, input=answer)
        assert done.exit_code == 1, done.output
        return done.stderr

    def pinned(self, who: str) -> Roster:
        connection = Home(self.desk(who).folder).connection()
        assert connection is not None
        return connection.roster

    @property
    def roster(self) -> Roster:
        return load_roster(self.file)


@pytest.fixture
def team(tmp_path: Path, people: People, desk_of: Callable[[str], Coc], passphrase_file: str) -> Team:
    (tmp_path / "shared").mkdir()
    return Team(tmp_path / "shared" / "roster.toml", people, desk_of, passphrase_file)
