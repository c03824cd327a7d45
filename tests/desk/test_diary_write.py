"""``coc diary write`` from end to end: the real API and the real check of what a desk sends, HTTP on loopback."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from desk import drafts
from desk.home import Home
from desk.reading import trust_of
from desk.service import Service
from integration.diary.open import open_diary
from integration.errors import HeadConflict, HomeError, ServiceUnreachable, WriteRefused
from integration.mirror import TicketName
from integration.roster import parse_roster
from integration.text import SealedText

if TYPE_CHECKING:
    from click.testing import Result

    from integration.diary.chain import Head
    from integration.diary.contents import Diary
    from tests.desk.conftest import Coc, Shelf, Team

NAME = "BLUE-JAY-27"
WORDS = "canary-words-7f30c1d2a4b94e7791a0be55"


@pytest.fixture
def write(roberts: Coc, passphrase_file: str) -> Coc:
    class Write:
        folder = roberts.folder

        def __call__(self, *args: str, input: str | bytes | None = None) -> Result:  # noqa: A002 - click's name
            return roberts("diary", "write", NAME, *args, "--passphrase-file", passphrase_file, input=input)

    return Write()


def opened(shelf: Shelf, team: Team) -> Diary:
    trust = trust_of(shelf.incident.id, TicketName(str(shelf.incident.ticket)), team.roster)
    return open_diary([one.text for one in shelf.sealed], identity=team.robert, trust=trust)


def files_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_first_write_renews_the_keys_and_then_writes(write: Coc, shelf: Shelf, team: Team) -> None:
    result = write("--kind", "meeting", "--when", "2026-11-21T18:00:00Z", "--file", "-", input=f"{WORDS}\n")

    diary = opened(shelf, team)
    entry = diary.entries[-1]
    assert result.exit_code == 0, result.output
    assert "keys were renewed" in result.stderr
    assert "Entry 4 of BLUE-JAY-27 is written" in result.stderr
    assert (entry.author, entry.content, entry.body.reveal()) == ("member:robert", "meeting", WORDS)
    assert entry.event_at.isoformat() == "2026-11-21T18:00:00+00:00"
    assert entry.epoch == 2
    assert diary.findings == ()
    assert diary.rekey_due is False


def test_the_second_write_opens_no_further_epoch(write: Coc, shelf: Shelf, team: Team) -> None:
    write("--file", "-", input="one\n")

    assert write("--file", "-", input="two\n").exit_code == 0

    assert [entry.epoch for entry in opened(shelf, team).entries] == [1, 2, 2]


def test_the_desk_remembers_what_it_wrote(write: Coc, shelf: Shelf) -> None:
    write("--file", "-", input="one\n")

    seen = Home(write.folder).remembered(NAME)
    assert seen is not None
    assert seen.head == shelf.newest


def test_when_somebody_else_was_faster_it_is_signed_again_for_the_new_head(
    write: Coc, shelf: Shelf, team: Team
) -> None:
    write("--file", "-", input="one\n")
    shelf.faster.append("a second report")

    result = write("--file", "-", input=f"{WORDS}\n")

    diary = opened(shelf, team)
    assert result.exit_code == 0, result.output
    assert ["a second report", WORDS] == [entry.body.reveal() for entry in diary.entries[-2:]]
    assert diary.findings == ()


def test_when_others_are_always_faster_the_text_is_kept_encrypted_and_can_be_handed_over_later(
    write: Coc, shelf: Shelf, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(*_args: object, **_more: object) -> Head:
        raise HeadConflict("faster")

    with monkeypatch.context() as patched:
        patched.setattr(type(shelf), "record", conflict)
        result = write("--file", "-", input=f"{WORDS}\n")

    (kept,) = (write.folder / "drafts").iterdir()
    assert result.exit_code == 1
    assert "somebody else wrote" in result.stderr.lower()
    assert str(kept) in result.stderr
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert WORDS.encode() not in files_under(write.folder)

    again = write("--draft", str(kept))

    assert again.exit_code == 0, again.output
    assert opened(shelf, team).entries[-1].body.reveal() == WORDS
    assert not kept.exists()


def test_a_refused_write_is_told_and_the_text_is_kept(
    write: Coc, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> Head:
        raise WriteRefused("The audience changed.\x1b[2J")

    monkeypatch.setattr(type(shelf), "record", refuse)

    result = write("--file", "-", input=f"{WORDS}\n")

    assert result.exit_code == 1
    assert "The service does not take this: The audience changed.?[2J" in result.stderr
    assert len(list((write.folder / "drafts").iterdir())) == 1
    assert WORDS not in result.output


def test_an_answer_that_got_lost_is_looked_up_before_anything_is_written_again(
    write: Coc, shelf: Shelf, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Service.write

    def lost(
        self: Service, code_name: str, *, head: Head, comments: list[str], readers: list[str] | None
    ) -> Head:
        real(self, code_name, head=head, comments=comments, readers=readers)
        raise ServiceUnreachable("no answer")

    monkeypatch.setattr(Service, "write", lost)

    result = write("--file", "-", input=f"{WORDS}\n")

    assert result.exit_code == 0, result.output
    assert [WORDS] == [entry.body.reveal() for entry in opened(shelf, team).entries[1:]]


def test_a_request_that_never_arrived_is_said_to_have_written_nothing(
    write: Coc, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_self: Service, *_args: object, **_more: object) -> Head:
        raise ServiceUnreachable("no answer")

    monkeypatch.setattr(Service, "write", lost)

    result = write("--file", "-", input=f"{WORDS}\n")

    assert result.exit_code == 1
    assert "Nothing was written." in result.stderr
    assert shelf.newest.seq == 2


def test_a_damaged_entry_is_shown_and_the_member_decides(write: Coc, shelf: Shelf, team: Team) -> None:
    write("--file", "-", input="one\n")
    write("--file", "-", input="two\n")
    text = shelf.sealed[1].text
    at = text.index("\n", text.index("BEGIN AGE")) + 70
    broken = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    shelf.sealed[1] = replace(shelf.sealed[1], text=SealedText(broken))
    file = write.folder / "words"
    file.write_text("three", encoding="utf-8")

    from_stdin = write("--file", "-", input="three\n")
    no = write("--file", str(file), input="n\n")
    yes = write("--file", str(file), input="y\n")
    despite = write("--file", "-", "--despite-findings", input="four\n")

    assert (from_stdin.exit_code, no.exit_code, yes.exit_code, despite.exit_code) == (1, 1, 0, 0)
    assert "--despite-findings" in from_stdin.stderr
    assert "Write all the same?" in no.stderr
    assert ["three", "four"] == [entry.body.reveal() for entry in opened(shelf, team).entries[-2:]]


def test_nothing_is_written_into_a_history_that_is_not_the_one_seen(write: Coc, shelf: Shelf) -> None:
    write("--file", "-", input="one\n")
    shelf.sealed.pop()
    file = write.folder / "words"
    file.write_text("two", encoding="utf-8")

    result = write("--file", str(file), input="y\n")

    assert result.exit_code == 1
    assert "not the diary of BLUE-JAY-27 that this desk has seen before" in result.stderr
    assert shelf.newest.seq == 3


def test_a_card_is_changed_field_by_field(write: Coc, shelf: Shelf, team: Team) -> None:
    result = write("--summary", "A talk was interrupted", "--type", "conflict resolution")

    card = opened(shelf, team).card
    assert result.exit_code == 0, result.output
    assert card is not None
    assert card.reporter.reveal() == "Ana Example"
    assert card.summary.reveal() == "A talk was interrupted"
    assert card.type == "Conflict Resolution"


def test_a_name_for_the_card_can_be_asked_for_so_that_no_shell_history_has_it(
    write: Coc, shelf: Shelf, team: Team
) -> None:
    result = write("--kind", "card", "--subject", "--file", os.devnull, input="Bo Example\n")

    card = opened(shelf, team).card
    assert result.exit_code == 0, result.output
    assert card is not None
    assert card.subject.reveal() == "Bo Example"


def test_a_field_of_the_card_can_be_emptied(write: Coc, shelf: Shelf, team: Team) -> None:
    result = write("--reporter", "")

    card = opened(shelf, team).card
    assert result.exit_code == 0, result.output
    assert card is not None
    assert card.reporter.reveal() == ""
    assert card.summary.reveal() == "A talk was shouted down"


@pytest.mark.parametrize(
    "args",
    [
        ("--kind", "report"),
        ("--kind", "card"),
        ("--kind", "note", "--summary", "x"),
        ("--when", "yesterday"),
        ("--summary", "x" * 501),
    ],
)
def test_wrong_usage_is_said_and_nothing_is_written(write: Coc, shelf: Shelf, args: tuple[str, ...]) -> None:
    result = write(*args, "--file", "-", input="words\n")

    assert result.exit_code == 2
    assert shelf.newest.seq == 2


def test_an_empty_text_is_no_entry(write: Coc, shelf: Shelf) -> None:
    assert write("--file", "-", input=" \n").exit_code == 1
    assert shelf.newest.seq == 2


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that notes where it works, leaves a copy beside the file as many do, and ends as ``status`` says."""
    script = tmp_path / "editor.sh"
    script.write_text(
        f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/place\nstat -c %a "$(dirname "$1")" > {tmp_path}/mode\n'
        f'printf "%s\\n" "{WORDS}" > "$1"\ncp "$1" "$1~"\nexit "$(cat {tmp_path}/status)"\n',
        encoding="utf-8",
    )
    script.chmod(0o700)
    (tmp_path / "status").write_text("0", encoding="utf-8")
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.delenv("VISUAL", raising=False)
    return tmp_path


def test_the_editor_works_in_a_folder_for_the_member_only_and_it_is_removed(
    write: Coc, shelf: Shelf, team: Team, editor: Path
) -> None:
    result = write()

    place = Path((editor / "place").read_text(encoding="utf-8"))
    assert result.exit_code == 0, result.output
    assert opened(shelf, team).entries[-1].body.reveal() == WORDS
    assert (editor / "mode").read_text(encoding="utf-8").strip() == "700"
    assert not place.parent.exists()


def test_an_editor_that_fails_writes_nothing_and_loses_nothing(
    write: Coc, shelf: Shelf, team: Team, editor: Path
) -> None:
    (editor / "status").write_text("1", encoding="utf-8")

    result = write()

    (kept,) = (write.folder / "drafts").iterdir()
    place = Path((editor / "place").read_text(encoding="utf-8"))
    assert result.exit_code == 1
    assert shelf.newest.seq == 2
    assert not place.parent.exists()
    assert WORDS.encode() not in files_under(write.folder)
    assert drafts.take(kept, team.robert).entry.body.reveal() == WORDS
    with pytest.raises(HomeError):
        drafts.take(kept, team.miriam)


def test_somebody_not_cleared_is_told_before_they_write(miriams: Coc, passphrase_file: str) -> None:
    result = miriams("diary", "write", NAME, "--file", "-", "--passphrase-file", passphrase_file, input="x\n")

    assert result.exit_code == 1
    assert "that you are cleared for" in result.stderr


def test_a_roster_older_than_the_diarys_refuses_to_choose_readers(
    write: Coc, shelf: Shelf, team: Team
) -> None:
    """With the older one, somebody who was removed could be let in again."""
    newer = team.roster_file(serial=2, previous=team.roster.hash)
    shelf.sealed.clear()
    shelf.epoch, shelf.roster = None, parse_roster(newer, where="The roster")
    shelf.write("again")

    asked = write("--file", "-", input="x\n")
    despite = write("--file", "-", "--despite-findings", input="x\n")

    assert (asked.exit_code, despite.exit_code) == (1, 1)
    assert "unknown-roster" in asked.stderr
    assert "taken from roster 2; this desk trusts roster 1" in despite.stderr
    assert shelf.newest.seq == 2
