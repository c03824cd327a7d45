"""Strangers at the real server's door, with as few descriptors as a service has by default."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.faults.form_tool import FORMS, FormTool
from tests.faults.world import fault_world, serving_process, wait_for
from webhook_server.receiving import LARGEST_OTHER

if TYPE_CHECKING:
    from integration.diary.keys import Identity

_DESCRIPTORS = 1024


def test_strangers_who_take_all_connections_and_all_room_keep_no_report_out_and_are_told(
    tmp_path: Path, identities: dict[str, Identity]
) -> None:
    few = ["prlimit", f"--nofile={_DESCRIPTORS}", "--"]
    with (
        ExitStack() as stack,
        fault_world(tmp_path, identities=identities) as world,
        serving_process(world, through=few) as server,
    ):
        tool = FormTool(world, seed=1, pace=1)
        address = (urlsplit(world.play.origin).hostname, urlsplit(world.play.origin).port)

        def send(path: str, announced: int, body: bytes) -> None:
            stranger = stack.enter_context(socket.create_connection(address, timeout=60))
            stranger.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n".encode() + body
            )

        for _ in range(600):
            send("/in/x", 1000, b"{")
        assert [200] * len(FORMS) == [tool.try_once(form) for form in FORMS]
        assert len(list(Path(f"/proc/{server.pid}/fd").iterdir())) < _DESCRIPTORS * 3 // 4

        for _ in range(9):
            send("/in/form-jira", LARGEST_OTHER, b"x" * (LARGEST_OTHER - 1))
        told = f"event=intake source=form-jira outcome=not-received size={LARGEST_OTHER}"
        wait_for(lambda: told in world.log.read_text(encoding="utf-8"), "the line in the log", seconds=60)
        assert [200] * len(FORMS) == [tool.try_once(form) for form in FORMS]
        assert world.is_ready()
