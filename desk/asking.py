"""What the commands about one diary have in common: the code name, the desk's own remarks, the question whether to go on.

Remarks go to standard error, so that what a command prints can be piped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from desk import drafts, show
from desk.connecting import connected
from desk.served import is_code_name
from desk.session import session_of
from desk.unlocking import unlock
from integration.diary.frame import EntryContent
from integration.diary.write import EntryDraft
from integration.errors import CoCError, WriteRefused
from integration.text import Untrusted

if TYPE_CHECKING:
    from pathlib import Path

    from desk.home import Home
    from desk.session import Opened, Readers, Session

SOMETHING_TO_LOOK_AT = 3


def _code_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    code_name = value.upper()
    if not is_code_name(code_name):
        raise click.BadParameter("a code name looks like BLUE-JAY-27")
    return code_name


code_name_argument = click.argument("code_name", metavar="CODE-NAME", callback=_code_name)

despite_option = click.option(
    "--despite-findings", is_flag=True, help="Write though something about the diary is not as it should be."
)


def say(remark: str) -> None:
    """A remark of the desk."""
    show.console(stderr=True).print(show.visible(remark, lines=True), soft_wrap=True)


def at_desk(home: Home, passphrase_file: Path | None) -> Session:
    """The member's session, unlocked."""
    connected(home)  # said before anybody types a passphrase
    session = session_of(home, unlock(home, passphrase_file))
    _keep_leftovers(session)
    return session


def _keep_leftovers(session: Session) -> None:
    """Encrypt and remove what an earlier command left in clear because it was killed while its editor was open."""
    with drafts.leftovers() as found:
        for code_name, (text, in_utf8) in found:
            if not text.strip() or not is_code_name(code_name):
                continue
            entry = EntryDraft(EntryContent.NOTE, Untrusted(text), None, session.clock.now())
            path = drafts.keep(session.home.folder, session.identity, drafts.Draft(code_name, entry))
            say(
                f"An earlier coc diary write {code_name} was cut off. What you had saved in the editor is kept, encrypted "
                f"for you alone, in {path}\nRead it with: coc diary draft {path}"
            )
            if not in_utf8:
                say(
                    "It is not text in UTF-8 and was read as Latin-1: see whether it is right before you hand it over."
                )


def settle(opened: Opened, *, despite: bool, can_ask: bool = True) -> None:
    """Before something is written: show what is wrong with the diary, and ask. One damaged entry does not stop a team.

    Raises:
        WriteRefused: this is not the diary that the desk has seen before, or nobody can be asked.
        Abort: the member does not want to.
    """
    if not opened.serious:
        return
    say(f"Something about {opened.code_name} is not as it should be:")
    show.findings_of(show.console(stderr=True), opened.serious)
    if despite:
        return
    if opened.other_history:
        raise WriteRefused(
            f"This is not the diary of {opened.code_name} that this desk has seen before.",
            meaning="What you write would stand in a history that somebody else may have made. Nothing was written.",
            next_step="Compare heads with another member (coc diary compare). To write all the same: --despite-findings",
        )
    if not can_ask:
        raise WriteRefused(
            "Nothing was written because of these findings.",
            next_step="If you have seen what they mean, say the same again with --despite-findings",
        )
    click.confirm("Write all the same?", abort=True, err=True)


def say_readers(opened: Opened, readers: Readers) -> None:
    """Who reads from now on, and who was left out because the roster does not have them any more."""
    number = opened.keyring.newest.epoch.number + 1
    say(
        f"Epoch {number} of {opened.code_name} is open; it is read by {', '.join(readers.aliases)}.{alone(readers)}"
    )
    if readers.gone:
        say(f"Not on your team's roster any more, so left out: {', '.join(readers.gone)}.")


def alone(readers: Readers) -> str:
    """A warning where a diary has one reader left."""
    if len(readers.aliases) > 1:
        return ""
    return (
        f" Only {readers.aliases[0]} can read it now: if that is not meant so, clear another member, or with that key "
        "nobody but the holders of the recovery keys could read it any more."
    )


def renew(session: Session, opened: Opened) -> None:
    """Open the next epoch where somebody has the present one's keys who is not to: the service, or who left.

    A reading does not fail because of this; what went wrong is said.
    """
    if not opened.diary.rekey_due:
        return
    if opened.serious:
        say("The diary's keys were not renewed because of what was found. Nothing else is needed to read it.")
        return
    try:
        now, readers = session.open_epoch(opened, lambda cleared: cleared)
    except CoCError as error:
        say(
            f"The diary's keys could not be renewed: {error.what} {error.next_step}\n"
            "It is read as it is; the next reading tries again."
        )
        return
    say(
        "Somebody had the diary's keys, or may have kept them, who is not to read it (the service, who left, or an old "
        "key). They were renewed: the old ones open nothing that is written from now on."
    )
    say_readers(now, readers)
