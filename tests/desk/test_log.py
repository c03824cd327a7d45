"""``coc log`` from end to end: real keys, real sealed diaries, the real API on loopback."""

from __future__ import annotations

import csv
import io
import stat
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from desk.home import Home, PublicKeys
from integration.code_name import CodeName
from integration.diary.seal import Card
from integration.errors import StoreError
from integration.incident import IncidentId
from integration.text import SealedText, Untrusted
from sandbox.wire import serving
from webhook_server.api import api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from click.testing import Result

    from integration.diary.chain import Head
    from integration.incident import Alias
    from tests.desk.conftest import Coc, Shelf, Team
    from webhook_server.api_ports import ShelvedIncident, Waiting


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


class NoWork:
    """``coc log`` only reads."""

    def record(
        self, incident: IncidentId, texts: Sequence[str], head: Head, readers: Sequence[Alias]
    ) -> Head:
        raise AssertionError((incident, texts, head, readers))

    def attach(self, incident: IncidentId, name: str, content: bytes) -> None:
        raise AssertionError((incident, name, content))

    def restore(self, incident: IncidentId, *, new_ticket: bool) -> None:
        raise AssertionError((incident, new_ticket))

    def erase(self, incident: IncidentId, seq: int, redaction: int) -> None:
        raise AssertionError((incident, seq, redaction))


@dataclass
class Office:
    """The service's store with many incidents, newest first; tests change it."""

    one: Callable[[ShelvedIncident], Shelf]
    pattern: ShelvedIncident
    listed: list[tuple[ShelvedIncident, bool]] = field(default_factory=list)
    diaries: dict[str, Shelf] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)

    def add(self, number: int, *, cleared: bool = True, summary: str = "Something was said") -> Shelf:
        """Incident number ``number``, from 0; its diary is sealed if the member is cleared for it."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        third = "".join(letters[number // 26**place % 26] for place in (2, 1, 0))
        incident = replace(
            self.pattern,
            id=IncidentId(f"inc_{third.rjust(26, 'a')}"),
            code_name=CodeName(f"BLUE-{third.upper()}-27"),
        )
        shelf = self.one(incident)
        if cleared:
            card = Card(
                Untrusted(f"Reporter {number}"), Untrusted("Alice"), Untrusted(summary), "Conflict Resolution"
            )
            shelf.write("? What happened\n  It was said.", card=card, incident=incident.id)
        self.listed.append((incident, cleared))
        self.diaries[incident.id] = shelf
        return shelf

    def all_incidents(self, alias: str) -> list[tuple[ShelvedIncident, bool]]:
        return [(one, cleared and alias == "robert") for one, cleared in self.listed]

    def cleared_incident(self, code_name: str, alias: str) -> ShelvedIncident | None:
        if code_name in self.broken:
            raise StoreError("The database is not there.")
        if code_name in self.withheld:
            return None
        found = (one for one, cleared in self.all_incidents(alias) if cleared and one.code_name == code_name)
        return next(found, None)

    def cleared_incidents(self, alias: str) -> list[ShelvedIncident]:
        return [one for one, cleared in self.all_incidents(alias) if cleared]

    def comments(self, incident: IncidentId) -> list[SealedText]:
        return self.diaries[incident].comments(incident)

    def head(self, incident: IncidentId) -> Head | None:
        return self.diaries[incident].newest

    def waiting(self, incident: IncidentId) -> Waiting | None:
        return self.diaries[incident].waits

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        del incident, name
        return None

    def use_nonce(self, alias: str, nonce: str, expires: datetime) -> bool:
        del alias, nonce, expires
        return True


@pytest.fixture
def office(shelf: Shelf, team: Team) -> Office:
    return Office(lambda incident: type(shelf)(team, incident), shelf.incident)


@pytest.fixture
def log(
    office: Office, coc: Coc, team: Team, locked: bytes, passphrase_file: str, tmp_path: Path
) -> Iterator[Coc]:
    """``coc log`` at Robert's desk."""
    robert = team.robert
    home = Home(coc.folder)
    home.keep_identity(locked, PublicKeys(robert.alias, robert.recipient, robert.signing_key))
    app = Flask(__name__)
    with serving(app) as origin:
        app.register_blueprint(api(office, NoWork(), lambda: team.roster, origin=origin, clock=Now()))
        home.connect(origin, team.roster_file(), team.roster)

        class Log:
            folder = tmp_path

            def __call__(self, *args: str, input: str | bytes | None = None) -> Result:  # noqa: A002 - click's name
                return coc("log", *args, "--passphrase-file", passphrase_file, input=input)

        yield Log()


def rows_of(result: Result) -> list[list[str]]:
    return list(csv.reader(io.StringIO(result.stdout_bytes.decode(), newline="")))[1:]


def test_the_log_shows_cards_of_cleared_incidents_and_public_fields_of_the_others(
    log: Coc, office: Office
) -> None:
    office.add(0, summary="A talk was shouted down")
    office.add(1, cleared=False)

    result = log()

    assert result.exit_code == 0, result.output
    assert "Reporter 0" in result.stdout
    assert "A talk was shouted down" in result.stdout
    assert "(not cleared)" in result.stdout
    assert "2 incidents, 1 of them with a diary you may read." in result.stderr


def test_csv_on_standard_output_is_the_csv_and_nothing_else(log: Coc, office: Office) -> None:
    office.add(0, summary="=1+1")

    result = log("--csv", "-")

    assert result.stdout_bytes.startswith(b"Issue Reporter,Issue About,")
    assert [
        "Reporter 0",
        "Alice",
        "Conduct Enforcement",
        "'=1+1",
        "2 * 1 = 2",
        "robert",
        "BLUE-AAA-27 https://github.example/acme/conduct/issues/17",
    ] in rows_of(result)


def test_files_are_only_for_their_owner_and_take_the_place_of_older_ones(log: Coc, office: Office) -> None:
    office.add(0)
    table, page = log.folder / "log.csv", log.folder / "log.md"
    table.write_text("older")
    table.chmod(0o644)

    result = log("--csv", str(table), "--markdown", str(page))

    assert result.stdout == ""
    assert table.read_bytes().count(b"\r\n") == 2
    assert page.read_text(encoding="utf-8").count("\n") == 3
    assert {stat.S_IMODE(one.stat().st_mode) for one in (table, page)} == {0o600}
    assert [one.name for one in log.folder.iterdir() if one.name.startswith(".log")] == []


def test_only_one_format_goes_to_standard_output(log: Coc) -> None:
    assert log("--csv", "-", "--markdown", "-").exit_code == 2


def test_a_damaged_diary_says_so_and_stops_no_other(log: Coc, office: Office) -> None:
    office.add(0)
    damaged = office.add(1)
    keyring, opening = damaged.sealed
    text = opening.text
    at = text.index("\n", text.index("BEGIN AGE")) + 70
    other = "A" if text[at] != "A" else "B"
    damaged.sealed = [keyring, replace(opening, text=SealedText(text[:at] + other + text[at + 1 :]))]
    office.add(2).sealed.clear()
    office.add(3)

    result = log("--csv", "-")

    good, broken, empty, last = rows_of(result)
    assert result.exit_code == 3
    assert (good[0], last[0]) == ("Reporter 0", "Reporter 3")
    assert broken[:2] == ["(not read)", "(not read)"]
    assert "say: coc diary read BLUE-AAB-27" in broken[6]
    assert "has no diary yet" in empty[6]
    assert "2 to look at" in result.stderr


def test_a_diary_that_the_service_cannot_serve_stops_no_other(log: Coc, office: Office) -> None:
    office.add(0)
    office.broken.add(office.add(1).incident.code_name)

    good, broken = rows_of(log("--csv", "-"))

    assert good[0] == "Reporter 0"
    assert "trouble of its own" in broken[6]


def test_a_fault_of_our_own_in_one_diary_stops_no_other(
    log: Coc, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even its text is shown: it could hold what was being read."""
    office.add(0)
    real = Home.remembered

    def faulty(self: Home, code_name: str) -> object:
        if code_name == "BLUE-AAB-27":
            raise RecursionError("canary-7d1f")
        return real(self, code_name)

    monkeypatch.setattr(Home, "remembered", faulty)
    office.add(1)

    result = log("--csv", "-")

    good, broken = rows_of(result)
    assert good[0] == "Reporter 0"
    assert "a fault in coc itself: RecursionError" in broken[6]
    assert "canary-7d1f" not in result.output


def test_the_log_remembers_heads_and_finds_what_the_service_takes_back(log: Coc, office: Office) -> None:
    shelf = office.add(0)
    shelf.write("A second report", incident=shelf.incident.id)
    assert log().exit_code == 0
    shelf.sealed.pop()

    (row,) = rows_of(log("--csv", "-"))

    assert row[0] == "Reporter 0"
    assert "missing-newest" in row[6]


def test_what_this_desk_has_read_and_the_service_does_not_list_is_said(log: Coc, office: Office) -> None:
    office.add(0)
    office.add(1)
    office.add(2)
    assert log().exit_code == 0
    del office.listed[:2]

    result = log("--csv", "-")

    assert result.exit_code == 3
    assert "does not list any more: BLUE-AAA-27, BLUE-AAB-27" in result.stderr
    assert len(rows_of(result)) == 1


def test_what_this_desk_has_read_and_is_not_cleared_for_any_more_is_said_and_may_be_right(
    log: Coc, office: Office
) -> None:
    office.add(0)
    office.add(1, cleared=False)
    assert log().stderr.count("\n") == 1
    office.listed[0] = (office.listed[0][0], False)

    result = log("--csv", "-")

    assert result.exit_code == 0
    assert "you are not cleared for: BLUE-AAA-27\n" in result.stderr
    assert "if you recused yourself" in result.stderr
    assert "does not list" not in result.stderr


def test_a_diary_that_is_listed_as_open_to_the_member_and_not_served_is_something_to_look_at(
    log: Coc, office: Office
) -> None:
    office.add(0)
    office.withheld.add("BLUE-AAA-27")

    result = log("--csv", "-")

    (row,) = rows_of(result)
    assert result.exit_code == 3
    assert row[0] == "(not read)"
    assert "does not serve it" in row[6]


def test_another_incident_under_a_known_code_name_is_not_shown(log: Coc, office: Office) -> None:
    office.add(0)
    log()
    incident, cleared = office.listed[0]
    renamed = replace(incident, code_name=CodeName("GREEN-OWL-11"))
    office.listed[0] = (renamed, cleared)

    (row,) = rows_of(log("--csv", "-"))

    assert row[0] == "(not read)"
    assert "another incident under GREEN-OWL-11" in row[6]


def test_a_list_with_a_code_name_twice_is_refused(log: Coc, office: Office) -> None:
    office.add(0)
    office.listed *= 2

    result = log()

    assert result.exit_code == 1
    assert "not one that this desk understands" in result.stderr


def test_nothing_of_a_card_is_written_to_disk_unasked(log: Coc, office: Office, coc: Coc) -> None:
    office.add(0, summary="canary-summary-3e0a7f52c1")
    assert "canary-summary-3e0a7f52c1" in log().stdout.replace("\n", "")

    kept = [path.read_bytes() for path in coc.folder.rglob("*") if path.is_file()]
    assert kept != []
    assert not any(b"canary-summary-3e0a7f52c1" in content for content in kept)


def test_a_thousand_incidents_come_out_whole_and_in_order(log: Coc, office: Office) -> None:
    """One of four has a diary that is opened: to seal a thousand would take the most of the test's time."""
    for number in range(1_000):
        office.add(number, cleared=number % 4 == 0)

    result = log("--csv", "-")

    rows = rows_of(result)
    assert result.exit_code == 0
    assert [row[6].split()[0] for row in rows] == [one.code_name for one, _ in office.listed]
    assert [row[0] for row in rows] == [
        "(not cleared)" if number % 4 else f"Reporter {number}" for number in range(1_000)
    ]
    assert "1,000 incidents, 250 of them with a diary you may read." in result.stderr


def test_many_incidents_of_others_need_no_opening(log: Coc, office: Office) -> None:
    for number in range(100):
        office.add(number, cleared=number % 20 == 0)

    result = log("--csv", "-")

    shown = [row[0] for row in rows_of(result) if row[0] != "(not cleared)"]
    assert shown == [f"Reporter {number}" for number in range(0, 100, 20)]
    assert "100 incidents, 5 of them with a diary you may read." in result.stderr


def test_a_desk_that_is_not_connected_says_so(coc: Coc, team: Team, locked: bytes) -> None:
    robert = team.robert
    home = Home(coc.folder)
    home.keep_identity(locked, PublicKeys(robert.alias, robert.recipient, robert.signing_key))

    result = coc("log")

    assert result.exit_code == 1
    assert "not connected" in result.stderr
