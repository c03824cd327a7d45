"""A host gets code names and public fields, and only what its ticket lacks."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.casework import receive
from integration.code_name import CodeName, new_code_name
from integration.diary.chain import genesis
from integration.diary.comment import CommentId, CommentKind, Link, SealedComment
from integration.incident import Alias, Incident, IncidentId, IncidentType, SpaceName, Stage
from integration.mirror import MirrorView, StepState, TicketName, TicketRef, TicketState, difference, mirror
from integration.process import StepKey, default_process
from integration.report import Answer, Report, ReportField
from integration.risk import Level
from integration.store import Receipt
from integration.text import SealedText, Untrusted
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from integration.store import NewIncident

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
PROCESS = default_process()
INCIDENT = Incident(
    id=IncidentId("inc_abcdefghijklmnopqrstuvwxyz"),
    code_name=CodeName("BLUE-JAY-27"),
    type=IncidentType.CONDUCT_ENFORCEMENT,
    space=SpaceName("conduct"),
    opened_at=NOW,
    stage=Stage.ASSESSING,
    impact=Level.MEDIUM,
    likelihood=Level.HIGH,
    lead=Alias("robert"),
    secondary=Alias("miriam"),
)
VIEW = mirror(INCIDENT, PROCESS)
REF = TicketRef(
    TicketName("github:acme/conduct#17"), "17", "#17", "https://github.example/acme/conduct/issues/17"
)
FULL = TicketState(
    REF, fields_right=True, steps={step.key: StepState("1", step.title, done=False) for step in VIEW.steps}
)


def comment(seq: int, part: int = 1) -> SealedComment:
    link = Link("l" * 43)
    return SealedComment(
        INCIDENT.id, REF.name, CommentId(seq, part), 1, 1, CommentKind.ENTRY, genesis(INCIDENT.id).link, link, SealedText(f"sealed {seq}/{part}")
    )  # fmt: skip


def test_the_view_holds_the_public_fields() -> None:
    assert ("BLUE-JAY-27", Stage.ASSESSING, Level.MEDIUM, Level.HIGH) == (
        VIEW.code_name,
        VIEW.stage,
        VIEW.impact,
        VIEW.likelihood,
    )
    assert (6, True, "robert", "miriam") == (VIEW.risk, VIEW.stronger_action, VIEW.lead, VIEW.secondary)


def test_what_is_not_assessed_has_no_risk() -> None:
    view = mirror(replace(INCIDENT, impact=None), PROCESS)

    assert view.risk is None
    assert not view.stronger_action


@pytest.mark.parametrize("kind", IncidentType)
def test_the_steps_are_those_of_the_route_in_order_with_their_times(kind: IncidentType) -> None:
    view = mirror(replace(INCIDENT, type=kind), PROCESS)

    assert [step.key for step in PROCESS.route(kind)] == [step.key for step in view.steps]
    assert [NOW + step.due for step in PROCESS.route(kind)] == [step.due_at for step in view.steps]


class OneIncident:
    """A store of which only the incident that it was asked to make is wanted."""

    def receive(self, *, incident: NewIncident, **_: object) -> Receipt:
        self.made = incident(new_incident_id(), new_code_name(lambda _name: False))
        return Receipt("in_1", self.made.id, duplicate=False)


class Now:
    def now(self) -> datetime:
        return NOW


CANARY = st.text(min_size=12, max_size=60).map(lambda text: f"canary-5d0c9{text}")


@given(told=CANARY, kind=st.sampled_from(IncidentType))
def test_the_view_holds_nothing_of_a_report(told: str, kind: IncidentType) -> None:
    one = (Answer("q", Untrusted(told), Untrusted(told)),)
    report = Report(NOW, kind, dict.fromkeys(ReportField, one), one, Untrusted(told))
    store = OneIncident()

    receive("form", SpaceName("conduct"), told, report, store=store, clock=Now())  # type: ignore[arg-type]  # one method is enough

    assert "canary" not in repr(asdict(mirror(store.made, PROCESS)))
    assert "canary" not in repr(asdict(store.made))


def test_the_view_has_no_field_that_could_hold_a_persons_words() -> None:
    """A new field needs a look at what its values are made of; then it is added here."""
    assert {
        "incident", "code_name", "type", "stage", "impact", "likelihood", "risk", "stronger_action", "lead",
        "secondary", "opened_at", "steps",
    } == {field.name for field in fields(MirrorView)}  # fmt: skip


# What is lacking ------------------------------------------------------------------------------------


def test_nothing_lacking_is_falsy() -> None:
    lacking = difference(VIEW, [], FULL)

    assert not lacking
    assert (False, (), ()) == (lacking.fields, lacking.steps, lacking.comments)


def test_a_new_ticket_lacks_every_step_in_order() -> None:
    lacking = difference(VIEW, [], TicketState(REF, fields_right=True))

    assert lacking
    assert VIEW.steps == lacking.steps


def test_steps_in_the_middle_are_found_to_be_lacking() -> None:
    left = {key: state for n, (key, state) in enumerate(FULL.steps.items()) if n not in {2, 5}}

    assert (VIEW.steps[2], VIEW.steps[5]) == difference(VIEW, [], replace(FULL, steps=left)).steps


def test_wrong_fields_are_lacking() -> None:
    lacking = difference(VIEW, [], replace(FULL, fields_right=False))

    assert lacking
    assert lacking.fields


def test_comments_that_are_not_there_are_lacking_in_order() -> None:
    diary = [comment(1), comment(2), comment(2, 2), comment(3)]
    found = replace(FULL, comments={comment(2).text: "c7", comment(9).text: "c8"})

    lacking = difference(VIEW, diary, found)

    assert lacking
    assert [(1, 1), (2, 2), (3, 1)] == [one.id for one in lacking.comments]


def test_more_than_asked_for_is_not_touched() -> None:
    more = dict(FULL.steps)
    more[StepKey("own-step")] = StepState("9", "The team's own", done=True)

    assert not difference(VIEW, [], replace(FULL, steps=more))
