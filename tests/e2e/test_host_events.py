"""The team works in Jira, and the service answers: fields, steps, closing, plain comments, and nothing of its own doing."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.errors import HostNotRestricted, HostRefused
from integration.host_events import HostEvent, Touched
from integration.incident import Alias, Stage
from integration.process import SAFETY
from integration.risk import Level
from sandbox.form import NOAHS_REPORT
from sandbox.playground import playground
from sandbox.rehearsal import Server, SetClock
from tests.e2e.office import MOST_REQUESTS, OF_A_COMMENT, Office, is_sealed_once_and_never_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.diary.keys import Identity
    from sandbox.contract import OpenApiContract
    from sandbox.jira_state import Issue
    from sandbox.wire import Exchange

TO_DO, DONE = "11", "31"


@dataclass
class JiraOffice(Office):
    """Members who work in Jira."""

    host = "jira"

    @property
    def issue(self) -> Issue:
        return self.server.world.jira.site.issues[self.ref.id]

    @property
    def steps(self) -> list[Issue]:
        return self.server.world.jira.site.subtasks(self.issue)

    def field(self, name: str) -> Any:  # noqa: ANN401 - as Jira keeps it
        value = self.issue.values.get(self.server.world.project.fields[name])
        options = self.server.world.jira.site.fields[self.server.world.project.fields[name]].options
        return next((one.value for one in options if one.id == value), value)

    def ask(self, method: str, path: str, who: str = "robert", **body: Any) -> Any:  # noqa: ANN401 - JSON
        """A person asks Jira for something."""
        answer = requests.request(
            method,
            f"{self.server.world.jira_url}/rest/api/3/issue/{path}",
            auth=(f"{who}@team.example", self.server.world.token(who)),
            json=body,
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def set(self, who: str = "robert", **values: str | None) -> None:
        ids = self.server.world.project.fields
        chosen = {ids[name]: None if text is None else {"value": text} for name, text in values.items()}
        self.ask("PUT", self.ref.id, who, fields=chosen)

    def say(self, words: str, who: str = "robert", on: Issue | None = None) -> str:
        body = {
            "type": "doc",
            "version": 1,
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": words}]}],
        }
        return str(self.ask("POST", f"{(on or self.issue).id}/comment", who, body=body)["id"])

    def move(self, issue: Issue, way: str, resolution: str | None = None) -> None:
        fields = {"resolution": {"name": resolution}} if resolution else {}
        self.ask("POST", f"{issue.id}/transitions", transition={"id": way}, fields=fields)

    def plain(self) -> list[str]:
        """The texts of comments on the ticket that hold no diary."""
        comments = [str(one.body) for one in self.issue.comments]
        return [text for text in comments if "CoC-Seal" not in text]

    def set_hint(self, account: str = "acc-robert") -> None:
        """An event, without Jira's own part in it."""
        event = HostEvent(secrets.token_hex(8), Touched.TICKET, self.ref.id, account, own=False)
        noted = self.server.parts.database.note_event(self.incident.space, event, self.server.clock.now())
        assert "noted" == noted

    def option(self, name: str, text: str) -> str:
        field = self.server.world.jira.site.fields[self.server.world.project.fields[name]]
        return next(one.id for one in field.options if one.value == text)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, identities: dict[str, Identity]) -> Iterator[Server]:
    """One for all tests of this module: each opens an incident of its own."""
    clock = SetClock()
    folder = tmp_path_factory.mktemp("host-events") / "server"
    with playground(folder, now=clock.now, identities=identities) as world:
        world.jira.write_limits = False  # its clock stands still
        made = Server(world, clock)
        yield made
        made.close()


@pytest.fixture
def office(server: Server, identities: dict[str, Identity]) -> JiraOffice:
    server.world.jira.hooks.clear()
    inbox_id = server.report("jira", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    return JiraOffice(server, server.hear_jira(), server.incident_of(inbox_id).id, identities)


# Fields ---------------------------------------------------------------------------------------------


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


# Plain comments -------------------------------------------------------------------------------------


def test_a_plain_comment_is_sealed_and_deleted_and_its_author_is_told(office: JiraOffice) -> None:
    office.say("Noah called me. He is afraid.", who="charlie")

    assert office.told() <= OF_A_COMMENT

    assert [] == office.plain()
    (note,) = office.diary()
    assert "The account acc-charlie wrote this as a plain comment" in note
    assert "  Noah called me. He is afraid." in note
    assert "exposed" == office.found()
    assert [("acc-charlie", office.incident.code_name)] == office.untold()


def test_it_is_deleted_only_after_the_sealed_one_was_read_back(office: JiraOffice) -> None:
    words = office.say("Words")
    before = len(office.server.wire("jira").journal)

    office.told()

    asked = [f"{one.method} {one.path}" for one in office.server.wire("jira").journal[before:]]
    ticket = f"/rest/api/3/issue/{office.ref.id}"
    assert [
        f"GET {ticket}",
        f"POST {ticket}/comment",
        f"GET {ticket}",
        f"GET {ticket}/comment/{words}",
        f"DELETE {ticket}/comment/{words}",
    ] == asked


def test_a_diary_comment_with_words_added_is_sealed_and_written_again(office: JiraOffice) -> None:
    comment = office.issue.comments[0]
    body = {**comment.body, "content": [*comment.body["content"], {"type": "paragraph", "content": [{"type": "text", "text": "By the way"}]}]}  # fmt: skip
    office.ask("PUT", f"{office.ref.id}/comment/{comment.id}", body=body)

    office.told()

    assert comment.id not in {one.id for one in office.issue.comments}
    (note,) = office.diary()
    assert "  By the way" in note
    assert "comments,exposed" == office.found()


def test_a_comment_on_a_step_is_sealed_and_deleted(office: JiraOffice) -> None:
    step = office.steps[3]
    office.say("About this step", on=step)

    office.told()

    assert [] == step.comments
    assert any("  About this step" in note for note in office.diary())


@pytest.mark.parametrize("after", [False, True], ids=["before-the-request", "after-the-answer"])
def test_killed_at_every_call_a_plain_comment_is_sealed_once_and_never_lost(
    office: JiraOffice, *, after: bool
) -> None:
    is_sealed_once_and_never_lost(office, after=after)


def test_one_that_may_not_be_deleted_stays_and_is_said(
    office: JiraOffice, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = server.world.jira.site.projects["COC"]
    monkeypatch.setattr(
        project, "grants", [one for one in project.grants if one.permission != "DELETE_ALL_COMMENTS"]
    )
    office.say("Words")

    assert [HostRefused.code] == office.attempt()
    server.clock.forward(minutes=20)
    assert [HostRefused.code] == office.attempt()

    assert 1 == len(office.plain())
    assert 1 == len(office.diary())
    monkeypatch.undo()
    server.clock.forward(minutes=20)
    assert ["done"] == office.attempt()
    assert [] == office.plain()


# What was tampered with -----------------------------------------------------------------------------


def test_a_diary_comment_that_was_deleted_is_written_again_and_told(office: JiraOffice) -> None:
    office.ask("DELETE", f"{office.ref.id}/comment/{office.issue.comments[1].id}")

    assert office.told() <= MOST_REQUESTS

    assert [] == office.diary()  # it verifies, and there is no note
    assert "comments" == office.found()


def test_title_and_marker_are_restored(office: JiraOffice) -> None:
    office.ask("PUT", office.ref.id, fields={"summary": "Olivia again", "labels": []})

    assert office.told() <= MOST_REQUESTS

    assert office.incident.code_name == office.issue.values["summary"]
    assert "coc" in office.issue.values["labels"]
    assert "fields" == office.found()


def test_a_lost_security_level_is_restored_and_told(office: JiraOffice) -> None:
    office.ask("PUT", office.ref.id, fields={"security": None})

    office.told()

    assert office.issue.level is not None
    assert "fields,restriction" == office.found()


def test_a_ticket_that_was_moved_is_not_written_to(office: JiraOffice, server: Server) -> None:
    server.world.jira.restricted_project(
        "PUB", team=["acc-robert"], service="acc-coc-service", lead_account="acc-robert", aliases=["robert"],
        team_role="Others", level="Others",
    )  # fmt: skip
    server.deliver(office.hook)
    before_move = office.issue.project, office.issue.type_id
    office.issue.project = "PUB"
    office.issue.type_id = server.world.jira.site.projects["PUB"].types[0].id
    office.set_hint()
    before = len(server.wire("jira").writes())

    assert [HostNotRestricted.code] == office.attempt()

    assert before == len(server.wire("jira").writes())
    office.issue.project, office.issue.type_id = before_move
    server.clock.forward(minutes=20)
    assert ["done"] == office.attempt()


def test_all_that_is_asked_of_jira_keeps_to_its_description(
    office: JiraOffice, server: Server, jira_contract: OpenApiContract
) -> None:
    problems: list[str] = []
    server.wire("jira").observer = lambda exchange: problems.extend(jira_contract.check(exchange))
    try:
        office.set(impact="2", likelihood="3")
        office.say("Words")
        office.told()
        office.move(office.steps[0], DONE, "Won't do")
        office.told()
        office.move(office.issue, DONE)
        office.told()
    finally:
        server.wire("jira").observer = None

    assert [] == problems
    assert 1 == len(office.plain())  # the word of ours


# Nothing for nothing --------------------------------------------------------------------------------


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
