"""One process at a time on a SQLite file: the next one begins when the last thread of the one before is over."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from integration.errors import StoreError
from webhook_server.store.alone import alone_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 60
_LEAVES_THE_BLOCK = """
import sys
from webhook_server.store.alone import alone_on
with alone_on(sys.argv[1]) as keep:
    keep()
print("left", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'coc.sqlite'}"


@pytest.fixture
def ending(url: str) -> Iterator[subprocess.Popen[str]]:
    """A server that has left its work in good order, and of which a thread may still be at a host."""
    with subprocess.Popen(
        [sys.executable, "-c", _LEAVES_THE_BLOCK, url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "left\n" == process.stdout.readline()
        yield process
        process.kill()


def test_a_server_keeps_the_lock_until_its_process_ends(url: str, ending: subprocess.Popen[str]) -> None:
    with pytest.raises(StoreError, match="Another coc-server is running"), alone_on(url):
        pass

    ending.communicate()

    with alone_on(url):
        pass


def test_whoever_started_nothing_gives_the_lock_back(url: str) -> None:
    with alone_on(url):
        pass

    with alone_on(url):
        pass


def test_the_next_one_waits_for_the_end_and_says_so_once(url: str) -> None:
    taken, ends = threading.Event(), threading.Event()
    said: list[str] = []

    def first() -> None:
        with alone_on(url):
            taken.set()
            ends.wait(PATIENCE)

    def waits() -> None:
        said.append("waiting")
        ends.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert taken.wait(PATIENCE)

    with alone_on(url, patience=PATIENCE, waits=waits):
        assert ["waiting"] == said

    thread.join()
