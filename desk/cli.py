"""The command ``coc``: what a member does at their own desk.

Each command gathers what it needs from the desk's folder, asks the service at most once, and hands the
outcome to :mod:`desk.show`. Exit codes: 0 fine, 1 it did not work, 2 wrong usage, 3 a diary was read and
something about it is not as it should be.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from desk import reading, show
from desk.home import Connection, Home, PublicKeys, check_successor
from desk.service import Service, is_code_name
from integration.diary.keys import Identity, generate_identity
from integration.errors import CannotOpen, CoCError, ConfigError, HomeError
from integration.roster import parse_roster
from integration.signed_request import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_FINDINGS = 3
_SHORTEST_PASSPHRASE = 10


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


_passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take the passphrase from the first line of this file instead of asking.",
)


@main.group()
def key() -> None:
    """Your key: it signs what you write and opens what you may read."""


@key.command("new")
@click.option("--alias", required=True, help="Your alias on the team, as it stands in the roster.")
@_passphrase_file
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
    passphrase = _passphrase(passphrase_file, new=True)
    with _working("Locking your key"):
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


@main.command()
@click.argument("url")
@click.option(
    "--roster",
    "roster_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The team's roster.toml, from your team, not from the service.",
)
@click.pass_obj
def connect(home: Home, url: str, roster_file: Path) -> None:
    """Pin the service's address and a copy of the roster: every key this desk trusts comes from it."""
    origin = origin_of(url)
    raw = roster_file.read_bytes()
    roster = parse_roster(raw, where=f"The roster {roster_file}")
    public = home.public()
    member = roster.member(public.alias)
    if member is None:
        raise ConfigError(f"The roster {roster_file}", [f"your alias {public.alias} is not in it"])
    if (member.recipient, member.signing_key) != (public.recipient, public.signing_key):
        raise ConfigError(
            f"The roster {roster_file}",
            [f"the keys of {public.alias} are not the ones of this desk; compare them with `coc key show`"],
        )
    check_successor(home.connection(), roster)
    home.connect(origin, raw, roster)
    out = show.console()
    out.print(f"This desk now asks {origin} and trusts the keys of this roster only:\n")
    show.roster(out, roster)


@main.command()
@_passphrase_file
@click.pass_obj
def incidents(home: Home, passphrase_file: Path | None) -> None:
    """List the incidents you are cleared for, with their public fields."""
    connection, identity = _connection(home), _unlock(home, passphrase_file)
    show.incidents(show.console(), _service(connection, identity).incidents())


@main.group()
def diary() -> None:
    """The diaries of incidents you are cleared for."""


@diary.command("read")
@click.argument("code_name", metavar="CODE-NAME")
@_passphrase_file
@click.option("--plain", is_flag=True, help="No colour.")
@click.pass_context
def diary_read(ctx: click.Context, code_name: str, passphrase_file: Path | None, *, plain: bool) -> None:
    """Fetch a diary, open it here, check every signature, link and seal, and print it."""
    code_name = code_name.upper()
    if not is_code_name(code_name):
        raise click.BadParameter("a code name looks like BLUE-JAY-27", param_hint="CODE-NAME")
    home: Home = ctx.obj
    connection, identity = _connection(home), _unlock(home, passphrase_file)
    remembered = home.remembered(code_name)
    served = _service(connection, identity).diary(code_name)
    read = reading.read(
        served,
        identity=identity,
        roster=connection.roster,
        remembered=remembered,
        known_as=home.code_name_of(served.incident.id),
    )
    show.diary(
        show.console(plain=plain),
        served.incident,
        read.diary,
        read.findings,
        first_reading=remembered is None,
    )
    if read.seen is not None:
        home.remember(code_name, read.seen)
    if any(finding.serious for finding in read.findings):
        ctx.exit(_FINDINGS)


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


def _service(connection: Connection, identity: Identity) -> Service:
    return Service(origin=connection.origin, alias=identity.alias, signer=identity, clock=_Now())


def _connection(home: Home) -> Connection:
    connection = home.connection()
    if connection is None:
        raise HomeError(
            "This desk is not connected to a service yet.",
            next_step="Get the team's roster.toml and say: coc connect URL --roster FILE",
        )
    return connection


def _unlock(home: Home, passphrase_file: Path | None) -> Identity:
    locked, public = home.locked_identity(), home.public()
    passphrase = _passphrase(passphrase_file, new=False)
    try:
        with _working("Unlocking your key"):
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


def _passphrase(file: Path | None, *, new: bool) -> str:
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
def _working(what: str) -> Iterator[None]:
    """Say what takes a while; locking and unlocking are slow on purpose."""
    with show.console(stderr=True).status(f"{what}; this takes some seconds on purpose"):
        yield


if __name__ == "__main__":
    main()
