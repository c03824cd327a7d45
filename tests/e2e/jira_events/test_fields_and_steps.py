"""What the team sets, finishes or closes in Jira is noted, what may not be is put back, and the ticket says what is so."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import pytest

from integration.incident import Stage
from integration.process import SAFETY
from integration.risk import Level
from tests.e2e.jira_events.conftest import DONE, TO_DO, JiraOffice
from tests.e2e.office import MOST_REQUESTS

if TYPE_CHECKING:
    from sandbox.rehearsal import Server


def test_impact_and_likelihood_are_adopted_and_the_risk_is_written_back(office: JiraOffice) -> None:
    office.set(impact="3", likelihood="2")

    assert office.told() <= MOST_REQUESTS

    assert (Level.HIGH, Level.MEDIUM) == (office.incident.impact, office.incident.likelihood)
    assert 6 == office.field("risk")
    assert "coc-stronger-action" not in office.issue.values["labels"]
    (note,) = office.diary()
    assert "impact: not yet assessed -> 3" in note
    assert "risk: not yet assessed -> 3 * 2 = 6" in note
    assert "By the account acc-robert, the host says." in note


def test_stronger_action_is_shown_and_taken_away_again(office: JiraOffice) -> None:
    office.set(impact="2", likelihood="3")
    assert office.told() <= MOST_REQUESTS
    assert "coc-stronger-action" in office.issue.values["labels"]

    office.set(likelihood="1")
    assert office.told() <= MOST_REQUESTS

    assert "coc-stronger-action" not in office.issue.values["labels"]
    assert 2 == office.field("risk")


def test_lead_secondary_and_stage_are_adopted(office: JiraOffice) -> None:
    office.set(lead="charlie", secondary="rachel", stage="Listening")

    assert office.told() <= MOST_REQUESTS

    one = office.incident
    assert ("charlie", "rachel", Stage.LISTENING) == (one.lead, one.secondary, one.stage)
    (note,) = office.diary()
    assert "lead: nobody -> charlie" in note


def test_a_lead_who_is_not_in_the_roster_is_put_back(office: JiraOffice, server: Server) -> None:
    field = server.world.jira.site.fields[server.world.project.fields["lead"]]
    (context,) = field.contexts
    context.options.append(type(field.options[0])("99999", "mallory"))
    office.set(lead="mallory")

    assert office.told() <= MOST_REQUESTS

    assert office.incident.lead is None
    assert office.field("lead") is None
    assert [] == office.diary()
    assert "fields" == office.found()


def test_another_type_adds_the_steps_that_lack_and_keeps_the_others(office: JiraOffice) -> None:
    before = [one.values["summary"] for one in office.steps]
    office.set(type="Conflict Resolution")

    assert office.told() <= MOST_REQUESTS

    titles = [one.values["summary"] for one in office.steps]
    assert before == titles[: len(before)]
    route = office.server.parts.work.process.route(office.incident.type)
    assert {step.title for step in route} <= set(titles)
    assert office.found() is None


def test_what_was_changed_meanwhile_is_not_undone(office: JiraOffice, server: Server) -> None:
    """Only the fields that are wrong are sent."""
    office.set(impact="3", likelihood="2")
    server.deliver(office.hook)
    before = len(server.wire("jira").journal)

    office.run()

    (put,) = [one for one in server.wire("jira").journal[before:] if one.method == "PUT"]
    assert {"fields": {server.world.project.fields["risk"]: 6}} == json.loads(put.request_body)


@pytest.mark.parametrize("where", ["the ticket's text", "a step's title", "a step's text"])
def test_words_in_a_text_of_ours_are_taken_off_and_the_readers_are_told(
    office: JiraOffice, where: str
) -> None:
    one = office.issue if where.startswith("the ticket") else office.steps[3]
    name = "summary" if where.endswith("title") else "description"
    before, canary = one.values[name], secrets.token_hex(16)
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": canary}]}
    words = canary if name == "summary" else {**before, "content": [*before["content"], paragraph]}
    office.ask("PUT", one.id, fields={name: words})

    assert office.told() <= MOST_REQUESTS

    assert before == one.values[name]
    assert "texts" == office.found()
    assert office.told() == 0


# Steps and closing ----------------------------------------------------------------------------------


def test_steps_done_skipped_and_opened_again_are_noted(office: JiraOffice) -> None:
    first, second = office.steps[:2]
    office.move(first, DONE)
    office.move(second, DONE, "Won't do")
    assert office.told() <= MOST_REQUESTS
    steps = office.server.parts.database.steps(office.incident_id)
    assert ("done", office.server.clock.now()) == (steps[SAFETY].status, steps[SAFETY].at)
    assert ["done", "skipped"] == sorted(one.status for one in steps.values() if one.status != "open")

    office.server.clock.forward(minutes=5)
    office.move(first, TO_DO)
    assert office.told() <= MOST_REQUESTS

    assert "open" == office.server.parts.database.steps(office.incident_id)[SAFETY].status
    notes = office.diary()
    assert 2 == len(notes)
    assert "skipped" in notes[0]
    assert "opened again" in notes[1]


def test_closing_with_unfinished_steps_is_undone_with_a_word(office: JiraOffice) -> None:
    for one in office.steps[:-2]:
        office.move(one, DONE)
    office.told()
    office.move(office.issue, DONE)

    assert office.told() <= MOST_REQUESTS

    assert office.issue.status != "10002"
    assert Stage.REPORTED is office.incident.stage
    (word,) = office.plain()
    assert all(one.values["summary"] in word for one in office.steps[-2:])
    assert office.steps[0].values["summary"] not in word
    assert "reopened" == office.found()


def test_a_word_of_ours_is_not_taken_for_an_exposed_note(office: JiraOffice) -> None:
    office.move(office.issue, DONE)
    office.told()
    before = office.server.parts.database.head(office.incident_id)

    office.ask("PUT", office.ref.id, update={"labels": [{"add": "mine"}]})
    office.told()

    assert before == office.server.parts.database.head(office.incident_id)
    assert 1 == len(office.plain())


def test_closing_when_all_is_done_closes_the_incident_and_opening_it_goes_back(office: JiraOffice) -> None:
    for one in office.steps:
        office.move(one, DONE)
    office.told()
    office.move(office.issue, DONE)
    assert office.told() <= MOST_REQUESTS
    assert "Closed" == office.incident.stage.value
    assert "Closed" == office.field("stage")

    office.move(office.issue, TO_DO)
    assert office.told() <= MOST_REQUESTS

    assert "Reporting back" == office.incident.stage.value
    assert "Reporting back" == office.field("stage")
