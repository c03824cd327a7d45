"""An event of nothing writes nothing, our own doing does not echo, and what no event told is found by the night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.incident import Alias
from integration.risk import Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.rehearsal import Server
    from sandbox.wire import Exchange
    from tests.e2e.jira_events.conftest import JiraOffice


def test_our_own_changes_do_not_echo(office: JiraOffice) -> None:
    office.set(impact="3", likelihood="2")
    office.told()
    assert office.hook.held  # Jira tells of what we wrote

    before = office.server.parts.database.head(office.incident_id)
    assert 0 == office.told()

    assert before == office.server.parts.database.head(office.incident_id)


def test_what_the_host_names_nobody_for_is_looked_at_beside_our_own_doing(
    office: JiraOffice, server: Server
) -> None:
    """Jira does not say who deleted a comment."""
    office.issue.values[server.world.project.fields["lead"]] = office.option("lead", "charlie")
    office.set_hint("acc-coc-service")
    office.set_hint("")

    office.run()

    assert Alias("charlie") == office.incident.lead


def test_an_event_of_nothing_costs_one_read_and_no_write(office: JiraOffice) -> None:
    office.ask("PUT", office.ref.id, update={"labels": [{"add": "mine"}]})
    before = len(office.server.wire("jira").writes())

    assert 1 == office.told()

    assert before == len(office.server.wire("jira").writes())
    assert office.found() is None


def test_events_that_come_together_are_one_job(office: JiraOffice) -> None:
    office.set(impact="3")
    office.set(likelihood="2")
    office.set(lead="charlie")
    office.server.deliver(office.hook)

    assert 1 == len(office.server.parts.database.unfinished_jobs())
    office.run()

    assert (Level.HIGH, Alias("charlie")) == (office.incident.impact, office.incident.lead)
    assert 1 == len(office.diary())


def test_one_that_comes_while_another_is_worked_on_gets_its_own_look(
    office: JiraOffice, server: Server
) -> None:
    office.set_hint()
    wire = server.wire("jira")
    observer: Callable[[Exchange], None] | None = wire.observer

    def change(exchange: Exchange) -> None:
        wire.observer = observer
        if exchange.method == "GET":
            office.issue.values[server.world.project.fields["lead"]] = office.option("lead", "charlie")
            office.set_hint()

    wire.observer = change
    office.run()
    assert office.incident.lead is None

    assert 1 == len(server.parts.database.unfinished_jobs())
    office.run()
    assert Alias("charlie") == office.incident.lead


def test_the_night_adopts_what_no_event_told(office: JiraOffice, server: Server) -> None:
    office.set(impact="3", likelihood="3", lead="charlie")
    office.say("Nobody told of this")
    office.hook.held.clear()
    server.clock.forward(hours=25)
    server.parts.chores._chores["nightly"](server.clock.now())
    for job in server.parts.database.unfinished_jobs():
        server.open(job.inbox_id)

    assert (Level.HIGH, Alias("charlie")) == (office.incident.impact, office.incident.lead)
    assert 9 == office.field("risk")
    assert [] == office.plain()
    notes = office.diary()
    assert "The host did not say by whom." in notes[0]
    assert "Nobody told of this" in notes[1]
    assert "exposed" == office.found()
