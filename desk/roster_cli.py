"""``coc connect`` and ``coc roster``: how a team makes, changes, signs and accepts its roster.

Every key that a desk trusts comes from the roster it has accepted. So nothing here takes the place of that one
unless the members who may have signed it, or this member has compared its hash in person.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from desk import show
from desk.roster_drafts import judges_of, leave_older, next_draft, put_draft, replace_file
from desk.roster_said import say_changes, say_hash, say_signed, signers
from desk.roster_text import first_roster, member_lines, with_member, without_member
from desk.unlocking import passphrase_option, unlock
from integration.errors import ConfigError, HomeError, RosterRefused
from integration.roster_chain import (
    NAMESPACE,
    check_succession,
    readers_of,
)
from integration.roster_files import (
    SignedRoster,
    Step,
    follow,
    history,
    parse_signed,
    read_signed,
    signature_path,
)
from integration.signed_request import origin_of

if TYPE_CHECKING:
    from desk.home import Connection, Home, PublicKeys
    from integration.roster import Roster

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_existing = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
_hash_option = click.option(
    "--roster-hash",
    metavar="SHA256",
    help="The roster's SHA-256 as a member told you in person or on a call. If it is this file's, nothing is asked.",
)


@click.command()
@click.argument("url")
@click.option(
    "--roster",
    "file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The team's roster.toml with its signatures beside it, from your team, not from the service.",
)
@_hash_option
@click.pass_obj
def connect(home: Home, url: str, file: Path, roster_hash: str | None) -> None:
    """Pin the service's address and a copy of the roster: every key this desk trusts comes from it."""
    origin = origin_of(url)
    public = home.public()
    connection = home.connection()
    if connection is None:
        steps = _first(file, public, roster_hash)
    else:
        steps = _next(file, connection, public, roster_hash)
    if connection is None or steps:
        former, newest = steps[:-1], steps[-1]
        home.connect(origin, newest.file.raw, newest.roster, newest.file.signatures, former=former)
        pinned = newest.roster
    else:
        pinned, kept = connection.roster, home.signed_roster(connection.roster)
        home.connect(origin, kept.raw, pinned, kept.signatures)
    show.console().print(f"This desk now asks {origin} and trusts the keys of roster {pinned.serial} only.")


@click.group()
def roster() -> None:
    """The roster: who is on the team, with which keys. Members change it, sign it and accept it."""


@roster.command("show")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--allowed-signers", is_flag=True, help="Print the keys as ssh-keygen -Y verify takes them.")
@click.pass_obj
def roster_show(home: Home, file: Path | None, *, allowed_signers: bool) -> None:
    """Show the accepted roster, or the one in FILE: members, fingerprints, who signed, number and hash."""
    connection = home.connection()
    if file is None:
        connection = _connected(connection)
        shown, signed = connection.roster, home.signed_roster(connection.roster)
        before = connection.former[-1] if connection.former else None
    else:
        signed = read_signed(file)
        shown = parse_signed(file, signed)
        before = connection.roster if connection else None
    if allowed_signers:
        former = connection.former if connection and file is None else ()
        click.echo("".join(signers(former, shown)), nl=False)
        return
    out = show.console()
    show.roster(out, shown)
    judges = before if before is not None and before.hash == shown.previous else shown
    say_signed(signed, shown, judges)


@roster.command("new")
@_file
@click.option("--email", required=True, help="Where notices for you go.")
@click.pass_obj
def roster_new(home: Home, file: Path, email: str) -> None:
    """Make a first roster in FILE with yourself on it."""
    public = home.public()
    if file.exists():
        raise HomeError(f"{file} is there already, and stays as it is.", next_step="Choose another name.")
    text = first_roster(public, email)
    parse_signed(file, SignedRoster(text.encode(), {}))
    replace_file(file, text)
    click.echo(
        f"Made {file} with you on it. Add the others (coc roster add), and by hand the recovery and service keys;\n"
        "then two of you sign it (coc roster sign), one in a team of two."
    )


@roster.command("add")
@_existing
@click.option(
    "--from",
    "lines_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the new member's `coc key show` printed.",
)
@click.option("--email", help="Where notices for the new member go, if their lines do not say it.")
@click.pass_obj
def roster_add(home: Home, file: Path, lines_file: Path, email: str | None) -> None:
    """Put a member into FILE: it becomes the next roster. Everything else in it stays as it is."""
    text, serial, previous = next_draft(home, file)
    try:
        lines = member_lines(lines_file.read_text(encoding="utf-8"), email)
    except UnicodeDecodeError:
        raise ConfigError(str(lines_file), ["it is not text in UTF-8"]) from None
    try:
        after = with_member(text, lines, serial=serial, previous=previous)
    except ConfigError as error:
        raise ConfigError(f"{file} with the lines of {lines_file}", list(error.mistakes)) from None
    put_draft(home, file, after)


@roster.command("remove")
@_existing
@click.argument("alias")
@click.pass_obj
def roster_remove(home: Home, file: Path, alias: str) -> None:
    """Take a member out of FILE: it becomes the next roster. Everything else in it stays as it is."""
    text, serial, previous = next_draft(home, file)
    put_draft(home, file, without_member(text, alias, serial=serial, previous=previous))
    click.echo(
        f"If {alias} is the only one who can read an incident, nobody but the holders of the recovery keys can afterwards:\n"
        f"let {alias} clear somebody there and say `coc leave` first, if they still can."
    )


@roster.command("sign")
@_existing
@passphrase_option
@click.pass_obj
def roster_sign(home: Home, file: Path, passphrase_file: Path | None) -> None:
    """Sign FILE with your key, after you have read what changes. Your signature goes beside it."""
    public, connection = home.public(), home.connection()
    signed = read_signed(file)
    draft = parse_signed(file, signed)
    accepted = connection.roster if connection else None
    judges = judges_of(draft, accepted)
    listed = judges.member(public.alias)
    if listed is None or listed.signing_key != public.signing_key:
        raise RosterRefused(
            f"Your signature would not count: {public.alias} with your key is not on roster {judges.serial}.",
            meaning=f"Roster {draft.serial} is signed by members of roster {judges.serial}.",
            next_step="Have one of them sign it.",
        )
    say_changes(accepted if judges is accepted else None, draft)
    identity = unlock(home, passphrase_file)
    armoured = identity.sign(NAMESPACE, signed.raw)
    replace_file(signature_path(file, public.alias), armoured)
    if accepted is not None and judges is accepted:
        leave_older(home, file, accepted)
    click.echo(f"Signed: {signature_path(file, public.alias)}")
    say_signed(SignedRoster(signed.raw, {**signed.signatures, public.alias: armoured}), draft, judges)


@roster.command("accept")
@_existing
@_hash_option
@click.pass_obj
def roster_accept(home: Home, file: Path, roster_hash: str | None) -> None:
    """Let the roster in FILE take the place of the one this desk trusts, if it is signed as it must be."""
    connection = _connected(home.connection())
    steps = _next(file, connection, home.public(), roster_hash)
    if not steps:
        click.echo(f"Roster {connection.roster.serial} is the one this desk trusts already.")
        return
    newest = steps[-1]
    home.connect(connection.origin, newest.file.raw, newest.roster, newest.file.signatures, former=steps[:-1])
    click.echo(f"This desk now trusts the keys of roster {newest.roster.serial} only.")
    if readers_of(connection.roster) - readers_of(newest.roster):
        click.echo(
            "Somebody left, or has new keys. Until a diary is renewed, the old keys open what is written into it: say now\n"
            "  coc renew"
        )


def _connected(connection: Connection | None) -> Connection:
    if connection is None:
        raise HomeError(
            "This desk has not accepted a roster yet.",
            next_step="Get the team's roster.toml and say: coc connect URL --roster FILE",
        )
    return connection


# Accepting ------------------------------------------------------------------------------------------


def _first(file: Path, public: PublicKeys, roster_hash: str | None) -> tuple[Step, ...]:
    """The roster of a desk that has none yet, after those before it as far as they are there."""
    signed = read_signed(file)
    found = parse_signed(file, signed)
    _oneself(file, found, public)
    say_changes(None, found)
    say_hash(found)
    if found.serial == 1:
        check_succession(signed.raw, signed.signatures, previous=None)
    elif roster_hash is None:
        raise RosterRefused(
            f"This is roster {found.serial}, and this desk has accepted none that it could judge it by.",
            meaning="A team that already works has signed it, but you cannot know yet whose signatures these are.",
            next_step="Have a member tell you its SHA-256 in person or on a call, and say the same again with "
            "--roster-hash and what they told you.",
        )
    _compared(found, roster_hash)
    return (*reversed(history(file, found)), Step(signed, found))


def _next(
    file: Path, connection: Connection, public: PublicKeys, roster_hash: str | None
) -> tuple[Step, ...]:
    """The rosters from the accepted one to the one in the file; nothing if that is the accepted one."""
    steps = follow(file, connection.roster)
    if steps:
        newest = steps[-1].roster
        _oneself(file, newest, public)
        say_changes(connection.roster, newest)
        say_hash(newest)
        _compared(newest, roster_hash)
    return steps


def _oneself(file: Path, found: Roster, public: PublicKeys) -> None:
    member = found.member(public.alias)
    if member is None:
        raise ConfigError(f"The roster {file}", [f"your alias {public.alias} is not in it"])
    if (member.recipient, member.signing_key) != (public.recipient, public.signing_key):
        raise ConfigError(
            f"The roster {file}",
            [f"the keys of {public.alias} are not the ones of this desk; compare them with `coc key show`"],
        )


def _compared(found: Roster, roster_hash: str | None) -> None:
    """Go on only if the member has compared the roster with another one: by its hash, or by saying so."""
    if roster_hash is None:
        click.confirm(
            "Have you compared the new fingerprints, or the SHA-256, in person or on a call?",
            abort=True,
            err=True,
        )
    elif roster_hash.strip().lower() != found.hash:
        raise RosterRefused(
            f"This file is another roster than the one you were told of: its SHA-256 is {found.hash}.",
            meaning="Either one letter of what you were told is wrong, or somebody gave you a false roster.",
            next_step="Ask the member for the file and its SHA-256 again, in person.",
        )
