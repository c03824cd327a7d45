"""Content-free mail to members: a code name, what waits, and what to do. Nothing of a report is ever in it."""

from __future__ import annotations

import smtplib
import ssl
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import make_msgid
from typing import TYPE_CHECKING

from integration.errors import NotifyError, PartlyTold
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = Log("coc.notify")
_TIMEOUT = 20
_NEVER = 500
"""From this code of SMTP on, it is no use to try the same mail again."""
_FRUITLESS = 3
"""Sessions that the mail server ended before it had taken or refused anything; then it is left alone for a while."""
_PAUSE = 60
"""Seconds until those who are left of a notice are tried again; twice as long after each try."""
_TRIES = 12
"""Of a notice that some took, within a day and a half; who is left then, goes without."""
_FORGOTTEN = 3600
"""Seconds after which a notice that is due is one that nobody sends any more; the same words are then another notice."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """An SMTP server of the team, and who runs ours. ``starttls`` may be false only on loopback."""

    host: str
    port: int
    sender: str
    starttls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    operator: str | None = None


@dataclass(slots=True)
class _Round:
    """How far a notice has come: who took it, whom the mail server refuses, and what was in the way of the others."""

    took: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    trouble: str = ""
    tries: int = 0
    due: float = 0.0

    def left(self, addresses: Sequence[str]) -> list[str]:
        """Who may get it yet."""
        return [one for one in addresses if one not in self.took and one not in self.refused]


class MailNotifier:
    """Sends each notice in a mail of its own, so that nobody sees who else was told.

    Whoever sends a notice again need not know who took it already: that is kept here, in memory.
    """

    def __init__(self, settings: MailSettings, steady: Callable[[], float] = time.monotonic) -> None:
        """``steady`` gives seconds that nobody puts back or forward."""
        self._settings = settings
        self._steady = steady
        self._begun: dict[tuple[str, str], _Round] = {}
        """Notices that some took and others may get yet."""

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:
        """Send a notice to each address. One that is refused does not keep the others from theirs.

        Raises:
            PartlyTold: some took it. If the same notice is sent again, only the others get it.
            NotifyError: the mail server took none of the mails.
        """
        if not addresses:
            raise NotifyError(
                "There is nobody to tell: no member is on duty and no recovery key is in the roster.",
                next_step="Put a member on duty in the roster.",
            )
        now = self._steady()
        for notice, begun in list(self._begun.items()):
            if now > begun.due + _FORGOTTEN:
                self._begun.pop(notice, None)
        one = self._begun.pop((subject, text), _Round())
        if now >= one.due:
            self._send(addresses, one, subject, text)
            one.tries += 1
            one.due = now + _PAUSE * 2 ** (one.tries - 1)
        if not one.took:
            raise _nobody_took_it(all_refused=not one.left(addresses), trouble=one.trouble)
        if one.left(addresses) and one.tries < _TRIES:
            self._begun[subject, text] = one
            raise PartlyTold(
                "The mail server took a notice for some addresses and not yet for others.",
                meaning="Some members may not know yet that something waits.",
                next_step="If it goes on, look at the mail server's log; the others are tried again by themselves.",
            )
        without = [address for address in addresses if address not in one.took]
        if without:
            _log.error("addresses-refused", count=len(without), of=len(addresses))

    def _send(self, addresses: Sequence[str], one: _Round, subject: str, text: str) -> None:
        """Try all that are left, in another session if the mail server ends one, as many do after some mails."""
        waiting = one.left(addresses)
        fruitless = 0
        while waiting and fruitless < _FRUITLESS:
            settled = len(one.took) + len(one.refused)
            try:
                with smtplib.SMTP(self._settings.host, self._settings.port, timeout=_TIMEOUT) as server:
                    if self._settings.starttls:
                        server.starttls(context=ssl.create_default_context())
                    if self._settings.user and self._settings.password:
                        server.login(self._settings.user, self._settings.password)
                    waiting = self._give(server, waiting, one, subject, text)
            except (OSError, ValueError, smtplib.SMTPException) as error:
                # There is no session; or only its end went wrong, and then nobody is left.
                one.trouble = type(error).__name__
                return
            fruitless += settled == len(one.took) + len(one.refused)

    def _give(
        self, server: smtplib.SMTP, addresses: Sequence[str], one: _Round, subject: str, text: str
    ) -> list[str]:
        """Give each its mail, until the mail server ends the session; who is to be tried in another one."""
        for number, address in enumerate(addresses):
            try:
                server.send_message(self._mail(address, subject, text))
            except (OSError, ValueError, smtplib.SMTPException) as error:
                one.trouble = type(error).__name__
                if _is_for_good(error):
                    one.refused.add(address)
            else:
                one.took.add(address)
            if server.sock is None:
                # With the first mail of a session it may be this very mail that ends it: it waits for the next try.
                again = number > 0 and address not in one.took and address not in one.refused
                return [*addresses[number if again else number + 1 :]]
        return []

    def _mail(self, address: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = address
        mail["Subject"] = subject
        mail["Message-ID"] = make_msgid(domain=self._settings.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail


def _is_for_good(error: Exception) -> bool:
    """Whether the mail server will not take this mail later either. One that ends the session has said nothing of the mail."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= _NEVER for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= _NEVER
    return isinstance(error, smtplib.SMTPNotSupportedError)


def _nobody_took_it(*, all_refused: bool, trouble: str) -> NotifyError:
    if all_refused:
        return NotifyError(
            "The mail server refused every address of a notice.",
            meaning="Members may not know yet that something waits.",
            next_step="Check [mail].from and the addresses in the roster; the notice is sent again by itself.",
        )
    return NotifyError(
        f"The mail server did not take a notice ({trouble}).",
        meaning="Members may not know yet that something waits.",
        next_step="Check [mail] in the configuration; the notice is sent again by itself.",
    )


class LogNotifier:
    """Without a mail server: the log says that there is a notice, and for which incident."""

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:  # noqa: ARG002 - the port's signature
        """Write the code name or ticket space with which the notice's subject begins into the log; nothing else of it."""
        name, _, _ = subject.partition(":")
        key = "space" if name.islower() else "incident"
        _log.warning("notice-without-mail", **{key: name}, count=len(addresses))
