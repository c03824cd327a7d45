"""A notifier that remembers, and a mail server on loopback that listens."""

from __future__ import annotations

import socketserver
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Told:
    """A notifier that remembers. ``trouble`` may raise before it does."""

    mails: list[tuple[tuple[str, ...], str, str]] = field(default_factory=list)
    trouble: Exception | None = None

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.mails.append((tuple(addresses), subject, text))


class _Conversation(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs to give a mail away."""

    server: MailServer

    def handle(self) -> None:
        self._say("220 mail.example.org")
        sender = ""
        to: list[str] = []
        while line := self.rfile.readline().decode("utf-8").strip():
            word = line.split(" ", 1)[0].upper()
            self.server.commands.append(word)
            if word == "QUIT":
                self._say("221 bye")
                return
            if word == "EHLO":
                self._say("250-mail.example.org\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                self.server.logins.append(line.split(" ")[-1])
                self._say("235 welcome")
            elif word == "MAIL":
                sender, to = line, []
                self._say("250 ok")
            elif word == "RCPT":
                address = line[line.index("<") + 1 : line.index(">")]
                if address in self.server.refuses:
                    self._say(f"550 {address} is not here")
                else:
                    to.append(address)
                    self._say("250 ok")
            elif word == "DATA":
                self._say("354 go on")
                lines = []
                while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(part)
                self.server.mails.append((sender, to, b"".join(lines).decode("utf-8")))
                self._say("250 taken")
            else:
                self._say("250 ok" if word == "RSET" else "502 what?")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server on loopback. ``mails`` are (MAIL line, addresses, text); ``refuses`` are unknown addresses."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[tuple[str, list[str], str]] = []
        self.refuses: set[str] = set()
        self.commands: list[str] = []
        self.logins: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])
