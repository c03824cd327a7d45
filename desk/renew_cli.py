"""``coc renew``: after a change of the roster, no diary goes on with keys that somebody has who is not to have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from desk import show
from desk.asking import SOMETHING_TO_LOOK_AT, alone, at_desk
from desk.unlocking import passphrase_option
from integration.errors import CoCError

if TYPE_CHECKING:
    from pathlib import Path

    from desk.session import Session


@click.command("renew")
@passphrase_option
@click.pass_context
def renew_all(ctx: click.Context, passphrase_file: Path | None) -> None:
    """Open the next epoch of every diary of yours that somebody can read who left the team or has new keys.

    Also of those whose keys the service made, or a member who left with them. The others stay as they are.
    """
    session = at_desk(ctx.obj, passphrase_file)
    served = session.service.incidents()
    out = show.console()
    left = 0
    for one in served:
        try:
            said = _renewed(session, one.code_name)
        except CoCError as error:
            left += 1
            said = f"NOT renewed. {error.what} {error.next_step}"
        out.print(show.visible(f"{one.code_name}: {said}"), soft_wrap=True)
    if not served:
        out.print("You are cleared for no incident.")
    if left:
        ctx.exit(SOMETHING_TO_LOOK_AT)


def _renewed(session: Session, code_name: str) -> str:
    """What was done with one diary.

    Raises:
        CoCError: it was not renewed.
    """
    opened = session.open(code_name)
    if opened.serious:
        codes = ", ".join(sorted({one.code for one in opened.serious}))
        raise CoCError(f"Found: {codes}.", next_step=f"See: coc verify {code_name}")
    if not opened.diary.rekey_due:
        return "nothing to do."
    _, readers = session.open_epoch(opened, lambda cleared: cleared)
    gone = f" Left out: {', '.join(readers.gone)}." if readers.gone else ""
    return f"renewed, read by {', '.join(readers.aliases)}.{gone}{alone(readers)}"
