"""The host on the stand-in: every exchange is checked against Atlassian's own description of the API."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from integration.incident import SpaceName
from integration.jira.fields import JiraFieldIds
from integration.jira.host import JiraHost
from integration.jira.space import JiraSpace
from integration.mirror import Difference, difference
from sandbox.contract import observer
from sandbox.jira_cloud import JiraCloud
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef
    from sandbox.jira_state import Issue, Project
    from tests.conftest import SetClock
    from tests.jira_host.conftest import Seal

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
