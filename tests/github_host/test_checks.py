"""What doctor finds out about a repository: each assumption fails when it does not hold, and is never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.checks import Check, Outcome
from integration.github.checks import github_checks
from integration.github.credential import AppCredential, TokenCredential
from integration.github.hook_settings import APP_EVENTS, EVENTS
from sandbox.github_owner_state import Webhook
from sandbox.wire import Hook, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

World = Any  # the stand-in with its organisation, from conftest.py
Checked = dict[str, Check]

URL = "http://127.0.0.1:9/from/hub"  # nobody listens there


def owner_token() -> TokenCredential:
    return TokenCredential("ghp_ada")


@pytest.fixture
def check(world: World) -> Callable[..., Checked]:
    """All checks by key; as the App, with an owner's and an outsider's token, unless a test says otherwise."""
    world.hub.install_app("coc-mirror", ["conduct"])
    world.hub.state.apps[31].hook = Hook(URL, "secret", "X-Hub-Signature-256")
    world.hub.state.apps[31].events = APP_EVENTS

    def checking(
        *,
        as_app: bool = True,
        admin: str | None = "ghp_ada",
        outsider: str | None = "ghp_mallory",
        **space: object,
    ) -> Checked:
        found = github_checks(
            world.space(**space),
            admin=TokenCredential(admin) if admin else None,
            bot=AppCredential("31", world.key) if as_app else TokenCredential(world.bot_token),
            outsider=TokenCredential(outsider) if outsider else None,
            hook_url=URL,
        )
        listed = list(found)
        assert len({one.key for one in listed}) == len(listed)
        assert all(one.next_step for one in listed if one.outcome is not Outcome.PASS)
        return {one.key: one for one in listed}

    return checking


def of(found: Checked, outcome: Outcome) -> set[str]:
    return {
        key for key, one in found.items() if one.outcome is outcome and not key.startswith("never-tried-")
    }


def test_a_repository_that_is_as_it_must_be_passes_everything_that_can_be_tried(
    world: World, check: Callable[..., Checked]
) -> None:
    found = check()
    assert of(found, Outcome.FAIL) == set()
    assert of(found, Outcome.UNKNOWN) == {"deliveries"}
    assert {"repository", "readers", "bot-rights", "bot-least-rights", "base-permission", "webhook"} <= of(
        found, Outcome.PASS
    )
    never = [one for key, one in found.items() if key.startswith("never-tried-")]
    assert never
    assert {one.outcome for one in never} == {Outcome.UNKNOWN}
    assert world.repo().issues == {}


def test_a_token_that_has_the_role_write_and_no_more_passes_and_comments_on_what_it_locked(
    world: World, check: Callable[..., Checked]
) -> None:
    world.repo().collaborators["coc-bot"] = "push"
    hook = Webhook(500, Hook(URL, "s", "X-Hub-Signature-256"), EVENTS, active=True, created_at=utc_now())
    world.repo().webhooks.append(hook)
    found = check(as_app=False)
    hook.hook.drain()
    assert of(found, Outcome.FAIL) <= {
        "deliveries"
    }  # what the canary sends may be on its way, or lost already
    assert "locked" in found["canary-comment"].what
    # GitHub forbids invitations to whoever is no admin; its description lists that nowhere.
    world.problems[:] = [one for one in world.problems if "/invitations: " not in one]


def test_each_assumption_that_does_not_hold_fails_with_a_next_step(
    world: World, check: Callable[..., Checked]
) -> None:
    repo, app = world.repo(), world.hub.state.apps[31]
    repo.flags |= {"has_wiki": True, "has_pages": True, "has_discussions": True, "allow_forking": True}
    repo.actions = True
    repo.organization.default_permission = "pull"
    repo.organization.settings |= {
        "members_can_change_repo_visibility": True,
        "members_can_invite_outside_collaborators": True,
    }
    world.hub.add_deploy_key("acme/conduct", "old")
    app.permissions["contents"] = "write"
    app.hook.secret, app.events = "", ("issues",)
    assert of(check(), Outcome.FAIL) == {
        *("wiki", "pages", "discussions", "forking", "actions", "deploy-keys"),
        *("base-permission", "visibility-change", "outside-collaborators"),
        *("bot-least-rights", "webhook"),
    }


def test_whoever_sees_the_canary_without_being_meant_to_fails_every_way_of_looking(
    world: World, check: Callable[..., Checked]
) -> None:
    world.repo().collaborators["mallory"] = "pull"
    ways = {"issue", "comments", "timeline", "list", "search", "search-everywhere", "graphql"}
    assert of(check(), Outcome.FAIL) == {f"canary-{way}" for way in ways}


def test_an_app_that_reaches_all_repositories_has_more_than_it_needs(
    world: World, check: Callable[..., Checked]
) -> None:
    world.hub.install_app("coc-mirror", None)
    assert "all repositories" in check(outsider=None)["bot-least-rights"].what


def test_an_account_with_more_than_the_role_write_fails(world: World, check: Callable[..., Checked]) -> None:
    world.repo().organization.owners.add("coc-bot")
    told = check(as_app=False, outsider=None)["bot-least-rights"]
    assert told.outcome is Outcome.FAIL
    assert "admin" in told.what
    assert "ownership" in told.what


def test_without_an_owners_token_what_only_an_owner_sees_is_unknown_and_the_canary_stays_closed(
    world: World, check: Callable[..., Checked]
) -> None:
    found = check(admin=None, outsider=None)
    assert {"features", "actions", "deploy-keys", "organisation"} <= of(found, Outcome.UNKNOWN)
    assert found["canary-gone"].outcome is Outcome.PASS
    (left,) = world.repo().issues.values()
    assert left.state == "closed"


@pytest.mark.parametrize("token", [None, "ghp_nobody", "ghp_ada"])
def test_without_somebody_who_must_not_see_it_the_canary_proves_nothing(
    check: Callable[..., Checked], token: str | None
) -> None:
    found = check(outsider=token)
    assert found["outsider"].outcome is Outcome.UNKNOWN
    assert not any(key in found for key in ("canary-issue", "canary-search"))


def test_a_search_that_does_not_find_the_canary_for_ourselves_proves_nothing(
    world: World, check: Callable[..., Checked]
) -> None:
    world.hub.app.view_functions["search_issues"] = lambda: (
        {"total_count": 0, "incomplete_results": False, "search_type": "lexical", "items": []},
        200,
    )
    assert check()["canary-search-everywhere"].outcome is Outcome.UNKNOWN


def test_nothing_is_written_to_a_repository_that_is_public(
    world: World, check: Callable[..., Checked]
) -> None:
    world.repo().visibility = "public"
    world.forget_journal()
    assert check()["canary"].outcome is Outcome.UNKNOWN
    assert world.writes() == []


def test_the_canary_goes_also_when_nobody_listens_to_the_end(
    world: World,
) -> None:
    world.hub.install_app("coc-mirror", ["conduct"])
    checks = github_checks(
        world.space(), admin=owner_token(), bot=AppCredential("31", world.key), outsider=None, hook_url=URL
    )
    for one in checks:
        if one.key == "canary":
            break
    assert len(world.repo().issues) == 1
    checks.close()  # type: ignore[attr-defined]  # it is a generator
    assert world.repo().issues == {}


def test_deliveries_that_were_lost_fail(world: World, check: Callable[..., Checked]) -> None:
    check(outsider=None)
    world.hub.state.apps[31].hook.drain()
    told = check(outsider=None)["deliveries"]
    assert told.outcome is Outcome.FAIL
    assert "were not taken" in told.what


def test_the_ping_of_a_webhook_that_was_made_before_the_server_ran_is_no_lost_delivery(
    world: World, check: Callable[..., Checked]
) -> None:
    hook = Webhook(500, Hook(URL, "s", "X-Hub-Signature-256"), EVENTS, active=True, created_at=utc_now())
    world.repo().webhooks.append(hook)
    pinged = requests.post(
        f"{world.address}/repos/acme/conduct/hooks/500/pings",
        headers={"Authorization": "Bearer ghp_ada"},
        timeout=10,
    )
    hook.hook.drain()

    assert pinged.status_code == 204
    assert check(as_app=False, outsider=None)["deliveries"].outcome is Outcome.UNKNOWN


def test_a_webhook_that_is_configured_and_not_there_fails(check: Callable[..., Checked]) -> None:
    assert check(as_app=False, outsider=None, hook_id=4711)["webhook"].outcome is Outcome.FAIL


def test_a_canary_of_which_nobody_knows_whether_it_was_written_is_told_to_be_looked_for(world: World) -> None:
    world.hub.wire.observer = None
    world.hub.app.view_functions["create_issue"] = lambda **_: ({}, 502)
    found = github_checks(
        world.space(), admin=None, bot=TokenCredential(world.bot_token), outsider=None, hook_url=URL
    )
    told = next(one for one in found if one.key == "canary")
    assert told.outcome is Outcome.UNKNOWN
    assert "delete it" in told.next_step
