"""What an owner sees and sets on the stand-in; everybody else is told that it is not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.github_state import Organization

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.sandbox.github.conftest import Hub

HOME = "/repos/acme/conduct"
HOOK: dict[str, Any] = {
    "name": "web",
    "config": {
        "url": "http://127.0.0.1:9/hook",
        "content_type": "json",
        "secret": "s3cret",
        "insecure_ssl": "0",
    },
    "events": ["issues"],
    "active": True,
}


@pytest.mark.parametrize(
    "path",
    [
        "/orgs/acme/outside_collaborators",
        "/orgs/acme/organization-roles",
        "/orgs/acme/installations",
        "/orgs/acme/hooks",
        f"{HOME}/hooks",
    ],
)
def test_what_owners_see_is_not_there_for_others(hub: Hub, path: str) -> None:
    assert hub.call("owner", "GET", path).status_code == 200
    assert hub.call("writer", "GET", path).status_code in {403, 404}
    assert hub.call("outsider", "GET", path).status_code in {403, 404}


def test_an_organisations_settings_are_for_its_owners(hub: Hub) -> None:
    org = hub.com.state.account("acme")
    assert isinstance(org, Organization)
    org.settings["members_can_change_repo_visibility"] = True
    shown = hub.call("owner", "GET", "/orgs/acme").json()
    assert shown["default_repository_permission"] == "none"
    assert shown["members_can_change_repo_visibility"] is True
    assert "default_repository_permission" not in hub.call("member", "GET", "/orgs/acme").json()


def test_outside_collaborators_are_those_who_are_no_members(hub: Hub) -> None:
    listed = hub.call("owner", "GET", "/orgs/acme/outside_collaborators").json()
    assert [one["login"] for one in listed] == ["reader", "triager"]


def test_members_of_a_child_team_are_inherited_and_have_the_access_of_the_parent(hub: Hub) -> None:
    hub.com.add_child_team("acme/conduct", "response", "night", ["member"])
    teams = hub.call("owner", "GET", f"{HOME}/teams").json()
    assert [(one["slug"], (one["parent"] or {}).get("slug")) for one in teams] == [
        ("response", None),
        ("night", "response"),
    ]
    members = hub.call("owner", "GET", "/orgs/acme/teams/response/members").json()
    assert {one["login"]: one["inherited"] for one in members} == {"member": True, "teamster": False}
    assert [one["slug"] for one in hub.call("owner", "GET", "/orgs/acme/teams/response/teams").json()] == [
        "night"
    ]
    assert hub.call("member", "GET", HOME).json()["permissions"]["push"] is True


def test_a_role_that_reads_all_repositories_lets_its_holders_in(hub: Hub) -> None:
    hub.com.add_role(
        "acme", "all_repository_read", base="pull", users=["member"], teams={"audit": ["teamster"]}
    )
    (shown,) = hub.call("owner", "GET", "/orgs/acme/organization-roles").json()["roles"]
    assert (shown["name"], shown["base_role"]) == ("all_repository_read", "read")
    path = f"/orgs/acme/organization-roles/{shown['id']}"
    users = hub.call("owner", "GET", f"{path}/users").json()
    assert {one["login"]: one["assignment"] for one in users} == {"member": "direct", "teamster": "indirect"}
    assert [one["slug"] for one in hub.call("owner", "GET", f"{path}/teams").json()] == ["audit"]
    assert hub.call("member", "GET", HOME).status_code == 200


def test_installed_apps_are_listed_and_an_app_that_is_not_installed_is_not(hub: Hub) -> None:
    listed = hub.call("owner", "GET", "/orgs/acme/installations").json()
    assert [one["app_slug"] for one in listed["installations"]] == ["coc-mirror"]
    hub.com.install_app("coc-mirror", [])
    assert hub.call("owner", "GET", "/orgs/acme/installations").json()["total_count"] == 0


def test_a_webhooks_secret_is_never_shown_again_and_hears_of_what_it_asked_for(hub: Hub) -> None:
    made = hub.call("owner", "POST", f"{HOME}/hooks", json=HOOK)
    assert made.status_code == 201
    shown = hub.call("owner", "GET", f"{HOME}/hooks").json()
    assert [one["config"]["secret"] for one in (made.json(), *shown)] == ["********", "********"]
    (webhook,) = hub.com.repo("acme/conduct").webhooks
    hub.call("writer", "POST", f"{HOME}/issues", json={"title": "x"})
    hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "x"})
    webhook.hook.drain()
    assert [headers["X-GitHub-Event"] for headers, _, _ in webhook.hook.deliveries] == ["ping", "issues"]
    assert shown[0]["last_response"]["status"] in {"unused", "misconfigured"}
    hub.call("owner", "POST", f"{HOME}/hooks/{webhook.id}/pings")
    webhook.hook.drain()
    assert len(webhook.hook.deliveries) == 3


def test_a_webhook_is_not_doubled_and_a_changed_configuration_is_replaced_as_a_whole(hub: Hub) -> None:
    number = hub.call("owner", "POST", f"{HOME}/hooks", json=HOOK).json()["id"]
    assert hub.call("owner", "POST", f"{HOME}/hooks", json=HOOK).status_code == 422
    config = {"url": HOOK["config"]["url"], "content_type": "json"}
    changed = hub.call(
        "owner", "PATCH", f"{HOME}/hooks/{number}", json={"config": config, "active": False}
    ).json()
    assert "secret" not in changed["config"]
    assert changed["active"] is False
    assert hub.call("owner", "DELETE", f"{HOME}/hooks/{number}").status_code == 204
    assert hub.call("owner", "GET", f"{HOME}/hooks").json() == []


def test_an_organisations_webhook_hears_of_its_repositories(hub: Hub) -> None:
    hub.call("owner", "POST", "/orgs/acme/hooks", json=HOOK)
    org = hub.com.state.account("acme")
    assert isinstance(org, Organization)
    hub.open(repo="acme/plain")
    (webhook,) = org.webhooks
    webhook.hook.drain()
    assert [headers["X-GitHub-Event"] for headers, _, _ in webhook.hook.deliveries] == ["issues"]


def test_settings_of_a_repository_are_for_its_admins(hub: Hub) -> None:
    repo = hub.com.repo("acme/conduct")
    repo.flags["has_pages"] = True
    sent = {"has_wiki": True, "allow_forking": True}
    assert hub.call("writer", "PATCH", HOME, json=sent).status_code == 403
    assert hub.call("owner", "PATCH", HOME, json=sent).json()["has_wiki"] is True
    assert hub.call("owner", "PUT", f"{HOME}/actions/permissions", json={"enabled": True}).status_code == 204
    assert hub.call("owner", "GET", f"{HOME}/actions/permissions").json()["enabled"] is True
    assert hub.call("owner", "DELETE", f"{HOME}/pages").status_code == 204
    assert repo.flags["has_pages"] is False
    hub.com.add_deploy_key("acme/conduct", "laptop", read_only=False)
    assert [one["read_only"] for one in hub.call("owner", "GET", f"{HOME}/keys").json()] == [False]


def test_members_are_let_in_at_once_and_others_are_invited(hub: Hub) -> None:
    sent = {"permission": "triage"}
    assert hub.call("owner", "PUT", f"{HOME}/collaborators/member", json=sent).status_code == 204
    assert hub.call("owner", "PUT", f"{HOME}/collaborators/outsider", json=sent).status_code == 201
    assert hub.call("member", "GET", HOME).json()["permissions"]["triage"] is True
    assert hub.call("outsider", "GET", HOME).status_code == 404
    assert hub.call("owner", "DELETE", f"{HOME}/collaborators/member").status_code == 204
    assert hub.call("member", "GET", HOME).status_code == 404


def test_an_owner_makes_fields_and_repositories(hub: Hub) -> None:
    option = {"name": "a", "color": "gray", "priority": 1}
    field = {"name": "CoC stage", "data_type": "single_select", "options": [option]}
    assert hub.call("owner", "POST", "/orgs/acme/issue-fields", json=field).status_code == 200
    assert hub.call("owner", "POST", "/orgs/acme/issue-fields", json=field).status_code == 422
    assert hub.call("member", "POST", "/orgs/acme/issue-fields", json=field).status_code == 404
    sent = {"name": "new", "private": True, "has_wiki": False}
    made = hub.call("owner", "POST", "/orgs/acme/repos", json=sent).json()
    assert (made["visibility"], made["has_wiki"]) == ("private", False)


@pytest.mark.parametrize(
    ("who", "status"), [("triager", 403), ("reader", 403), ("writer", 201), ("owner", 201)]
)
def test_on_a_locked_conversation_only_people_with_write_access_comment(
    hub: Hub, who: str, status: int
) -> None:
    hub.open()
    hub.call("writer", "PUT", f"{HOME}/issues/1/lock", json={})
    assert hub.call(who, "POST", f"{HOME}/issues/1/comments", json={"body": "x"}).status_code == status


def test_graphql_locks_too(hub: Hub) -> None:
    node = hub.open()["node_id"]
    document = "mutation($i: LockLockableInput!) { lockLockable(input: $i) { lockedRecord { locked activeLockReason } } }"
    answer = hub.graphql("writer", document, i={"lockableId": node, "lockReason": "TOO_HEATED"})
    assert answer["data"]["lockLockable"]["lockedRecord"] == {
        "locked": True,
        "activeLockReason": "TOO_HEATED",
    }


def test_search_finds_only_what_the_caller_may_see(hub: Hub) -> None:
    hub.open(title="needle")
    hub.open("owner", "acme/public", title="needle")
    assert hub.call("writer", "GET", "/search/issues?q=needle").json()["total_count"] == 2
    assert hub.call("outsider", "GET", "/search/issues?q=needle").json()["total_count"] == 1
    assert hub.call("outsider", "GET", "/search/issues?q=needle+repo:acme/conduct").status_code == 422


def test_a_timeline_shows_comments_to_readers_only(hub: Hub) -> None:
    hub.open()
    hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "hello"})
    (event,) = hub.call("reader", "GET", f"{HOME}/issues/1/timeline").json()
    assert (event["event"], event["body"]) == ("commented", "hello")
    assert hub.call("outsider", "GET", f"{HOME}/issues/1/timeline").status_code == 404


# Apps from a manifest --------------------------------------------------------------------------------

MANIFEST = {
    "name": "Helper",
    "url": "https://coc.example.org",
    "redirect_url": "http://127.0.0.1:9/made",
    "hook_attributes": {"url": "https://coc.example.org/from/hub"},
    "default_permissions": {"issues": "write"},
    "default_events": ["issues"],
}


def confirmed(hub: Hub, manifest: dict[str, Any]) -> requests.Response:
    """A person posts the manifest and confirms it."""
    page = f"{hub.url}/organizations/acme/settings/apps/new?state=our-state"
    data = {"manifest": json.dumps(manifest), "confirmed": "yes", "name": manifest["name"]}
    return requests.post(page, data=data, timeout=10, allow_redirects=False)


def test_an_app_is_made_from_a_manifest_with_a_code_that_is_good_once(hub: Hub) -> None:
    back = confirmed(hub, MANIFEST)
    came_with = parse_qs(urlsplit(back.headers["Location"]).query)
    assert came_with["state"] == ["our-state"]
    path = f"/app-manifests/{came_with['code'][0]}/conversions"
    made = hub.call(None, "POST", path)
    assert made.status_code == 201
    assert made.json()["slug"] == "helper"
    assert made.json()["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert hub.call(None, "POST", path).status_code == 404


def test_a_code_is_good_for_an_hour(hub: Hub, clock: SetClock) -> None:
    came_with = parse_qs(urlsplit(confirmed(hub, MANIFEST).headers["Location"]).query)
    clock.forward(hours=1)
    assert hub.call(None, "POST", f"/app-manifests/{came_with['code'][0]}/conversions").status_code == 404


def test_events_without_the_permission_they_need_are_refused(hub: Hub) -> None:
    refused = confirmed(hub, {**MANIFEST, "default_events": ["issues", "member"]})
    assert refused.status_code == 422
    assert "member" in refused.text
