"""Filters and dashboards of the Jira stand-in: who may share, who sees what, and what a global share does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Office

JQL = 'project = "COC" ORDER BY created DESC'


def role_share(office: Office) -> dict[str, Any]:
    project = office.cloud.site.projects["COC"].id
    role = int(office.project.roles[office.project.team_role])
    return {"type": "project", "project": {"id": project}, "role": {"id": role}}


def make(office: Office, who: str = "mirror", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any property
    answer = office.call(who, "POST", "filter", json={"name": "All", "jql": JQL, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sees(office: Office, who: str | None, filter_id: str) -> bool:
    return office.call(who, "GET", f"filter/{filter_id}").status_code == 200


def test_a_filter_is_there_for_its_owner_and_those_it_is_shared_with(office: Office) -> None:
    private, shared = make(office), make(office, name="Shared", sharePermissions=[role_share(office)])

    assert [True, False, False] == [sees(office, who, private["id"]) for who in ("mirror", "ada", "olga")]
    assert [True, True, False] == [sees(office, who, shared["id"]) for who in ("mirror", "ada", "olga")]
    found = office.call("ada", "GET", "filter/search", params={"expand": "owner,jql"}).json()["values"]
    assert [shared["id"]] == [one["id"] for one in found]


@pytest.mark.parametrize(("scope", "seen"), [("PRIVATE", False), ("GLOBAL", True), ("AUTHENTICATED", True)])
def test_a_filter_that_says_nothing_is_shared_by_its_owners_default(
    office: Office, scope: str, *, seen: bool
) -> None:
    office.call("mirror", "PUT", "filter/defaultShareScope", json={"scope": scope})

    assert seen == sees(office, "olga", make(office)["id"])
    kept = office.call("mirror", "GET", "filter/defaultShareScope").json()["scope"]
    assert ("AUTHENTICATED" if seen else "PRIVATE") == kept


def test_a_global_share_takes_the_place_of_all_others(office: Office) -> None:
    made = make(office, sharePermissions=[role_share(office), {"type": "global"}])

    assert ["global"] == [one["type"] for one in made["sharePermissions"]]


def test_sharing_needs_the_global_permission(office: Office) -> None:
    office.cloud.site.sharers = {"acc-ada"}
    asked = {"name": "x", "jql": JQL, "sharePermissions": [role_share(office)]}

    assert [400, 200] == [
        office.call(who, "POST", "filter", json=asked).status_code for who in ("mirror", "ada")
    ]
    held = office.call("mirror", "GET", "mypermissions", params={"permissions": "CREATE_SHARED_OBJECTS"})
    assert held.json()["permissions"]["CREATE_SHARED_OBJECTS"]["havePermission"] is False


def test_only_the_owner_changes_a_filter_and_names_are_unique(office: Office) -> None:
    made = make(office, sharePermissions=[role_share(office)])

    assert 400 == office.call("ada", "PUT", f"filter/{made['id']}", json={"name": "Mine"}).status_code
    assert 400 == office.call("mirror", "POST", "filter", json={"name": "All", "jql": JQL}).status_code


def test_a_dashboard_is_changed_by_nobody_who_only_sees_it(office: Office) -> None:
    asked = {"name": "Board", "sharePermissions": [role_share(office)], "editPermissions": []}
    made = office.call("mirror", "POST", "dashboard", json=asked).json()
    path = f"dashboard/{made['id']}"
    gadget = {"uri": office.call("ada", "GET", "dashboard/gadgets").json()["gadgets"][0]["uri"], "title": "x"}

    assert [200, 404] == [office.call(who, "GET", path).status_code for who in ("ada", "olga")]
    assert [404, 404] == [
        office.call(who, "POST", f"{path}/gadget", json=gadget).status_code for who in ("ada", "olga")
    ]
    added = office.call("mirror", "POST", f"{path}/gadget", json=gadget).json()
    place = f"{path}/items/{added['id']}/properties/config"
    assert 404 == office.call("mirror", "GET", place).status_code
    assert 201 == office.call("mirror", "PUT", place, json={"num": "20"}).status_code
    assert {"num": "20"} == office.call("ada", "GET", place).json()["value"]
    assert 404 == office.call("olga", "GET", place).status_code
    assert 400 == office.call("mirror", "PUT", place, json={"num": {"deep": 1}}).status_code
    assert 204 == office.call("mirror", "DELETE", path).status_code


def test_a_gadget_of_a_kind_that_is_not_there_is_refused(office: Office) -> None:
    asked = {"name": "Board", "sharePermissions": [], "editPermissions": []}
    made = office.call("mirror", "POST", "dashboard", json=asked).json()

    answer = office.call(
        "mirror", "POST", f"dashboard/{made['id']}/gadget", json={"uri": "rest/gadgets/none.xml"}
    )

    assert 400 == answer.status_code


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ("project = COC AND duedate < startOfDay()", ["COC-2"]),
        ("project = COC AND duedate < now()", ["COC-3", "COC-2"]),
        ("project = COC AND statusCategory != Done AND duedate < now()", ["COC-3", "COC-2"]),
        ("project = COC AND statusCategory = Done", []),
    ],
)
def test_due_dates_and_custom_fields_can_be_asked_for(office: Office, jql: str, keys: list[str]) -> None:
    parent = office.open()
    today = office.cloud.now().date()
    for due in (today.replace(day=1), today):
        office.call("ada", "POST", "issue", json=office.step(parent, duedate=due.isoformat()))

    answer = office.call("ada", "GET", "search/jql", params={"jql": jql, "fields": "key"})

    assert sorted(keys) == sorted(one["key"] for one in answer.json()["issues"])


def test_a_custom_field_is_asked_for_by_its_number(office: Office) -> None:
    stage = office.project.fields["stage"]
    for value in ("Closed", "Acting"):
        office.open(**{stage: {"value": value}})
    jql = f'project = COC AND cf[{stage.removeprefix("customfield_")}] != "Closed"'

    answer = office.call("ada", "GET", "search/jql", params={"jql": jql, "fields": "key"})

    assert ["COC-2"] == [one["key"] for one in answer.json()["issues"]]
