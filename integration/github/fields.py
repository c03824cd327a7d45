"""The incident's fields on GitHub: issue fields of the organisation where it has them, labels where not.

An organisation may define the issue fields ``CoC type``, ``CoC impact``, ``CoC likelihood``, ``CoC risk``,
``CoC stage``, ``CoC lead`` and ``CoC secondary`` (text, number or single select). GitHub drops a field value
silently if it does not like it, so each is looked for in the reply; what did not stick becomes a label such as ``impact: 2``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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

KEYS = ("type", "impact", "likelihood", "risk", "stage", "lead", "secondary")
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
        "stage": view.stage.value,
        "lead": view.lead,
        "secondary": view.secondary,
    }


def right(view: MirrorView, issue: Json, definitions: Sequence[IssueField]) -> bool:
    """Whether an issue shows every field as it should: as a field value or as a label, and nothing else."""
    labels, values = _labels(issue), _values(issue, definitions)
    if LABEL not in labels:
        return False
    for key, text in wanted(view).items():
        label = None if text is None else _label(key, text)
        shown = values.get(key)
        if shown is not None and shown != text:
            return False
        if any(one.startswith(f"{key}: ") and one != label for one in labels):
            return False
        if label is not None and shown is None and label not in labels:
            return False
    return True


def shown(view: MirrorView, issue: Json, definitions: Sequence[IssueField]) -> Shown:
    """What an issue shows now, as values of ours.

    A person who chooses another label often leaves the old one. So where a field is shown more than once, what the view
    says anyway does not count; two others that are left contradict each other, and what the view says stays.
    """
    values, labels, view_says = _values(issue, definitions), _label_names(issue), wanted(view)

    def of(key: str) -> str | None:
        start = f"{key}: "
        said = {name[len(start) :].strip() for name in labels if name.casefold().startswith(start)}
        said |= {values[key]} if key in values else set()
        was = view_says[key]
        new = {one for one in said if was is None or one.casefold() != was.casefold()}
        if len(new) == 1:
            return new.pop()
        return was if said else None

    return Shown(
        type=_one_of(IncidentType, of("type")),
        stage=_one_of(Stage, of("stage")),
        impact=_level(of("impact")),
        likelihood=_level(of("likelihood")),
        lead=_alias(of("lead"), view.lead),
        secondary=_alias(of("secondary"), view.secondary),
        closed=str(issue.get("state", "")).casefold() == "closed",
    )


def plan(
    view: MirrorView,
    definitions: Sequence[IssueField],
    *,
    issue: Json | None = None,
    dropped: frozenset[str] = frozenset(),
) -> Plan:
    """What to write so that the fields are right.

    Args:
        view: what they should show.
        definitions: the organisation's fields that are ours.
        issue: the issue as it is now, if there is one; labels of other people on it stay.
        dropped: keys whose field values GitHub is known to drop; they become labels.
    """
    by_key = {one.key: one for one in definitions if one.key not in dropped}
    shown = _values(issue, definitions) if issue is not None else {}
    values, labels, stale = [], [LABEL], []
    for key, text in wanted(view).items():
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


_Choice = TypeVar("_Choice", bound="StrEnum")


def _one_of(choices: type[_Choice], text: str | None) -> _Choice | None:
    return next(
        (one for one in choices if text is not None and one.value.casefold() == text.casefold()), None
    )


def _level(text: str | None) -> Level | None:
    return next((level for level in Level if text == str(int(level))), None)


def _alias(text: str | None, known: Alias | None) -> Alias | None:
    """What may be an alias. GitHub may show a label in another case than ours; whose it is, the roster knows."""
    if text is None or not _ALIAS.match(text):
        return None
    return known if known is not None and known.casefold() == text.casefold() else Alias(text)
