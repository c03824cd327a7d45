"""From what the service handed out to a checked diary: no files, no network, no printing.

:func:`integration.diary.open.open_diary` checks what is inside a diary. Added here is what only this
desk can know: what it saw the last time, and what the service claims beside the comments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desk.home import Remembered
from desk.waiting import held_up
from integration.diary.comment import find_comments
from integration.diary.findings import Finding
from integration.diary.open import Diary, Trust, open_diary
from integration.errors import CannotOpen
from integration.roster_chain import former_keys, readers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desk.served import ServedDiary
    from integration.diary.chain import Head
    from integration.diary.open import Opener
    from integration.incident import IncidentId
    from integration.mirror import TicketName
    from integration.roster import Roster


@dataclass(frozen=True, slots=True)
class Read:
    """An opened diary, everything found about it, and what the desk should remember of it from now on."""

    diary: Diary
    findings: tuple[Finding, ...]
    seen: Remembered | None


def read(
    served: ServedDiary,
    *,
    identity: Opener,
    roster: Roster,
    remembered: Remembered | None,
    known_as: str | None,
    former: Sequence[Roster] = (),
) -> Read:
    """Open and check what the service served.

    Args:
        served: the comments and the public fields, both as the service tells them.
        identity: the member's own, unlocked.
        roster: the pinned one; the only place keys are taken from.
        remembered: what this desk saw of this code name the last time.
        former: rosters this desk accepted before; they tell who signed what former members wrote.
        known_as: the code name under which this desk knows the served incident, if it does.

    Raises:
        CannotOpen: there is nothing to open yet, the key does not open it, or the service put another
            incident under this code name.
    """
    incident = served.incident
    if (remembered is not None and remembered.incident != incident.id) or known_as not in {
        None,
        incident.code_name,
    }:
        raise CannotOpen(
            f"The service shows another incident under {incident.code_name} than it did before.",
            meaning="Code names are never used twice. Either the service is broken, or somebody wants you to take "
            "one incident for another.",
            next_step="Do not act on anything it shows. Speak with your team and whoever runs the service.",
        )
    ticket = incident.ticket or (remembered.ticket if remembered is not None else None)
    if ticket is None or (not served.comments and remembered is None):
        raise CannotOpen(
            f"{incident.code_name} has no diary yet.",
            meaning="Its ticket is still being opened.",
            next_step="Try again in some minutes. If it stays so, ask whoever runs the service.",
        )
    trust = trust_of(incident.id, ticket, roster, former)
    seen = remembered.head if remembered is not None else None
    try:
        diary = open_diary(served.comments, identity=identity, trust=trust, head=seen)
    except CannotOpen:
        raise _not_opened(served, roster) from None
    findings = [*diary.findings]
    if served.head is not None and _place(diary.head) < _place(served.head):
        findings.append(
            Finding(
                "less-than-claimed",
                None,
                f"The service says that the newest entry is {served.head.seq}, and sent less.",
                "Entries were lost on their way, or something holds them back. Read again; then ask whoever "
                "runs the service.",
            )
        )
    if (waits := held_up(served)) is not None:
        findings.append(waits)
    return Read(diary, tuple(findings), to_remember(diary, ticket, remembered))


def trust_of(
    incident: IncidentId, ticket: TicketName, roster: Roster, former: Sequence[Roster] = ()
) -> Trust:
    """What a reading of this diary takes from the pinned roster and those accepted before it."""
    return Trust(
        incident=incident,
        ticket=ticket,
        service_keys={key.id: key.public for key in roster.service_keys},
        members={member.alias: member.signing_key for member in roster.members},
        former=former_keys(former, roster),
        rosters={one.hash: readers_of(one) for one in (*former, roster)},
        readers=readers_of(roster),
    )


NOT_THE_DIARY_WE_KNOW = frozenset({"missing-newest", "rewritten", "fork"})
"""After one of these the desk goes on remembering what it saw before, or the next reading would look fine."""


def to_remember(diary: Diary, ticket: TicketName, remembered: Remembered | None) -> Remembered | None:
    """The head to keep after a reading: the new one, unless the diary is not the one that was seen before."""
    if diary.head.seq < 1:
        return remembered
    if remembered is not None and (
        _place(diary.head) < _place(remembered.head)
        or any(finding.code in NOT_THE_DIARY_WE_KNOW for finding in diary.findings)
    ):
        return remembered
    return Remembered(diary.head.incident, ticket, diary.head)


def _place(head: Head) -> tuple[int, int]:
    return (head.seq, head.part)


def _not_opened(served: ServedDiary, roster: Roster) -> CannotOpen:
    """Why a diary does not open though the service counts the member as cleared."""
    sealed_with = {comment.seal_key for text in served.comments for comment in find_comments(text)}
    unknown = sorted(sealed_with - {key.id for key in roster.service_keys})
    if unknown:
        return CannotOpen(
            f"The diary is sealed with a service key that your roster does not list: {', '.join(unknown)}.",
            meaning="Your roster is older than that key, or somebody runs a false service. Nothing was opened.",
            next_step="Get the newest roster.toml from your team, not from the service, and connect again.",
        )
    return CannotOpen(
        "Your key opens none of the keyrings of this diary.",
        meaning="The service counts you as cleared, but the keyrings are for other keys: you may have made a new key "
        "since then, or the comments were damaged.",
        next_step="Ask a member who can read it to clear your present key.",
    )
