"""A mail server on loopback that keeps what it is given, for rehearsals and tests."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Mailbox:
    """Every mail that was sent: recipient and raw message. ``refuse`` makes it say no."""

    mails: list[tuple[str, bytes]] = field(default_factory=list)
    refuse: bool = False
    port: int = 0


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Serve on 127.0.0.1 until the block is left."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 mailbox")
            recipient = ""
            for line in self.rfile:
                command = line.decode("ascii", "replace").strip()
                verb = command.upper()
                if verb.startswith("RCPT TO:"):
                    recipient = command[8:].strip("<> ")
                    self.say("550 no" if box.refuse else "250 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    box.mails.append((recipient, self.message()))
                    self.say("250 kept")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 mailbox")

        def message(self) -> bytes:
            lines = []
            for line in self.rfile:
                if line.rstrip(b"\r\n") == b".":
                    break
                lines.append(
                    line.removeprefix(b".")
                )  # https://datatracker.ietf.org/doc/html/rfc5321#section-4.5.2
            return b"".join(lines)

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
