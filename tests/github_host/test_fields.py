"""Fields as issue fields where they stick, as labels where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from integration.github.fields import LABEL, not_stuck, plan, read_definitions, right, wanted

if TYPE_CHECKING:
    from integration.mirror import MirrorView

LISTED: list[dict[str, Any]] = [
    {"id": 1, "name": "coc Impact", "data_type": "number"},
    {"id": 2, "name": "CoC stage", "data_type": "single_select", "options": [{"name": "Assessing"}]},
    {"id": 3, "name": "CoC lead", "data_type": "text"},
    {"id": 4, "name": "CoC type", "data_type": "multi_select"},
    {"id": 5, "name": "Priority", "data_type": "text"},
    {"id": "6", "name": "CoC risk", "data_type": "text"},
    {"id": 7, "name": "CoC risk"},
]


def shown(view: MirrorView, *, values: list[dict[str, object]] | None = None) -> dict[str, object]:
    sent = plan(view, read_definitions(LISTED))
    answered = [{"issue_field_id": one["field_id"], "value": one["value"]} for one in sent.values]
    return {
        "labels": [{"name": label} for label in sent.labels],
        "issue_field_values": answered if values is None else values,
    }


def test_only_fields_of_our_names_and_of_usable_types_are_used() -> None:
    assert [(one.id, one.key) for one in read_definitions(LISTED)] == [
        (1, "impact"),
        (2, "stage"),
        (3, "lead"),
    ]


def test_a_plan_splits_fields_and_labels(view: MirrorView) -> None:
    sent = plan(view, read_definitions(LISTED))
    assert sent.values == (
        {"field_id": 1, "value": 2},
        {"field_id": 2, "value": "Assessing"},
        {"field_id": 3, "value": "wren"},
    )
    assert sent.labels == (
        LABEL,
        "type: Conduct Enforcement",
        "likelihood: 3",
        "risk: 6",
        "stronger action: yes",
    )


def test_nothing_is_shown_for_a_missing_lead(unassessed: MirrorView) -> None:
    assert wanted(unassessed)["lead"] is None
    labels = plan(unassessed, ()).labels
    assert not any(label.startswith(("lead", "secondary")) for label in labels)
    assert "impact: not yet assessed" in labels


def test_what_was_sent_and_stands_there_is_right(view: MirrorView) -> None:
    assert right(view, shown(view), read_definitions(LISTED))
    assert (
        not_stuck(view, plan(view, read_definitions(LISTED)), shown(view), read_definitions(LISTED)) == set()
    )


def test_numbers_and_options_are_compared_by_what_they_show(view: MirrorView) -> None:
    option = {"issue_field_id": 2, "value": "IFO_1", "single_select_option": {"name": "Assessing"}}
    values: list[dict[str, object]] = [
        {"issue_field_id": 1, "value": 2.0},
        option,
        {"issue_field_id": 3, "value": "wren"},
    ]
    assert right(view, shown(view, values=values), read_definitions(LISTED))


def test_what_was_dropped_is_noticed(view: MirrorView) -> None:
    definitions = read_definitions(LISTED)
    found = shown(view, values=[{"issue_field_id": 1, "value": 2}])
    assert not right(view, found, definitions)
    assert not_stuck(view, plan(view, definitions), found, definitions) == {"stage", "lead"}


@pytest.mark.parametrize(
    ("add", "drop"),
    [("impact: 3", ""), ("Stage: Closed", ""), ("", "coc"), ("", "risk: 6"), ("secondary: robin", "")],
)
def test_a_wrong_or_missing_label_is_noticed(add: str, drop: str, view: MirrorView) -> None:
    names = [*plan(view, ()).labels, *([add] if add else [])]
    labels = [{"name": name} for name in names if name != drop]
    assert not right(view, {"labels": labels}, ())


def test_labels_are_told_apart_without_regard_to_case_as_github_does(view: MirrorView) -> None:
    labels = [{"name": name.upper()} for name in plan(view, ()).labels]
    assert right(view, {"labels": labels}, ())


def test_labels_of_the_team_stay_and_old_ones_of_ours_go(view: MirrorView) -> None:
    issue = {"labels": [{"name": "needs a room"}, {"name": "impact: 1"}, {"name": "COC"}]}
    labels = plan(view, (), issue=issue).labels
    assert labels[-1] == "needs a room"
    assert "impact: 1" not in labels
    assert "COC" not in labels


@pytest.mark.parametrize("strange", [None, 7, "text", {"name": "x"}, [None, 7, "text", {}, {"name": None}]])
def test_answers_of_a_strange_shape_are_wrong_and_break_nothing(strange: object, view: MirrorView) -> None:
    issue = {"labels": strange, "issue_field_values": strange}
    assert not right(view, issue, read_definitions(LISTED))
    assert plan(view, read_definitions(LISTED), issue=issue).values
