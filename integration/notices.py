"""What is told to whom about a report, and never a word from it: code name, what waits, what to do.

Nobody who may be meant is told, and silence is never the answer: who else there is, is told instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.errors import DoesNotOpen, StoreError
from integration.may_read_first import first_readers_of
from integration.reconcile import Found
from integration.store import DESK, HOST, NIGHTLY

if TYPE_CHECKING:
    from collections.abc import Collection

    from integration.casework import Casework
    from integration.code_name import CodeName
    from integration.incident import IncidentId
    from integration.roster import Member, Roster


_FINDINGS = {
    Found.COMMENTS: "One or more comments of the diary were deleted or changed there. The same ones stand there again; nothing of them\n"
    "is lost. See: coc diary verify {name} --from-host",
    Found.RESTRICTION: "The ticket itself had lost what keeps others out, so that more people could see it, though not read its diary. The\n"
    "restriction was set again.",
    Found.FIELDS: "Its title, its marker or its fields were changed. They were set again.",
    Found.STEPS: "One or more steps were missing. They were made again.",
    Found.FILES: "One or more files of the diary were missing. They were put there again, encrypted as before.",
    Found.ADOPTED: "It held diary comments that the service's database had lost, as after restoring a backup. They were taken over. The\n"
    "service cannot read whom they clear: check with the others who reads this diary, and change the readers once at a desk\n"
    "(docs/server.md, After restoring a backup).",
    Found.EXPOSED: "Somebody wrote a plain comment on it or on one of its steps. Its text stands in the diary now, as an exposed note,\n"
    "and the comment was deleted. Whoever can read the ticket could read it, and mail or the host's history may have carried\n"
    "it. See: coc diary read {name}",
    Found.REOPENED: "It was closed while steps of the process are unfinished, and was opened again. A word on the ticket says which steps.",
    Found.TEXTS: "Its own text, or the title or text of a step, was not as the process and this service write it. It was set again. What\n"
    "stood there could be read by whoever can read the ticket; mail and the host's history may keep it.",
}
"""What is told of each kind of finding; {name} is the code name. Nothing of what was found is in it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail without content: code name, what waits, what to do. Never a word from the report."""

    addresses: tuple[str, ...]
    subject: str
    text: str


def notice(inbox_id: str, incident_id: IncidentId, waits: str | None, work: Casework) -> Notice:
    """What to tell whom about a delivery that is on its host, or that ``waits`` for the reason given.

    Only members whom nothing in the report could mean are told. If that leaves nobody, or if it cannot be
    known, the holders of the recovery keys are; without these there is no address, and the caller tells the
    operator. The subject is the same for all, because mail servers read it.
    """
    incident = work.store.incident(incident_id)
    roster = work.roster()
    concerned = _concerned(inbox_id, incident_id, roster, work)
    members, source, known = concerned.members, concerned.source, concerned.known
    addresses = _addresses(members, roster)
    name = incident.code_name
    if waits is not None:
        if source in {NIGHTLY, HOST}:
            subject = f"{name}: its ticket needs you"
            what = "The ticket could not be brought to what it should show."
        elif source == DESK:
            subject = f"{name}: what a member wrote waits and needs you"
            what = "What was written at a member's desk is kept and can be read at a desk. It is not on the ticket yet."
        else:
            subject = f"{name}: a report waits and needs you"
            what = "A report was received and is kept sealed, but its ticket could not be completed yet."
        text = (
            f"{what}\n\n{waits}\n\n"
            f"On the server: coc-server jobs list\nTry again at once: coc-server jobs retry {inbox_id}\n"
        )
    else:
        subject = f"{name}: a report has come in"
        text = f"There is a new diary entry for {name}. Read it at your desk:\n\n  coc diary read {name}\n"
    if waits is None and not members and known:
        text = (
            f"Nobody on duty could be sure not to be meant by the report {name}. You hold a recovery key; please see\n"
            'docs/desk.md, "Opening with a recovery key", and choose who looks after it.\n'
        )
    if not known:
        text += (
            "\nYou are told because you hold a recovery key: the service cannot find out whom the report could mean.\n"
            "See that somebody looks after it who is not.\n"
        )
    if concerned.unreadable:
        text += (
            f"\nThe form {source!r} sent something its reader does not understand. The report is kept as it came;\n"
            "please have its set-up checked.\n"
        )
    return Notice(addresses, subject, text)


def notice_of_findings(
    inbox_id: str, incident_id: IncidentId, kinds: Collection[str], work: Casework
) -> Notice:
    """What to tell the readers of a diary about things that somebody changed on its ticket: their kinds only."""
    roster = work.roster()
    name = work.store.incident(incident_id).code_name
    members = _concerned(inbox_id, incident_id, roster, work).members
    said = "\n\n".join(_FINDINGS[kind].format(name=name) for kind in Found if kind in kinds)
    text = (
        f"The ticket of {name} was not as it should be. Find out who changed it, and why.\n\n{said}\n\n"
        "The host's own history of the ticket may say who did it and when.\n"
    )
    return Notice(_addresses(members, roster), f"{name}: something was changed on its ticket", text)


def notice_of_loss(inbox_id: str, incident_id: IncidentId, work: Casework) -> Notice:
    """What to tell about a report that did not open and was given up: that somebody must ask for it again."""
    name = work.store.incident(incident_id).code_name
    roster = work.roster()
    concerned = _concerned(inbox_id, incident_id, roster, work)
    text = (
        f"A report that came in for {name} could not be opened, and who looks after the server has given it up. As far as\n"
        "the service knows it stands in no diary. Please ask for it again: whoever sent it may not know that it was lost. If the\n"
        "form tool keeps its answers, it can send the report again.\n\n"
        "You are told because it cannot be found out whom the report could mean. See that somebody looks after it who is\n"
        "not.\n"
    )
    return Notice(
        _addresses(concerned.members, roster), f"{name}: a report could not be opened and is lost", text
    )


def notice_of_exposure(code_name: CodeName, author: Member) -> Notice:
    """What to tell the author of a plain comment that was sealed and deleted. Nothing of it is quoted."""
    text = (
        f"What you wrote as a plain comment on the ticket of {code_name} was sealed into its diary, and the comment was\n"
        "deleted. Whoever can read the ticket could read it meanwhile; notification mails and the host's history may have\n"
        "carried it. Think about who that could be, and tell your team if it matters.\n\n"
        f"Write into the diary at your desk, where it is encrypted from the first letter on:\n\n"
        f"  coc diary write {code_name}\n"
    )
    return Notice((author.email,), f"{code_name}: a comment of yours was sealed", text)


def _addresses(members: tuple[Member, ...], roster: Roster) -> tuple[str, ...]:
    return tuple(member.email for member in members) or tuple(key.email for key in roster.recovery)


@dataclass(frozen=True, slots=True)
class _Concerned:
    """The members to tell, where the delivery came from, and whether all of it could be found out."""

    members: tuple[Member, ...] = ()
    source: str | None = None
    unreadable: bool = False
    known: bool = False


def _concerned(inbox_id: str, incident: IncidentId, roster: Roster, work: Casework) -> _Concerned:
    try:
        delivery = work.store.delivery(inbox_id)
        if delivery.report is not None:
            members: tuple[Member, ...] = first_readers_of(delivery, work.store, roster)
        else:
            readers = work.store.readers(incident)
            members = tuple(member for alias in readers if (member := roster.member(alias)))
    except DoesNotOpen:
        return _Concerned()
    except StoreError:  # the database is away for the moment
        raise
    except Exception:  # noqa: BLE001 - whatever it is, silence would be worse than telling the recovery keys' holders
        return _Concerned()
    return _Concerned(members, delivery.source, delivery.unreadable, known=True)


def notice_for_operator(inbox_id: str, operator: str, *, waits: bool, lost: bool = False) -> Notice:
    """What the operator is told when no member can be: that there is a report, by its id and not by its code name."""
    if inbox_id.startswith("found_"):
        subject = "Something was changed on a ticket, and nobody on the team could be told"
        where = "Its ticket was not as it should be, and was put right. Please let the team know that they should look."
    elif lost:
        subject = "A report is lost, and nobody on the team could be told"
        where = "It could not be opened and was given up. Please let the team know that it must be asked for again."
    elif waits:
        subject = "A report waits, and nobody on the team could be told"
        where = "It is kept sealed; see: coc-server jobs list"
    else:
        subject = "A report has come in, and nobody on the team could be told"
        where = "It is on its host, in its diary. Please let the team know that they should look."
    text = (
        f"There is a report with the id {inbox_id}. {where}\n\n"
        "Nobody in the roster could be told: nobody is on duty, or whoever is could be meant, and there is no recovery\n"
        "key. Please have the team add a recovery key to the roster, or put another member on duty.\n"
    )
    return Notice((operator,), subject, text)
