"""What the team does to a ticket on GitHub is read as it is meant, and costs few requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from integration.github.fields import KEYS, plan, read_definitions, shown
from integration.incident import Alias, IncidentType, Stage
from integration.mirror import Difference, difference, shows, wrong_values
from integration.risk import Level
from tests.github_host.conftest import make_comment, make_view
from tests.github_host.opened import COMMENTS, STEPS, TICKET, Opened, either, opened

if TYPE_CHECKING:
    from integration.mirror import MirrorView
    from tests.github_host.conftest import World

__all__ = ["either", "opened"]


def test_an_untouched_ticket_shows_its_view(either: Opened) -> None:
    found = either.host.read(either.ref, either.view)
    assert found.shown is not None
    assert wrong_values(either.view, found.shown) == frozenset()
    assert shows(either.view, found)
    assert (found.shown.closed, found.plain, found.marked, found.fields_right) == (False, (), True, True)
    assert not difference(either.view, either.comments, found)


@pytest.mark.parametrize("kept", [True, False], ids=["old-label-left", "old-label-gone"])
def test_a_label_that_a_person_chose_is_the_value(
    opened: Opened, world: World, view: MirrorView, *, kept: bool
) -> None:
    if not kept:
        opened.by("wren", "DELETE", f"{opened.path}/labels/impact: 2")
    opened.by("wren", "POST", f"{opened.path}/labels", ["Impact: 3", "secondary: robin", "urgent"])
    found = opened.host.read(opened.ref, view, TICKET)
    assert found.shown is not None
    assert (found.shown.impact, found.shown.secondary) == (Level.HIGH, Alias("robin"))
    after = replace(view, impact=Level.HIGH, risk=9, secondary=Alias("robin"))
    assert not shows(after, found)  # the risk is not written yet, nor the old label taken off
    opened.host.write(opened.ref, after, difference(after, opened.comments, found), found)
    assert shows(after, opened.host.read(opened.ref, after))
    labels = {label.name for label in world.issue(opened.ref.id).labels}
    assert "urgent" in labels
    told = {one.casefold() for one in labels}
    assert {one for one in told if one.startswith(("impact", "risk"))} == {"impact: 3", "risk: 9"}


def test_a_field_that_a_person_set_or_cleared_is_the_value(world: World, view: MirrorView) -> None:
    world.give_issue_fields()
    opened = Opened(world, world.with_token(), view)
    ids = {field.name: field.id for field in world.repo().organization.issue_fields}  # type: ignore[union-attr]  # it is acme
    sent = {"issue_field_values": [{"field_id": ids["CoC stage"], "value": "Reported"}]}
    opened.by("wren", "POST", f"{opened.path}/issue-field-values", sent)
    opened.by("wren", "DELETE", f"{opened.path}/issue-field-values/{ids['CoC impact']}")
    found = opened.host.read(opened.ref, view, TICKET)
    assert found.shown is not None
    assert (found.shown.stage, found.shown.impact) == (Stage.REPORTED, None)
    assert found.shown.strange == frozenset()


def of(view: MirrorView, *labels: str) -> dict[str, object]:
    keys = tuple(f"{label.partition(':')[0].casefold()}: " for label in labels)
    kept = [one for one in plan(view, ()).labels if not one.casefold().startswith(keys)]
    return {"labels": [{"name": one} for one in (*kept, *labels)], "state": "open"}


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("impact: 4", "impact"), ("impact: ", "impact"), ("likelihood: high", "likelihood"), ("risk: 12", "risk"),
        ("stage: Somewhere", "stage"), ("type: Crime", "type"), ("lead: @wren", "lead"), ("secondary: a b", "secondary"),
    ],
)  # fmt: skip
def test_what_is_none_of_our_values_is_strange(view: MirrorView, label: str, name: str) -> None:
    found = shown(view, of(view, label), ())
    assert name in found.strange
    assert getattr(found, name) is None


def test_two_new_labels_contradict_each_other_and_the_old_value_stays(view: MirrorView) -> None:
    found = shown(view, of(view, "impact: 1", "impact: 3"), ())
    assert found.impact == view.impact
    assert wrong_values(view, found)


def test_nothing_shown_is_nothing_assessed_and_nobody(view: MirrorView) -> None:
    found = shown(view, {"labels": [], "state": "closed"}, ())
    assert (found.impact, found.likelihood, found.lead, found.secondary) == (None, None, None, None)
    assert found.closed
    assert {"type", "stage", "risk"} <= found.strange


def test_labels_of_nothing_assessed_are_put_back_though_the_value_is_right(unassessed: MirrorView) -> None:
    kept = [one for one in plan(unassessed, ()).labels if not one.startswith("impact")]
    found = shown(unassessed, {"labels": [{"name": one} for one in kept]}, ())
    assert found.impact is None
    assert wrong_values(unassessed, found)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("data_type", ["text", "single_select"])
def test_every_value_is_read_back_as_it_was_written(level: Level, stage: Stage, data_type: str) -> None:
    for kind in IncidentType:
        view = make_view(stage=stage, impact=level, likelihood=Level.HIGH, type=kind, lead=Alias("Wren-2"))
        texts = [*IncidentType, *Stage, *"123456789", "Wren-2", "yes"]
        options = [{"name": str(one)} for one in texts]
        listed = [
            {"id": at, "name": f"CoC {key}", "data_type": data_type, "options": options}
            for at, key in enumerate(KEYS, 1)
        ]
        for definitions in ((), read_definitions(listed)):
            sent = plan(view, definitions)
            answered = [{"issue_field_id": one["field_id"], "value": one["value"]} for one in sent.values]
            issue = {
                "labels": [{"name": one} for one in sent.labels],
                "issue_field_values": answered,
                "state": "open",
            }
            assert wrong_values(view, shown(view, issue, definitions)) == frozenset()


# Steps


def test_a_step_closed_as_not_planned_was_skipped(opened: Opened) -> None:
    for number, reason in enumerate(["completed", "not_planned", "duplicate"]):
        opened.by("wren", "PATCH", opened.step(number), {"state": "closed", "state_reason": reason})
    opened.by("wren", "PATCH", opened.step(3), {"state": "closed", "state_reason": "not_planned"})
    opened.by("wren", "PATCH", opened.step(3), {"state": "open"})
    found = opened.host.read(opened.ref, opened.view, STEPS)
    steps = [found.steps[step.key] for step in opened.view.steps[:4]]
    assert [(one.done, one.skipped) for one in steps] == [
        (True, False),
        (False, True),
        (False, True),
        (False, False),
    ]
    assert found.parts == STEPS


def test_of_a_closed_ticket_the_steps_are_read_too(opened: Opened) -> None:
    assert opened.host.read(opened.ref, opened.view, TICKET).parts == TICKET
    opened.by("wren", "PATCH", opened.path, {"state": "closed"})
    found = opened.host.read(opened.ref, opened.view, TICKET)
    assert found.shown is not None
    assert (found.shown.closed, found.parts, len(found.steps)) == (
        True,
        TICKET | STEPS,
        len(opened.view.steps),
    )


def test_of_a_closed_ticket_whose_steps_are_all_closed_nothing_more_is_read(opened: Opened) -> None:
    opened.host.read(opened.ref, opened.view, TICKET)
    for step in opened.world.issue(opened.ref.id).children[1:]:
        step.closed_at = step.updated_at
    opened.by("wren", "PATCH", opened.path, {"state": "closed"})
    assert not opened.host.read(opened.ref, opened.view, TICKET).steps_over
    opened.by("wren", "PATCH", opened.step(0), {"state": "closed", "state_reason": "not_planned"})
    opened.calls()
    found = opened.host.read(opened.ref, opened.view, TICKET)
    assert (found.steps_over, found.parts, opened.calls()) == (True, TICKET, 1)


def test_a_ticket_that_was_closed_too_early_is_opened_with_one_neutral_word(opened: Opened) -> None:
    opened.by("wren", "PATCH", opened.path, {"state": "closed"})
    found = opened.host.read(opened.ref, opened.view, TICKET)
    opened.host.reopen(opened.ref, opened.view, found, opened.view.steps[3:5])
    again = opened.host.read(opened.ref, opened.view)
    assert again.shown is not None
    assert not again.shown.closed
    (word,) = again.plain
    assert word.ours
    text = word.text.reveal()
    assert [line for line in text.splitlines() if line.startswith("- ")] == [
        f"- {number}: {step.title}" for number, step in enumerate(opened.view.steps[3:5], 4)
    ]


# Requests


def test_each_event_costs_at_most_four_requests_and_a_plain_comment_five(either: Opened) -> None:
    host, ref, view = either.host, either.ref, either.view
    note = make_comment(view.incident, 3, ref.name)
    host.read(ref, view)
    assert host.own_accounts
    either.calls()

    either.by(
        "wren", "POST", f"{either.path}/labels", ["Likelihood: 1"]
    )  # a value: read, put right, noted, read back
    after = replace(view, likelihood=Level.LOW, risk=2, stronger_action=False)
    found = host.read(ref, view, TICKET)
    host.write(ref, after, Difference(fields=True, steps=(), comments=(note,)), found)
    back = host.read(ref, after, COMMENTS)
    assert note.text in back.comments
    assert either.calls() == 4

    either.says("wren", "plain")  # a comment: read, sealed, read back, read again and deleted
    diary, later = [*either.comments, note], make_comment(view.incident, 4, ref.name)
    found = host.read(ref, after, COMMENTS)
    assert difference(after, diary, found) == Difference(fields=False, steps=(), comments=())
    host.write(ref, after, Difference(fields=False, steps=(), comments=(later,)), found)
    host.remove(ref, after, host.read(ref, after, COMMENTS).plain)
    assert either.calls() == 5

    either.by("wren", "PATCH", either.step(0), {"state": "closed"})  # a step: read, noted, read back
    last = make_comment(view.incident, 5, ref.name)
    found = host.read(ref, after, STEPS)
    host.write(ref, after, Difference(fields=False, steps=(), comments=(last,)), found)
    host.read(ref, after, COMMENTS)
    assert either.calls() == 3

    either.by(
        "wren", "PATCH", either.path, {"state": "closed"}
    )  # closed too early: read with steps, opened, said
    host.reopen(ref, after, host.read(ref, after, TICKET), after.steps[1:2])
    assert either.calls() == 4


def test_a_change_made_after_the_reading_is_not_undone(world: World, view: MirrorView) -> None:
    world.give_issue_fields()
    opened = Opened(world, world.with_token(), view)
    ids = {field.name: field.id for field in world.repo().organization.issue_fields}  # type: ignore[union-attr]  # it is acme
    found = opened.host.read(opened.ref, view, TICKET)
    sent = {"issue_field_values": [{"field_id": ids["CoC stage"], "value": "Reported"}]}
    opened.by("wren", "POST", f"{opened.path}/issue-field-values", sent)
    opened.by("wren", "POST", f"{opened.path}/labels", ["urgent"])
    after = replace(view, impact=Level.HIGH, risk=9)
    opened.host.write(opened.ref, after, difference(after, opened.comments, found), found)
    assert world.values(opened.ref.id)["CoC stage"] == "Reported"
    assert world.values(opened.ref.id)["CoC impact"] == 3
    assert "urgent" in {label.name for label in world.issue(opened.ref.id).labels}


def test_a_ticket_that_was_moved_is_noticed_where_comments_alone_are_read(opened: Opened) -> None:
    opened.world.hub.transfer_issue("acme/conduct", int(opened.ref.id), to="acme/public")
    with pytest.raises(Exception, match="not in its place"):
        opened.host.read(opened.ref, opened.view, COMMENTS)
