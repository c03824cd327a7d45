"""Other people's credentials for a host, at the command line: read from a file or asked for, and kept in memory only.

They are never an argument: those are in the list of processes and in the shell's history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook_server.config_values import OTHERS
from webhook_server.secret_files import read_secret

if TYPE_CHECKING:
    from collections.abc import Callable

_ASK = "-"


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody's credential: a token, and for Jira the account's e-mail address."""

    token: str = field(repr=False)
    email: str = ""


def login_options(who: str, meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--WHO-token-file`` and ``--WHO-email`` for a command; :func:`read_login` makes a login of them."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        file = click.option(
            f"--{who}-token-file",
            type=click.Path(path_type=Path, allow_dash=True),
            help=f"The token of {meaning}; {_ASK} asks for it.",
        )
        email = click.option(f"--{who}-email", default="", help="Its e-mail address, for Jira.")
        return file(email(command))

    return add


def read_login(who: str, file: Path | None, email: str) -> Login | None:
    """The login; None if none was given."""
    if file is None:
        return None
    if str(file) == _ASK:
        token = str(click.prompt(f"Token of the {who}", hide_input=True, err=True)).strip()
    else:
        try:
            if file.stat().st_mode & OTHERS:
                raise click.ClickException(
                    f"{file} is open to other accounts of this machine: chmod 600 {file}"
                )
        except OSError as error:
            raise click.ClickException(f"{file} cannot be read ({type(error).__name__}).") from None
        token = read_secret(file, in_header=True)
    if not token:
        raise click.ClickException(f"The token of the {who} is empty.")
    return Login(token, email.strip())
