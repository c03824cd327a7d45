"""Who may read an incident: ``coc clear``, ``recuse``, ``leave``, ``use-recovery``.

All four open the next epoch with a list of readers. Their keys come from the pinned roster only; who was left out
shows neither on the ticket nor to the service's host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from desk import show
from desk.asking import at_desk, code_name_argument, despite_option, say, say_readers, settle
from desk.home import PublicKeys
from desk.session import cleared_now
from desk.unlocking import passphrase_option
from integration.diary.frame import EntryContent
from integration.diary.write import EntryDraft
from integration.errors import CoCError, HomeError, WriteRefused
from integration.text import Untrusted

if TYPE_CHECKING:
    from pathlib import Path

    from desk.home import Home
    from desk.session import Opened, Session
    from integration.incident import Alias
    from integration.roster import Member


@click.command("clear")
@code_name_argument
@click.argument("alias")
@click.option("--yes", is_flag=True, help="Do not ask.")
@despite_option
@passphrase_option
@click.pass_obj
def clear(
    home: Home,
    code_name: str,
    alias: str,
    passphrase_file: Path | None,
    *,
    yes: bool,
    despite_findings: bool,
) -> None:
    """Let another member read the whole diary of an incident, and write into it."""
    session = at_desk(home, passphrase_file)
    member = _on_roster(session, alias)
    opened = session.open(code_name)
    settle(opened, despite=despite_findings)
    present = {one.alias: one for one in opened.keyring.newest.readers}.get(member.alias)
    if (
        present is not None
        and present.recipient == member.recipient
        and present.signing_key == member.signing_key
    ):
        raise WriteRefused(f"{alias} is cleared for {code_name} already.", meaning="Nothing was written.")
    keys = PublicKeys(member.alias, member.recipient, member.signing_key)
    say(
        f"{alias} will read everything in {code_name}, also what was written before.\n"
        f"The key of {alias} on your roster: {keys.fingerprint}"
    )
    if not yes:
        click.confirm("Go on?", abort=True, err=True)
    now, readers = session.open_epoch(opened, lambda cleared: [*cleared, member.alias])
    say_readers(now, readers)


@click.command("recuse")
@code_name_argument
@click.argument("alias", required=False)
@click.option(
    "--reason",
    help="Why another member is recused; it is written into the diary, where they cannot read it. Better leave it "
    "out and be asked: a command line stays in the shell's history.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@despite_option
@passphrase_option
@click.pass_obj
def recuse(
    home: Home,
    code_name: str,
    alias: str | None,
    passphrase_file: Path | None,
    reason: str | None,
    *,
    yes: bool,
    despite_findings: bool,
) -> None:
    """Recuse yourself from an incident, or another member by decision of the team."""
    session = at_desk(home, passphrase_file)
    own = session.identity.alias
    leaving = alias or own
    if leaving == own and reason is not None:
        raise click.UsageError(
            "After your recusal nobody could tell that the reason is yours. Write it before: coc diary write."
        )
    opened = session.open(code_name)
    settle(opened, despite=despite_findings)
    cleared = cleared_now(opened.keyring)
    if leaving not in cleared:
        raise WriteRefused(
            f"{leaving} is not cleared for {code_name}.",
            meaning="Nothing was written.",
            next_step=f"Cleared are: {', '.join(cleared)}.",
        )
    then = None
    if leaving != own:
        words = reason or click.prompt("Why? It is written into the diary, for those who stay", err=True)
        then = EntryDraft(EntryContent.DECISION, Untrusted(words), None, session.clock.now())
    elif not yes:
        say(
            f"You will read nothing that is written into {code_name} from now on. What you read, you have read."
        )
        click.confirm("Go on?", abort=True, err=True)
    now, readers = session.open_epoch(
        opened, lambda those: [one for one in those if one != leaving], then=then
    )
    say_readers(now, readers)
    say(f"{leaving} could read entries up to {now.diary.head.seq}, and no later one.")


@click.command("leave")
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_option
@click.pass_context
def leave(ctx: click.Context, passphrase_file: Path | None, *, yes: bool) -> None:
    """Leave the team: end your access to every incident, and list honestly what you could read."""
    session = at_desk(ctx.obj, passphrase_file)
    served = session.service.incidents()
    out = show.console()
    if served:
        say(f"You can read: {', '.join(one.code_name for one in served)}.")
        if not yes:
            click.confirm("End your access to all of them?", abort=True, err=True)
    else:
        say("You are cleared for no incident now; there is nothing to end.")
    own = session.identity.alias
    stayed = 0
    for one in served:
        try:
            opened = session.open(one.code_name)
            if opened.other_history:
                raise WriteRefused("It is not the diary that this desk has seen before.")
            now, readers = session.open_epoch(
                opened, lambda those: [alias for alias in those if alias != own]
            )
        except CoCError as error:
            stayed += 1
            out.print(
                show.visible(f"{one.code_name}: you can STILL read it. {error.what} {error.next_step}"),
                soft_wrap=True,
            )
        else:
            out.print(
                f"{one.code_name}: you could read {_count(now)}, up to number {now.diary.head.seq}. "
                f"What comes after is read by {', '.join(readers.aliases)}.",
                soft_wrap=True,
            )
    for line in _read_before(session, {one.code_name for one in served}):
        out.print(show.visible(line), soft_wrap=True)
    out.print(
        "\nWhat you have read and what you copied, you still know; nobody can take that back. "
        "Give this list to the team. They now remove you from the roster, and from the ticket spaces of the host.",
        soft_wrap=True,
    )
    if stayed:
        say(f"{stayed} of {len(served)} were not left. Do what is said there, and say coc leave again.")
        ctx.exit(1)


def _read_before(session: Session, listed: set[str]) -> list[str]:
    """What this desk has seen of incidents for which the member is not cleared any more: that is known, too."""
    lines = []
    for code_name in session.home.seen_code_names():
        if code_name in listed:
            continue
        try:
            seen = session.home.remembered(code_name)
        except HomeError:
            seen = None
        until = f"at least up to number {seen.head.seq}" if seen is not None else "how far is not known here"
        lines.append(f"{code_name}: you are not cleared for it any more. You could read it before, {until}.")
    return [*lines, "This list knows what the service names now, and what was read at this desk."]


def _count(opened: Opened) -> str:
    number = len(opened.diary.entries)
    return "1 entry" if number == 1 else f"{number} entries"


def _on_roster(session: Session, alias: str) -> Member:
    member = session.roster.member(alias)
    if member is None:
        raise WriteRefused(
            f"There is no {alias if alias.isascii() and alias.isprintable() else 'such alias'} on the roster "
            f"{session.roster.serial} that this desk trusts.",
            meaning="Keys are taken from your own copy of the roster only. Nothing was written.",
            next_step="Look with: coc roster show. If the team has a newer roster, accept it here first.",
        )
    return member


def aliases_on_roster(session: Session, aliases: tuple[str, ...]) -> list[Alias]:
    """These aliases, all of them on the pinned roster.

    Raises:
        WriteRefused: one is not.
    """
    return [_on_roster(session, alias).alias for alias in aliases]
