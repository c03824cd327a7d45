"""What ``coc-server status`` says of what is due by the clock: when it was last begun, and what of it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from webhook_server.redelivery import chore_of as webhooks_of
from webhook_server.status_report import ago
from webhook_server.store.boards import chore_of as board_of
from webhook_server.wiring import hooks_of, make_hosts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from webhook_server.config import Config
    from webhook_server.status_report import Status
    from webhook_server.store.chores import ChoreTrouble
    from webhook_server.store.overview import Overview

_OVERDUE = timedelta(days=2)
_BACKUP = "backup"
_BACKUP_OVERDUE = timedelta(days=8)
_CHORE_OF = {"board": "boards", "webhooks": "missed-webhooks", "unknown tickets": "unknown-tickets"}
"""Which chore it is that claims under such a name; the others have the same name in both places."""
_WHAT = {
    "audience": "The look at who can read the ticket space",
    "boards": "The renewal of the board of",
    "missed-webhooks": "Asking for webhooks that did not arrive, at",
    "unknown-tickets": "The look for tickets that nothing here works on, in",
}
"""What a part of a chore is; the ticket space or webhook follows."""
_NEXT = {
    "audience": "Once the last proof is too old, nothing is written there. See: coc-server doctor {part} --config {path}",
    "boards": "See what its host says, with: coc-server board {part} --config {path}",
}
"""How to see more than a code. What runs in the server only has no command: its log says more."""
_LOOK = "See: coc-server doctor --config {path}, and the server's log."
_BACKUP_NEXT = (
    "Make one now: coc-server backup FOLDER --config {path} says what is in the way. "
    "This goes away when one is made."
)
_AND_THEN = (
    " It is tried again by itself, and this goes away when it succeeds; docs/server.md explains each code."
)


def look_at_chores(
    status: Status, overview: Overview, config: Config | None, path: Path, now: datetime
) -> None:
    """Of what the configuration has, when it can be read: what it does not have any more is never done again."""
    chores, troubles = overview.chores(), overview.chore_troubles()
    if config is not None:
        hooks = hooks_of(make_hosts(config).values())
        still = {webhooks_of(hook) for hook in hooks} | {board_of(space) for space in config.spaces}
        chores = {one: at for one, at in chores.items() if " of " not in one or one in still}
        parts = {"", *config.spaces, *(hook.name for hook in hooks)}
        troubles = [one for one in troubles if one.part in parts]
    for name, done_at in sorted(chores.items()):
        failing = ", and fails" if any(_is_of(one, name) for one in troubles) else ""
        status.say(name.capitalize(), f"{ago(done_at, now)} ago{failing}")
        if now - done_at > (_BACKUP_OVERDUE if name == _BACKUP else _OVERDUE):
            status.warn(
                f"The last {name} was {ago(done_at, now)} ago.",
                "Make a backup now and see why none came." if name == _BACKUP else "See the server's log.",
            )
    _fails(status, troubles, path, now)
    if _BACKUP not in chores and overview.incidents():
        status.warn("No backup is noted.", 'docs/server.md, "Back up", says how.')


def _is_of(trouble: ChoreTrouble, name: str) -> bool:
    kind, _, part = name.partition(" of ")
    return trouble.chore == _CHORE_OF.get(kind, kind) and (not part or trouble.part in {"", part})


def _fails(status: Status, troubles: Sequence[ChoreTrouble], path: Path, now: datetime) -> None:
    for one in troubles:
        what = f"{_WHAT.get(one.chore, one.chore)} {one.part}" if one.part else f"The chore {one.chore}"
        if one.chore == _BACKUP:  # by a timer, of which we know nothing
            then = _BACKUP_NEXT
        else:
            then = (_NEXT.get(one.chore, _LOOK) if one.part else _LOOK) + _AND_THEN
        status.warn(
            f"{what} fails since {one.since:%Y-%m-%d %H:%M} UTC ({ago(one.since, now)}): {one.code}.",
            then.format(part=one.part, path=path),
        )
