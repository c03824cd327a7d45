"""Content-free mail to members: a code name, what waits, and what to do. Nothing of a report is ever in it."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import make_msgid
from typing import TYPE_CHECKING

from integration.errors import AddressesRefused, NotifyError
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = Log("coc.notify")
_TIMEOUT = 20
_FRUITLESS = 2
"""Sessions that the mail server ended before it had taken or refused anything; then nothing more is tried."""


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


class MailNotifier:
    """Sends each notice in a mail of its own, so that nobody sees who else was told."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        """Send a notice to each address. One that is refused does not keep the others from theirs.

        A notice that some took counts as sent: sent again to all, it would go to those again and again. Gives the others.

        Raises:
            NotifyError: the mail server took none of the mails.
        """
        if not addresses:
            raise NotifyError(
                "There is nobody to tell: no member is on duty and no recovery key is in the roster.",
                next_step="Put a member on duty in the roster.",
            )
        left, trouble = self._send(addresses, subject, text)
        took = len(addresses) - len(left)
        if took == 0 and trouble:
            raise NotifyError(
                f"The mail server did not take a notice ({trouble}).",
                meaning="Members may not know yet that something waits.",
                next_step="Check [mail] in the configuration; the notice is sent again by itself.",
            )
        if took == 0:
            raise AddressesRefused(
                "The mail server refused every address of a notice.",
                meaning="Members may not know yet that something waits.",
                next_step="Check [mail].from and the addresses in the roster; the notice is sent again by itself.",
            )
        if left:
            _log.error("addresses-refused", count=len(left), of=len(addresses))
        return left

    def _send(self, addresses: Sequence[str], subject: str, text: str) -> tuple[list[str], str]:
        """Send a mail to each, in another session if the mail server ends one, as many do after some mails.

        Gives those whose mail it did not take, and what happened to a session in which it took none.
        """
        waiting, refused, fruitless, trouble = list(addresses), list[str](), 0, ""
        while waiting and fruitless < _FRUITLESS:
            taken = 0
            try:
                with smtplib.SMTP(self._settings.host, self._settings.port, timeout=_TIMEOUT) as server:
                    if self._settings.starttls:
                        server.starttls(context=ssl.create_default_context())
                    if self._settings.user and self._settings.password:
                        server.login(self._settings.user, self._settings.password)
                    taken = self._give(server, waiting, refused, subject, text)
                    if not _goes_on(server):
                        trouble = "the session was ended"
            except (OSError, ValueError, smtplib.SMTPException) as error:
                trouble = type(error).__name__
                if taken == 0:
                    break
            fruitless += taken == 0
        return refused + waiting, trouble

    def _give(
        self, server: smtplib.SMTP, waiting: list[str], refused: list[str], subject: str, text: str
    ) -> int:
        """How many mails it takes until it ends the session; whose mail is to be tried in another one stays in ``waiting``."""
        took = tried = 0
        while waiting and _goes_on(server):
            tried += 1
            try:
                server.send_message(self._mail(waiting[0], subject, text))
                is_taken = True
            except (OSError, ValueError, smtplib.SMTPException):
                is_taken = False
            # With the first mail of a session it may be this very mail that ends it: it must not keep the others back.
            if is_taken or _goes_on(server) or tried == 1:
                refused += waiting[:1] if not is_taken else []
                del waiting[0]
            took += is_taken
        return took

    def _mail(self, address: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = address
        mail["Subject"] = subject
        mail["Message-ID"] = make_msgid(domain=self._settings.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail


def _goes_on(session: smtplib.SMTP) -> bool:
    """Whether the mail server has not ended it."""
    return session.sock is not None


class LogNotifier:
    """Without a mail server: the log says that there is a notice, and for which incident."""

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:  # noqa: ARG002 - the port's signature
        """Write the code name or ticket space with which the notice's subject begins into the log; nothing else of it."""
        name, _, _ = subject.partition(":")
        key = "space" if name.islower() else "incident"
        _log.warning("notice-without-mail", **{key: name}, count=len(addresses))
        return ()
