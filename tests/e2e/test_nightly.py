"""A night on both stand-ins: what it costs, what it heals, what it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from desk.reading import trust_of
from integration.diary.open import open_diary
from integration.errors import HostError
from integration.mirror import mirror
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, REPOSITORY
from tests.e2e.test_desk_writes import delete_ticket, opened, spoil
from webhook_server.jobs import attempt
from webhook_server.store import tables as t
from webhook_server.store.chores import ChoreBook
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from integration.incident import Incident
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]
READS = {"jira": 2, "github": 2}
"""Reads of a ticket on which nothing was changed. Its space is proven once for many: these reads more."""
PROOF = {"jira": 4, "github": 3}


def night(server: Server) -> list[str]:
    """Begin the night and make one try at each of its jobs; the codes they end with."""
    server.clock.forward(hours=25)
    engine = server.parts.database._engine
    assert ChoreBook(engine).begin_night(server.clock.now())
    jobs = server.parts.database.unfinished_jobs()
    return [
        attempt(job.inbox_id, server.parts.work, server.parts.database, Locks(server.parts.database._engine))
        for job in jobs
    ]


def found(server: Server) -> list[str]:
    """Kinds of what was noted for members to be told."""
    query = sa.select(t.inbox.c.reason).where(t.inbox.c.source == "(found)")
    with server.parts.database._engine.connect() as connection:
        return sorted(kind for kinds in connection.scalars(query) for kind in kinds.split(","))


@pytest.mark.parametrize("host", HOSTS)
def test_unchanged_tickets_cost_no_write_and_the_fewest_reads(server: Server, host: HostName) -> None:
    for _ in range(3):
        opened(server, host)
    server.restart()
    night(server)  # after it, what is asked once in a process's life was asked
    wire = server.wire(host)
    writes, calls = len(wire.writes()), wire.calls

    assert ["done"] * 3 == night(server)

    assert writes == len(wire.writes())
    assert 3 * READS[host] + PROOF[host] == wire.calls - calls
    assert [] == found(server)


@pytest.mark.parametrize("damage", ["delete", "edit"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_diary_comment_that_was_deleted_or_edited_is_there_again_and_noted(
    server: Server, host: HostName, identities: dict[str, Identity], damage: str
) -> None:
    incident = opened(server, host)
    spoil(server, host, incident, damage)

    assert ["done"] == night(server)

    assert ["comments"] == found(server)
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    trust = trust_of(incident.id, ref.name, server.parts.work.roster())
    head = server.parts.database.head(incident.id)
    diary = open_diary(
        server.shown(host, incident.id).texts, identity=identities["robert"], trust=trust, head=head
    )
    assert ["report"] == [str(entry.content) for entry in diary.entries]

    writes = len(server.wire(host).writes())
    assert ["done"] == night(server)
    assert writes == len(server.wire(host).writes()), "what an edit left behind is not healed each night"


@pytest.mark.parametrize("host", HOSTS)
def test_a_step_that_was_deleted_and_fields_that_were_changed_are_put_right(
    server: Server, host: HostName
) -> None:
    incident = opened(server, host)
    whole = server.shown(host, incident.id)
    change_title_and_drop_a_step(server, host, incident)

    assert ["done"] == night(server)

    assert ["fields", "steps"] == found(server)
    assert sorted(whole.steps) == sorted(server.shown(host, incident.id).steps)
    assert fields_are_right(server, incident)


def test_a_security_level_that_was_taken_off_is_set_again_and_noted(server: Server) -> None:
    incident = opened(server, "jira")
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    issue = server.world.jira.site.issues[ref.id]
    level, issue.level = issue.level, None

    assert ["done"] == night(server)

    assert level == issue.level
    assert ["fields", "restriction"] == found(server)


@pytest.mark.parametrize("host", HOSTS)
def test_a_ticket_that_was_deleted_is_parked_and_no_other_is_opened(server: Server, host: HostName) -> None:
    incident = opened(server, host)
    delete_ticket(server, host, incident)
    writes = len(server.wire(host).writes())

    assert ["host-gone"] == night(server)

    (job,) = server.parts.database.unfinished_jobs()
    assert "parked" == job.state
    assert f"coc diary restore {incident.code_name} --new-ticket" in (job.reason or "")
    assert writes == len(server.wire(host).writes())


def test_a_ticket_that_was_moved_to_another_repository_is_parked_and_not_followed(server: Server) -> None:
    incident = opened(server, "github")
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    server.world.github.add_repo(ORG, "public", private=False)
    server.world.github.transfer_issue(f"{ORG}/{REPOSITORY}", int(ref.id), to=f"{ORG}/public")
    writes = len(server.wire("github").writes())

    assert ["host-gone"] == night(server)

    assert writes == len(server.wire("github").writes())


@pytest.mark.parametrize("host", HOSTS)
def test_a_space_that_somebody_else_can_read_is_parked_and_nothing_is_written(
    server: Server, host: HostName
) -> None:
    opened(server, host)
    world = server.world
    if host == "jira":
        project = world.jira.site.projects[world.project.key]
        project.actors[world.project.roles[world.project.team_role]].append("acc-mallory")
    else:
        world.github.repo(f"{ORG}/{REPOSITORY}").collaborators["mallory"] = "pull"
    writes = len(server.wire(host).writes())

    assert ["host-not-restricted"] == night(server)

    assert writes == len(server.wire(host).writes())


@pytest.mark.parametrize("host", HOSTS)
def test_a_report_that_waits_is_read_by_its_own_job(server: Server, host: HostName) -> None:
    server.report(host, NOAHS_REPORT)
    server.clock.forward(hours=25)

    assert 0 == ChoreBook(server.parts.database._engine).begin_night(server.clock.now())


def change_title_and_drop_a_step(server: Server, host: HostName, incident: Incident) -> None:
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    if host == "jira":
        site = server.world.jira.site
        site.issues[ref.id].values["summary"] = "something else"
        child = next(one for one in site.issues.values() if one.parent == ref.id)
        site.put_into_index(child, server.clock.now(), gone=True)
        del site.issues[child.id]
        return
    issue = server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[int(ref.id)]
    issue.title = "something else"
    issue.children.pop(3)


def fields_are_right(server: Server, incident: Incident) -> bool:
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    host = server.parts.work.hosts[incident.space]
    try:
        return host.read(ref, mirror(incident, server.parts.work.process)).fields_right
    except HostError:
        return False
