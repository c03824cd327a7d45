"""A step that was taken off its ticket: on GitHub it is put back as it stands, in Jira it is made anew, and members are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from integration.github.text import find_marker
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, REPOSITORY
from sandbox.rehearsal import HeldHook
from tests.e2e.office import MOST_REQUESTS, Office
from tests.e2e.test_desk_writes import opened
from tests.e2e.test_nightly import found, night

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from sandbox.github_state import Issue
    from sandbox.rehearsal import Server


DONE = "10002"
"""Jira's id of the status."""


class Ticket(Office):
    """A ticket on GitHub."""

    host = "github"

    @property
    def issue(self) -> Issue:
        return self.server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[int(self.ref.id)]

    def of_steps(self) -> list[int]:
        """Every issue with the marker of one of its steps."""
        issues = self.server.world.github.repo(f"{ORG}/{REPOSITORY}").issues.values()
        marks = ((one.number, find_marker(one.body)) for one in issues)
        return [
            number for number, mark in marks
            if mark is not None and mark.incident == self.incident_id and mark.step is not None
        ]  # fmt: skip


@pytest.fixture
def ticket(server: Server, identities: dict[str, Identity]) -> Ticket:
    inbox_id = server.report("github", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    hook = HeldHook(
        f"{server.world.origin}/from/in-github", server.world.webhook_secret, "X-Hub-Signature-256"
    )
    server.world.github.hooks.append(hook)
    return Ticket(server, hook, server.incident_of(inbox_id).id, identities)


@pytest.mark.parametrize("by_event", [True, False], ids=["by-an-event", "at-night"])
def test_a_step_that_was_taken_off_is_put_back_and_not_made_a_second_time(
    ticket: Ticket, *, by_event: bool
) -> None:
    child, before = ticket.issue.children[2], ticket.of_steps()
    child.closed_at, child.state_reason = ticket.server.clock.now(), "completed"  # the team has done it
    assert ["done"] == night(ticket.server)
    if by_event:
        path = f"{ticket.server.world.github_url}/repos/{ORG}/{REPOSITORY}/issues/{ticket.ref.id}/sub_issue"
        answer = requests.delete(
            path, headers={"Authorization": f"Bearer {ticket.server.world.token('robert')}"},
            json={"sub_issue_id": child.id}, timeout=10,
        )  # fmt: skip
        answer.raise_for_status()
        assert ticket.told() <= MOST_REQUESTS
    else:
        ticket.issue.children.remove(child)
        child.parent = None
        assert ["done"] == night(ticket.server)

    assert before == ticket.of_steps()
    assert child in ticket.issue.children
    steps = ticket.server.parts.database.steps(ticket.incident_id)
    mark = find_marker(child.body)
    assert mark is not None
    assert mark.step is not None
    assert ("done", str(child.number)) == (steps[mark.step].status, steps[mark.step].host_id)
    assert "steps" == ticket.found()


@pytest.mark.parametrize("where", ["an issue of its own", "under another ticket"])
def test_a_sub_task_that_was_taken_off_its_ticket_in_jira_is_made_anew_until_it_is_put_back(
    server: Server, where: str
) -> None:
    first, second = opened(server, "jira"), opened(server, "jira")
    site = server.world.jira.site
    ref, other = (server.parts.database.ticket(one.id).ref for one in (first, second))
    assert ref is not None
    assert other is not None
    ticket = site.issues[ref.id]
    moved, there = site.subtasks(ticket)[2], len(site.subtasks(site.issues[other.id]))
    kind, key = moved.type_id, str(moved.values["summary"])
    if where == "an issue of its own":
        moved.parent, moved.type_id = None, ticket.type_id
    else:
        moved.parent = other.id

    assert ["done", "done"] == night(server)

    (again,) = [one for one in site.subtasks(ticket) if one.values["summary"] == key]
    assert again is not moved
    assert there + (where == "under another ticket") == len(site.subtasks(site.issues[other.id]))
    assert ["steps"] == found(server)

    moved.parent, moved.type_id, moved.status = ref.id, kind, DONE  # the older of two counts
    assert ["done", "done"] == night(server)
    steps = server.parts.database.steps(first.id).values()
    assert [("done", moved.id)] == [(one.status, one.host_id) for one in steps if one.status != "open"]
