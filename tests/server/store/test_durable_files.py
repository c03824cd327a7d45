"""What is left of a secret file that was being written goes; the file, and what another process is writing, never."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.opening import open_database
from webhook_server.status import look
from webhook_server.store.durable_files import destroy, halves_of, write_durably
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from pathlib import Path

KILLED = """
import os, signal, sys
real = os.fsync
def is_killed_after(descriptor):
    real(descriptor)
    os.kill(os.getpid(), signal.SIGKILL)
from webhook_server.cli import main
os.fsync = is_killed_after
main(sys.argv[1:])
"""


def start(config: Path) -> None:
    loaded = load_config(config)
    open_database(loaded, make_engine(loaded.database_url), "server").close()


@pytest.fixture
def killed(filled_in: Path) -> tuple[Path, str]:
    """The configuration of a server of which a rotation was killed before the new file was in place, and its root key."""
    start(filled_in)
    (key,) = (filled_in.parent / "root.key").read_text().split()
    words = [sys.executable, "-c", KILLED, "keys", "rotate", "--config", str(filled_in)]
    assert -signal.SIGKILL == subprocess.run(words, check=False).returncode
    assert f"{key}\n" == (filled_in.parent / "root.key").read_text()
    assert 2 == len(with_key(filled_in.parent, key))
    return filled_in, key


def with_key(folder: Path, key: str) -> list[str]:
    return sorted(
        file.name for file in folder.rglob("*") if file.is_file() and key.encode() in file.read_bytes()
    )


def keys(config: Path, word: str) -> str:
    done = CliRunner().invoke(main, ["keys", word, "--config", str(config)])
    assert 0 == done.exit_code, done.output
    return done.output


def test_after_a_rotation_that_was_killed_and_a_whole_one_the_retired_key_is_nowhere(
    killed: tuple[Path, str],
) -> None:
    config, key = killed

    keys(config, "rotate")
    keys(config, "retire")

    assert [] == with_key(config.parent, key)


def test_it_is_told_of_and_a_start_removes_it(killed: tuple[Path, str]) -> None:
    config, key = killed
    (half,) = halves_of(config.parent / "root.key")

    told = keys(config, "list"), str(look(config, datetime.now(UTC), lambda *_: "ok").warnings)
    start(config)

    assert all(f"left root keys in {half.name}" in one for one in told)
    assert ["root.key"] == with_key(config.parent, key)
    assert "left root keys" not in keys(config, "list")


def test_nothing_else_is_taken_for_a_half(tmp_path: Path) -> None:
    others = (
        "root.key.bak.half",
        "root.key.12345678.half.txt",
        "other.key.12345678.half",
        "root.key.half",
        "root.key2",
    )
    for name in (*others, "root.key.12345678.half"):
        (tmp_path / name).touch()

    write_durably(tmp_path / "root.key", b"new")

    assert {*others, "root.key"} == {one.name for one in tmp_path.iterdir()}
    assert b"new" == (tmp_path / "root.key").read_bytes()


def test_what_another_process_is_writing_is_left_to_it(tmp_path: Path) -> None:
    half = tmp_path / "root.key.12345678.half"
    with half.open("wb") as writes:
        fcntl.flock(writes, fcntl.LOCK_EX)
        write_durably(tmp_path / "root.key", b"new")
        assert [] == halves_of(tmp_path / "root.key")
        assert half.exists()

    assert [half] == halves_of(tmp_path / "root.key")


def test_a_secret_is_locked_until_it_is_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, real = [], os.fsync

    def look(descriptor: int) -> None:
        seen.append([*tmp_path.glob("*.half"), *halves_of(tmp_path / "root.key")])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", look)

    write_durably(tmp_path / "root.key", b"new")

    assert 1 == len(seen[0])  # it is there, and nobody would remove it


@pytest.mark.parametrize("size", [32, 90])
def test_what_is_destroyed_is_overwritten_first(tmp_path: Path, size: int) -> None:
    """Somebody holds it open, as a snapshot would."""
    file = tmp_path / "one.key"
    file.write_bytes(b"k" * size)
    with file.open("rb") as held:
        destroy(file)

        assert bytes(size) == held.read()
    assert not file.exists()


def test_it_is_on_disk_before_its_name_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, synced = tmp_path / "one.key", []
    file.write_bytes(b"k" * 32)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: synced.append(file.exists()))

    destroy(file)

    assert [True, False] == synced
