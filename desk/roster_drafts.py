"""A roster file on its way to become the next roster: what follows the accepted one, who must sign it, and how it is written."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import click

from desk.roster_said import say_changes
from integration.errors import HomeError, RosterRefused
from integration.roster_chain import check_follows
from integration.roster_files import older_path, parse_signed, read_signed, signature_path

if TYPE_CHECKING:
    from pathlib import Path

    from desk.home import Home
    from integration.roster import Roster


def next_draft(home: Home, file: Path) -> tuple[str, int, str]:
    """The text in the file, and which number and previous hash it gets when it is changed."""
    connection = home.connection()
    signed = read_signed(file)
    found = parse_signed(file, signed)
    text = signed.raw.decode("utf-8")
    if connection is None:
        if found.serial != 1:
            raise HomeError(
                f"This desk has not accepted roster {found.serial - 1}, so it cannot tell what this changes.",
                next_step="Connect first, with the roster that the team uses: coc connect URL --roster FILE",
            )
        return text, 1, ""
    accepted = connection.roster
    if found.hash != accepted.hash:
        judges_of(found, accepted)
    return text, accepted.serial + 1, accepted.hash


def judges_of(draft: Roster, accepted: Roster | None) -> Roster:
    """Whose members sign this roster: those of the accepted one; a first one, or the accepted one again, its own.

    Raises:
        RosterRefused: it is not the next roster.
    """
    if accepted is None:
        if draft.serial == 1:
            return draft
        raise RosterRefused(
            f"This is roster {draft.serial}, and this desk has accepted none.",
            next_step="Connect first, with the roster that the team uses: coc connect URL --roster FILE",
        )
    if draft.hash == accepted.hash:
        return draft
    if draft.serial == accepted.serial:
        raise RosterRefused(
            f"This file was changed, but still calls itself roster {draft.serial} like the accepted one.",
            meaning="Nobody would accept it.",
            next_step=f"If the change is yours, write at its top: serial = {accepted.serial + 1} and "
            f'previous = "{accepted.hash}"',
        )
    check_follows(draft, accepted)
    return accepted


def put_draft(home: Home, file: Path, text: str) -> None:
    """Write a changed roster: the accepted one is kept beside it, signatures of the text before are taken away."""
    connection = home.connection()
    if connection is not None:
        leave_older(home, file, connection.roster)
    before = read_signed(file)
    replace_file(file, text)
    for alias in before.signatures:
        signature_path(file, alias).unlink()
    say_changes(connection.roster if connection else None, parse_signed(file, read_signed(file)))
    if before.signatures:
        click.echo("Signatures of the text before were taken away; they would not count any more.")
    click.echo(f"Written to {file}. Compare new fingerprints in person, then sign it: coc roster sign {file}")


def leave_older(home: Home, file: Path, accepted: Roster) -> None:
    """Put the accepted roster beside the next one, for those who were away and the service."""
    older = older_path(file, accepted.serial)
    if older.exists():
        return
    kept = home.signed_roster(accepted)
    for alias, armoured in kept.signatures.items():
        replace_file(signature_path(older, alias), armoured)
    replace_file(older, kept.raw.decode("utf-8"))


def replace_file(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it sees the text before or this one."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        beside.write_bytes(text.encode("utf-8"))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
