"""What an owner's credential proves: everybody who can read, by every path, and what carries tickets elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import HostUnavailable
from integration.github.admin_audience import pages, read_admin_audience
from integration.github.client import Client
from integration.github.credential import TokenCredential
from integration.incident import SpaceName
from sandbox.github_owner_state import Webhook
from sandbox.wire import Hook, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.audience import Audience
    from integration.github.host import GitHubHost
    from tests.github_host.conftest import PlayedGitHub

World = Any  # the stand-in with its organisation, from conftest.py

OURS = "https://coc.example.org/from/hub"


@pytest.fixture
def read(world: World) -> Callable[..., Audience]:
    """The audience as the owner ada sees it; the service is our App unless a test says otherwise."""

    def reading(
        token: str = "ghp_ada",
        *,
        own: str = "coc-mirror[bot]",
        repository: str = "conduct",
        owner: str = "acme",
    ) -> Audience:
        client = Client(
            base_url=world.address, owner=owner, repository=repository, credential=TokenCredential(token)
        )
        return read_admin_audience(client, space=SpaceName("hub"), own_login=own, hook_url=OURS)

    return reading


def paths(audience: Audience, account: str) -> set[str]:
    return {one.path for one in audience.principals if one.account == account}


def hook(number: int, url: str, *events: str, active: bool = True) -> Webhook:
    return Webhook(
        number, Hook(url, "secret", "X-Hub-Signature-256"), events, active=active, created_at=utc_now()
    )


def test_a_restricted_repository_has_its_team_and_its_owners_and_no_open_door(
    read: Callable[..., Audience],
) -> None:
    audience = read()
    assert audience.complete
    assert audience.open_doors == ()
    assert {one.account for one in audience.principals} == {
        "ada",
        "wren",
        "robin",
        "coc-bot",
        "coc-mirror[bot]",
    }
    assert paths(audience, "ada") == {"being an owner of the organisation acme"}
    assert paths(audience, "wren") == {"being a collaborator of the repository (write)"}
    assert paths(audience, "coc-mirror[bot]") == {"being our own App"}


def test_members_of_nested_teams_are_named_with_the_way_down_to_them(
    world: World, read: Callable[..., Audience]
) -> None:
    for login in ("uma", "victor"):
        world.hub.add_user(login)
    other = world.hub.add_repo("acme", "other", teams={"staff": ("pull", ["uma"])})
    world.repo().teams.extend(other.teams)
    world.hub.add_child_team("acme/conduct", "staff", "night", ["victor"])
    audience = read()
    assert audience.complete
    assert paths(audience, "uma") == {"the team staff"}
    assert paths(audience, "victor") == {"the team staff / night"}


def test_the_base_permission_names_every_member(world: World, read: Callable[..., Audience]) -> None:
    world.hub.add_user("uma")
    org = world.repo().organization
    org.members.add("uma")
    assert paths(read(), "uma") == set()
    org.default_permission = "pull"
    assert paths(read(), "uma") == {"the base permission of the organisation acme (read)"}


def test_roles_that_read_all_repositories_name_their_holders(
    world: World, read: Callable[..., Audience]
) -> None:
    for login in ("uma", "victor", "wendy", "xaver"):
        world.hub.add_user(login)
    world.hub.add_role("acme", "all_repository_read", base="pull", users=["uma"], teams={"audit": ["victor"]})
    world.hub.add_role("acme", "security_manager", base=None, users=["wendy"])
    world.hub.add_role("acme", "ci_cd_admin", base=None, users=["xaver"])
    audience = read()
    role = "the role all_repository_read of the organisation acme"
    assert paths(audience, "uma") == {role}
    assert paths(audience, "victor") == {role, f"{role}, through the team audit"}
    assert paths(audience, "wendy") == {"the role security_manager of the organisation acme"}
    assert paths(audience, "xaver") == set()


def test_a_counted_list_whose_pages_repeat_is_not_read_for_ever(
    github: PlayedGitHub, host: GitHubHost
) -> None:
    for count in (900, 900, 1):
        answer = {"total_count": count, "installations": [{"id": 7}]}
        github.answers("GET", "/orgs/acme/installations", answer)
    with pytest.raises(HostUnavailable):
        list(pages(host._client, "/orgs/acme/installations", "list the installed Apps", "installations"))
    assert len(github.wire.calls) == 2


def test_an_outside_collaborator_and_an_open_invitation_are_named(
    world: World, read: Callable[..., Audience]
) -> None:
    world.repo().collaborators["mallory"] = "pull"
    world.hub.add_user("nina")
    other = world.hub.add_repo("acme", "other", invitations={"nina": "pull"})
    world.repo().invitations.extend(other.invitations)
    audience = read()
    assert paths(audience, "mallory") == {"being an outside collaborator of the repository (read)"}
    assert paths(audience, "nina") == {"an open invitation to the repository"}


@pytest.mark.parametrize(
    ("permissions", "repositories", "path"),
    [
        ({"issues": "read"}, None, "a GitHub App with access to issues in all repositories"),
        (
            {"issues": "write"},
            ["public"],
            "a GitHub App with access to issues in chosen repositories, GitHub does not say which",
        ),
        ({"administration": "write"}, None, "a GitHub App with access to issues in all repositories"),
        ({"contents": "write"}, None, None),
        ({"issues": "read"}, [], None),
    ],
)
def test_other_apps_that_may_read_issues_are_named(
    world: World,
    read: Callable[..., Audience],
    permissions: dict[str, str],
    repositories: list[str] | None,
    path: str | None,
) -> None:
    world.hub.add_app(
        app_id=77,
        slug="helper",
        key_pem=world.key,
        org="acme",
        permissions=permissions,
        repositories=repositories,
    )
    assert paths(read(), "app:helper") == ({path} if path else set())


def test_webhooks_that_send_tickets_elsewhere_are_open_doors_and_ours_is_none(
    world: World, read: Callable[..., Audience]
) -> None:
    world.repo().webhooks += [
        hook(11, OURS, "issues"),
        hook(12, "https://chat.example/secret-path", "issue_comment", "push"),
        hook(13, "https://ci.example/", "push"),
        hook(14, "https://old.example/", "issues", active=False),
    ]
    world.repo().organization.webhooks.append(hook(15, "https://audit.example/?key=1", "*"))
    assert read().open_doors == (
        "the repository's webhook 12 sends tickets to chat.example",
        "the organisation's webhook 15 sends tickets to audit.example",
    )


def test_actions_and_pages_are_open_doors(world: World, read: Callable[..., Audience]) -> None:
    world.repo().actions = True
    world.repo().flags["has_pages"] = True
    world.hub.add_deploy_key("acme/conduct", "old laptop")
    assert len(read().open_doors) == 2


def test_a_public_repository_is_an_open_door_here_too(world: World, read: Callable[..., Audience]) -> None:
    world.repo().visibility = "public"
    assert "the repository is public" in read().open_doors


def test_without_our_own_account_in_it_the_list_is_not_whole(read: Callable[..., Audience]) -> None:
    assert not read(own="somebody-else[bot]").complete
    assert read(own="coc-bot").complete


def test_a_repository_that_was_renamed_is_not_followed(world: World, read: Callable[..., Audience]) -> None:
    world.hub.rename_repo("acme/conduct", "renamed")
    audience = read()
    assert not audience.complete
    assert audience.open_doors == ("the repository answers under another address: it was renamed or moved",)


def test_of_a_users_own_repository_it_says_what_github_does_not_list(
    world: World, read: Callable[..., Audience]
) -> None:
    world.hub.add_repo("ada", "notes", collaborators={"coc-bot": "push"})
    audience = read(owner="ada", repository="notes", own="coc-bot")
    assert audience.complete
    assert paths(audience, "ada") == {"being the owner of the repository"}
    assert {one.account for one in audience.principals} == {"ada", "coc-bot", "unlisted:apps"}
