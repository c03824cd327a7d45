"""Whoever can read the project is found, however they can, and what cannot be known is never taken for restricted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.audience import prove
from integration.errors import HostNotRestricted, HostRefused
from integration.jira.host import JiraHost
from sandbox.jira_cloud import Holder
from sandbox.jira_state import Grant
from tests.jira_host.on_stand_in.conftest import BOT, SINCE, TEAM, World


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
            world.host.audience().whole()
