"""Who can browse the project: only configured roles and groups, read down to accounts, prove anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from integration.audience import Principal, prove
from integration.errors import HostError, HostGone, HostNotRestricted, HostRefused, HostUnavailable
from integration.jira.host import JiraHost

if TYPE_CHECKING:
    import responses

    from integration.jira.space import JiraSpace

API = "https://acme.atlassian.net/rest/api/3"
TOKEN = "tOkEn-1f0c6d2b9a7e4f53"
ROLE = {"type": "projectRole", "parameter": "10040", "value": "10040"}
TEAM = "2b0c1c4e-6a5f-4f0e-9d7a-0c1de7a9f001"


def user(account: str) -> dict[str, Any]:
    return {"type": "atlassian-user-role-actor", "actorUser": {"accountId": account}}


def group(group_id: str) -> dict[str, Any]:
    return {"type": "atlassian-group-role-actor", "actorGroup": {"groupId": group_id, "name": "team"}}


class Site:
    """Plays a project that is set up as it should be. Tests spoil one part before they ask."""

    def __init__(self) -> None:
        self.project: dict[str, Any] = {"id": "10001", "key": "COC", "style": "classic", "simplified": False}
        self.holders: list[Any] = [ROLE]
        self.scheme: dict[str, Any] | None = None
        self.actors: Any = [user("5b10:bot"), user("5b10:heron")]
        self.members: list[dict[str, Any]] = []
        self.levels: Any = [{"id": "10030", "name": "Conduct"}]
        self.role_status = 200

    def play(self, jira: responses.RequestsMock) -> None:
        grants = [{"permission": "BROWSE_PROJECTS", "holder": holder} for holder in self.holders]
        other = {"permission": "ADD_COMMENTS", "holder": {"type": "anyone"}}
        scheme = {"name": "s", "permissions": [*grants, other]} if self.scheme is None else self.scheme
        jira.get(f"{API}/myself", json={"accountId": "5b10:bot"})
        jira.get(f"{API}/project/COC", json=self.project)
        jira.get(f"{API}/project/COC/permissionscheme", json=scheme)
        role = {"id": 10040, "actors": self.actors}
        jira.get(f"{API}/project/COC/role/10040", json=role, status=self.role_status)
        for page in self.members:
            jira.get(f"{API}/group/member", json=page)
        if self.levels is None:
            jira.get(f"{API}/project/COC/securitylevel", status=404)
        else:
            jira.get(f"{API}/project/COC/securitylevel", json={"levels": self.levels})


@pytest.fixture
def site() -> Site:
    return Site()


def members(*accounts: str, total: int | None = None) -> dict[str, Any]:
    values = [{"accountId": account, "active": True} for account in accounts]
    return {"values": values, "total": len(accounts) if total is None else total, "startAt": 0}


def test_a_restricted_project_has_no_open_door_and_costs_five_reads(
    host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.play(jira)
    found = host.audience()
    assert found.open_doors == ()
    assert found.complete
    assert found.principals == (
        Principal("5b10:bot", "the role 10040"),
        Principal("5b10:heron", "the role 10040"),
    )
    assert len(jira.calls) == 5
    allowed = frozenset({"5b10:bot", "5b10:heron"})
    assert prove(found, allowed=allowed, acknowledged=(), now=datetime.now(UTC)).readers == allowed


def test_the_second_reading_does_not_ask_who_we_are_again(
    host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.play(jira)
    host.audience()
    host.audience()
    assert len(jira.calls) == 9


@pytest.mark.parametrize(
    ("holder", "door"),
    [
        ({"type": "anyone"}, "everybody on the internet"),
        ({"type": "applicationRole"}, "every user of the site's products"),
        ({"type": "applicationRole", "parameter": "jira-software"}, "every user of the site's products"),
        ({"type": "reporter"}, "shows the project to everybody"),
        ({"type": "assignee"}, "shows the project to everybody"),
        ({"type": "user", "parameter": "5b10:heron"}, "shows the project to everybody"),
        ({"type": "userCustomField", "parameter": "customfield_1"}, "shows the project to everybody"),
        ({"type": "groupCustomField", "parameter": "customfield_1"}, "shows the project to everybody"),
        ({"type": "projectLead"}, "the project lead"),
        ({"type": "sd.customer.portal.only"}, "customers of a service desk"),
        ({"type": "projectRole", "parameter": "10041"}, "the role 10041 may browse"),
        ({"type": "group", "parameter": "team", "value": TEAM}, f"the group {TEAM} may browse"),
        ({"type": "group", "parameter": "team"}, "the group without an id may browse"),
        ({"type": "projectRole", "value": "CANARY <b>"}, "the role without an id may browse"),
        ({"type": "CANARY"}, "a kind of holder this version does not know"),
        ({}, "a kind of holder this version does not know"),
        (None, "a kind of holder this version does not know"),
    ],
)
def test_every_other_holder_is_an_open_door(
    holder: object, door: str, host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.holders.append(holder)
    site.play(jira)
    found = host.audience()
    assert len(found.open_doors) == 1
    assert door in found.open_doors[0]
    assert "CANARY" not in found.open_doors[0]
    with pytest.raises(HostNotRestricted):
        prove(
            found,
            allowed=frozenset({"5b10:bot", "5b10:heron"}),
            acknowledged=(),
            now=datetime.now(UTC),
        )


@pytest.mark.parametrize(
    ("change", "door"),
    [
        ({"archived": True}, "archived"),
        ({"deleted": True}, "in the trash"),
        ({"simplified": True}, "team-managed"),
        ({"style": "next-gen"}, "team-managed"),
        ({"style": None}, "team-managed"),
        ({"simplified": None}, "team-managed"),
    ],
)
def test_a_project_of_the_wrong_kind_is_an_open_door(
    change: dict[str, Any], door: str, host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.project |= change
    site.play(jira)
    [found] = host.audience().open_doors
    assert door in found


@pytest.mark.parametrize("levels", [None, [], [{"id": "10031"}], [None]])
def test_without_the_configured_security_level_there_is_an_open_door(
    levels: object, host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.levels = levels
    site.play(jira)
    [found] = host.audience().open_doors
    assert "security level 10030" in found


def test_a_configured_group_is_read_to_the_last_page(
    space: JiraSpace, site: Site, jira: responses.RequestsMock
) -> None:
    site.holders = [{"type": "group", "parameter": "team", "value": TEAM}]
    site.members = [members("5b10:bot", "5b10:heron", total=3), members("5b10:wren", total=3)]
    site.play(jira)
    host = JiraHost(replace(space, browse_roles=frozenset(), browse_groups=frozenset({TEAM})), token=TOKEN)
    found = host.audience()
    assert [one.account for one in found.principals] == ["5b10:bot", "5b10:heron", "5b10:wren"]
    assert found.complete
    assert f"groupId={TEAM}&startAt=2" in str(jira.calls[4].request.url)


@pytest.mark.parametrize(
    "page",
    [
        {**members("5b10:bot"), "isLast": False, "nextPage": f"{API}/group/member?startAt=1"},
        {**members("5b10:bot", total=2), "isLast": True},
    ],
    ids=["more-than-the-total", "fewer-than-the-total"],
)
def test_a_list_of_members_whose_end_is_not_clear_proves_nothing(
    page: dict[str, Any], host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.actors = [user("5b10:bot"), group(TEAM)]
    site.members = [page]
    site.play(jira)
    with pytest.raises(HostUnavailable):
        host.audience().whole()


def test_a_list_of_members_that_changes_while_it_is_read_proves_nothing(
    host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    """Somebody may have been passed over between the pages, although as many were read as there are."""
    site.actors = [user("5b10:bot"), group(TEAM)]
    site.members = [
        members("5b10:bot", "5b10:heron", total=3),
        members("5b10:wren", "5b10:crow", total=4),
    ]
    site.play(jira)
    with pytest.raises(HostUnavailable):
        host.audience().whole()


def test_a_group_in_the_role_is_read_down_to_accounts_and_only_once(
    host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.actors = [user("5b10:bot"), group(TEAM), group(TEAM)]
    site.members = [members("5b10:bot", "5b10:outsider")]
    site.play(jira)
    assert host.audience().principals == (
        Principal("5b10:bot", "the role 10040"),
        Principal("5b10:outsider", f"the group {TEAM} in the role 10040"),
    )
    assert len(jira.calls) == 6


def test_a_huge_group_is_a_door_and_not_a_thousand_reads(
    host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.actors = [user("5b10:bot"), group(TEAM)]
    site.members = [members("5b10:bot", total=30_000)]
    site.play(jira)
    [door] = host.audience().open_doors
    assert "has 30000 members" in door
    assert len(jira.calls) == 6


@pytest.mark.parametrize(
    "actor", [None, {}, {"type": "x"}, {"actorUser": {}}, {"actorGroup": {"name": "team"}}]
)
def test_an_actor_that_cannot_be_named_is_an_open_door(
    actor: object, host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.actors = [user("5b10:bot"), actor]
    site.play(jira)
    [door] = host.audience().open_doors
    assert "neither a user nor a group" in door


@pytest.mark.parametrize(
    ("holders", "actors"),
    [([], [user("5b10:bot")]), ([ROLE], []), ([ROLE], [user("5b10:heron")])],
    ids=["no-grant", "empty-role", "without-us"],
)
def test_an_empty_answer_is_not_a_proof(
    holders: list[Any], actors: list[Any], host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.holders, site.actors = holders, actors
    site.play(jira)
    found = host.audience()
    assert not found.complete
    with pytest.raises(HostNotRestricted, match="lacks an account that must be in it"):
        prove(
            found,
            allowed=frozenset({"5b10:bot", "5b10:heron"}),
            acknowledged=(),
            now=datetime.now(UTC),
        )


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"values": []},
        {"total": 2},
        members(total=2),
        {"values": [{}], "total": 1},
        {"values": [None], "total": 1},
    ],
)
def test_a_list_of_members_that_is_cut_is_not_taken_for_the_whole(
    page: dict[str, Any], host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.actors = [user("5b10:bot"), group(TEAM)]
    site.members = [page]
    site.play(jira)
    with pytest.raises(HostUnavailable):
        host.audience().whole()


@pytest.mark.parametrize("part", ["scheme", "actors", "levels"])
def test_an_answer_without_the_part_we_asked_for_proves_nothing(
    part: str, host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    setattr(site, part, {})
    site.play(jira)
    with pytest.raises(HostUnavailable):
        host.audience().whole()


@pytest.mark.parametrize(("status", "kind"), [(403, HostRefused), (404, HostGone), (500, HostUnavailable)])
def test_what_may_not_be_read_is_said(
    status: int, kind: type[Exception], host: JiraHost, jira: responses.RequestsMock
) -> None:
    jira.get(f"{API}/myself", json={"accountId": "5b10:bot"})
    jira.get(f"{API}/project/COC", json={"id": "10001", "style": "classic", "simplified": False})
    jira.get(f"{API}/project/COC/permissionscheme", status=status)
    with pytest.raises(kind, match="read the project's permission scheme"):
        host.audience().whole()


# A read that fails takes back nothing that was found -------------------------------------------------


def proven(host: JiraHost) -> frozenset[str]:
    allowed = frozenset({"5b10:bot", "5b10:heron"})
    return prove(host.audience(), allowed=allowed, acknowledged=(), now=datetime.now(UTC)).readers


TROUBLE = [403, 404, 500, 429]


@pytest.mark.parametrize("status", TROUBLE)
@pytest.mark.parametrize(
    ("holders", "door"),
    [
        ([{"type": "anyone"}, ROLE], "everybody on the internet"),
        ([ROLE, {"type": "anyone"}], "everybody on the internet"),
        ([ROLE, {"type": "applicationRole"}], "every user of the site's products"),
    ],
)
def test_a_project_open_to_everybody_is_an_open_door_although_its_role_cannot_be_read(
    status: int, holders: list[Any], door: str, host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.holders, site.role_status = holders, status
    site.play(jira)
    with pytest.raises(HostNotRestricted, match=f"{door}; the host did not say who else can read it"):
        proven(host)


@pytest.mark.parametrize("status", TROUBLE)
def test_a_role_that_cannot_be_read_is_no_alarm(
    status: int, host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.role_status = status
    site.play(jira)
    with pytest.raises(HostError) as told:
        proven(host)
    assert not isinstance(told.value, HostNotRestricted)


def test_an_outsider_is_found_although_the_security_levels_cannot_be_read(
    host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.actors.append(user("5b10:outsider"))
    site.levels = {}
    site.play(jira)
    with pytest.raises(HostNotRestricted, match="5b10:outsider"):
        proven(host)


def test_an_archived_project_is_told_although_its_permissions_cannot_be_read(
    host: JiraHost, site: Site, jira: responses.RequestsMock
) -> None:
    site.project["archived"] = True
    site.scheme = {}
    site.play(jira)
    with pytest.raises(HostNotRestricted, match="archived"):
        proven(host)
