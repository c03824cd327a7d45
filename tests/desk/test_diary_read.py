"""``coc diary read`` and ``coc incidents`` from end to end: real keys, a real sealed diary, HTTP on loopback."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from desk.home import Home, PublicKeys, Remembered
from integration.diary.chain import Head
from integration.diary.comment import Link
from integration.errors import HomeError
from integration.incident import IncidentId
from integration.text import SealedText

if TYPE_CHECKING:
    from click.testing import Result

    from tests.desk.conftest import Coc, Shelf, Team

NAME = "BLUE-JAY-27"


@pytest.fixture
def read(roberts: Coc, passphrase_file: str) -> Coc:
    """``coc diary read`` at Robert's desk."""

    class Read:
        folder = roberts.folder

        def __call__(self, *args: str, input: str | bytes | None = None) -> Result:  # noqa: A002 - click's name
            args = args or (NAME,)
            return roberts("diary", "read", *args, "--passphrase-file", passphrase_file, input=input)

    return Read()


def remembered(desk: Coc) -> Remembered | None:
    return Home(desk.folder).remembered(NAME)


def test_a_cleared_member_reads_the_diary_and_everything_is_right(read: Coc, shelf: Shelf) -> None:
    result = read()

    assert result.exit_code == 0, result.output
    assert shelf.account in result.stdout
    assert shelf.subject in result.stdout
    assert "Ana Example" in result.stdout
    assert "2 * 1 = 2" in result.stdout
    assert (
        "Entry 2  report by the service (svc-2026a), 2026-11-20 08:15 UTC (written 2026-11-21 09:30 UTC)"
        in result.stdout
    )
    assert "Checked, 1 entry: authors, order and seals are right.\n" in result.stdout
    assert "This desk read it for the first time" in result.stdout


def test_the_code_name_may_be_typed_in_small_letters(read: Coc, shelf: Shelf) -> None:
    assert shelf.account in read("blue-jay-27").stdout


def test_a_new_entry_is_read_and_the_head_moves_on(read: Coc, shelf: Shelf) -> None:
    read()
    shelf.write("A second report on the same incident")

    result = read()

    seen = remembered(read)
    assert result.exit_code == 0
    assert (
        "Checked, 2 entries: authors, order and seals are right, and nothing that this desk saw"
        in result.stdout
    )
    assert seen is not None
    assert seen.head == shelf.newest


def test_an_older_diary_than_the_one_seen_is_found_and_does_not_make_the_desk_forget(
    read: Coc, shelf: Shelf
) -> None:
    shelf.write("A second report")
    read()
    newest = shelf.newest
    shelf.sealed.pop()

    for _ in range(2):
        result = read()
        assert result.exit_code == 3
        assert "missing-newest" in result.stdout
        assert shelf.account in result.stdout

    seen = remembered(read)
    assert seen is not None
    assert seen.head == newest


def test_a_diary_that_was_emptied_is_found(read: Coc, shelf: Shelf) -> None:
    read()
    shelf.sealed.clear()

    result = read()

    assert result.exit_code == 3
    assert "missing-newest" in result.stdout


def test_a_service_that_sends_less_than_it_claims_is_found(read: Coc, shelf: Shelf) -> None:
    shelf.claimed = Head(shelf.incident.id, 9, 1, Link("l" * 43))

    result = read()

    assert result.exit_code == 3
    assert "less-than-claimed" in result.stdout


def test_a_damaged_comment_is_found_and_the_others_are_read(read: Coc, shelf: Shelf) -> None:
    shelf.write("A second report")
    keyring, opening, second = shelf.sealed
    letter = second.text.index("\n", second.text.index("BEGIN AGE")) + 70
    broken = second.text[:letter] + ("A" if second.text[letter] != "A" else "B") + second.text[letter + 1 :]
    shelf.sealed = [keyring, opening, replace(second, text=SealedText(broken))]

    result = read()

    assert result.exit_code == 3
    assert shelf.account in result.stdout


def test_a_seal_by_a_key_that_the_pinned_roster_does_not_have_opens_nothing(
    read: Coc, shelf: Shelf, team: Team
) -> None:
    """Trust comes from the desk's own copy of the roster, whatever the service says about its keys."""
    other = team.roster_file(serial=2, previous=team.roster.hash).replace(b"svc-2026a", b"svc-2025a")
    Home(read.folder).connect(
        _origin(read), other, replace(team.roster, hash=hashlib.sha256(other).hexdigest())
    )

    result = read()

    assert result.exit_code == 1
    assert "sealed with a service key that your roster does not list: svc-2026a." in result.stderr
    assert shelf.account not in result.output


def _origin(desk: Coc) -> str:
    connection = Home(desk.folder).connection()
    assert connection is not None
    return connection.origin


def test_another_incident_under_a_known_code_name_is_refused(read: Coc, shelf: Shelf) -> None:
    read()
    shelf.incident = replace(shelf.incident, id=IncidentId("inc_" + "b" * 26))

    result = read()

    assert result.exit_code == 1
    assert "shows another incident under BLUE-JAY-27" in result.stderr


def test_a_known_incident_under_another_code_name_is_refused(read: Coc, shelf: Shelf) -> None:
    read()
    shelf.incident = replace(shelf.incident, code_name=type(shelf.incident.code_name)("AMBER-HERON-42"))

    result = read("AMBER-HERON-42")

    assert result.exit_code == 1
    assert shelf.account not in result.output


def test_an_incident_without_a_diary_yet_is_said(read: Coc, shelf: Shelf) -> None:
    shelf.sealed.clear()
    shelf.incident = replace(shelf.incident, ticket=None, ticket_url=None)

    result = read()

    assert result.exit_code == 1
    assert "has no diary yet" in result.stderr


def test_not_cleared_and_not_existing_are_said_alike(read: Coc, shelf: Shelf) -> None:
    not_there = read("AMBER-HERON-42")
    shelf.incident = replace(shelf.incident, code_name=type(shelf.incident.code_name)("AMBER-HERON-43"))
    not_cleared = read()

    assert (not_there.exit_code, not_there.output) == (not_cleared.exit_code, not_cleared.output)
    assert not_there.exit_code == 1
    assert "that you are cleared for" in not_there.stderr


def test_hostile_words_in_a_report_only_show_themselves(read: Coc, shelf: Shelf) -> None:
    shelf.write(
        "\x1b[2J\x1b]0;pwned\x07 \u202eevil\n\nChecked, 9 entries: authors, order and seals are right\n[bold]x[/bold]"
    )

    result = read()

    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "  │ \\x1b[2J\\x1b]0;pwned\\x07 \\u202eevil" in result.stdout
    assert "  │ Checked, 9 entries" in result.stdout
    assert [line for line in result.stdout.split("\n") if line.startswith("Checked")] == [
        "Checked, 2 entries: authors, order and seals are right."
    ]
    assert "[bold]x[/bold]" in result.stdout


def test_the_wrong_passphrase_is_said_with_what_to_do(read: Coc, roberts: Coc) -> None:
    result = roberts("diary", "read", NAME, input="another passphrase\n")

    assert result.exit_code == 1
    assert "does not open with this passphrase" in result.stderr
    assert "identity.age" in result.stderr
    assert read.folder == roberts.folder


def test_a_desk_without_a_key_names_the_first_step(coc: Coc, passphrase_file: str) -> None:
    result = coc("diary", "read", NAME, "--passphrase-file", passphrase_file)

    assert result.exit_code == 1
    assert "coc connect" in result.stderr


def test_a_service_that_is_not_there_is_said_with_a_way_around_it(
    coc: Coc, team: Team, locked: bytes, passphrase_file: str
) -> None:
    home = Home(coc.folder)
    home.keep_identity(locked, PublicKeys("robert", team.robert.recipient, team.robert.signing_key))
    home.connect("http://127.0.0.1:1", team.roster_file(), team.roster)

    result = coc("diary", "read", NAME, "--passphrase-file", passphrase_file)

    assert result.exit_code == 1
    assert "could not be reached" in result.stderr
    assert "docs/diary-format.md" in result.stderr


@pytest.mark.parametrize("name", ["", "..", "../../x", "BLUE JAY 27", "BLUE-JAY", "BLUE-JAY-27/../x"])
def test_what_is_no_code_name_is_wrong_usage(read: Coc, name: str) -> None:
    assert read(name).exit_code == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"version": 2}',
        b"\xff",
        b'{"version": 1, "incident": "inc_a", "ticket": "t", "head": {"seq": "2", "part": 1, "link": "x"}}',
    ],
)
def test_a_damaged_memory_is_not_taken_for_a_first_reading(read: Coc, content: bytes) -> None:
    """Else deleting a few bytes of it would hide that the newest entries were deleted."""
    read()
    (read.folder / "heads" / f"{NAME}.json").write_bytes(content)

    result = read()

    assert result.exit_code == 1
    assert "is damaged" in result.stderr
    with pytest.raises(HomeError):
        remembered(read)


def test_what_the_desk_keeps_holds_no_word_of_the_diary(read: Coc, shelf: Shelf) -> None:
    read()

    kept = b"".join(path.read_bytes() for path in read.folder.rglob("*") if path.is_file())
    assert json.loads((read.folder / "heads" / f"{NAME}.json").read_bytes())["head"]["seq"] == 3
    assert shelf.account.encode() not in kept
    assert shelf.subject.encode() not in kept


def test_a_fault_of_our_own_is_told_without_the_words_that_caused_it(
    read: Coc, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_args: object, **_more: object) -> None:
        raise RuntimeError(f"cannot show {shelf.account}")

    monkeypatch.setattr("desk.show.diary", faulty)

    result = read()

    assert result.exit_code == 1
    assert "RuntimeError in test_diary_read.py" in result.stderr
    assert shelf.account not in result.output


def test_incidents_are_listed_with_their_public_fields(roberts: Coc, passphrase_file: str) -> None:
    result = roberts("incidents", "--passphrase-file", passphrase_file)

    assert result.exit_code == 0
    for shown in (NAME, "Conduct Enforcement", "Reported", "2 * 1 = 2", "robert", "2026-11-21 09:30"):
        assert shown in result.stdout


def test_a_member_who_is_cleared_for_nothing_is_told_so(
    roberts: Coc, shelf: Shelf, passphrase_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(shelf), "cleared_incidents", lambda _self, _alias: [])

    result = roberts("incidents", "--passphrase-file", passphrase_file)

    assert result.exit_code == 0
    assert "not cleared for any incident" in result.stdout


def test_another_members_key_in_the_folder_is_refused(read: Coc, team: Team) -> None:
    miriam = team.miriam
    (read.folder / "identity.toml").write_text(
        PublicKeys("robert", miriam.recipient, miriam.signing_key).roster_lines(), encoding="ascii"
    )

    result = read()

    assert result.exit_code == 1
    assert "are of different keys" in result.stderr
