"""``[mail]`` of the configuration: the mail server that notices go through, and who runs this one."""

from __future__ import annotations

import re
import smtplib
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from integration.signed_request import is_loopback
from webhook_server.notify import MailSettings

if TYPE_CHECKING:
    from webhook_server.config_values import Values

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_NOT_ASCII = (
    "has a letter that is not ASCII, with which nobody can be logged in; have the account get another one"
)


def read_mail(raw: dict[str, Any], values: Values) -> MailSettings:
    """``[mail]``: how notices leave."""
    values.refuse_unknown(
        raw, {"host", "port", "from", "operator", "starttls", "user", "password_file"}, "[mail]"
    )
    host = values.text(raw, "host", "[mail]")
    if not _is_host(host):
        values.mistakes.append("[mail].host must be the name or the address of a mail server")
    port = raw.get("port", 587)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:  # noqa: PLR2004 - ports
        values.mistakes.append("[mail].port must be a port number")
        port = 587
    if port == smtplib.SMTP_SSL_PORT:
        values.mistakes.append(
            "[mail].port 465 wants TLS before the first word, which is not spoken here: take the same server's port 587, with STARTTLS"
        )
    starttls = raw.get("starttls", True)
    if starttls is not True and (starttls is not False or not is_loopback(host)):
        values.mistakes.append("[mail].starttls may be false only for a mail server on this machine")
    if ("user" in raw) != ("password_file" in raw):
        values.mistakes.append("[mail].user and [mail].password_file need each other")
    sender = values.text(raw, "from", "[mail]")
    if not _is_mail_address(sender):
        values.mistakes.append("[mail].from must be a mail address")
    operator = values.text(raw, "operator", "[mail]") if "operator" in raw else None
    if operator is not None and not _is_mail_address(operator):
        values.mistakes.append("[mail].operator must be a mail address")
    user = values.text(raw, "user", "[mail]") if "user" in raw else None
    password = values.secret(raw, "password_file", "[mail]") if "password_file" in raw else None
    if user is not None and not user.isascii():
        values.mistakes.append(f"[mail].user {_NOT_ASCII}")
    if password is not None and not password.isascii():
        values.mistakes.append(f"[mail].password_file: the password {_NOT_ASCII}")
    return MailSettings(
        host=host,
        port=port,
        sender=sender,
        starttls=bool(starttls),
        user=user,
        password=password,
        operator=operator,
    )


def _is_mail_address(text: str) -> bool:
    """One address, with or without a name before it."""
    return _ADDRESS.fullmatch(parseaddr(text)[1]) is not None


def _is_host(name: str) -> bool:
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True
