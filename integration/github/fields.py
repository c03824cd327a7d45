"""The incident's fields on GitHub: issue fields of the organisation where it has them, labels where not.

An organisation may define the issue fields ``CoC type``, ``CoC impact``, ``CoC likelihood``, ``CoC risk``,
``CoC stronger action``, ``CoC stage``, ``CoC lead`` and ``CoC secondary`` (text, number or single select). GitHub drops a field value
silently if it does not like it, so each is looked for in the reply; what did not stick becomes a label such as ``impact: 2``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from integration.github.answers import objects
from integration.incident import Alias, IncidentType, Stage
from integration.mirror import Shown
from integration.risk import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from enum import StrEnum

    from integration.github.answers import Json
    from integration.mirror import MirrorView

LABEL = "coc"
"""On every ticket, for people and filters. We find tickets by their marker, not by this."""

KEYS = ("type", "impact", "likelihood", "risk", "stronger action", "stage", "lead", "secondary")
_YES = "yes"
NOT_ASSESSED = "not yet assessed"
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class IssueField:
    """An issue field of the organisation that shows one of ours. ``options`` is empty unless it is a select."""

    id: int
    key: str
    data_type: str
    options: frozenset[str]

    def takes(self, text: str) -> str | int | None:
        """The value that shows this text in this field, or ``None`` if the field cannot show it."""
        if self.data_type == "text":
            return text
        if self.data_type == "number":
            return int(text) if text.isdecimal() else None
        return text if text in self.options else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: field values by field, and the labels for everything that no field shows."""

    values: tuple[Json, ...]
    labels: tuple[str, ...]
    stale: tuple[int, ...]
    """Ids of fields whose present value must be taken away, because no value of theirs says what is true now."""


def read_definitions(listed: Iterable[Json]) -> tuple[IssueField, ...]:
    """Those of an organisation's issue fields that are ours, by their names."""
    names = {f"coc {key}": key for key in KEYS}
    found = []
    for one in listed:
        key = names.get(str(one.get("name", "")).strip().casefold())
        number, data_type = one.get("id"), one.get("data_type")
        if key is None or not isinstance(number, int) or data_type not in {"text", "number", "single_select"}:
            continue
        options = frozenset(str(option.get("name", "")) for option in objects(one.get("options")))
        found.append(IssueField(number, key, str(data_type), options))
    return tuple(found)


def wanted(view: MirrorView) -> dict[str, str | None]:
    """What each field should show; ``None`` for nothing."""
    return {
        "type": view.type.value,
        "impact": _number(view.impact),
        "likelihood": _number(view.likelihood),
        "risk": _number(view.risk),
        "stronger action": _YES if view.stronger_action else None,
        "stage": view.stage.value,
        "lead": view.lead,
        "secondary": view.secondary,
    }


def wrong(view: MirrorView, issue: Json, definitions: Sequence[IssueField]) -> frozenset[str]:
    """The keys of the fields that an issue does not show as it should: as a field value or as a label, and nothing else."""
    labels, values = _labels(issue), _values(issue, definitions)

    def is_right(key: str, text: str | None) -> bool:
        label = None if text is None else _label(key, text)
        value = values.get(key)
        if value is not None and value != text:
            return False
        if any(one.startswith(f"{key}: ") and one != label for one in labels):
            return False
        return label is None or value is not None or label in labels

    return frozenset(key for key, text in wanted(view).items() if not is_right(key, text))


def right(view: MirrorView, issue: Json, definitions: Sequence[IssueField]) -> bool:
    """Whether an issue shows every field as it should, and that it is a ticket."""
    return is_marked(issue) and not wrong(view, issue, definitions)


def is_marked(issue: Json) -> bool:
    """Whether an issue has the label that every ticket has."""
    return LABEL in _labels(issue)


def shown(view: MirrorView, issue: Json, definitions: Sequence[IssueField]) -> Shown:
    """What an issue shows now, as values of ours.

    A person who chooses another label often leaves the old one. So where a field is shown more than once, what the view
    says anyway does not count; two others that are left contradict each other, and what the view says stays. Where the
    values are right and the labels are not, the risk, which nobody chooses, is called strange, so that all are written.
    """
    found, doubled = _found(view, issue, definitions)
    strange: set[str] = set()

    def taken(key: str, value: _Value | None, *nothing: str | None) -> _Value | None:
        if value is None and found[key] not in nothing:
            strange.add(key)
        return value

    made = Shown(
        type=taken("type", _one_of(IncidentType, found["type"])),
        stage=taken("stage", _one_of(Stage, found["stage"])),
        impact=taken("impact", _level(found["impact"]), NOT_ASSESSED, None),
        likelihood=taken("likelihood", _level(found["likelihood"]), NOT_ASSESSED, None),
        lead=taken("lead", _alias(found["lead"], view.lead), None),
        secondary=taken("secondary", _alias(found["secondary"], view.secondary), None),
        closed=str(issue.get("state", "")).casefold() == "closed",
        risk=taken("risk", _risk(found["risk"]), NOT_ASSESSED),
        stronger_action=found["stronger action"] == _YES,
    )
    names = {key.replace(" ", "_") for key in wrong(view, issue, definitions)}
    if doubled or any(getattr(made, name) == getattr(view, name) for name in names):
        strange.add("risk")
    return replace(made, strange=frozenset(strange))


def _found(
    view: MirrorView, issue: Json, definitions: Sequence[IssueField]
) -> tuple[Mapping[str, str | None], bool]:
    """What counts of all that an issue shows for each field, and whether one is shown more than once."""
    values, labels = _values(issue, definitions), _label_names(issue)
    found: dict[str, str | None] = {}
    doubled = False
    for key, was in wanted(view).items():
        start = f"{key}: "
        texts = [one[len(start) :].strip() for one in labels if one.casefold().startswith(start)]
        said = {text.casefold(): text for text in (*texts, *([values[key]] if key in values else []))}
        new = [text for folded, text in said.items() if was is None or folded != was.casefold()]
        found[key] = new[0] if len(new) == 1 else was if said else None
        doubled = doubled or len(said) > 1
    return found, doubled


def plan(
    view: MirrorView,
    definitions: Sequence[IssueField],
    *,
    issue: Json | None = None,
    dropped: frozenset[str] = frozenset(),
    keys: frozenset[str] = frozenset(KEYS),
) -> Plan:
    """What to write so that the fields are right.

    Args:
        view: what they should show.
        definitions: the organisation's fields that are ours.
        issue: the issue as it is now, if there is one; labels of other people on it stay.
        dropped: keys whose field values GitHub is known to drop; they become labels.
        keys: those of the fields that are to be written; the others stay as they are.
    """
    by_key = {one.key: one for one in definitions if one.key not in dropped}
    shown = _values(issue, definitions) if issue is not None else {}
    values, labels, stale = [], [LABEL], []
    for key, text in wanted(view).items():
        if key not in keys:
            start = f"{key}: "
            labels += [one for one in _label_names(issue or {}) if one.casefold().startswith(start)]
            continue
        field = by_key.get(key)
        value = field.takes(text) if field is not None and text is not None else None
        if field is not None and value is not None:
            values.append({"field_id": field.id, "value": value})
            continue
        if field is not None and key in shown:
            stale.append(field.id)
        if text is not None:
            labels.append(_label(key, text, fold=False))
    return Plan(tuple(values), (*labels, *_foreign(issue)), tuple(stale))


def same_labels(sent: Plan, issue: Json) -> bool:
    """Whether an issue has exactly the labels of a plan; case does not matter to GitHub."""
    return _labels(issue) == {name.casefold() for name in sent.labels}


def not_stuck(view: MirrorView, sent: Plan, issue: Json, definitions: Sequence[IssueField]) -> frozenset[str]:
    """Keys whose field values were sent and do not stand in the reply."""
    sent_ids = {one["field_id"] for one in sent.values}
    values, texts = _values(issue, definitions), wanted(view)
    return frozenset(
        one.key for one in definitions if one.id in sent_ids and values.get(one.key) != texts[one.key]
    )


def _values(issue: Json, definitions: Sequence[IssueField]) -> Mapping[str, str]:
    """What the issue fields of an issue show, by our keys."""
    keys = {one.id: one.key for one in definitions}
    found: dict[str, str] = {}
    for one in objects(issue.get("issue_field_values")):
        number = one.get("issue_field_id")
        key = keys.get(number) if isinstance(number, int) else None
        if key is None:
            continue
        option = one.get("single_select_option")
        value = option.get("name") if isinstance(option, dict) else one.get("value")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None:
            found[key] = str(value)
    return found


def _labels(issue: Json) -> frozenset[str]:
    return frozenset(name.casefold() for name in _label_names(issue))


def _foreign(issue: Json | None) -> tuple[str, ...]:
    """Labels that the team put there itself; they stay."""
    ours = (*(f"{key}: " for key in KEYS),)
    names = _label_names(issue) if issue is not None else ()
    return tuple(name for name in names if name.casefold() != LABEL and not name.casefold().startswith(ours))


def _label_names(issue: Json) -> tuple[str, ...]:
    return tuple(str(one.get("name", "")) for one in objects(issue.get("labels")))


def _label(key: str, text: str, *, fold: bool = True) -> str:
    """A label such as ``impact: 2``. GitHub tells labels apart without regard to case."""
    label = f"{key}: {text}"
    return label.casefold() if fold else label


def _number(value: int | None) -> str:
    return NOT_ASSESSED if value is None else str(int(value))


_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound="StrEnum")


def _one_of(choices: type[_Choice], text: str | None) -> _Choice | None:
    return next(
        (one for one in choices if text is not None and one.value.casefold() == text.casefold()), None
    )


def _level(text: str | None) -> Level | None:
    return next((level for level in Level if text == str(int(level))), None)


def _risk(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[1-9]", text) else None


def _alias(text: str | None, known: Alias | None) -> Alias | None:
    """What may be an alias. GitHub may show a label in another case than ours; whose it is, the roster knows."""
    if text is None or not _ALIAS.match(text):
        return None
    return known if known is not None and known.casefold() == text.casefold() else Alias(text)
