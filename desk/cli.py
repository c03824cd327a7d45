"""The command ``coc``: what a member does at their own desk.

Each command gathers what it needs from the desk's folder, asks the service, and hands the outcome to
:mod:`desk.show`; the commands of a diary are in modules of their own. Exit codes: 0 fine, 1 it did not work,
2 wrong usage, 3 a diary was read and something about it is not as it should be.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from desk import (
    attach_cli,
    diary_cli,
    keep_cli,
    log_cli,
    people_cli,
    recovery_cli,
    redact_cli,
    renew_cli,
    roster_cli,
    show,
    write_cli,
)
from desk.connecting import connected, service_of
from desk.home import Home, PublicKeys
from desk.unlocking import ask_passphrase, passphrase_option, unlock, working
from integration.diary.keys import generate_identity
from integration.errors import CoCError


class _Desk(click.Group):
    """Turns every error into words on stderr. No traceback: an exception's own text could carry a diary's words."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except CoCError as error:
            parts = [part for part in (error.what or str(error), error.meaning, error.next_step) if part]
            click.echo("\n".join([f"coc: {parts[0]}", *(f"     {part}" for part in parts[1:])]), err=True)
            ctx.exit(1)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except OSError as error:
            click.echo(
                f"coc: {error.filename or 'a file'}: {os.strerror(error.errno or errno.EIO)}.", err=True
            )
            ctx.exit(1)
        except Exception as error:  # noqa: BLE001 - said without its text, which may hold content
            place = traceback.extract_tb(error.__traceback__)[-1]
            click.echo(
                f"coc: this is a fault in coc itself: {type(error).__name__} in {Path(place.filename).name}, "
                f"line {place.lineno}.\n     Please report exactly this line; it holds nothing of a diary.",
                err=True,
            )
            ctx.exit(1)


@click.group(name="coc", cls=_Desk)
@click.version_option(package_name="coc-mirror", message="coc-mirror %(version)s")
@click.option(
    "--home",
    envvar="COC_HOME",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: Path(click.get_app_dir("coc-mirror")),
    help="Folder of this desk: your key, the pinned roster, the heads you have seen. Also COC_HOME.",
)
@click.pass_context
def main(ctx: click.Context, home: Path) -> None:
    """Your desk on a Code of Conduct team: diaries are opened and checked on this machine only."""
    ctx.obj = Home(home)


@main.group()
def key() -> None:
    """Your key: it signs what you write and opens what you may read."""


@key.command("new")
@click.option("--alias", required=True, help="Your alias on the team, as it stands in the roster.")
@passphrase_option
@click.pass_obj
def key_new(home: Home, alias: str, passphrase_file: Path | None) -> None:
    """Make your key, locked by a passphrase, and print your lines for the roster."""
    home.refuse_second_identity()
    try:
        identity = generate_identity(alias)
    except ValueError:
        raise click.BadParameter(
            "a letter, then letters, digits, - or _, at most 32", param_hint="--alias"
        ) from None
    passphrase = ask_passphrase(passphrase_file, new=True)
    with working("Locking your key"):
        locked = identity.lock(passphrase)
    public = PublicKeys(identity.alias, identity.recipient, identity.signing_key)
    home.keep_identity(locked, public)
    out = show.console()
    out.print(f"Your key is in {home.folder}, locked. Keep a copy of identity.age and the passphrase.\n")
    show.key(out, public)


@key.command("show")
@click.pass_obj
def key_show(home: Home) -> None:
    """Print your lines for the roster and the fingerprint; needs no passphrase."""
    show.key(show.console(), home.public())


main.add_command(roster_cli.connect)
main.add_command(roster_cli.roster)


@main.command()
@passphrase_option
@click.pass_obj
def incidents(home: Home, passphrase_file: Path | None) -> None:
    """List the incidents you are cleared for, with their public fields."""
    connection, identity = connected(home), unlock(home, passphrase_file)
    show.incidents(show.console(), service_of(connection, identity).incidents())


main.add_command(log_cli.log)
main.add_command(diary_cli.diary)
main.add_command(diary_cli.diary_verify)
for _command in (
    write_cli.diary_write,
    write_cli.diary_draft,
    keep_cli.diary_export,
    keep_cli.diary_restore,
    redact_cli.diary_redact,
    *attach_cli.COMMANDS,
):
    diary_cli.diary.add_command(_command)
for _command in (
    renew_cli.renew_all,
    people_cli.clear,
    people_cli.recuse,
    people_cli.leave,
    recovery_cli.use_recovery,
):
    main.add_command(_command)

if __name__ == "__main__":
    main()
