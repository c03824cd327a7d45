"""The unmodified PyGithub does its usual things on the stand-in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import github
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from github.GithubException import BadCredentialsException, GithubException, UnknownObjectException

from sandbox.wire import Fault

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.sandbox.github.conftest import Hub

BATCH = """
mutation($repository: ID!, $parent: ID!, $labels: [ID!]) {
  one: createIssue(input: {repositoryId: $repository, parentIssueId: $parent, title: "First", labelIds: $labels}) {
    issue { ...created parent { number } }
  }
  two: createIssue(input: {repositoryId: $repository, parentIssueId: $parent, title: "Second"}) {
    issue { ...created parent { number } }
  }
  note: addComment(input: {subjectId: $parent, body: "sealed"}) {
    commentEdge { node { id databaseId fullDatabaseId url body } }
    subject { __typename id }
  }
}
fragment created on Issue { id databaseId number url title labels(first: 5) { nodes { name } } }
"""


def test_an_issue_is_created_with_labels_and_read_again(hub: Hub) -> None:
    made = hub.conduct("writer").create_issue("BLUE-JAY-27", body="A body.", labels=["coc", "impact: 2"])
    assert made.number == 1
    found = hub.conduct("writer").get_issue(1)
    assert found.id == made.id
    assert (found.title, found.body, found.state) == ("BLUE-JAY-27", "A body.", "open")
    assert [label.name for label in found.labels] == ["coc", "impact: 2"]
    assert found.user.login == "writer"
    assert found.repository.id == hub.com.repo("acme/conduct").id


def test_issues_are_listed_by_label_state_and_time(hub: Hub, clock: SetClock) -> None:
    repo = hub.conduct("writer")
    old = repo.create_issue("Old", labels=["coc"])
    clock.forward(hours=1)
    new = repo.create_issue("New", labels=["coc", "other"])
    repo.create_issue("Unlabelled")
    assert [issue.title for issue in repo.get_issues(labels=["coc"])] == ["New", "Old"]
    assert [issue.title for issue in repo.get_issues(labels=["coc", "other"])] == ["New"]
    assert [issue.title for issue in repo.get_issues(labels=["coc"], direction="asc")] == ["Old", "New"]
    since = clock.now() - timedelta(minutes=1)
    assert [issue.title for issue in repo.get_issues(labels=["coc"], since=since)] == ["New"]
    new.edit(state="closed", state_reason="not_planned")
    assert [issue.title for issue in repo.get_issues(labels=["coc"])] == ["Old"]
    assert {issue.title for issue in repo.get_issues(state="closed")} == {"New"}
    assert repo.get_issue(new.number).state_reason == "not_planned"
    old.edit(title="Older", body="other", labels=["x"])
    assert [issue.title for issue in repo.get_issues(labels=["x"], sort="updated")] == ["Older"]


def test_long_lists_come_in_pages(hub: Hub) -> None:
    repo = hub.conduct("writer")
    for number in range(65):
        hub.open(title=f"Issue {number}")
    before = hub.com.wire.calls
    assert len(list(repo.get_issues())) == 65
    assert hub.com.wire.calls - before == 3
    assert [issue.title for issue in repo.get_issues(direction="asc")][::64] == ["Issue 0", "Issue 64"]


def test_comments_are_written_edited_and_deleted(hub: Hub) -> None:
    issue = hub.conduct("writer").create_issue("BLUE-JAY-27")
    comment = issue.create_comment("sealed")
    comment.edit("sealed again")
    assert [found.body for found in issue.get_comments()] == ["sealed again"]
    assert hub.conduct("writer").get_issue(1).comments == 1
    comment.delete()
    assert list(issue.get_comments()) == []


def test_labels_are_made_replaced_and_taken_off(hub: Hub) -> None:
    repo = hub.conduct("writer")
    repo.create_label("impact: 2", "d4c5f9", "Medium")
    assert repo.get_label("impact: 2").description == "Medium"
    issue = repo.create_issue("BLUE-JAY-27", labels=["impact: 2"])
    issue.set_labels("impact: 3", "coc")
    issue.add_to_labels("stage: reported")
    issue.remove_from_labels("coc")
    assert [label.name for label in issue.get_labels()] == ["impact: 3", "stage: reported"]
    assert {label.name for label in repo.get_labels()} == {"impact: 2", "impact: 3", "coc", "stage: reported"}


def test_sub_issues_keep_their_order_and_come_off(hub: Hub) -> None:
    repo = hub.conduct("writer")
    parent = repo.create_issue("BLUE-JAY-27")
    children = [repo.create_issue(title) for title in ("First", "Second", "Third")]
    for child in children:
        parent.add_sub_issue(child.id)
    children[0].edit(state="closed")
    parent.remove_sub_issue(children[1].id)
    assert [child.title for child in parent.get_sub_issues()] == ["First", "Third"]
    summary = repo.get_issue(1).sub_issues_summary
    assert (summary.total, summary.completed, summary.percent_completed) == (2, 1, 50)
    assert repo.get_issue(2).parent_issue_url == parent.url
    assert hub.call("reader", "GET", "/repos/acme/conduct/issues/2/parent").json()["number"] == 1


def test_who_has_access_is_listed_with_owners_and_teams(hub: Hub) -> None:
    repo = hub.conduct("writer")
    levels = {person.login: person.role_name for person in repo.get_collaborators()}
    assert levels == {
        "owner": "admin",
        "writer": "write",
        "triager": "triage",
        "reader": "read",
        "teamster": "write",
    }
    assert {person.login for person in repo.get_collaborators(affiliation="outside")} == {"triager", "reader"}
    assert {person.login for person in repo.get_collaborators(permission="admin")} == {"owner"}
    assert repo.get_collaborator_permission("outsider") == "none"
    assert repo.get_collaborator_permission("triager") == "read"
    assert [team.slug for team in repo.get_teams()] == ["response"]
    invitations = hub.conduct("owner").get_pending_invitations()
    assert [(one.invitee.login, one.permissions) for one in invitations] == [("invited", "write")]


def test_an_organizations_base_permission_lets_its_members_in(hub: Hub) -> None:
    org = hub.com.add_org("wide", owners=["owner"], members=["member"], default_permission="pull")
    hub.com.add_repo("wide", "conduct", collaborators={"writer": "push"})
    assert {one.login for one in hub.library("writer").get_repo("wide/conduct").get_collaborators()} == {
        "owner",
        "member",
        "writer",
    }
    assert hub.library("owner").get_organization(org.login).default_repository_permission == "read"
    assert hub.library("member").get_organization(org.login).default_repository_permission is None


def test_the_repository_says_how_restricted_it_is(hub: Hub) -> None:
    repo = hub.conduct("writer")
    assert repo.private
    assert repo.visibility == "private"
    assert not repo.archived
    assert not repo.has_wiki
    assert repo.permissions.push
    assert not repo.permissions.admin
    assert repo.organization.login == "acme"
    assert hub.library("outsider").get_repo("acme/public").visibility == "public"


def test_people_organizations_and_limits_are_there(hub: Hub) -> None:
    library = hub.library("writer")
    assert library.get_user().login == "writer"
    assert library.get_user("reader").login == "reader"
    assert [one.login for one in library.get_organization("acme").get_members(role="admin")] == ["owner"]
    assert library.get_rate_limit().rate.remaining > 0
    assert library.rate_limiting[1] == 15_000


def test_an_issue_is_locked_and_unlocked(hub: Hub) -> None:
    issue = hub.conduct("writer").create_issue("BLUE-JAY-27")
    issue.lock("resolved")
    assert hub.conduct("writer").get_issue(1).active_lock_reason == "resolved"
    refused = hub.call("reader", "POST", "/repos/acme/conduct/issues/1/comments", json={"body": "hello"})
    assert refused.status_code == 403
    issue.unlock()
    assert not hub.conduct("writer").get_issue(1).locked


def test_a_batch_of_aliased_mutations_runs_in_order(hub: Hub) -> None:
    repo = hub.conduct("writer")
    parent = repo.create_issue("BLUE-JAY-27")
    label = repo.create_label("coc: step", "ededed")
    given = {"repository": repo.node_id, "parent": parent.node_id, "labels": [label.node_id]}
    _, answer = repo.requester.graphql_query(BATCH, given)
    data = answer["data"]
    assert list(data) == ["one", "two", "note"]
    assert [data[name]["issue"]["number"] for name in ("one", "two")] == [2, 3]
    assert data["one"]["issue"]["labels"]["nodes"] == [{"name": "coc: step"}]
    assert data["one"]["issue"]["parent"] == {"number": 1}
    assert [child.title for child in parent.get_sub_issues()] == ["First", "Second"]
    assert [comment.body for comment in parent.get_comments()] == ["sealed"]


def test_the_library_reads_a_node_of_graphql(hub: Hub) -> None:
    issue = hub.conduct("writer").create_issue("BLUE-JAY-27")
    _, answer = hub.library("writer").requester.graphql_node(issue.node_id, "title number", "Issue")
    assert answer["data"]["node"] == {"__typename": "Issue", "title": "BLUE-JAY-27", "number": 1}
    with pytest.raises(UnknownObjectException):
        hub.library("outsider").requester.graphql_node(issue.node_id, "title", "Issue")


class Scoped(github.Auth.AppInstallationAuth):
    """A token for one repository, which the library cannot ask for by itself."""

    def _get_installation_authorization(self) -> github.InstallationAuthorization.InstallationAuthorization:
        requester = self._AppInstallationAuth__integration.requester  # type: ignore[attr-defined]  # private to its class
        asked = {"repositories": ["conduct"], "permissions": {"issues": "write"}}
        url = f"/app/installations/{self._installation_id}/access_tokens"
        headers, data = requester.requestJsonAndCheck("POST", url, input=asked)
        made = github.InstallationAuthorization.InstallationAuthorization
        return made(requester=requester, headers=headers, attributes=data)


def test_an_app_finds_its_installation_and_gets_a_token(hub: Hub, app_key: str) -> None:
    integration = github.GithubIntegration(auth=github.Auth.AppAuth(31, app_key), base_url=hub.url)
    found = integration.get_repo_installation("acme", "conduct")
    assert found.id == hub.installation
    assert integration.get_org_installation("acme").id == hub.installation
    assert integration.get_app().slug == "coc-mirror"
    token = integration.get_access_token(hub.installation)
    assert token.token.startswith("ghs_31_")
    assert len(token.token) > 500
    with pytest.raises(UnknownObjectException):
        integration.get_repo_installation("acme", "public")


def test_a_scoped_token_reaches_its_repository_only(hub: Hub, app_key: str) -> None:
    library = hub.library_with(Scoped(github.Auth.AppAuth(31, app_key), hub.installation))
    issue = library.get_repo("acme/conduct").create_issue("BLUE-JAY-27", labels=["coc"])
    assert issue.user.login == "coc-mirror[bot]"
    assert [label.name for label in issue.labels] == ["coc"]
    with pytest.raises(UnknownObjectException):
        library.get_repo("acme/plain")


def test_an_unscoped_token_reaches_the_whole_installation(hub: Hub, app_key: str) -> None:
    auth = github.Auth.AppAuth(31, app_key).get_installation_auth(hub.installation)
    library = hub.library_with(auth)
    assert library.get_repo("acme/plain").private
    with pytest.raises(GithubException) as refused:
        library.get_user().login  # noqa: B018 - the library asks when it is read
    assert refused.value.status == 403


def test_an_expired_token_is_refused_and_a_new_one_works(hub: Hub, app_key: str) -> None:
    auth = Scoped(github.Auth.AppAuth(31, app_key), hub.installation)
    library = hub.library_with(auth)
    assert library.get_repo("acme/conduct").private
    hub.com.expire_tokens()
    with pytest.raises(BadCredentialsException):
        library.get_repo("acme/conduct")
    fresh = Scoped(github.Auth.AppAuth(31, app_key), hub.installation)
    assert hub.library_with(fresh).get_repo("acme/conduct").private


def test_an_app_with_a_wrong_key_is_refused(hub: Hub) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    integration = github.GithubIntegration(auth=github.Auth.AppAuth(31, pem), base_url=hub.url)
    with pytest.raises(GithubException) as refused:
        integration.get_repo_installation("acme", "conduct")
    assert refused.value.status == 401


# Faults, with the library's own behaviour


@pytest.mark.parametrize(
    ("kind", "issues"), [("drop-before", 0), ("drop-after", 1), ("truncate", 1), ("status-after", 1)]
)
def test_a_write_that_goes_wrong_happens_once_or_not_at_all(hub: Hub, kind: str, issues: int) -> None:
    repo = hub.conduct("writer", lazy=False)
    hub.com.wire.fail_next(Fault(kind, status=502))  # type: ignore[arg-type]  # a parameter, not a literal
    with pytest.raises(Exception):  # noqa: B017 - requests', the library's or a TypeError, by kind
        repo.create_issue("BLUE-JAY-27")
    hub.com.wire.heal()
    assert len(list(repo.get_issues())) == issues


def test_the_librarys_own_repetition_doubles_a_committed_write(hub: Hub) -> None:
    again = github.GithubRetry(total=1, backoff_factor=0)
    hub.com.wire.faults[1] = Fault("status-after", status=502)
    hub.conduct("writer", retry=again).create_issue("BLUE-JAY-27")
    assert len(hub.com.repo("acme/conduct").issues) == 2


def test_without_repetition_of_writes_there_is_one(hub: Hub) -> None:
    careful = github.GithubRetry(total=2, allowed_methods={"GET", "HEAD"})
    hub.com.wire.faults[1] = Fault("status-after", status=502)
    with pytest.raises(GithubException):
        hub.conduct("writer", retry=careful).create_issue("BLUE-JAY-27")
    assert len(hub.com.repo("acme/conduct").issues) == 1
