"""Asking for a passphrase and unlocking the member's key: what every command does that signs or opens."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from desk import show
from integration.diary.keys import Identity
from integration.errors import CannotOpen, HomeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desk.home import Home

_SHORTEST_PASSPHRASE = 10

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take the passphrase from the first line of this file instead of asking.",
)


def unlock(home: Home, passphrase_file: Path | None) -> Identity:
    """The member's key, opened with a passphrase from a file or asked for.

    Raises:
        HomeError: there is no key here, or its two files do not belong together.
        CannotOpen: the passphrase is wrong.
    """
    locked, public = home.locked_identity(), home.public()
    passphrase = ask_passphrase(passphrase_file, new=False)
    try:
        with working("Unlocking your key"):
            identity = Identity.unlock(locked, passphrase)
    except CannotOpen:
        raise CannotOpen(
            "Your key does not open with this passphrase.",
            meaning="The passphrase is another one, or the file identity.age is damaged.",
            next_step=f"Try again, or restore identity.age in {home.folder} from your copy.",
        ) from None
    if (identity.recipient, identity.signing_key) != (public.recipient, public.signing_key):
        raise HomeError(
            f"identity.age and identity.toml in {home.folder} are of different keys.",
            meaning="One of them was exchanged.",
            next_step="Restore both from your copy.",
        )
    return identity


def ask_passphrase(file: Path | None, *, new: bool) -> str:
    """The passphrase: the first line of the file, or asked for; a new one twice, and it must not be too short."""
    if file is not None:
        try:
            passphrase = file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except ValueError:
            raise click.BadParameter(
                "the file is not text in UTF-8", param_hint="--passphrase-file"
            ) from None
    elif new:
        passphrase = click.prompt(
            "A new passphrase, best five or more random words",
            hide_input=True,
            confirmation_prompt="Once more",
            err=True,
        )
    else:
        passphrase = click.prompt("Passphrase", hide_input=True, err=True)
    if new and len(passphrase) < _SHORTEST_PASSPHRASE:
        raise click.UsageError(
            f"The passphrase has fewer than {_SHORTEST_PASSPHRASE} characters. Whoever gets a copy of the "
            "locked key can try passphrases without end; take five or more random words."
        )
    return passphrase


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say what takes a while; locking and unlocking are slow on purpose."""
    with show.console(stderr=True).status(f"{what}; this takes some seconds on purpose"):
        yield
