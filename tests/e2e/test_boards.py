"""A board on both stand-ins: made by the command, kept by the clock, never in the way of tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from click.testing import CliRunner

from integration.errors import HostNotRestricted
from integration.github.board_text import is_board
from integration.incident import SpaceName, Stage
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, OUTSIDER, OWNER, REPOSITORY
from webhook_server.cli import main
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from click.testing import Result

    from integration.incident import Incident
    from sandbox.github_state import Issue
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]
GITHUB = SpaceName("in-github")


def opened(server: Server, host: HostName) -> Incident:
    inbox_id = server.report(host, NOAHS_REPORT)
    server.open_until_done(inbox_id)
    return server.incident_of(inbox_id)


def board_issue(server: Server) -> Issue:
    (issue,) = (
        one
        for one in server.world.github.repo(f"{ORG}/{REPOSITORY}").issues.values()
        if one.title == "Incident board"
    )
    return issue


def change(server: Server, incident: Incident, **values: object) -> None:
    """What the team changed, as the database has it then."""
    with server.parts.database._engine.begin() as connection:
        connection.execute(t.incident.update().where(t.incident.c.id == incident.id).values(**values))


def turn(server: Server) -> None:
    """The next turn of what is due by the clock."""
    server.clock.forward(minutes=2)
    server.parts.chores.turn()


def board(server: Server, *args: str) -> Result:
    return CliRunner().invoke(main, ["board", *args, "--config", str(server.world.config_path)])


def test_the_command_makes_a_dashboard_and_a_second_time_changes_nothing(server: Server) -> None:
    opened(server, "jira")

    made = board(server, "in-jira")
    writes = len(server.world.jira.wire.writes())
    again = board(server, "in-jira")

    assert 0 == made.exit_code, made.output
    assert "the dashboard 'Incident board COC' was made" in made.output
    assert "in-jira: it is as it should be; nothing was changed.\n" == again.output
    assert writes == len(server.world.jira.wire.writes())


def test_the_command_renews_all_boards_and_stops_one(server: Server) -> None:
    for space in server.parts.boards.spaces:  # without the second that lies between two writes to GitHub
        server.parts.boards.renew(space, server.clock.now())

    result = board(server)

    assert 2 == result.output.count("it is as it should be; nothing was changed.\n"), result.output
    assert (
        "in-github: it is not renewed any more; take it off the host by hand.\n"
        == board(server, "in-github", "--stop").output
    )
    assert "in-github: there was none.\n" == board(server, "in-github", "--stop").output


def test_a_space_that_is_not_configured_is_said(server: Server) -> None:
    result = board(server, "elsewhere")

    assert (1, True) == (result.exit_code, "There is no [spaces.elsewhere]" in result.output)


def test_after_changes_the_board_on_github_shows_them_by_itself(server: Server) -> None:
    first = opened(server, "github")
    server.parts.boards.renew(GITHUB, server.clock.now())
    issue = board_issue(server)
    assert f"| {first.code_name} | Conduct Enforcement | Reported | not yet assessed |" in str(issue.body)

    change(server, first, impact=3, likelihood=3, lead="robert", stage=Stage.ASSESSING.value)
    second = opened(server, "github")
    turn(server)

    text = str(issue.body)
    assert f"| {first.code_name} | Conduct Enforcement | Assessing | 3 × 3 = 9 | **yes** | robert |" in text
    assert f"| {second.code_name} |" in text
    assert "Open in all: **2**" in text

    change(server, first, stage=Stage.CLOSED.value)
    turn(server)
    assert first.code_name not in str(issue.body)
    assert "**1** are closed" in str(issue.body)
    assert issue is board_issue(server)


def test_minutes_and_nights_without_change_cost_no_write_and_one_look(server: Server) -> None:
    change(server, opened(server, "github"), stage=Stage.CLOSED.value)  # no step of it falls due
    server.parts.boards.renew(GITHUB, server.clock.now())
    turn(server)  # the first night's look
    wire = server.world.github.wire
    wire.journal.clear()
    for _ in range(20):
        turn(server)
    assert [] == wire.writes()
    assert [] == [one.path for one in wire.journal if one.path == "/graphql" or "/issues" in one.path]

    server.clock.forward(hours=24)
    turn(server)
    assert [] == wire.writes()
    assert 1 == sum(one.path == "/graphql" for one in wire.journal)


def test_a_repository_that_is_not_restricted_gets_no_board(server: Server) -> None:
    server.world.github.repo(f"{ORG}/{REPOSITORY}").collaborators[OUTSIDER] = "pull"

    with pytest.raises(HostNotRestricted, match=OUTSIDER):
        server.parts.boards.renew(GITHUB, server.clock.now())

    assert [] == server.world.github.wire.writes()


def test_the_board_is_taken_for_no_ticket_by_night_or_after_a_restart(server: Server) -> None:
    incident = opened(server, "github")
    server.parts.boards.renew(GITHUB, server.clock.now())
    server.restart()
    night(server)

    assert is_board(board_issue(server).body)
    host = server.parts.work.hosts[GITHUB]
    assert 1 == len(host.find(incident.id))


@pytest.mark.parametrize("who", [OUTSIDER, OWNER])
def test_in_jira_only_the_team_sees_the_dashboard(server: Server, who: str) -> None:
    opened(server, "jira")
    server.parts.boards.renew(SpaceName("in-jira"), server.clock.now())
    (dashboard,) = server.world.jira.site.dashboards
    page = f"{server.world.jira_url}/jira/dashboards/{dashboard}"

    assert 404 == requests.get(page, params={"as": f"acc-{who}"}, timeout=10).status_code
    shown = requests.get(page, params={"as": "acc-robert"}, timeout=10)
    assert "Open incidents: impact × likelihood" in shown.text


def test_an_overdue_step_leaves_the_board_once_it_is_done_on_the_host(server: Server) -> None:
    incident = opened(server, "github")
    night(server)
    server.parts.boards.renew(GITHUB, server.clock.now())
    issue = board_issue(server)
    first = "1. Make sure the person who reported is safe"
    assert first in str(issue.body)

    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    repo = server.world.github.repo(f"{ORG}/{REPOSITORY}")
    repo.issues[int(ref.id)].children[0].closed_at = server.clock.now()
    night(server)
    turn(server)

    assert first not in str(issue.body)
    assert "2. Tell the rest of the team" in str(issue.body)


def night(server: Server) -> None:
    """A day goes by, and every ticket is looked at."""
    server.clock.forward(hours=25)
    server.parts.chores.turn()
    for job in server.parts.database.unfinished_jobs():
        server.open_until_done(job.inbox_id)
