"""Lists that an admin's client reads: to the end, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import HostUnavailable
from integration.jira.admin import Credential, JiraAdmin, status_for_strangers

if TYPE_CHECKING:
    import responses

    from integration.jira.space import JiraSpace
    from tests.jira_host.conftest import Leakless

URL = "https://acme.atlassian.net/rest/api/3/group/bulk"


@pytest.fixture
def admin(space: JiraSpace) -> JiraAdmin:
    return JiraAdmin(space, Credential("admin@acme.example", "tOkEn-1f0c6d2b9a7e4f53"))


def read(admin: JiraAdmin) -> list[dict[str, Any]]:
    return admin.read_pages("group/bulk", what="list the groups")


@pytest.mark.parametrize(
    "pages",
    [
        [
            {"values": [{"n": 1}], "total": 2, "isLast": False},
            {"values": [{"n": 2}], "total": 2, "isLast": True},
        ],
        [{"values": [{"n": 1}], "total": 2}, {"values": [{"n": 2}], "total": 2}],
        [{"values": [{"n": 1}], "isLast": False}, {"values": [{"n": 2}], "isLast": True}],
    ],
    ids=["both", "total", "isLast"],
)
def test_pages_are_read_until_jira_says_that_the_list_ends(
    admin: JiraAdmin, jira: responses.RequestsMock, pages: list[dict[str, Any]]
) -> None:
    for page in pages:
        jira.get(URL, json=page)
    assert read(admin) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    "page",
    [
        {"values": [{"n": 1}], "total": 2, "isLast": True},
        {"values": [{"n": 1}], "total": 1, "isLast": False},
        {"values": [{"n": 1}]},
        {"values": [{"n": 1}], "isLast": "yes"},
        {"values": [], "total": 1, "isLast": False},
        {"values": [1], "total": 1, "isLast": True},
        {"total": 0, "isLast": True},
    ],
    ids=["short", "long", "no end", "odd end", "stuck", "no objects", "no values"],
)
def test_a_list_whose_end_is_not_clear_counts_as_unread(
    admin: JiraAdmin, jira: responses.RequestsMock, page: dict[str, Any], leakless: Leakless
) -> None:
    jira.get(URL, json=page)
    with pytest.raises(HostUnavailable) as caught:
        read(admin)
    leakless(caught.value)


def test_a_list_that_never_ends_is_left(admin: JiraAdmin, jira: responses.RequestsMock) -> None:
    jira.get(URL, json={"values": [{"n": 1}], "isLast": False})
    with pytest.raises(HostUnavailable):
        read(admin)
    assert len(jira.calls) == 200


@pytest.mark.parametrize("values", [[], [{"n": 1}, {"n": 2}]])
def test_a_list_that_must_hold_one_value_holds_one(
    admin: JiraAdmin, jira: responses.RequestsMock, values: list[dict[str, Any]]
) -> None:
    jira.get(URL, json={"values": values, "total": len(values), "isLast": True})
    with pytest.raises(HostUnavailable):
        admin.read_only_one("group/bulk", what="read the group", query={})


def test_a_stranger_sends_no_credential_and_follows_no_redirect(
    space: JiraSpace, jira: responses.RequestsMock
) -> None:
    address = "https://acme.atlassian.net/rest/api/3/project/COC"
    jira.get(address, status=302, headers={"Location": "https://acme.atlassian.net/login"})

    assert status_for_strangers(space) == 302
    (call,) = jira.calls
    assert "Authorization" not in call.request.headers


def test_a_site_that_does_not_answer_a_stranger_has_no_status(
    space: JiraSpace, jira: responses.RequestsMock
) -> None:
    assert status_for_strangers(space) == 0
    assert jira.calls  # it was asked
