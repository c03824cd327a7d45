"""Content-free mail to members: a code name, what waits, and what to do. Nothing of a report is ever in it."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import make_msgid
from typing import TYPE_CHECKING

from integration.errors import NotifyError
from integration.logs import Log

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = Log("coc.notify")
_TIMEOUT = 20
_ONLY_THIS_MAIL = (
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPSenderRefused,
    smtplib.SMTPDataError,
    smtplib.SMTPNotSupportedError,
)
"""Refusals after which the same connection takes the next mail."""


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

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:
        """Send a notice to each address. One that is refused does not keep the others from theirs.

        Raises:
            NotifyError: the mail server took none of the mails.
        """
        if not addresses:
            raise NotifyError(
                "There is nobody to tell: no member is on duty and no recovery key is in the roster.",
                next_step="Put a member on duty in the roster.",
            )
        try:
            with smtplib.SMTP(self._settings.host, self._settings.port, timeout=_TIMEOUT) as server:
                if self._settings.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self._settings.user and self._settings.password:
                    server.login(self._settings.user, self._settings.password)
                refused = [address for address in addresses if not self._took(server, address, subject, text)]
        except (OSError, ValueError, smtplib.SMTPException) as error:
            raise NotifyError(
                f"The mail server did not take a notice ({type(error).__name__}).",
                meaning="Members may not know yet that something waits.",
                next_step="Check [mail] in the configuration; the notice is sent again by itself.",
            ) from None
        if len(refused) == len(addresses):
            raise NotifyError(
                "The mail server refused every address of a notice.",
                meaning="Members may not know yet that something waits.",
                next_step="Check [mail].from and the addresses in the roster; the notice is sent again by itself.",
            )
        if refused:
            _log.error("addresses-refused", count=len(refused), of=len(addresses))

    def _took(self, server: smtplib.SMTP, address: str, subject: str, text: str) -> bool:
        try:
            server.send_message(self._mail(address, subject, text))
        except _ONLY_THIS_MAIL:
            return False
        return True

    def _mail(self, address: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = address
        mail["Subject"] = subject
        mail["Message-ID"] = make_msgid(domain=self._settings.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail


class LogNotifier:
    """Without a mail server: the log says that there is a notice, and for which incident."""

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> None:  # noqa: ARG002 - the port's signature
        """Write the code name or ticket space with which the notice's subject begins into the log; nothing else of it."""
        name, _, _ = subject.partition(":")
        key = "space" if name.islower() else "incident"
        _log.warning("notice-without-mail", **{key: name}, count=len(addresses))
