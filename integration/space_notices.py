"""What is told when a ticket space is frozen or thawed, and when an admin's proof ends: accounts and paths, no report.

The accounts are those of people with access on the host, where its admins see them anyway.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from integration.audience import ADMIN_PROOF_ENDS_SOON
from integration.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from integration.audience import Freeze, SpaceRecord
    from integration.roster import Roster

_MOST = 20
"""Sentences in one mail. Whoever made a repository public let in hundreds."""


class SpaceNews(StrEnum):
    """What there is to tell of a ticket space."""

    FROZEN = "frozen"
    THAWED = "thawed"
    ENDED = "admin-ended"
    ENDS_SOON = "admin-ends-soon"


def news_of(record: SpaceRecord, now: datetime) -> SpaceNews | None:
    """What is to be told, now or as a reminder; None if all is well."""
    if record.is_frozen:
        return SpaceNews.FROZEN
    if record.thawed_at is not None and record.told is None:
        return SpaceNews.THAWED
    if record.admin is None:
        return None
    if record.admin.ends_at <= now:
        return SpaceNews.ENDED
    return SpaceNews.ENDS_SOON if record.admin.ends_at - ADMIN_PROOF_ENDS_SOON <= now else None


def space_notice(record: SpaceRecord, news: SpaceNews, roster: Roster, operator: str | None) -> Notice:
    """The mail. Who can read is the team's matter first, an admin's credential that of whoever runs the service."""
    team = tuple(member.email for member in roster.members if member.on_duty)
    runs = (operator,) if operator else ()
    is_the_teams = news in {SpaceNews.FROZEN, SpaceNews.THAWED}
    addresses = (team or runs) if is_the_teams else (runs or team)
    addresses = addresses or tuple(key.email for key in roster.recovery)
    return Notice(addresses, _SUBJECTS[news].format(space=record.space), _text(record, news))


_SUBJECTS = {
    SpaceNews.FROZEN: "{space}: somebody who may not can read the ticket space",
    SpaceNews.THAWED: "{space}: only the team can read the ticket space again",
    SpaceNews.ENDED: "{space}: nothing is written, the proof by an admin has ended",
    SpaceNews.ENDS_SOON: "{space}: the proof by an admin ends soon",
}


def _text(record: SpaceRecord, news: SpaceNews) -> str:
    freeze, admin, space = record.freeze, record.admin, record.space
    if news is SpaceNews.FROZEN and freeze is not None:
        return (
            f"It is not proven that only the team can read the ticket space {space}:\n\n{_listed(freeze.reasons)}\n\n"
            f"{_since(freeze)}\n"
            "Diaries are encrypted and cannot be read by them; titles, fields, steps and times can.\n"
            "Nothing is written there until it is put right. Reports are taken in and stay sealed in the service.\n\n"
            "Take the access away on the host: it is looked at again every few minutes and goes on by itself.\n"
            "Or acknowledge an account by name and with an end date in the configuration, and start the server again.\n\n"
            f"On the server: coc-server audience {space}\n"
        )
    if news is SpaceNews.THAWED and freeze is not None and record.thawed_at is not None:
        return (
            f"The ticket space {space} is proven again, and what waited is written to it.\n\n"
            f"Until {_time(record.thawed_at)} this was so:\n\n{_listed(freeze.could_read)}\n\n"
            f"{_since(freeze)}\n"
            "Diaries are encrypted and could not be read; titles, fields, steps and times could. Find out how it\n"
            "came about, and whether anybody is to be told.\n"
        )
    ends = f"{admin.ends_at:%Y-%m-%d}" if admin else "?"
    verb = "ended" if news is SpaceNews.ENDED else "ends"
    consequence = (
        "Nothing is written there any more. Reports are taken in and stay sealed in the service."
        if news is SpaceNews.ENDED
        else "After that day nothing is written there."
    )
    return (
        f"Some of those who can read the ticket space {space} can be seen with an admin's credential only. What was\n"
        f"proven with one {verb} on {ends}. {consequence}\n\n"
        f"Run with an admin's credential: coc-server doctor {space} --admin-token-file FILE\n"
    )


def _since(freeze: Freeze) -> str:
    found = f"It was found at {_time(freeze.since)}"
    if freeze.proven_before is None:
        return f"{found}; since when it was so is not known."
    return f"{found}. At {_time(freeze.proven_before)} it was not so yet."


def _listed(reasons: Sequence[str]) -> str:
    lines = [f"- {reason}" for reason in reasons[:_MOST]]
    if len(reasons) > _MOST:
        lines.append(f"- and {len(reasons) - _MOST} more")
    return "\n".join(lines)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
