"""A notifier that remembers, and a mail server on loopback that listens."""

from __future__ import annotations

import socketserver
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from integration.errors import AddressesRefused

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Told:
    """A notifier that remembers. ``trouble`` may raise before it does; ``refuses`` are addresses that get nothing."""

    mails: list[tuple[tuple[str, ...], str, str]] = field(default_factory=list)
    trouble: Exception | None = None
    refuses: set[str] = field(default_factory=set)

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        if self.trouble is not None:
            raise self.trouble
        took = tuple(one for one in addresses if one not in self.refuses)
        if addresses and not took:
            raise AddressesRefused("Every address was refused.")
        self.mails.append((took, subject, text))
        return [one for one in addresses if one in self.refuses]


class _Conversation(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs to give a mail away."""

    server: MailServer

    def handle(self) -> None:
        self._say("220 mail.example.org")
        sender = ""
        to: list[str] = []
        taken = 0
        while line := self.rfile.readline().decode("utf-8").strip():
            word = line.split(" ", 1)[0].upper()
            self.server.commands.append(word)
            goodbye = self._goodbye(line, taken)
            if goodbye is not None:
                self._say(goodbye)
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
                answer = self._answer_to(_address(line))
                if answer == "250 ok":
                    to.append(_address(line))
                self._say(answer)
            elif word == "DATA":
                self._say("354 go on")
                lines = []
                while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(part)
                self.server.mails.append((sender, to, b"".join(lines).decode("utf-8")))
                taken += 1
                self.server.is_closed = len(self.server.mails) == self.server.closes_after
                self._say("250 taken")
            else:
                self._say("250 ok" if word == "RSET" else "502 what?")

    def _goodbye(self, line: str, taken: int) -> str | None:
        """What is said before the session is ended, if this line ends it."""
        if line.upper() == "QUIT":
            return "221 bye"
        if self.server.is_closed or (line.startswith("mail") and taken == self.server.mails_of_a_session):
            return "421 come back later"
        return "" if line.startswith("rcpt") and _address(line) in self.server.hangs_up_on else None

    def _answer_to(self, address: str) -> str:
        if address in self.server.refuses:
            return f"550 {address} is not here"
        return f"450 {address} is busy" if address in self.server.puts_off else "250 ok"

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


def _address(line: str) -> str:
    return line[line.index("<") + 1 : line.index(">")]


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server on loopback. ``mails`` are (MAIL line, addresses, text); ``refuses`` are unknown addresses.

    It takes ``mails_of_a_session`` and then ends it; once it has taken ``closes_after`` in all, it begins no other one
    until ``is_closed`` is put back.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[tuple[str, list[str], str]] = []
        self.refuses: set[str] = set()
        self.puts_off: set[str] = set()
        self.hangs_up_on: set[str] = set()
        self.mails_of_a_session = -1
        self.closes_after = -1
        self.is_closed = False
        self.commands: list[str] = []
        self.logins: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])
