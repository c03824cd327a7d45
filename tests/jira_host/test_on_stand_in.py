"""The host on the stand-in: every exchange is checked against Atlassian's own description of the API."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from integration.audience import prove
from integration.diary.comment import render
from integration.errors import (
    HostError,
    HostGone,
    HostNotRestricted,
    HostRefused,
    HostRejected,
    HostUnknownOutcome,
)
from integration.incident import Alias, IncidentId, SpaceName
from integration.jira.fields import JiraFieldIds
from integration.jira.host import JiraHost
from integration.jira.space import JiraSpace
from integration.mirror import Difference, difference
from integration.risk import Level
from sandbox.contract import observer
from sandbox.jira_cloud import Holder, JiraCloud
from sandbox.jira_state import Grant
from sandbox.wire import Fault, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef
    from sandbox.jira_state import Issue, Project
    from tests.conftest import SetClock
    from tests.jira_host.conftest import Leakless, Seal

SINCE = datetime(2026, 11, 22, tzinfo=UTC)
BOT = "5b10-bot"
TEAM = ("5b10-heron", "5b10-wren")


@dataclass
class World:
    """A stand-in with one restricted project, and the host that works on it."""

    cloud: JiraCloud
    space: JiraSpace
    host: JiraHost
    naps: list[float]

    @property
    def project(self) -> Project:
        return self.cloud.site.projects["COC"]

    def issue(self, ref: TicketRef) -> Issue:
        return self.cloud.site.issues[ref.id]

    def calls(self) -> list[str]:
        """What went over the wire so far, writes with an exclamation mark."""
        return [
            f"{one.method}{'!' if one.is_write else ''} {one.path.removeprefix('/rest/api/3/')}"
            for one in self.cloud.wire.journal
        ]

    def forget(self) -> None:
        self.cloud.wire.journal.clear()

    def as_user(self, email: str, token: str) -> JiraHost:
        return JiraHost(replace(self.space, email=email), token=token)


@pytest.fixture
def world(request: pytest.FixtureRequest, clock: SetClock) -> Iterator[World]:
    cloud = JiraCloud(now=clock.now)
    for account in (BOT, *TEAM, "5b10-outsider"):
        cloud.add_user(
            account_id=account, email=f"{account}@acme.example", token=f"t-{account}", name=account
        )
    made = cloud.restricted_project(
        "COC", team=TEAM, service=BOT, lead_account=TEAM[0], aliases=["Heron", "Wren"]
    )
    problems: list[str] = []
    if "COC_REFERENCE" in os.environ:
        cloud.wire.observer = observer(request.getfixturevalue("jira_contract"), problems)
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock.forward(seconds=seconds)

    with serving(cloud.wire) as site:
        space = JiraSpace(
            name=SpaceName("conduct"),
            site=site,
            project="COC",
            email=f"{BOT}@acme.example",
            issue_type_id=made.issue_type_id,
            subtask_type_id=made.subtask_type_id,
            security_level_id=made.security_level_id,
            fields=JiraFieldIds(**made.fields),
            browse_roles=frozenset({made.roles[made.team_role]}),
            comment_role=made.team_role,
        )
        yield World(cloud, space, JiraHost(space, token=f"t-{BOT}", sleep=sleep), naps)
    assert problems == []


@pytest.fixture
def comments(seal: Seal) -> tuple[SealedComment, ...]:
    return seal(1), seal(2)


def bring_about(world: World, ref: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]) -> None:
    """Read, compare, write the difference: what the use case does."""
    world.host.write(ref, view, difference(view, comments, world.host.read(ref, view)))


def lacks(world: World, ref: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]) -> Difference:
    return difference(view, comments, world.host.read(ref, view))


@pytest.fixture
def opened(world: World, view: MirrorView, comments: tuple[SealedComment, ...]) -> TicketRef:
    ref = world.host.open_ticket(view)
    bring_about(world, ref, view, comments)
    world.forget()
    return ref


def test_opening_an_incident_takes_four_writes(
    world: World, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    world.host.audience()
    assert world.host.find(view.incident, since=view.opened_at) == ()
    ref = world.host.open_ticket(view)
    bring_about(world, ref, view, comments)
    ticket = f"issue/{ref.id}"
    role = next(iter(world.space.browse_roles))
    assert world.calls() == [
        "GET myself",
        "GET project/COC",
        "GET project/COC/permissionscheme",
        f"GET project/COC/role/{role}",
        "GET project/COC/securitylevel",
        "GET search/jql",
        "POST! issue",
        f"GET {ticket}",
        f"GET {ticket}",
        "POST! issue/bulk",
        f"POST! {ticket}/comment",
        f"POST! {ticket}/comment",
    ]
    assert len(view.steps) == 11
    assert not lacks(world, ref, view, comments)


def test_the_ticket_shows_the_mirror_view_and_its_markers(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    issue = world.issue(opened)
    assert issue.level == world.space.security_level_id
    assert issue.values["summary"] == "BLUE-JAY-27"
    assert issue.properties["coc.incident"]["incident"] == view.incident
    assert opened.name == f"jira:{world.space.host}/{issue.id}"
    assert opened.url == f"{world.space.site}/browse/{issue.key}"
    titles = [one.values["summary"] for one in world.cloud.site.subtasks(issue)]
    assert titles == [step.title for step in view.steps]
    assert {one.visibility["value"] for one in issue.comments if one.visibility} == {"CoC team"}


def test_what_is_read_back_is_what_was_written(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    state = world.host.read(opened, view)
    issue = world.issue(opened)
    assert state.fields_right
    assert state.ref == opened
    assert list(state.steps) == [step.key for step in view.steps]
    assert not any(step.done for step in state.steps.values())
    assert state.comments == {
        comment.text: one.id for comment, one in zip(comments, issue.comments, strict=True)
    }
    assert world.calls() == [
        f"GET issue/{opened.id}",
        "POST issue/bulkfetch",
    ]


def test_a_step_that_somebody_finished_is_done(world: World, opened: TicketRef, view: MirrorView) -> None:
    subtask = world.cloud.site.subtasks(world.issue(opened))[0]
    subtask.status = "10002"
    state = world.host.read(opened, view)
    assert [key for key, step in state.steps.items() if step.done] == ["safety"]


def test_a_sub_task_made_by_hand_is_none_of_ours_and_one_without_property_is_known_by_its_label(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    first, second = world.cloud.site.subtasks(world.issue(opened))[:2]
    first.properties.clear()
    second.properties.clear()
    second.values["labels"] = []
    keys = [step.key for step in view.steps]
    assert list(world.host.read(opened, view).steps) == [keys[0], *keys[2:]]


def test_a_deleted_sub_task_is_made_again_and_nothing_else(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    subtask = world.cloud.site.subtasks(world.issue(opened))[4]
    del world.cloud.site.issues[subtask.id]
    assert [step.key for step in lacks(world, opened, view, comments).steps] == ["risk"]
    world.forget()
    bring_about(world, opened, view, comments)
    assert [call for call in world.calls() if "!" in call] == ["POST! issue/bulk"]
    assert not lacks(world, opened, view, comments)
    assert len(world.cloud.site.subtasks(world.issue(opened))) == 11


def test_a_deleted_comment_is_posted_again_byte_for_byte(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    before = issue.comments[0].body
    del issue.comments[0]
    bring_about(world, opened, view, comments)
    assert [call for call in world.calls() if "!" in call] == [f"POST! issue/{opened.id}/comment"]
    assert issue.comments[-1].body == before
    assert not lacks(world, opened, view, comments)


@pytest.mark.parametrize("field", ["summary", "impact", "stage", "labels", "property", "level", "lead"])
def test_whatever_was_changed_is_put_right_in_one_write(
    field: str, world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    if field == "level":
        issue.level = None
    elif field == "property":
        issue.properties.clear()
    elif field == "labels":
        issue.values["labels"] = ["people's-own"]
    elif field == "summary":
        issue.values["summary"] = "Renamed"
    else:
        issue.values.pop(getattr(world.space.fields, field))
    assert lacks(world, opened, view, comments) == Difference(fields=True, steps=(), comments=())
    world.forget()
    bring_about(world, opened, view, comments)
    assert [call for call in world.calls() if "!" in call] == [f"PUT! issue/{opened.id}"]
    assert not lacks(world, opened, view, comments)
    assert field != "labels" or "people's-own" in issue.values["labels"]


def test_assessing_and_choosing_a_lead_show_on_the_ticket_and_can_be_taken_back(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    assessed = replace(view, likelihood=Level.HIGH, risk=9, lead=None, secondary=Alias("Wren"))
    for wanted in (assessed, view):
        assert lacks(world, opened, wanted, comments).fields
        bring_about(world, opened, wanted, comments)
        assert not lacks(world, opened, wanted, comments)


def test_an_option_the_field_does_not_have_is_named_by_our_word(
    world: World, view: MirrorView, leakless: Leakless
) -> None:
    with pytest.raises(HostRejected) as caught:
        world.host.open_ticket(replace(view, lead=Alias("Nobody")))
    assert caught.value.fields == ("lead",)
    leakless(caught.value)
    assert world.cloud.site.issues == {}


def test_a_ticket_is_found_by_its_label_once_the_search_has_caught_up(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    assert world.host.find(view.incident, since=SINCE) == (opened,)
    world.cloud.search_lag = timedelta(hours=1)
    assert world.host.find(view.incident, since=SINCE) == ()


def test_tickets_of_any_incident_are_listed_with_one_call(
    world: World, opened: TicketRef, view: MirrorView
) -> None:
    other = world.host.open_ticket(replace(view, incident=IncidentId("inc_zyxwvutsrqponmlkjihgfedcba")))
    world.issue(other).values["labels"].append("people's-own")
    world.issue(other).values["summary"] = "a title that somebody changed"
    world.forget()

    assert {
        (opened.key, view.incident, opened.id),
        (other.key, "inc_zyxwvutsrqponmlkjihgfedcba", other.id),
    } == {(one.key, one.incident, one.id) for one in world.host.marked()}
    assert ["GET search/jql"] == world.calls()


def test_a_deleted_ticket_is_gone(world: World, opened: TicketRef, view: MirrorView) -> None:
    del world.cloud.site.issues[opened.id]
    with pytest.raises(HostGone):
        world.host.read(opened, view)


def test_a_ticket_moved_to_an_open_project_is_not_written_to(
    world: World, opened: TicketRef, view: MirrorView, seal: Seal
) -> None:
    anyone = [Holder("applicationRole")]
    cloud = world.cloud
    cloud.add_project("OPEN", name="Open", lead_account=TEAM[0], roles={}, browse=anyone)
    issue = world.issue(opened)
    issue.project, issue.key, issue.level = "OPEN", "OPEN-1", None
    issue.type_id = cloud.site.projects["OPEN"].types[0].id
    with pytest.raises(HostNotRestricted, match="not in the project COC any more"):
        world.host.write(opened, view, Difference(fields=False, steps=(), comments=(seal(3),)))
    assert world.cloud.wire.writes() == []


def test_an_outsider_and_a_wrong_token_get_nothing(
    world: World, opened: TicketRef, view: MirrorView, leakless: Leakless
) -> None:
    with pytest.raises(HostGone):
        world.as_user("5b10-outsider@acme.example", "t-5b10-outsider").read(opened, view)
    with pytest.raises(HostRefused) as caught:
        world.as_user(f"{BOT}@acme.example", "wrong").read(opened, view)
    leakless(caught.value)


@pytest.mark.parametrize("kind", ["drop-after", "truncate"])
@pytest.mark.parametrize("write", range(4))
def test_a_write_without_an_answer_is_an_unknown_outcome_and_reading_first_ends_in_one_ticket(
    write: int, kind: str, world: World, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    """A write committed, its answer lost: nothing is sent twice by itself, and healing does not double it."""
    skip = [0, 3, 4, 5][write]  # the reads between the writes, see the test of the four writes
    world.cloud.wire.fail_next(Fault(kind), skip=skip)  # type: ignore[arg-type] # a literal by parametrize
    with pytest.raises(HostUnknownOutcome):
        bring_about(world, world.host.open_ticket(view), view, comments)
    assert len(world.cloud.wire.writes()) == write + 1
    [ref] = world.host.find(view.incident, since=SINCE)
    bring_about(world, ref, view, comments)
    assert not lacks(world, ref, view, comments)
    issue = world.issue(ref)
    assert (len(world.cloud.site.subtasks(issue)), len(issue.comments)) == (11, 2)
    assert len(world.cloud.site.issues) == 12


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503])
def test_a_write_that_was_refused_is_not_repeated_by_itself(
    status: int, world: World, view: MirrorView, leakless: Leakless, canary: str
) -> None:
    world.cloud.wire.fail_next(Fault("status", status=status, body=f'"{canary}"'.encode()))
    with pytest.raises(HostError) as caught:
        world.host.open_ticket(view)
    assert len(world.cloud.wire.writes()) == 1
    assert caught.value.retry
    leakless(caught.value)


def test_a_full_part_of_a_diary_stays_below_jiras_limit_with_the_whole_request(
    world: World, opened: TicketRef, view: MirrorView, seal: Seal
) -> None:
    """The largest frame for this host is 22,016 bytes; age adds its header, a little more each 64 KiB."""
    small = seal(3)
    head = small.text.partition("\n")[0]
    full = replace(small, text=render(head, bytes(22_016 + 500), bytes(64), bytes(64), "svc1"))
    world.host.write(opened, view, Difference(fields=False, steps=(), comments=(full,)))
    [exchange] = world.cloud.wire.writes()
    assert 30_000 < len(exchange.request_body) < 32_767


def test_a_long_diary_stays_within_jiras_limit_for_one_ticket(
    world: World, opened: TicketRef, view: MirrorView, seal: Seal
) -> None:
    parts = tuple(seal(3, part, 120) for part in range(1, 121))
    written = world.host.write(opened, view, Difference(fields=False, steps=(), comments=parts))
    assert list(written) == [part.id for part in parts]
    assert len(world.naps) == 119
    assert list(world.host.read(opened, view).comments)[2:] == [part.text for part in parts]


@pytest.mark.parametrize(
    ("change", "error"), [("level", "security level"), ("project", "not in the project")]
)
def test_in_a_long_diary_the_ticket_is_looked_at_again(
    change: str, error: str, world: World, opened: TicketRef, view: MirrorView, seal: Seal
) -> None:
    parts = tuple(seal(3, part, 60) for part in range(1, 61))
    issue = world.issue(opened)
    anyone = [Holder("applicationRole")]
    world.cloud.add_project("OPEN", name="Open", lead_account=TEAM[0], roles={}, browse=anyone)

    def spoil(seconds: float) -> None:
        """Somebody opens the ticket while its diary is being written."""
        world.naps.append(seconds)
        if len(world.naps) == 30 and change == "level":
            issue.level = None
        elif len(world.naps) == 30:
            issue.project, issue.key, issue.level = "OPEN", "OPEN-1", None
            issue.type_id = world.cloud.site.projects["OPEN"].types[0].id

    world.cloud.write_limits = False
    host = JiraHost(replace(world.space, comment_role=None), token=f"t-{BOT}", sleep=spoil)
    with pytest.raises(HostNotRestricted, match=error):
        host.write(opened, view, Difference(fields=False, steps=(), comments=parts))
    assert len(issue.comments) == 2 + 40


class TestAudience:
    allowed = frozenset({BOT, *TEAM})

    def test_the_restricted_project_is_proven(self, world: World) -> None:
        found = world.host.audience()
        assert world.host.own_accounts == {BOT}
        proof = prove(found, allowed=self.allowed, acknowledged=(), now=SINCE)
        assert proof.readers == self.allowed

    @pytest.mark.parametrize("kind", ["anyone", "applicationRole", "reporter", "projectLead"])
    def test_a_wider_grant_is_an_open_door(self, kind: str, world: World) -> None:
        holder = Holder(kind)  # type: ignore[arg-type] # a literal by parametrize
        world.project.grants.append(Grant(1, "BROWSE_PROJECTS", holder))
        assert len(world.host.audience().open_doors) == 1

    def test_a_group_that_is_not_configured_is_an_open_door(self, world: World) -> None:
        group = world.cloud.add_group("everybody", ["5b10-outsider"])
        world.project.grants.append(Grant(1, "BROWSE_PROJECTS", Holder("group", "everybody")))
        [door] = world.host.audience().open_doors
        assert door == f"the group {group.id} may browse the project and is not configured"

    def test_a_configured_group_is_read(self, world: World) -> None:
        group = world.cloud.add_group("conduct", [f"account-{number}" for number in range(120)])
        world.project.grants.append(Grant(1, "BROWSE_PROJECTS", Holder("group", "conduct")))
        for number in range(120):
            name = f"account-{number}"
            world.cloud.add_user(account_id=name, email=f"{name}@acme.example", token=name, name=name)
        wider = replace(world.space, browse_groups=frozenset({group.id}))
        found = JiraHost(wider, token=f"t-{BOT}").audience()
        assert found.open_doors == ()
        assert len(found.principals) == 123

    @pytest.mark.parametrize("by", ["5b10-outsider", "group:everybody"])
    def test_an_outsider_in_the_role_is_named_with_the_path(self, by: str, world: World) -> None:
        world.cloud.add_group("everybody", ["5b10-outsider"])
        [role] = world.space.browse_roles
        world.project.actors[role].append(by)
        found = world.host.audience()
        with pytest.raises(HostNotRestricted, match=rf"'5b10-outsider' can read it by .*the role {role}"):
            prove(found, allowed=self.allowed, acknowledged=(), now=SINCE)

    def test_a_project_without_the_level_is_an_open_door(self, world: World) -> None:
        world.project.levels.clear()
        assert len(world.host.audience().open_doors) == 1

    def test_an_archived_project_is_an_open_door(self, world: World) -> None:
        world.project.archived = True
        assert "the project is archived" in world.host.audience().open_doors

    def test_a_team_managed_project_proves_nothing(self, world: World) -> None:
        world.project.style = "next-gen"
        found = world.host.audience()
        assert len(found.open_doors) == 1
        assert not found.complete

    def test_a_service_that_may_not_see_the_scheme_proves_nothing(self, world: World) -> None:
        world.project.grants = [
            one for one in world.project.grants if one.permission != "ADMINISTER_PROJECTS"
        ]
        with pytest.raises(HostRefused):
            world.host.audience()


# Erasing ------------------------------------------------------------------------------------------------


def test_every_copy_of_an_erased_comment_is_deleted_and_nothing_else(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    """Doubled, cut off, and pasted as paragraphs; a comment of people that only speaks of it stays."""
    issue, gone = world.issue(opened), comments[1]
    bot = issue.comments[0].author
    spoken = "We erased entry 2, seq=2 part=1/1."
    for text in (gone.text, gone.text[:300], spoken):
        lines = [
            {"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in text.split("\n")
        ]
        body = {"type": "doc", "version": 1, "content": lines}
        world.cloud.comments.add(world.cloud.site.users[bot], opened.id, {"body": body}, world.space.site)

    for _ in range(2):  # again finds nothing to do
        world.host.erase(opened, view, [gone.id], [])

    left = world.host.read(opened, view)
    assert list(left.comments) == [comments[0].text]
    assert len(issue.comments) == 2
    assert spoken in str(issue.comments[1].body)
    assert [one for one in world.calls() if one.startswith("PUT")] == [], "deleted, never edited"


def test_an_erased_comment_that_went_meanwhile_counts_as_deleted(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    world.cloud.wire.fail_next(Fault("status", status=404), skip=2)  # after two reads

    world.host.erase(opened, view, [comments[1].id], [])

    assert len(issue.comments) == 2


def test_an_account_that_may_not_delete_says_what_is_lacking(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    world.project.grants[:] = [one for one in world.project.grants if "DELETE" not in one.permission]

    with pytest.raises(HostRefused) as refused:
        world.host.erase(opened, view, [comments[1].id], [])

    assert "Delete All Comments" in refused.value.next_step
    assert len(world.issue(opened).comments) == 2


def test_erased_files_are_deleted_by_name(world: World, opened: TicketRef, view: MirrorView) -> None:
    world.host.attach(
        opened, view, {"0004.age": 3, "0005.age": 4}, lambda name: b"x" * (3 if name == "0004.age" else 4)
    )

    for _ in range(2):
        world.host.erase(opened, view, [], ["0004.age", "0009.age"])

    assert [one.filename for one in world.issue(opened).attachments] == ["0005.age"]


def test_nothing_is_deleted_from_a_ticket_that_is_not_ours(
    world: World, opened: TicketRef, view: MirrorView, comments: tuple[SealedComment, ...]
) -> None:
    issue = world.issue(opened)
    issue.properties["coc.incident"] = {"v": 1, "incident": "inc_" + "b" * 26}

    with pytest.raises(HostRejected):
        world.host.erase(opened, view, [one.id for one in comments], [])

    assert len(issue.comments) == 2
