"""The nightly look for tickets that nothing here works on: forgotten, as after restoring a backup, or copied; members are told.

By their keys on the host and nothing else: a title may have been changed into a name.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from integration.errors import CoCError
from integration.logs import Log
from webhook_server.chores import noted
from webhook_server.store.chores import NIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from integration.incident import SpaceName
    from integration.marked import TicketList
    from integration.ports import Notifier
    from integration.roster import Roster
    from webhook_server.store.chores import ChoreBook
    from webhook_server.store.strays import Stray, Strays

_log = Log("coc.chores")

SUBJECT = "coc-mirror: tickets that the service does not know"


def unknown_tickets(
    lists: Mapping[SpaceName, TicketList],
    *,
    book: ChoreBook,
    strays: Strays,
    tell: Callable[[Sequence[Stray]], None],
) -> Callable[[datetime], None]:
    """The chore. One worker of several lists each ticket space once a night; trouble with one leaves the others alone."""

    def run(now: datetime) -> None:
        if book.claim("unknown tickets", every=NIGHT, now=now):
            for space, tickets in lists.items():
                try:
                    with noted(book, "unknown-tickets", space, now):
                        strays.forget_other_spaces(lists.keys())
                        strays.note(space, tickets.marked(), now)
                except CoCError as error:
                    _log.error("unknown-tickets-not-listed", space=space, code=error.code)
        found = strays.to_tell(now)
        if found:
            _log.warning("unknown-tickets", count=len(found))
            try:
                tell(found)
            except BaseException:
                strays.not_told()
                raise

    return run


def teller(
    roster: Callable[[], Roster], notifier: Notifier, operator: str | None
) -> Callable[[Sequence[Stray]], None]:
    """Tells the members on duty; without one, who holds a recovery key; without that, the operator."""

    def tell(strays: Sequence[Stray]) -> None:
        current = roster()
        addresses = (
            tuple(member.email for member in current.members if member.on_duty)
            or tuple(key.email for key in current.recovery)
            or ((operator,) if operator else ())
        )
        notifier.tell(addresses, subject=SUBJECT, text=text_of(strays))

    return tell


def text_of(strays: Sequence[Stray]) -> str:
    """What the mail says: ticket spaces and keys, of the forgotten and of the second ones."""
    forgotten = [one for one in strays if not one.is_second]
    second = [one for one in strays if one.is_second]
    return "\n".join(
        says(_listed(ones)) for ones, says in ((forgotten, _of_forgotten), (second, _of_second)) if ones
    )


def _listed(strays: Sequence[Stray]) -> str:
    return "\n".join(
        f"  {space}: {', '.join(one.key for one in ones)}"
        for space, ones in groupby(strays, lambda one: one.space)
    )


def _of_forgotten(listed: str) -> str:
    return (
        "These tickets carry the marker of coc-mirror, and the service's database does not hold their incidents:\n\n"
        f"{listed}\n\n"
        "So it is after a backup was restored that is older than they are, or when two services write to one ticket space.\n"
        "Their diaries stand on the tickets, and whoever was cleared can still open them; the service writes nothing to them.\n"
        'Look after them by hand, see "After restoring a backup" in docs/server.md. If a form tool sends a report again, its\n'
        "ticket is found and goes on by itself.\n"
    )


def _of_second(listed: str) -> str:
    return (
        "These tickets carry the marker of an incident that has another ticket, the one on which the service works:\n\n"
        f"{listed}\n\n"
        "Somebody may have made a copy (Clone in Jira, Duplicate on GitHub), or the ticket was opened twice. Nobody looks after\n"
        "it: the service neither writes to it nor takes anything over, a plain comment on it is not sealed and not deleted, and\n"
        "in Jira it may lack the security level. Do not write to it. See who can read it, move what somebody wrote on it into\n"
        'the diary at your desk, and delete it; the diary is on the other one. See "A second ticket" in docs/server.md.\n'
    )
