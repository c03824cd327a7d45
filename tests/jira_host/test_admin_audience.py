"""Who can read the project, as an admin's credential shows it: everybody, down to accounts, with each path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import HostError, HostRefused
from integration.jira.admin_audience import read_admin_audience
from sandbox.jira_cloud import Holder
from sandbox.jira_registered_hook import RegisteredHook
from sandbox.jira_state import Grant
from sandbox.wire import Fault
from tests.jira_host.bureau import BOT, HOOK_PATH, TEAM, credential

if TYPE_CHECKING:
    from integration.audience import Audience
    from tests.jira_host.bureau import Bureau

EXPECTED = {*TEAM.values(), BOT, "acc-sam"}


def read(bureau: Bureau, admin: str = "acc-sam") -> Audience:
    return read_admin_audience(
        bureau.space(), admin=credential(admin), bot=credential(BOT), hook_url=bureau.url + HOOK_PATH
    )


def paths(audience: Audience) -> dict[str, str]:
    return {one.account: one.path for one in audience.principals}


def role_id(bureau: Bureau, name: str) -> str:
    role = bureau.cloud.site.role_named(name)
    assert role is not None
    return role.id


def test_everybody_is_named_with_each_path(bureau: Bureau) -> None:
    audience = read(bureau)
    team, bot = role_id(bureau, "CoC team"), role_id(bureau, "CoC mirror")

    assert audience.open_doors == ()
    assert audience.complete
    assert audience.space_id == bureau.project.id
    assert paths(audience) == {
        "acc-heron": f"the role {team} and by the security level: the role {team}",
        "acc-wren": f"the role {team} and by the security level: the role {team}",
        BOT: f"the role {team} and by administering the project, which lets them in: the role {bot} "
        f"and by the security level: the role {team}",
        "acc-sam": "being an admin of the site (group group-admins)",
    }


def test_groups_are_read_down_to_accounts_wherever_they_stand(bureau: Bureau) -> None:
    group = bureau.cloud.add_group("helpers", ["acc-olga"])
    bureau.cloud.add_group("jira-admins", ["acc-wren"], access="admin")
    bureau.project.actors[role_id(bureau, "CoC team")].append("group:helpers")
    bureau.project.levels[0].holders.append(Holder("group", "helpers"))

    found = paths(read(bureau))

    assert f"the group {group.id} in the role" in found["acc-olga"]
    assert f"the security level: the group {group.id}" in found["acc-olga"]
    assert "being an admin of the site" in found["acc-wren"]


@pytest.mark.parametrize(
    ("right", "holder", "path"),
    [
        ("BROWSE_PROJECTS", Holder("user", "acc-olga"), "being named"),
        ("BROWSE_PROJECTS", Holder("projectRole", "Onlookers"), "the role"),
        ("ADMINISTER_PROJECTS", Holder("user", "acc-olga"), "administering the project"),
        ("ADMINISTER_PROJECTS", Holder("projectRole", "Onlookers"), "administering the project"),
    ],
)
def test_whoever_holds_the_right_or_could_give_it_to_themselves_is_in_the_list(
    bureau: Bureau, right: str, holder: Holder, path: str
) -> None:
    role = bureau.cloud.add_role("Onlookers")
    bureau.project.actors[role.id] = ["acc-olga"]
    bureau.project.grants.append(Grant(99001, right, holder))

    audience = read(bureau)

    assert path in paths(audience)["acc-olga"]
    assert bool(audience.open_doors) is (right == "BROWSE_PROJECTS")


def test_the_project_lead_is_a_reader_where_leading_gives_the_right(bureau: Bureau) -> None:
    bureau.project.lead = "acc-olga"
    assert "acc-olga" not in paths(read(bureau))

    bureau.project.levels[0].holders.append(Holder("projectLead"))
    assert paths(read(bureau))["acc-olga"] == "the security level: leading the project"


@pytest.mark.parametrize(
    "kind", ["applicationRole", "reporter", "assignee", "userCustomField", "groupCustomField"]
)
@pytest.mark.parametrize("where", ["browse", "administer", "level"])
def test_holders_that_nobody_can_list_are_open_doors(bureau: Bureau, kind: str, where: str) -> None:
    holder = Holder(kind)  # type: ignore[arg-type]  # one of them
    if where == "level":
        bureau.project.levels[0].holders.append(holder)
    else:
        right = "BROWSE_PROJECTS" if where == "browse" else "ADMINISTER_PROJECTS"
        bureau.project.grants.append(Grant(99002, right, holder))

    assert len(read(bureau).open_doors) == 1


def test_webhooks_of_others_are_principals_unless_they_are_surely_about_another_project(
    bureau: Bureau,
) -> None:
    def add(number: str, jql: str, *, enabled: bool = True) -> None:
        hook = RegisteredHook("http://127.0.0.1:9/", "", "X-Hub-Signature", id=number, updated_by="acc-sam")
        hook.name, hook.jql, hook.enabled = "Chat", jql, enabled
        bureau.cloud.hooks.append(hook)

    add("1", "")
    add("2", "project = WEB")
    add("3", "project = WEB OR project = COC")
    add("4", 'project = "web" AND labels = public')
    add("5", "project = COC")
    add("6", "", enabled=False)

    readers = set(paths(read(bureau)))

    assert readers - EXPECTED == {"webhook:1", "webhook:3", "webhook:5"}


def test_a_level_without_the_service_or_no_level_at_all_is_no_whole_list(bureau: Bureau) -> None:
    bureau.project.levels[0].holders[:] = [Holder("user", "acc-heron")]
    assert not read(bureau).complete

    bureau.project.security_scheme_id = None
    audience = read(bureau)
    assert not audience.complete
    assert "is not in the project's security scheme" in audience.open_doors[0]


def test_a_team_managed_project_is_an_open_door(bureau: Bureau) -> None:
    bureau.project.style = "next-gen"
    audience = read(bureau)
    assert "team-managed" in audience.open_doors[0]
    assert not audience.complete


def test_a_crowd_is_an_open_door_and_not_a_list(bureau: Bureau) -> None:
    crowd = [f"acc-{number}" for number in range(201)]
    for account in crowd:
        bureau.cloud.add_user(account_id=account, email=f"{account}@x.example", token="t", name=account)
    bureau.cloud.add_group("crowd", crowd)
    bureau.project.levels[0].holders.append(Holder("group", "crowd"))

    audience = read(bureau)

    assert "201 members" in audience.open_doors[0]
    assert len(audience.principals) == 4


def test_only_a_jira_admin_can_read_it(bureau: Bureau) -> None:
    with pytest.raises(HostRefused):
        read(bureau, admin="acc-heron")


@pytest.mark.parametrize("call", range(12))
def test_a_part_that_cannot_be_read_leaves_nothing_known(bureau: Bureau, call: int) -> None:
    bureau.cloud.wire.fail_next(Fault("status", status=503), skip=call)
    with pytest.raises(HostError):
        read(bureau)
