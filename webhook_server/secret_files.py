"""What a file with a secret may hold, whoever names it; and why a file cannot be read. Nothing here shows what is in one."""

from __future__ import annotations

import codecs
import os
import pwd
from contextlib import suppress
from typing import TYPE_CHECKING

from integration.errors import ConfigError
from integration.text import is_plain

if TYPE_CHECKING:
    from pathlib import Path

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_form_secret(path: Path) -> str | bytes:
    """A form's secret: as :func:`read_secret` gives it, or the file's bytes if they are no text, as of ``openssl rand``.

    Raises:
        ConfigError: as there.
    """
    with suppress(OSError, ValueError):
        content = path.read_bytes()
        if not content.startswith(_MARKS) and not _is_text(content):
            return content
    return read_secret(path)


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_secret(path: Path, *, in_header: bool = False, many_lines: bool = False) -> str:
    """The secret in a file: one line, as it was given.

    A secret that a person chose may hold spaces and letters of any language, so only what no form tool and no host can
    have meant is refused.

    Args:
        path: the file.
        in_header: it is a token, which travels in a header: printable ASCII without spaces.
        many_lines: it is a key in PEM.

    Raises:
        ConfigError: it cannot be read, or holds anything else. It names a file only if there is one: a secret may
            have been pasted where its path belongs.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError("A secret file", [unreadable(path, error)]) from None
    try:
        return _one_secret(content, in_header=in_header, many_lines=many_lines)
    except ValueError as error:  # the sentence is ours
        raise ConfigError("A secret file", [f"{path} {error}"]) from None


def _one_secret(content: bytes, *, in_header: bool, many_lines: bool) -> str:
    if content.startswith(_MARKS):
        raise ValueError(
            "begins with a byte order mark, which would count as a part of the secret; save it as UTF-8 without one"
        )
    try:
        secret = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8; save it anew as UTF-8") from None
    if not secret:
        raise ValueError("is empty; put the secret into it, in one line")
    if many_lines:
        return secret
    if (lines := len(secret.splitlines())) > 1:
        raise ValueError(f"has {lines} lines; leave the one with the secret: one secret, one line")
    if not secret.isprintable():
        raise ValueError("has a character that cannot be seen; copy the secret anew, in one line")
    if in_header and not is_plain(secret):
        raise ValueError(
            "has a space, or a letter that is not ASCII, which no token has; copy the token anew, in one line"
        )
    return secret


def unreadable(path: Path, error: Exception) -> str:
    """Why a file cannot be read, and what to do. It is named only if it is there."""
    kind = type(error).__name__
    try:
        owner = path.stat().st_uid
    except PermissionError:
        return (
            f"the file cannot be read ({kind}): {account_name(os.geteuid())}, as which this command runs, may not enter its folder; "
            "as root, give the folder to the server's account (chown), and say the command as that account"
        )
    except (OSError, ValueError):
        return f"the file cannot be read ({kind}); a path is relative to the configuration's folder"
    if not isinstance(error, PermissionError):
        return f"{path} cannot be read ({kind}); see that it is a file and that its disk works"
    me = account_name(os.geteuid())
    return (
        f"{path} cannot be read ({kind}): it belongs to {account_name(owner)}, and this command runs as {me}. If {me} is the "
        f"server's account, say as root: chown {me} {path}; otherwise say the command as the server's account"
    )


def account_name(uid: int) -> str:
    """An account of this machine as people call it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the account {uid}"
