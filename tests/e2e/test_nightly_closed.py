"""A week of nights on both stand-ins, for a ticket that is closed: left as it is if nothing is wrong there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from integration.deskwork import restore
from integration.host_events import HostEvent, Touched
from integration.incident import Stage
from sandbox.jira_state import Holder
from sandbox.playground import BOT, ORG, REPOSITORY
from tests.e2e.test_desk_writes import opened
from webhook_server.jobs import attempt
from webhook_server.store.chores import ChoreBook
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.incident import Incident, IncidentId
    from sandbox.github_state import Issue
    from sandbox.jira_state import Issue as JiraIssue
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]
TO_DO, DONE = "11", "31"
WORDS = "Noah thanked us today."
READS = {"jira": 2 + 4, "github": 2 + 3}
"""Of the ticket once, and for the proof that only the team can read the space."""


def github_issue(server: Server, incident: IncidentId) -> Issue:
    ref = server.parts.database.ticket(incident).ref
    assert ref is not None
    return server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[int(ref.id)]


def jira_issue(server: Server, incident: IncidentId) -> JiraIssue:
    ref = server.parts.database.ticket(incident).ref
    assert ref is not None
    return server.world.jira.site.issues[ref.id]


def on_github(server: Server, method: str, path: str, sent: object) -> None:
    answer = requests.request(
        method, f"{server.world.github_url}/repos/{ORG}/{REPOSITORY}{path}", json=sent, timeout=10,
        headers={"Authorization": f"Bearer {server.world.token('robert')}"},
    )  # fmt: skip
    answer.raise_for_status()


def on_jira(server: Server, path: str, sent: object) -> None:
    answer = requests.post(
        f"{server.world.jira_url}/rest/api/3/issue/{path}", json=sent, timeout=10,
        auth=("robert@team.example", server.world.token("robert")),
    )  # fmt: skip
    answer.raise_for_status()


def close(server: Server, host: HostName, incident: IncidentId, *, again: bool = False) -> None:
    """A member closes every step and the ticket; with ``again``, opens the ticket again."""
    if host == "github":
        ticket = github_issue(server, incident)
        for step in () if again else ticket.children:
            on_github(server, "PATCH", f"/issues/{step.number}", {"state": "closed"})
        on_github(server, "PATCH", f"/issues/{ticket.number}", {"state": "open" if again else "closed"})
        return
    issue = jira_issue(server, incident)
    for one in [issue] if again else [*server.world.jira.site.subtasks(issue), issue]:
        on_jira(server, f"{one.id}/transitions", {"transition": {"id": TO_DO if again else DONE}})


def say(server: Server, host: HostName, incident: IncidentId) -> None:
    if host == "github":
        ticket = github_issue(server, incident)
        on_github(server, "POST", f"/issues/{ticket.number}/comments", {"body": WORDS})
        return
    text = {"type": "paragraph", "content": [{"type": "text", "text": WORDS}]}
    body = {"type": "doc", "version": 1, "content": [text]}
    on_jira(server, f"{jira_issue(server, incident).id}/comment", {"body": body})


def comments(server: Server, host: HostName, incident: IncidentId) -> list[str]:
    issue = github_issue(server, incident) if host == "github" else jira_issue(server, incident)
    return [str(one.body) for one in issue.comments]


def move(server: Server, host: HostName, incident: IncidentId) -> None:
    """Somebody puts the ticket where old ones are kept, which the service's account can see too."""
    if host == "github":
        server.world.github.add_repo(ORG, "old", collaborators={BOT: "push"})
        number = github_issue(server, incident).number
        server.world.github.transfer_issue(f"{ORG}/{REPOSITORY}", number, to=f"{ORG}/old")
        return
    jira, ticket = server.world.jira, jira_issue(server, incident)
    everybody = [Holder("applicationRole")]
    jira.add_project("OLD", name="Old", lead_account="acc-robert", roles={}, browse=everybody)
    for one in ticket, *jira.site.subtasks(ticket):
        one.project, one.key, one.level = "OLD", f"OLD-{one.id}", None
        one.type_id = jira.site.projects["OLD"].types[0].id
        jira.site.put_into_index(one, server.clock.now())


def is_closed(server: Server, host: HostName, incident: IncidentId) -> bool:
    if host == "github":
        return github_issue(server, incident).state == "closed"
    return jira_issue(server, incident).status == "10002"


def week(server: Server) -> None:
    book = ChoreBook(server.parts.database._engine)
    for _ in range(7):
        server.clock.forward(hours=24)
        book.begin_night(server.clock.now())
        server.clock.forward(minutes=5)
        for job in server.parts.database.unfinished_jobs():
            server.open(job.inbox_id)


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> HostName:
    found: HostName = request.param
    return found


@pytest.fixture
def closed(server: Server, host: HostName) -> Incident:
    """Closed by a member, as the service knows since a week."""
    incident = opened(server, host)
    close(server, host, incident.id)
    week(server)
    week(server)
    assert Stage.CLOSED is server.parts.database.incident(incident.id).stage
    return incident


def test_what_is_rightly_closed_costs_a_few_reads_a_week_and_is_not_written_to(
    server: Server, host: HostName, closed: Incident
) -> None:
    wire = server.wire(host)
    writes, calls, entries = len(wire.writes()), wire.calls, server.parts.database.comments(closed.id)

    week(server)

    assert writes == len(wire.writes())
    assert READS[host] == wire.calls - calls
    assert entries == server.parts.database.comments(closed.id)
    assert is_closed(server, host, closed.id)


def test_a_plain_comment_on_a_closed_ticket_is_sealed_and_deleted_and_it_stays_closed(
    server: Server, host: HostName, closed: Incident
) -> None:
    entries = len(server.parts.database.comments(closed.id))
    say(server, host, closed.id)
    assert any(WORDS in text for text in comments(server, host, closed.id))

    week(server)

    assert not any(WORDS in text for text in comments(server, host, closed.id))
    assert entries + 1 == len(server.parts.database.comments(closed.id))
    assert is_closed(server, host, closed.id)


def test_a_closed_ticket_that_was_opened_again_is_an_open_incident_within_a_week(
    server: Server, host: HostName, closed: Incident
) -> None:
    close(server, host, closed.id, again=True)

    week(server)

    assert Stage.REPORTING_BACK is server.parts.database.incident(closed.id).stage
    assert not is_closed(server, host, closed.id)


def test_a_closed_ticket_that_was_moved_elsewhere_counts_as_put_away(
    server: Server, host: HostName, closed: Incident
) -> None:
    move(server, host, closed.id)

    week(server)

    assert [] == server.parts.database.unfinished_jobs()
    assert found(server, closed.id) is None


@pytest.mark.parametrize("touched", [Touched.TICKET, Touched.STEPS, Touched.COMMENTS])
def test_so_it_does_when_an_event_tells_of_it(
    server: Server, host: HostName, closed: Incident, touched: Touched
) -> None:
    parts, writes = server.parts, len(server.wire(host).writes())
    ref = parts.database.ticket(closed.id).ref
    assert ref is not None
    move(server, host, closed.id)
    moved = HostEvent("delivery-1", touched, ref.id, "somebody", own=False)
    assert "noted" == parts.database.note_event(closed.space, moved, server.clock.now())
    (job,) = parts.database.unfinished_jobs()

    assert "done" == attempt(job.inbox_id, parts.work, parts.database, Locks(parts.database._engine))

    assert [] == parts.database.unfinished_jobs()
    assert not parts.database.hints(closed.id).touched
    assert found(server, closed.id) is None
    assert writes == len(server.wire(host).writes())


def test_a_diary_whose_closed_ticket_was_moved_elsewhere_gets_a_new_ticket_if_a_member_asks(
    server: Server, host: HostName, closed: Incident
) -> None:
    before = server.parts.database.ticket(closed.id).ref
    move(server, host, closed.id)

    server.clock.forward(minutes=2)  # Jira's search lags

    restore(closed.id, new_ticket=True, work=server.parts.work)
    (job,) = server.parts.database.unfinished_jobs()
    server.open_until_done(job.inbox_id)

    after = server.parts.database.ticket(closed.id).ref
    assert None is not after != before
    comments = server.parts.database.comments(closed.id)
    assert server.parts.database.posted(closed.id) == {one.id for one in comments}


def test_a_closed_ticket_that_lost_its_security_level_gets_it_back_and_members_are_told(
    server: Server,
) -> None:
    incident = opened(server, "jira")
    close(server, "jira", incident.id)
    week(server)
    level = jira_issue(server, incident.id).level
    jira_issue(server, incident.id).level = None

    week(server)

    assert level == jira_issue(server, incident.id).level
    assert found(server, incident.id) is not None


def found(server: Server, incident: IncidentId) -> str | None:
    """What members are to be told that was found on the ticket."""
    jobs = server.parts.database.untold(
        server.clock.now(), again_after=timedelta(days=1), overdue_after=timedelta(hours=1)
    )
    return next((one.reason for one in jobs if one.inbox_id == f"found_{incident}"), None)
