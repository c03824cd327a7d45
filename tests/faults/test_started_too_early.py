"""SQLite: `coc-server serve` is started again while the one before still writes to a host."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from sandbox.wire import Wire
from tests.faults.form_tool import FormTool
from tests.faults.verdict import tickets, verdict, wait_until_done
from tests.faults.world import ServerProcess, fault_world, lives_of, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from integration.diary.keys import Identity
    from tests.faults.world import FaultWorld, Nursery

_COMMENTS = 2  # keyring and opening entry
_SLOW = 7.5
"""Seconds that Jira takes for one request: longer than a server needs to begin, shorter than one may take to end."""


def test_no_second_server_works_while_the_first_still_writes(
    tmp_path: Path, identities: dict[str, Identity], nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by hand: SIGTERM, and the command again at once. Here it comes a moment earlier, since a start takes a while."""
    with fault_world(tmp_path / "server", identities=identities) as world:
        held = hold_the_first_comment(world, monkeypatch)
        first, second = ServerProcess(world), None
        try:
            first.wait_until_ready()
            tool = FormTool(world, seed=1, pace=1)
            tool.submit("form-jira")
            assert held.wait(60)

            second = ServerProcess(world)
            wait_for(lambda: "Waiting up to 12 seconds for its end" in said(world), "its words", seconds=60)
            os.kill(first.pid, signal.SIGTERM)
            wait_for(lambda: first.ended or listening(world) > 1, "the first's end", seconds=60)
            assert first.ended, "the second did not wait for it"

            second.wait_until_ready()
            with lives_of(world, nursery) as other:
                waiting = wait_until_done(other.says, seconds=120)
            assert [] == verdict(world, tool.submissions, waiting=waiting).wrong
            (ticket,) = tickets(world, "jira")
            # The request that was under way at the end may stand there once more, as after any crash; no other may.
            assert len(ticket.comments) <= _COMMENTS + 1
        finally:
            first.kill()
            if second is not None:
                second.kill()


def hold_the_first_comment(world: FaultWorld, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Jira takes its time for the first diary comment; set when that has been asked for."""
    real, wire, held = Wire.__call__, world.play.jira.wire, threading.Event()

    def slow(self: Wire, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 - as the real one
        posts = environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].endswith("/comment")
        if self is wire and posts and not held.is_set():
            held.set()
            time.sleep(_SLOW)
        return real(self, environ, start_response)

    monkeypatch.setattr(Wire, "__call__", slow)
    return held


def listening(world: FaultWorld) -> int:
    """How many servers have begun to listen since the world began."""
    return said(world).count("Listening on")


def said(world: FaultWorld) -> str:
    """What all of them said."""
    return world.log.read_text(encoding="utf-8")
