"""Files on the stand-in's issues: who may add, see and read them, and in which form."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

    from tests.sandbox.conftest import Office

CHECKED = {"X-Atlassian-Token": "no-check"}


def add(office: Office, who: str | None, issue: str, **headers: str) -> requests.Response:
    file = ("0003.age", b"sealed", "application/octet-stream")
    return office.call(
        who, "POST", f"issue/{issue}/attachments", files={"file": file}, headers=headers or CHECKED
    )


def test_a_file_is_listed_in_the_issue_and_read_at_its_own_address(office: Office) -> None:
    issue = office.open()
    (made,) = add(office, "mirror", issue).json()

    (listed,) = office.call("ada", "GET", f"issue/{issue}?fields=attachment").json()["fields"]["attachment"]
    content = office.call("ada", "GET", f"attachment/content/{made['id']}")

    assert listed == made
    assert (listed["filename"], listed["size"]) == ("0003.age", 6)
    assert content.content == b"sealed"


def test_who_does_not_see_the_issue_sees_no_file_of_it_and_adds_none(office: Office) -> None:
    issue = office.open()
    (made,) = add(office, "mirror", issue).json()

    for who in ("olga", "sam", None):
        assert office.call(who, "GET", f"attachment/content/{made['id']}").status_code == 404
    assert add(office, "olga", issue).status_code == 404
    assert add(office, None, issue).status_code == 401


def test_without_the_header_that_no_browser_sends_a_file_is_refused(office: Office) -> None:
    assert add(office, "mirror", office.open(), Accept="application/json").status_code == 403


def test_a_file_needs_the_permission_to_attach(office: Office) -> None:
    issue = office.open()
    grants = office.cloud.site.projects["COC"].grants
    grants[:] = [one for one in grants if one.permission != "CREATE_ATTACHMENTS"]

    assert add(office, "mirror", issue).status_code == 403


def test_two_files_may_have_one_name(office: Office) -> None:
    issue = office.open()
    add(office, "mirror", issue)
    add(office, "mirror", issue)

    fields = office.call("ada", "GET", f"issue/{issue}?fields=attachment").json()["fields"]
    assert [one["filename"] for one in fields["attachment"]] == ["0003.age", "0003.age"]


def test_a_file_is_deleted_by_who_added_it_or_by_the_right_for_all(office: Office) -> None:
    issue = office.open()
    grants = office.cloud.site.projects["COC"].grants
    grants[:] = [one for one in grants if one.permission != "DELETE_ALL_ATTACHMENTS"]
    (made,) = add(office, "mirror", issue).json()
    place = f"attachment/{made['id']}"

    assert office.call("sam", "DELETE", place).status_code == 404, "not there for whoever sees no issue"
    assert office.call(None, "DELETE", place).status_code == 401
    assert office.call("ada", "DELETE", place).status_code == 403, "somebody else's"
    assert office.call("mirror", "DELETE", place).status_code == 204
    assert office.call("mirror", "DELETE", place).status_code == 404
    fields = office.call("ada", "GET", f"issue/{issue}?fields=attachment").json()["fields"]
    assert fields["attachment"] == []


def test_a_file_needs_the_permission_to_delete(office: Office) -> None:
    issue = office.open()
    grants = office.cloud.site.projects["COC"].grants
    grants[:] = [one for one in grants if "DELETE" not in one.permission]
    (made,) = add(office, "mirror", issue).json()

    assert office.call("mirror", "DELETE", f"attachment/{made['id']}").status_code == 403
