"""What must be true when the faults are over, looked at from outside: the hosts, a member's desk, the files.

Nothing of the server's own code or tables is asked, so this holds whatever is inside.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from desk.from_host import Credential, ticket_texts
from desk.reading import trust_of
from integration.diary.open import open_diary
from integration.errors import CoCError
from integration.incident import IncidentType
from integration.process import default_process
from integration.roster import load_roster
from sandbox.playground import ORG, REPOSITORY
from tests.faults.searched import found_in_files
from tests.faults.world import READER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desk.served import ServedIncident
    from desk.service import Service
    from integration.roster import Roster
    from sandbox.rehearsal import HostName
    from tests.faults.form_tool import Submission
    from tests.faults.world import FaultWorld

_MARK = re.compile(r"mark-[0-9a-f]{24}")
_NOTHING_WAITS, _ONE_WAITS = "Nothing waits", "coc-server jobs retry"
_FIRST_COMMENTS = 2  # keyring and opening entry
ROUTES = {kind: [str(step.title) for step in default_process().route(kind)] for kind in IncidentType}


@dataclass
class Verdict:
    """What was found. ``wrong`` says each thing that is not as it must be; the rest are counts.

    ``parked`` are those that still wait. ``lost`` was acknowledged, does not wait, and is in no diary.
    """

    incidents: int = 0
    reports: int = 0
    lost: int = 0
    doubles: int = 0
    parked: int = 0
    wrong: list[str] = field(default_factory=list)


def wait_until_done(says: Callable[..., str], *, seconds: float) -> str:
    """Wait until no report waits any more; what the server lists if that does not come.

    Args:
        says: what runs a `coc-server` command.
        seconds: how long nothing may get done before waiting has no sense any more.
    """
    fewest, since = math.inf, time.monotonic()
    while _NOTHING_WAITS not in (listed := says("jobs", "list")):
        waiting = listed.count(_ONE_WAITS)
        if waiting < fewest:
            fewest, since = waiting, time.monotonic()
        if time.monotonic() - since > seconds:
            return listed
        time.sleep(0.5)
    return ""


def verdict(world: FaultWorld, submissions: Sequence[Submission], *, waiting: str = "") -> Verdict:
    """Check everything against what the form tool was told."""
    found = Verdict()
    if waiting:
        found.parked = waiting.count(_ONE_WAITS)
        found.wrong.append(f"still waiting at the end:\n{waiting}")
    desk, roster = world.desk(), load_roster(world.play.roster_path)
    marks: Counter[tuple[str, ...]] = Counter()
    of_host: dict[HostName, list[tuple[str, ...]]] = {"jira": [], "github": []}
    kinds: dict[tuple[str, ...], IncidentType] = {}
    for served in desk.incidents():
        found.incidents += 1
        reports = _reports(world, desk, served, roster, found)
        host: HostName = "jira" if str(served.ticket).startswith("jira:") else "github"
        of_host[host].append(reports)
        kinds[reports] = served.type
        marks[reports] += 1
        found.reports += len(reports)
    for submission in submissions:
        told = tuple(submission.versions)
        if not marks[told]:
            found.wrong.append(
                f"{submission.form}: not one incident with exactly its {len(told)} reports in order"
            )
        elif told not in of_host[submission.host] or kinds[told] is not submission.type:
            found.wrong.append(f"{submission.form}: on the wrong host, or of the wrong type")
    every = Counter(mark for reports in marks.elements() for mark in reports)
    sent = {mark for submission in submissions for mark in submission.versions}
    found.lost = max(0, len(sent - every.keys()) - found.parked)  # what waits is not lost
    found.doubles += sum(count - 1 for count in every.values())
    if found.incidents != len(submissions):
        found.wrong.append(f"{found.incidents} incidents for {len(submissions)} submissions")
    _tickets(world, submissions, found)
    leaks = found_in_files(world.play.folder, world.canary)
    leaks += [one for journal in world.journals.values() for one in journal.found]
    found.wrong += leaks
    if found.lost:
        found.wrong.append(f"{found.lost} acknowledged reports are in no diary")
    if found.doubles:
        found.wrong.append(f"{found.doubles} things stand twice")
    return found


def _reports(
    world: FaultWorld, desk: Service, served: ServedIncident, roster: Roster, found: Verdict
) -> tuple[str, ...]:
    """The marks of the reports in the diary on the ticket, in order; whatever is wrong with it is noted."""
    name = served.code_name
    if served.ticket is None:
        found.wrong.append(f"{name} has no ticket")
        return ()
    try:
        texts = ticket_texts(served.ticket, _credential(world, served.ticket))
        diary = open_diary(
            texts, identity=world.play.identities[READER], trust=trust_of(served.id, served.ticket, roster),
            head=desk.diary(name).head,
        )  # fmt: skip
    except CoCError as error:
        found.wrong.append(f"{name}: {error}")
        return ()
    found.wrong += [f"{name}: {finding.code}" for finding in diary.findings]
    if [entry.content for entry in diary.entries if entry.content != "report"]:
        found.wrong.append(f"{name}: an entry that is not a report")
    in_order = [_MARK.findall(entry.body.reveal()) for entry in diary.entries]
    if not all(len(marks) == 1 for marks in in_order):
        found.wrong.append(f"{name}: an entry that is not exactly one report")
    return tuple(mark for marks in in_order for mark in marks)


def _credential(world: FaultWorld, ticket: str) -> Credential:
    token = world.play.token(READER)
    if ticket.startswith("jira:"):
        return Credential(world.play.jira_url, token, f"{READER}@team.example")
    return Credential(world.play.github_url, token)


@dataclass
class _Ticket:
    title: str
    steps: list[str]
    comments: list[str]


def tickets(world: FaultWorld, host: HostName) -> list[_Ticket]:
    """Every ticket that a host really holds, with its steps in order, hidden or not; loose steps as a ticket without."""
    if host == "jira":
        issues = list(world.play.jira.site.issues.values())
        steps: dict[str | None, list[str]] = {}
        for issue in issues:
            steps.setdefault(issue.parent, []).append(str(issue.values["summary"]))
        return [
            _Ticket(
                str(issue.values["summary"]),
                steps.get(issue.id, []),
                [str(comment.body) for comment in issue.comments],
            )
            for issue in issues
            if issue.parent is None
        ]
    repo = world.play.github.repo(f"{ORG}/{REPOSITORY}")
    return [
        _Ticket(
            issue.title, [child.title for child in issue.children], [str(one.body) for one in issue.comments]
        )
        for issue in list(repo.issues.values())
        if issue.parent is None
    ]


def half_made(world: FaultWorld) -> bool:
    """Whether a host holds a ticket at this moment that lacks steps or its diary."""
    return not all(is_whole(ticket) for host in ("jira", "github") for ticket in tickets(world, host))


def whole_tickets(world: FaultWorld) -> int:
    """How many tickets on both hosts have all steps and the beginning of a diary."""
    return sum(is_whole(ticket) for host in ("jira", "github") for ticket in tickets(world, host))


def is_whole(ticket: _Ticket) -> bool:
    """Whether it has the steps of its type, keyring and opening entry."""
    return ticket.steps in ROUTES.values() and len(ticket.comments) >= _FIRST_COMMENTS


def _tickets(world: FaultWorld, submissions: Sequence[Submission], found: Verdict) -> None:
    """Each host holds one ticket for each submission, with exactly the steps of its type in order."""
    for host in ("jira", "github"):
        there = tickets(world, host)
        due = [one for one in submissions if one.host == host]
        if len(there) != len(due):
            found.wrong.append(f"{host}: {len(there)} tickets for {len(due)} submissions")
        titles = Counter(ticket.title for ticket in there)
        found.doubles += max(0, len(there) - len(due))
        found.wrong += [
            f"{host}: {title} stands {count} times" for title, count in titles.items() if count > 1
        ]
        for ticket in there:
            if ticket.steps not in ROUTES.values():
                found.wrong.append(
                    f"{host}: {ticket.title} has {len(ticket.steps)} steps, not those of its type in order"
                )
            twice = [one for one in (Counter(ticket.steps) + Counter(ticket.comments)).values() if one > 1]
            found.doubles += sum(count - 1 for count in twice)
        whole = Counter(tuple(ticket.steps) for ticket in there)
        for kind, route in ROUTES.items():
            if whole[tuple(route)] != sum(one.type is kind for one in due):
                found.wrong.append(f"{host}: the steps of {kind} do not stand as often as it was reported")
