"""How a mirror view looks as Jira fields, labels and properties, and whether a ticket shows it.

Impact, likelihood, type, stage, lead and secondary are single-select fields, because Jira's dashboards
count by these only; risk is a number, so that it can be sorted. A ticket is ours by two markers: a label
(which Jira's search sees) and a property (which people do not remove by accident).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeVar

from integration.incident import Alias, IncidentId, IncidentType, Stage
from integration.jira.text import says, step_description, ticket_description
from integration.mirror import Shown
from integration.process import StepKey
from integration.risk import Level

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from integration.mirror import MirrorView, StepView

LABEL = "coc"
INCIDENT_PROPERTY = "coc.incident"
STEP_PROPERTY = "coc.step"
DIARY_PROPERTY = "coc.diary"

STRONGER_LABEL = "coc-stronger-action"
"""On a ticket whose impact and likelihood ask for stronger action."""

_SCHEMA = 1
_SKIPPED = frozenset({"won't do", "won't fix", "cancelled", "canceled", "declined", "skipped", "not needed"})
"""Names of a resolution or a status of the category "done" by which a step is over without having been done."""
_STEP_LABEL = "coc-step-"
_INCIDENT = re.compile(r"inc_[A-Za-z0-9_-]{1,60}\Z")
_STEP = re.compile(r"[a-z][a-z0-9-]{0,38}\Z")
_NUMBER = re.compile(r"[0-9]{1,19}\Z")
_CUSTOM = re.compile(r"customfield_[1-9][0-9]{0,18}\Z")

_SYSTEM_NAMES = {
    "summary": "title",
    "project": "project",
    "issuetype": "ticket type",
    "security": "security level",
    "labels": "labels",
    "description": "description",
    "duedate": "due date",
    "parent": "parent ticket",
    "comment": "comment",
    "body": "comment",
    "visibility": "comment role",
}

Json = dict[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class JiraFieldIds:
    """The ids of the custom fields on this site, each like ``customfield_10050``."""

    type: str
    impact: str
    likelihood: str
    risk: str
    lead: str
    secondary: str
    stage: str

    def mistakes(self) -> list[str]:
        """What is wrong with the ids; empty if nothing is."""
        wrong = [
            f"fields.{one.name} must look like customfield_10050"
            for one in fields(self)
            if not _CUSTOM.match(getattr(self, one.name))
        ]
        if len(set(self.ids())) != len(fields(self)):
            wrong.append("fields must each have an id of its own: two are the same")
        return wrong

    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(getattr(self, one.name) for one in fields(self))

    def our_names(self) -> dict[str, str]:
        """Jira's id of a field -> our word for it. The only words an error may use."""
        return _SYSTEM_NAMES | {getattr(self, one.name): one.name for one in fields(self)}


def incident_label(incident: IncidentId) -> str:
    """The label by which Jira's search finds the ticket of an incident.

    Raises:
        ValueError: this is not an incident id; it would end up in a query.
    """
    if not _INCIDENT.match(incident):
        raise ValueError("not an incident id")
    return "coc-" + incident.replace("_", "-")


def labelled_incidents(found: Mapping[str, object]) -> list[IncidentId]:
    """The incidents whose labels an issue carries; one, unless somebody gave it another."""
    labels = found.get("labels")
    incidents = []
    for label in labels if isinstance(labels, list) else []:
        named = IncidentId(str(label).removeprefix("coc-").replace("-", "_", 1))
        if _INCIDENT.match(named) and incident_label(named) == label:
            incidents.append(named)
    return incidents


def ticket_marker(incident: IncidentId) -> Json:
    """The property of a ticket."""
    return {"key": INCIDENT_PROPERTY, "value": {"incident": incident, "schema": _SCHEMA}}


def step_marker(incident: IncidentId, key: StepKey) -> Json:
    """The property of a sub-task."""
    return {"key": STEP_PROPERTY, "value": {"incident": incident, "step": key, "schema": _SCHEMA}}


def diary_marker(incident: IncidentId, seq: int, part: int) -> Json:
    """The property of a diary comment."""
    return {
        "key": DIARY_PROPERTY,
        "value": {"incident": incident, "seq": seq, "part": part, "schema": _SCHEMA},
    }


def ticket_fields(view: MirrorView, ids: JiraFieldIds, *, security_level: str) -> Json:
    """Every field a ticket must show, but for its labels. ``None`` is "not yet assessed" or "nobody yet"."""
    return {
        "summary": view.code_name,
        "security": {"id": security_level},
        ids.type: {"value": view.type.value},
        ids.stage: {"value": view.stage.value},
        ids.impact: None if view.impact is None else {"value": str(int(view.impact))},
        ids.likelihood: None if view.likelihood is None else {"value": str(int(view.likelihood))},
        ids.risk: view.risk,
        ids.lead: None if view.lead is None else {"value": view.lead},
        ids.secondary: None if view.secondary is None else {"value": view.secondary},
    }


def new_ticket(
    view: MirrorView, ids: JiraFieldIds, *, project: str, ticket_type: str, security_level: str
) -> Json:
    """The body that creates a ticket. What is not assessed is left out, not sent empty."""
    wanted = ticket_fields(view, ids, security_level=security_level)
    return {
        "fields": {
            **{key: value for key, value in wanted.items() if value is not None},
            "project": {"key": project},
            "issuetype": {"id": ticket_type},
            "labels": [
                LABEL,
                incident_label(view.incident),
                *([STRONGER_LABEL] if view.stronger_action else []),
            ],
            "description": ticket_description(),
        },
        "properties": [ticket_marker(view.incident)],
    }


def healed_ticket(
    view: MirrorView, ids: JiraFieldIds, *, security_level: str, only: Collection[str] | None = None
) -> Json:
    """The body that puts every field and marker right. Labels are added, so that people's own labels stay.

    ``only`` are the names of the fields to set, if the markers are right.
    """
    stronger = {"add" if view.stronger_action else "remove": STRONGER_LABEL}
    wanted = ticket_fields(view, ids, security_level=security_level)
    if only is None:
        labels = [{"add": LABEL}, {"add": incident_label(view.incident)}, stronger]
        return {"fields": wanted, "update": {"labels": labels}, "properties": [ticket_marker(view.incident)]}
    chosen = {getattr(ids, name) for name in only if name != "stronger_action"}
    body: Json = {"fields": {key: value for key, value in wanted.items() if key in chosen}}
    if "stronger_action" in only:
        body["update"] = {"labels": [stronger]}
    return body


def shown(found: Mapping[str, object], ids: JiraFieldIds) -> Shown:
    """What a ticket's fields show, as values of ours."""
    strange: set[str] = set()

    def option(name: str) -> str | None:
        value = found.get(getattr(ids, name))
        text = value.get("value") if isinstance(value, dict) else None
        if value is not None and not isinstance(text, str):
            strange.add(name)
        return text if isinstance(text, str) else None

    def one_of(name: str, choices: Mapping[str, _T]) -> _T | None:
        text = option(name)
        if text is not None and text not in choices:
            strange.add(name)
        return choices.get(text or "")

    levels = {str(int(level)): level for level in Level}
    lead, secondary, risk = option("lead"), option("secondary"), found.get(ids.risk)
    whole = (isinstance(risk, int) and not isinstance(risk, bool)) or (
        isinstance(risk, float) and risk.is_integer()
    )
    if risk is not None and not whole:
        strange.add("risk")
    return Shown(
        type=one_of("type", {one.value: one for one in IncidentType}),
        stage=one_of("stage", {one.value: one for one in Stage}),
        impact=one_of("impact", levels),
        likelihood=one_of("likelihood", levels),
        lead=None if lead is None else Alias(lead),
        secondary=None if secondary is None else Alias(secondary),
        closed=is_done(found),
        risk=int(risk) if isinstance(risk, int | float) and whole else None,
        stronger_action=has_label(found, STRONGER_LABEL),
        strange=frozenset(strange),
    )


def new_step(step: StepView, incident: IncidentId, *, project: str, parent: str, subtask_type: str) -> Json:
    """One element of the body that creates the sub-tasks. They inherit the parent's security level."""
    return {
        "fields": {
            "project": {"key": project},
            "parent": {"id": parent},
            "issuetype": {"id": subtask_type},
            "summary": step.title,
            "description": step_description(step),
            "duedate": f"{step.due_at.astimezone(UTC):%Y-%m-%d}",
            "labels": [LABEL, _STEP_LABEL + step.key],
        },
        "properties": [step_marker(incident, step.key)],
    }


def is_as_written(found: Mapping[str, object], step: StepView | None = None) -> bool:
    """Whether the text of a ticket, or title and text of a step's sub-task, are ours.

    Jira answers with an empty description as ``null``, and does not name one that the project hides.
    """
    wanted = ticket_description() if step is None else step_description(step)
    titled = step is None or found.get("summary") == step.title
    return titled and ("description" not in found or says(found["description"], wanted))


def text_again(step: StepView | None = None) -> Json:
    """The body that gives a ticket its text again, or a step's sub-task its title and text."""
    if step is None:
        return {"fields": {"description": ticket_description()}}
    return {"fields": {"summary": step.title, "description": step_description(step)}}


def fields_of(issue: Json) -> Json:
    """The fields in an answer about one issue."""
    found = issue.get("fields")
    return found if isinstance(found, dict) else {}


def wrong_fields(found: Mapping[str, object], wanted: Mapping[str, object]) -> tuple[str, ...]:
    """Jira's ids of the fields that do not show what they should."""
    return tuple(key for key, value in wanted.items() if not _shows(found.get(key), value))


def markers_missing(found: Mapping[str, object], properties: object, incident: IncidentId) -> bool:
    """Whether a ticket lacks its label or its property."""
    labelled = has_label(found, LABEL) and has_label(found, incident_label(incident))
    return not labelled or marked_incident(properties) != incident


def has_label(found: Mapping[str, object], label: str) -> bool:
    """Whether an issue carries exactly this label."""
    labels = found.get("labels")
    return isinstance(labels, list) and label in labels


def marked_incident(properties: object) -> str | None:
    """The incident a ticket's property names; ``None`` without a property."""
    marker = _property(properties, INCIDENT_PROPERTY)
    named = marker.get("incident")
    return named if isinstance(named, str) else None


def step_of(found: Mapping[str, object], properties: object, incident: IncidentId) -> StepKey | None:
    """Which step of this incident a sub-task is; ``None`` if it is none of ours, such as one made by hand."""
    marker = _property(properties, STEP_PROPERTY)
    if marker:
        key = marker.get("step")
        ours = marker.get("incident") == incident and isinstance(key, str)
        return StepKey(str(key)) if ours else None
    labels = found.get("labels")
    for label in labels if isinstance(labels, list) else []:
        key = str(label).removeprefix(_STEP_LABEL)
        if key != label and _STEP.match(key):
            return StepKey(key)
    return None


def all_over(subtasks: Sequence[Json], view: MirrorView) -> bool:
    """Whether the short forms of a ticket's sub-tasks show that each step is closed, done or not."""
    over = {fields_of(one).get("summary") for one in subtasks if is_done(fields_of(one))}
    return all(step.title in over for step in view.steps)


def way_back(transitions: object) -> str:
    """The id of the first way that leads to a status which is not of the category "done"; empty if there is none."""
    for one in transitions if isinstance(transitions, list) else []:
        to = one.get("to") if isinstance(one, dict) else None
        if (
            isinstance(to, dict)
            and isinstance(to.get("statusCategory"), dict)
            and not is_done({"status": to})
        ):
            found = one.get("id")
            return found if isinstance(found, str) and _NUMBER.match(found) else ""
    return ""


def is_done(found: Mapping[str, object]) -> bool:
    """Whether a sub-task's status counts as done, whatever the workflow calls it."""
    status = found.get("status")
    category = status.get("statusCategory") if isinstance(status, dict) else None
    return isinstance(category, dict) and category.get("key") == "done"


def is_skipped(found: Mapping[str, object]) -> bool:
    """Whether a sub-task is over without having been done, by the name of its resolution or its status."""
    names = [
        one.get("name") for one in (found.get("resolution"), found.get("status")) if isinstance(one, dict)
    ]
    return is_done(found) and any(
        isinstance(name, str) and name.replace("\u2019", "'").casefold() in _SKIPPED for name in names
    )


def _shows(found: object, wanted: object) -> bool:
    """Jira answers with more than was asked: an option with its id, a number as a float."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(found.get(key) == value for key, value in wanted.items())
    return found == wanted


def _property(properties: object, key: str) -> Mapping[str, object]:
    value = properties.get(key) if isinstance(properties, dict) else None
    return value if isinstance(value, dict) else {}
