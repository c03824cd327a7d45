from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from integration.incident import IncidentId
from integration.jira import fields
from integration.process import StepKey
from integration.risk import Level

if TYPE_CHECKING:
    from integration.jira.fields import JiraFieldIds
    from integration.mirror import MirrorView

LEVEL = "10030"


def shown(wanted: dict[str, Any]) -> dict[str, Any]:
    """The same fields as Jira answers them: options with their ids, numbers as floats."""
    return {
        key: {**value, "id": value.get("id", "10200"), "self": "https://acme.atlassian.net/x"}
        if isinstance(value, dict)
        else float(value)
        if isinstance(value, int)
        else value
        for key, value in wanted.items()
    }


def test_selects_are_options_and_risk_is_a_number(view: MirrorView, ids: JiraFieldIds) -> None:
    full = replace(view, likelihood=Level.MEDIUM, risk=6, secondary=None)
    wanted = fields.ticket_fields(full, ids, security_level=LEVEL)
    assert wanted == {
        "summary": "BLUE-JAY-27",
        "security": {"id": "10030"},
        "customfield_10050": {"value": "Conduct Enforcement"},
        "customfield_10051": {"value": "3"},
        "customfield_10052": {"value": "2"},
        "customfield_10053": 6,
        "customfield_10054": {"value": "Heron"},
        "customfield_10055": None,
        "customfield_10056": {"value": "Reported"},
    }


def test_what_is_not_assessed_is_left_out_of_a_new_ticket(view: MirrorView, ids: JiraFieldIds) -> None:
    body = fields.new_ticket(view, ids, project="COC", ticket_type="10001", security_level=LEVEL)
    assert not {ids.likelihood, ids.risk, ids.secondary} & set(body["fields"])
    assert body["fields"]["labels"] == ["coc", "coc-inc-abcdefghijklmnopqrstuvwxyz"]
    assert body["properties"] == [{"key": "coc.incident", "value": {"incident": view.incident, "schema": 1}}]


def test_what_is_not_assessed_is_emptied_on_a_healed_ticket(view: MirrorView, ids: JiraFieldIds) -> None:
    body = fields.healed_ticket(view, ids, security_level=LEVEL)
    assert (body["fields"][ids.likelihood], body["fields"][ids.risk]) == (None, None)


def test_healing_adds_our_labels_and_leaves_those_of_people(view: MirrorView, ids: JiraFieldIds) -> None:
    body = fields.healed_ticket(view, ids, security_level=LEVEL)
    assert "labels" not in body["fields"]
    stronger = {"remove": "coc-stronger-action"}
    ours = [{"add": "coc"}, {"add": "coc-inc-abcdefghijklmnopqrstuvwxyz"}]
    assert body["update"] == {"labels": [*ours, stronger]}


def test_only_what_is_wrong_is_set_where_the_markers_are_right(view: MirrorView, ids: JiraFieldIds) -> None:
    one = replace(view, risk=6, stronger_action=True)
    body = fields.healed_ticket(one, ids, security_level=LEVEL, only={"risk", "stronger_action"})
    assert body == {"fields": {ids.risk: 6}, "update": {"labels": [{"add": "coc-stronger-action"}]}}


def test_what_is_none_of_ours_is_named_and_shown_as_nothing(view: MirrorView, ids: JiraFieldIds) -> None:
    found = fields.ticket_fields(replace(view, risk=6), ids, security_level=LEVEL)
    found |= {
        ids.impact: {"value": "9"},
        ids.stage: ["Closed"],
        ids.risk: "six",
        ids.lead: {"value": "robert"},
    }
    seen = fields.shown(found, ids)
    assert (seen.impact, seen.stage, seen.risk, seen.lead) == (None, None, None, "robert")
    assert seen.strange == {"impact", "stage", "risk"}


@pytest.mark.parametrize("name", ["Won't do", "Won\u2019t Do", "CANCELLED", "Declined"])
def test_a_step_is_skipped_by_the_name_of_its_resolution_or_status(name: str) -> None:
    done = {"name": "Done", "statusCategory": {"key": "done"}}
    assert fields.is_skipped({"status": done, "resolution": {"name": name}})
    assert fields.is_skipped({"status": {**done, "name": name}})
    assert not fields.is_skipped({"status": done, "resolution": {"name": "Done"}})
    assert not fields.is_skipped({"status": {"name": name, "statusCategory": {"key": "new"}}})


def test_the_way_back_leads_to_a_status_that_is_not_done() -> None:
    ways = [
        {"id": "31", "to": {"statusCategory": {"key": "done"}}},
        {"id": "11", "to": {"statusCategory": {"key": "new"}}},
    ]
    assert fields.way_back(ways) == "11"
    assert fields.way_back(ways[:1]) == ""
    assert fields.way_back([{"id": "1/../2", "to": {"statusCategory": {"key": "new"}}}, 7]) == ""
    assert fields.way_back(None) == ""


def test_jiras_way_of_answering_counts_as_right(view: MirrorView, ids: JiraFieldIds) -> None:
    wanted = fields.ticket_fields(replace(view, risk=6), ids, security_level=LEVEL)
    assert fields.wrong_fields(shown(wanted), wanted) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"summary": "Renamed"},
        {"security": {"id": "10031"}},
        {"security": None},
        {"customfield_10051": {"value": "1"}},
        {"customfield_10051": None},
        {"customfield_10052": {"value": "1"}},
        {"customfield_10054": "Heron"},
    ],
)
def test_every_other_value_is_named(change: dict[str, Any], view: MirrorView, ids: JiraFieldIds) -> None:
    wanted = fields.ticket_fields(view, ids, security_level=LEVEL)
    assert tuple(change) == fields.wrong_fields({**shown(wanted), **change}, wanted)


@pytest.mark.parametrize("risk", [float("inf"), float("nan"), 1.5, True, "6", [6]])
def test_a_risk_that_is_no_whole_number_is_none_of_ours(risk: object, ids: JiraFieldIds) -> None:
    found = fields.shown({ids.risk: risk}, ids)
    assert found.risk is None
    assert "risk" in found.strange


def test_a_field_that_jira_does_not_show_is_wrong(view: MirrorView, ids: JiraFieldIds) -> None:
    wanted = fields.ticket_fields(view, ids, security_level=LEVEL)
    found = {key: value for key, value in shown(wanted).items() if key != ids.stage}
    assert (ids.stage,) == fields.wrong_fields(found, wanted)


@pytest.mark.parametrize("text", ["", "inc_", 'inc_a" OR project = "X', "inc_a b", "blue", "inc_a\n"])
def test_only_an_incident_id_becomes_a_label(text: str) -> None:
    with pytest.raises(ValueError, match="not an incident id"):
        fields.incident_label(IncidentId(text))


def test_a_sub_task_is_due_on_the_day_in_utc(view: MirrorView) -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    step = replace(view.steps[0], due_at=late)
    body = fields.new_step(step, view.incident, project="COC", parent="10100", subtask_type="10002")
    assert body["fields"]["duedate"] == "2026-11-23"
    assert body["fields"]["labels"] == ["coc", "coc-step-safety"]
    assert "security" not in body["fields"]


class TestStepOf:
    incident = IncidentId("inc_abcdefghijklmnopqrstuvwxyz")

    def test_the_property_names_it(self) -> None:
        marker = fields.step_marker(self.incident, StepKey("safety"))
        assert fields.step_of({}, {marker["key"]: marker["value"]}, self.incident) == "safety"

    def test_the_label_stands_in_for_a_missing_property(self) -> None:
        assert fields.step_of({"labels": ["x", "coc-step-log"]}, {}, self.incident) == "log"

    def test_the_property_wins_over_the_label(self) -> None:
        properties = {"coc.step": {"incident": self.incident, "step": "risk"}}
        assert fields.step_of({"labels": ["coc-step-log"]}, properties, self.incident) == "risk"

    def test_another_incidents_sub_task_is_not_ours(self) -> None:
        properties = {"coc.step": {"incident": "inc_other", "step": "risk"}}
        assert fields.step_of({"labels": ["coc-step-risk"]}, properties, self.incident) is None

    @pytest.mark.parametrize(
        "labels", [None, [], ["coc"], ["coc-step-"], ["coc-step-<b>"], [7], "coc-step-log"]
    )
    def test_a_sub_task_made_by_hand_is_not_ours(self, labels: object) -> None:
        assert fields.step_of({"labels": labels}, None, self.incident) is None


@pytest.mark.parametrize(
    ("status", "done"),
    [
        ({"name": "Erledigt", "statusCategory": {"key": "done"}}, True),
        ({"name": "Done", "statusCategory": {"key": "indeterminate"}}, False),
        ({"name": "Done"}, False),
        (None, False),
    ],
)
def test_done_is_a_matter_of_the_category_not_of_the_name(status: object, done: bool) -> None:  # noqa: FBT001 - a table
    assert done == fields.is_done({"status": status})


def test_mistakes_in_field_ids_are_listed(ids: JiraFieldIds) -> None:
    assert ids.mistakes() == []
    wrong = replace(ids, impact="Impact", risk=ids.lead)
    assert wrong.mistakes() == [
        "fields.impact must look like customfield_10050",
        "fields must each have an id of its own: two are the same",
    ]
