"""What a member typed survives whatever goes wrong, and lies nowhere in clear afterwards."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from desk import drafts
from desk.service import Service
from integration.errors import ServiceUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from desk.drafts import Draft
    from tests.desk.conftest import At, Shelf, Team

NAME = "BLUE-JAY-27"
WORDS = "canary-typed-6d02c7b1f4a84e5f93be1a77"


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an editor's files go, in place of the machine's memory."""
    place = tmp_path / "memory"
    place.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    return place


def kept(robert: At, team: Team) -> list[Draft]:
    folder = robert.desk.folder / "drafts"
    return [drafts.take(path, team.robert) for path in sorted(folder.glob("*.age"))]


def nothing_in_clear(*folders: Path) -> bool:
    return not any(
        WORDS.encode() in path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    )


# Standard input


def test_text_from_standard_input_is_kept_if_the_service_does_not_answer(
    robert: At, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_self: Service, _code_name: str) -> None:
        raise ServiceUnreachable("no answer")

    monkeypatch.setattr(Service, "diary", away)

    result = robert("diary", "write", NAME, "--kind", "meeting", "--file", "-", input=f"{WORDS}\n")

    (draft,) = kept(robert, team)
    assert result.exit_code == 1
    assert (draft.code_name, draft.entry.content, draft.entry.body.reveal()) == (NAME, "meeting", WORDS)
    assert f"coc diary write {NAME} --draft" in result.stderr
    assert nothing_in_clear(robert.desk.folder)


def test_text_from_standard_input_is_kept_if_there_are_findings(robert: At, shelf: Shelf, team: Team) -> None:
    robert("diary", "write", NAME, "--file", "-", input="one\n")
    shelf.sealed.pop()

    result = robert("diary", "write", NAME, "--file", "-", input=f"{WORDS}\n")

    assert result.exit_code == 1
    assert [WORDS] == [one.entry.body.reveal() for one in kept(robert, team)]


def test_text_from_standard_input_is_kept_if_the_passphrase_is_wrong(
    robert: At, team: Team, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not this one\n", encoding="utf-8")

    result = robert.desk(
        "diary", "write", NAME, "--file", "-", "--passphrase-file", str(wrong), input=f"{WORDS}\n"
    )

    assert result.exit_code == 1
    assert [WORDS] == [one.entry.body.reveal() for one in kept(robert, team)]


def test_a_draft_of_a_card_keeps_what_changes_and_is_handed_over_with_it(
    robert: At, shelf: Shelf, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_self: Service, _code_name: str) -> None:
        raise ServiceUnreachable("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(Service, "diary", away)
        robert("diary", "write", NAME, "--summary", "Two talks", "--file", "-", input=f"{WORDS}\n")
    (path,) = (robert.desk.folder / "drafts").glob("*.age")

    done = robert("diary", "write", NAME, "--draft", str(path))
    read = robert("diary", "read", NAME)

    assert done.exit_code == 0, done.output
    assert "Two talks" in read.stdout
    assert not path.exists()
    assert shelf.newest.seq == 4
    assert kept(robert, team) == []


def test_what_stands_in_a_file_already_is_not_kept_a_second_time(
    robert: At, shelf: Shelf, team: Team, tmp_path: Path
) -> None:
    robert("diary", "write", NAME, "--file", "-", input="one\n")
    shelf.sealed.pop()
    file = tmp_path / "words"
    file.write_text(WORDS, encoding="utf-8")

    robert("diary", "write", NAME, "--file", str(file))

    assert kept(robert, team) == []


# The editor


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An editor that does what the file ``does`` says, with the entry's file as ``$1`` and our process as ``$COC``."""
    script = tmp_path / "editor.sh"
    script.write_text(f"#!/bin/sh\n. {tmp_path}/does\n", encoding="utf-8")
    script.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("COC", str(os.getpid()))
    before = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGHUP, signal.SIGTERM)}
    yield tmp_path / "does"
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.filterwarnings(  # the editor is not ours to end; it gets its own signal from a terminal
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("name", ["HUP", "TERM"])
def test_a_terminal_that_closes_leaves_no_clear_text_and_loses_none(
    robert: At, team: Team, editor: Path, memory: Path, name: str
) -> None:
    editor.write_text(f'printf "{WORDS}\\n" > "$1"\nkill -{name} $COC\nsleep 2\n', encoding="utf-8")

    result = robert("diary", "write", NAME)

    assert result.exit_code == 128 + getattr(signal, f"SIG{name}")
    assert [WORDS] == [one.entry.body.reveal() for one in kept(robert, team)]
    assert list(memory.iterdir()) == []
    assert nothing_in_clear(robert.desk.folder)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as it was before


def test_closing_the_terminal_of_a_real_desk_leaves_a_draft_and_nothing_else(
    robert: At, team: Team, editor: Path, memory: Path
) -> None:
    editor.write_text(f'printf "{WORDS}\\n" > "$1"; touch "$0.saved"; sleep 30\n', encoding="utf-8")
    master, terminal = pty.openpty()
    own_terminal = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    command = [sys.executable, "-c", f"{own_terminal}; from desk.cli import main; main()"]
    command += ["--home", str(robert.desk.folder)]
    command += ["diary", "write", NAME, "--passphrase-file", robert.passphrase_file]
    desk = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    while not editor.with_name("editor.sh.saved").exists():
        assert desk.poll() is None
        time.sleep(0.05)

    os.close(master)  # the kernel now hangs up the desk and its editor

    desk.wait(timeout=60)
    assert [WORDS] == [one.entry.body.reveal() for one in kept(robert, team)]
    assert list(memory.iterdir()) == []
    assert nothing_in_clear(robert.desk.folder)


def killed_while_open(saved: bytes) -> None:
    """A desk that is killed while its editor is open."""
    child = os.fork()
    if child == 0:
        with drafts.private_folder(NAME) as folder:
            (folder / "entry.txt").write_bytes(saved)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def test_what_a_killed_desk_left_behind_is_kept_encrypted_and_removed(
    robert: At, team: Team, memory: Path
) -> None:
    killed_while_open(WORDS.encode())
    left = [path.name for path in memory.iterdir()]

    result = robert("diary", "read", NAME)

    assert len(left) == 1
    assert list(memory.iterdir()) == []
    assert [(NAME, WORDS)] == [(one.code_name, one.entry.body.reveal()) for one in kept(robert, team)]
    assert "was cut off" in result.stderr


def test_the_folder_of_an_editor_that_is_open_is_left_alone(robert: At, team: Team, memory: Path) -> None:
    with drafts.private_folder(NAME) as folder:
        (folder / "entry.txt").write_text(WORDS, encoding="utf-8")
        robert("diary", "read", NAME)

        assert folder.exists()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(memory.iterdir()) == []
    assert kept(robert, team) == []


def test_folders_of_others_are_left_alone(robert: At, memory: Path) -> None:
    (memory / "coc-of-another-program").mkdir()
    (memory / "coc-link").symlink_to(memory / "coc-of-another-program")

    robert("diary", "read", NAME)

    assert {"coc-of-another-program", "coc-link"} == {path.name for path in memory.iterdir()}


def test_an_editor_that_returns_at_once_is_waited_for(robert: At, editor: Path) -> None:
    """Some open a window and return; the member saves there and presses Enter."""
    editor.write_text(f'(sleep 0.2; printf "{WORDS}\\n" > "$1"; touch "$0.saved") &\n', encoding="utf-8")
    saved = editor.with_name("editor.sh.saved")

    class Answer:
        """Presses Enter as soon as the editor has saved."""

        def __init__(self) -> None:
            self.asked = 0

        def __call__(self, *_args: object, **_more: object) -> str:
            self.asked += 1
            while not saved.exists():
                time.sleep(0.01)
            return ""

    answer = Answer()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("desk.editing.click.prompt", answer)
        result = robert("diary", "write", NAME)

    assert result.exit_code == 0, result.output
    assert answer.asked == 1
    assert WORDS in robert("diary", "read", NAME).stdout


def test_text_that_an_editor_saves_in_another_encoding_is_a_draft_and_not_an_entry_yet(
    robert: At, shelf: Shelf, editor: Path, memory: Path
) -> None:
    """An entry cannot be changed any more, and whether it was Latin-1 only its author sees."""
    editor.write_text(r'printf "Gespr\\344ch mit J\\366rg\n" > "$1"', encoding="utf-8")

    result = robert("diary", "write", NAME)
    (path,) = (robert.desk.folder / "drafts").glob("*.age")
    shown = robert("diary", "draft", str(path))
    done = robert("diary", "write", NAME, "--draft", str(path))

    assert result.exit_code == 1
    assert "not text in UTF-8" in result.stderr
    assert "Nothing was saved" not in result.stderr
    assert f"coc diary draft {path}" in result.stderr
    assert list(memory.iterdir()) == []
    assert "Gespräch mit Jörg\n" in shown.stdout
    assert done.exit_code == 0, done.output
    assert shelf.newest.seq == 4
    assert "│ Gespräch mit Jörg\n" in robert("diary", "read", NAME).stdout


def test_line_ends_of_windows_become_those_of_an_entry(robert: At, editor: Path) -> None:
    editor.write_text(f'printf "{WORDS}\\r\\nand more\\r\\n" > "$1"', encoding="utf-8")

    assert robert("diary", "write", NAME).exit_code == 0
    assert f"  │ {WORDS}\n  │ and more\n" in robert("diary", "read", NAME).stdout


def test_a_draft_in_an_encoding_that_is_not_latin_1_still_has_every_byte(
    robert: At, team: Team, editor: Path, memory: Path
) -> None:
    saved = "Zażółć\r\ngęślą".encode("utf-16")
    (memory / "saved").write_bytes(saved)
    editor.write_text(f'cp {memory}/saved "$1"', encoding="utf-8")

    robert("diary", "write", NAME)

    assert [saved] == [one.entry.body.reveal().encode("latin-1") for one in kept(robert, team)]


def test_standard_input_in_another_encoding_is_kept_too(robert: At, shelf: Shelf, team: Team) -> None:
    result = robert("diary", "write", NAME, "--file", "-", input="Gespräch\n".encode("latin-1"))

    assert result.exit_code == 1
    assert "not text in UTF-8" in result.stderr
    assert ["Gespräch"] == [one.entry.body.reveal() for one in kept(robert, team)]
    assert shelf.newest.seq == 2


def test_what_a_killed_desk_left_behind_in_another_encoding_is_kept_and_said(
    robert: At, team: Team, memory: Path
) -> None:
    killed_while_open("Gespräch".encode("latin-1"))

    result = robert("diary", "read", NAME)

    assert list(memory.iterdir()) == []
    assert ["Gespräch"] == [one.entry.body.reveal() for one in kept(robert, team)]
    assert "not text in UTF-8" in result.stderr


def test_an_editor_that_saves_nothing_is_named_with_what_helps(
    robert: At, shelf: Shelf, editor: Path
) -> None:
    editor.write_text("true\n", encoding="utf-8")

    result = robert("diary", "write", NAME)

    assert result.exit_code == 1
    assert "--wait" in result.stderr
    assert shelf.newest.seq == 2


def test_an_editor_that_is_not_there_is_said_to_be_the_trouble(
    robert: At, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "no-such-editor-at-all")
    monkeypatch.delenv("VISUAL", raising=False)

    result = robert("diary", "write", NAME)

    assert result.exit_code == 1
    assert "no-such-editor-at-all" in result.stderr
    assert "did not start" in result.stderr
    assert shelf.newest.seq == 2


# Reading a draft again


def test_a_draft_that_cannot_be_handed_over_can_be_read_back(robert: At, tmp_path: Path) -> None:
    body = f"{WORDS}\n" + "x" * 5_000_000
    result = robert("diary", "write", NAME, "--file", "-", input=f"{body}\x1b[2J\n")
    (path,) = (robert.desk.folder / "drafts").glob("*.age")

    shown = robert("diary", "draft", str(path))
    written = robert("diary", "draft", str(path), "--output", str(tmp_path / "again.txt"))

    assert result.exit_code == 1
    assert f"coc diary draft {path}" in result.stderr
    assert shown.exit_code == 0
    assert WORDS in shown.stdout
    assert "\x1b" not in shown.stdout
    assert written.exit_code == 0
    assert f"{body}\x1b[2J" == (tmp_path / "again.txt").read_text(encoding="utf-8")
    assert stat.S_IMODE((tmp_path / "again.txt").stat().st_mode) == 0o600
    assert path.exists()
