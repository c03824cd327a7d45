"""``coc use-recovery``: when nobody cleared is left, a member reads with a recovery key that its keeper lends.

The member opens the next epoch in their own name, and every reader is told that a recovery key was used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pyrage

from desk import reading, show
from desk.asking import at_desk, code_name_argument, despite_option, say, say_readers, settle
from desk.people_cli import aliases_on_roster
from desk.reading import Read, to_remember, trust_of
from desk.session import Opened, cleared_now, part_bytes_of
from desk.unlocking import passphrase_option, working
from integration.diary.chain import wrong_seal
from integration.diary.comment import ParsedComment, find_blocks
from integration.diary.keys import recipient_of
from integration.diary.open import open_diary
from integration.errors import CannotOpen, HomeError, NotCleared, WriteRefused
from integration.mirror import TicketName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desk.home import Home, Remembered
    from desk.session import Session
    from integration.incident import Alias, IncidentId

_SECRET = re.compile(r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}")


@dataclass(frozen=True, slots=True)
class _RecoveryKey:
    """What ``age-keygen`` made; it opens keyrings."""

    secret: str = field(repr=False)


@click.command("use-recovery")
@code_name_argument
@click.option(
    "--identity",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The recovery key: the file that age-keygen made, locked by a passphrase or not.",
)
@click.option("--name", required=True, help="The recovery key's name on the roster.")
@click.option(
    "--comments",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The ticket's comments, copied as text; needed where the service does not serve you the diary.",
)
@click.option(
    "--reader",
    "readers",
    multiple=True,
    help="A member who shall read from now on; say it for each. Without it, the diary is only shown.",
)
@click.option(
    "--drop-present",
    is_flag=True,
    help="Who is cleared now shall read nothing that comes after. Without it, they stay cleared.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@despite_option
@passphrase_option
@click.pass_obj
def use_recovery(
    home: Home,
    code_name: str,
    key_file: Path,
    name: str,
    comments: Path | None,
    readers: tuple[str, ...],
    passphrase_file: Path | None,
    *,
    drop_present: bool,
    yes: bool,
    despite_findings: bool,
) -> None:
    """Read a diary with a recovery key, and let members read who can look after the incident."""
    session = at_desk(home, passphrase_file)
    key = _key(key_file)
    if not any(
        one.name == name and one.recipient == recipient_of(key.secret) for one in session.roster.recovery
    ):
        raise HomeError(
            f"{key_file} is not the recovery key {name if name.isprintable() else ''} of your roster.",
            meaning="The name is another one, or the key was replaced since then.",
            next_step="Look with: coc roster show. Ask the key's keeper which one it is.",
        )
    aliases = aliases_on_roster(session, readers)
    opened = _from_file(session, code_name, comments, key) if comments else _served(session, code_name, key)
    if opened.diary.keyring is None or not opened.diary.cleared:
        raise CannotOpen(
            "This recovery key does not open the newest keyring of the diary.",
            meaning="It was made after that keyring, or comments are missing.",
            next_step="Copy all of the ticket's comments, or ask the keeper of another recovery key.",
        )
    present = _present(session, opened)
    if not aliases:
        out = show.console()
        show.entries(out, opened.diary, code_name=code_name)
        out.print()
        show.verdict(
            out, len(opened.diary.entries), opened.read.findings, first_reading=opened.before is None
        )
        say(
            f"Cleared for it now: {', '.join(present)}. Can one of them let others in (coc clear)? Then no recovery key "
            "is needed."
            if present
            else "Nobody on your team's roster is cleared for it."
        )
        say("Read only what you need to choose who looks after it: somebody whom the report does not mean.")
        say("Then say the same again with --reader ALIAS for each of them.")
        return
    settle(opened, despite=despite_findings)
    if drop_present:
        gone = [one for one in present if one not in aliases]
        aliases = list(aliases)
    else:
        gone = []
        aliases = [*present, *(one for one in aliases if one not in present)]
    say(f"From now on {code_name} is read by: {', '.join(aliases)}.")
    if gone:
        say(f"Cleared until now, and reading nothing that comes after: {', '.join(gone)}.")
    elif present:
        say(
            f"That is with those who are cleared now ({', '.join(present)}). To leave them out: --drop-present"
        )
    if not yes:
        click.confirm("Go on?", abort=True, err=True)
    try:
        now, chosen = session.recover(opened, aliases, name=name)
    except NotCleared:
        raise WriteRefused(
            f"The service does not take a keyring for {code_name} from you.",
            meaning="It counts you as not cleared, and there may be no such incident on it. Nothing was written.",
            next_step="Ask whoever runs the service. Until then, tell in person whom you chose what to do.",
        ) from None
    say_readers(now, chosen)
    say(f"Every reader of {code_name} is told that the recovery key {name} was used. Now replace that key.")


def _present(session: Session, opened: Opened) -> list[Alias]:
    """Who can read and write now, as far as they are on the roster."""
    cleared = [session.roster.member(alias) for alias in cleared_now(opened.keyring)]
    return [member.alias for member in cleared if member is not None]


def _key(path: Path) -> _RecoveryKey:
    raw = path.read_bytes()
    if raw.startswith((b"age-encryption.org/", b"-----BEGIN AGE")):
        passphrase = click.prompt("Passphrase of the recovery key", hide_input=True, err=True)
        try:
            with working("Unlocking the recovery key"):
                raw = pyrage.passphrase.decrypt(raw, passphrase)
        except pyrage.DecryptError:
            raise CannotOpen(
                "The recovery key does not open with this passphrase.", next_step="Try again."
            ) from None
    secrets = _SECRET.findall(raw.decode("ascii", errors="replace"))
    try:
        (secret,) = secrets
        recipient_of(secret)
    except ValueError:
        raise HomeError(
            f"{path} does not hold one age secret key.",
            next_step="Name the file that age-keygen made.",
        ) from None
    return _RecoveryKey(secret)


def _served(session: Session, code_name: str, key: _RecoveryKey) -> Opened:
    remembered = session.home.remembered(code_name)
    try:
        served = session.service.diary(code_name)
    except NotCleared:
        raise NotCleared(
            f"The service does not serve you the diary of {code_name}.",
            meaning="You are not cleared for it, so the recovery key alone does not count there.",
            next_step="Open its ticket in Jira or GitHub, copy all comments into a text file, and name it with --comments",
        ) from None
    read = reading.read(
        served,
        identity=key,
        roster=session.roster,
        former=session.former,
        remembered=remembered,
        known_as=session.home.code_name_of(served.incident.id),
    )
    ticket = served.incident.ticket or (remembered.ticket if remembered is not None else None)
    if ticket is None:
        raise AssertionError
    return Opened(code_name, ticket, served.part_bytes or part_bytes_of(ticket), read, remembered, served)


def _from_file(session: Session, code_name: str, path: Path, key: _RecoveryKey) -> Opened:
    text = path.read_bytes().decode("utf-8", errors="replace")
    blocks = find_blocks(text)
    whole = [block for block in blocks if isinstance(block, ParsedComment)]
    remembered = session.home.remembered(code_name)
    incident = _whose(session, code_name, path, whole, remembered)
    foreign = [f"{one.id} of {one.incident}" for one in blocks if one.incident not in {incident, None}]
    if foreign:
        say(f"Comments of another diary, so left out: {', '.join(dict.fromkeys(foreign))}.")
    ticket = TicketName(
        max((one for one in whole if one.incident == incident), key=lambda one: one.id).ticket
    )
    diary = open_diary(
        [text],
        identity=key,
        trust=trust_of(incident, ticket, session.roster, session.former),
        head=remembered.head if remembered is not None else None,
    )
    read = Read(diary, diary.findings, to_remember(diary, ticket, remembered))
    return Opened(code_name, ticket, part_bytes_of(ticket), read, remembered)


def _whose(
    session: Session,
    code_name: str,
    path: Path,
    comments: Sequence[ParsedComment],
    remembered: Remembered | None,
) -> IncidentId:
    """The incident of these comments: the one this desk knows, or else the only one that the team's service sealed.

    Whoever may comment on the ticket can write the block of an incident that does not exist.
    """
    keys = {key.id: key.public for key in session.roster.service_keys}
    found = {one.incident for one in comments}
    if not found:
        raise HomeError(
            f"{path} does not hold the comments of a diary.",
            meaning="There is no whole diary comment in it.",
            next_step="Copy the comments of this one ticket, from its first to its last.",
        )
    if remembered is not None:
        found &= {remembered.incident}
    else:
        found = {one.incident for one in comments if wrong_seal(one, keys) is None} or found
    known = session.home.code_names()
    found = {one for one in found if known.get(one, code_name) == code_name}
    if not found:
        raise HomeError(
            f"These comments are of another incident than {code_name}.",
            next_step="Copy them from the ticket whose title is this code name.",
        )
    if len(found) > 1:
        tickets = sorted({one.ticket for one in comments if one.incident in found})
        raise HomeError(
            f"{path} holds the comments of several diaries, and this desk cannot tell which is that of {code_name}.",
            meaning=f"They were written for the tickets {', '.join(tickets)}.",
            next_step="Delete from the file what was not written for the ticket whose title is this code name.",
        )
    return found.pop()
