"""A whole incident on the stand-in: what it costs, and what stands there, with issue fields and without."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from integration.errors import HostRefused
from integration.github.credential import AppCredential, TokenCredential
from integration.github.host import GitHubHost
from integration.github.text import find_marker
from integration.mirror import difference
from tests.github_host.incidents import assert_whole, run

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView
    from tests.github_host.conftest import World


def test_an_incident_costs_four_writes_and_stands_there_in_order(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    any_host.write(ref, view, difference(view, comments, any_host.read(ref, view)))
    assert world.writes() == ["POST /repos/acme/conduct/issues", *["POST /graphql"] * 3]
    assert len(view.steps) == 11
    assert_whole(world, ref, any_host.read(ref, view), view, comments)
    assert ref.name == "github:acme/conduct#1"
    assert (ref.id, ref.key) == ("1", "#1")
    assert ref.url.endswith("/acme/conduct/issues/1")


def test_an_incident_costs_these_reads(world: World, view: MirrorView, comments: list[SealedComment]) -> None:
    host = world.with_app()
    host.audience()
    assert host.find(view.incident) == ()
    run(host, view, comments)
    repo = "GET /repos/acme/conduct"
    look = [f"{repo}/issues/1", "POST /graphql"]
    assert world.reads() == [
        f"POST /app/installations/{world.installation}/access_tokens",  # once an hour
        *(repo, f"{repo}/collaborators"),
        f"{repo}/issues",
        "GET /orgs/acme/issue-fields",  # once a process
        *look,
        *(repo, f"{repo}/issues/1"),
        *look,
    ]


def test_threads_do_not_mix_up_their_tickets(world: World, views: list[MirrorView]) -> None:
    host = world.with_app()
    with ThreadPoolExecutor(len(views)) as pool:
        refs = list(pool.map(host.open_ticket, views))
    for view, ref in zip(views, refs, strict=True):
        marker = find_marker(world.issue(ref.id).body)
        assert marker is not None
        assert marker.incident == view.incident
    assert len({ref.id for ref in refs}) == len(views)
    assert sum("access_tokens" in read for read in world.reads()) == 1


def test_the_ticket_shows_the_mirror_view_and_nothing_else(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref, _ = run(world.with_token(), view, comments)
    issue = world.issue(ref.id)
    assert issue.title == "AMBER-HERON-42"
    assert {label.name for label in issue.labels} == {
        "coc",
        "type: Conduct Enforcement",
        "impact: 2",
        "likelihood: 3",
        "risk: 6",
        "stage: Assessing",
        "stronger action: yes",
        "lead: wren",
    }
    assert issue.assignees == []
    assert issue.locked


def test_the_ids_of_written_comments_are_the_ones_that_are_read_back(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    written = any_host.write(ref, view, difference(view, comments, any_host.read(ref, view)))
    assert list(written.values()) == list(any_host.read(ref, view).comments.values())
    assert {int(number) for number in written.values()} == set(world.hub.state.comments)


def test_an_app_token_opens_the_one_repository_and_only_issues(world: World, view: MirrorView) -> None:
    world.with_app().open_ticket(view)
    (token,) = [token for token in world.hub.state.tokens.values() if token.app is not None]
    assert token.repositories == frozenset({world.repo().id})
    assert token.permissions == {"issues": "write", "metadata": "read"}


def test_an_app_token_that_expired_early_is_replaced(world: World, view: MirrorView) -> None:
    host = world.with_app()
    ref = host.open_ticket(view)
    world.hub.expire_tokens()
    with pytest.raises(Exception, match="401"):
        host.read(ref, view)
    assert host.read(ref, view).fields_right


def test_own_accounts_are_looked_up_once(world: World) -> None:
    assert world.with_app().own_accounts == {"coc-mirror[bot]"}
    host = world.with_token()
    world.forget_journal()
    assert host.own_accounts == host.own_accounts == {"coc-bot"}
    assert world.reads() == ["GET /user"]


@pytest.mark.parametrize("configured", ["ada", "coc-mirror", "wren"])
@pytest.mark.parametrize("kind", ["token", "app"])
def test_a_configured_account_that_is_not_our_keys_is_refused(
    kind: str, configured: str, world: World
) -> None:
    """It would be let into the proof of the audience."""
    space, right = world.space(bot_login=configured), {"token": "COC-bot", "app": "coc-mirror[bot]"}[kind]
    credential = (
        TokenCredential(world.bot_token)
        if kind == "token"
        else AppCredential("31", world.key, world.installation)
    )
    with pytest.raises(HostRefused, match="not the account of our key"):
        GitHubHost(space, credential).own_accounts  # noqa: B018 - it asks
    assert {one.casefold() for one in GitHubHost(world.space(bot_login=right), credential).own_accounts} == {
        right.casefold()
    }


# Issue fields


def test_issue_fields_are_used_where_the_repository_has_them(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    world.give_issue_fields()
    ref, found = run(any_host, view, comments)
    assert_whole(world, ref, found, view, comments)
    assert world.values(ref.id) == {
        "CoC type": "Conduct Enforcement",
        "CoC impact": 2,
        "CoC risk": "6",
        "CoC stage": "Assessing",
    }
    assert {label.name for label in world.issue(ref.id).labels} == {
        "coc",
        "likelihood: 3",
        "lead: wren",
        "stronger action: yes",
    }
    assert len(world.writes()) == 4


def test_field_values_that_github_dropped_silently_become_labels(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    world.give_issue_fields(enabled=False)
    ref, found = run(any_host, view, comments)
    assert_whole(world, ref, found, view, comments)
    issues = "/repos/acme/conduct/issues"
    assert world.writes() == [f"POST {issues}", f"PATCH {issues}/1", *["POST /graphql"] * 3]
    world.forget_journal()
    any_host.open_ticket(view)
    assert world.writes() == [f"POST {issues}"]  # it knows now
    assert "impact: 2" in {label.name for label in world.issue(ref.id).labels}
    assert world.values(ref.id) == {}


def test_a_level_that_the_field_cannot_show_is_a_label(world: World, unassessed: MirrorView) -> None:
    world.give_issue_fields()
    host = world.with_token()
    ref, found = run(host, unassessed, [])
    assert found.fields_right
    assert "impact: not yet assessed" in {label.name for label in world.issue(ref.id).labels}
    assert "CoC impact" not in world.values(ref.id)
