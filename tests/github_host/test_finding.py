"""A ticket is found by its marker, however old it is; one that was moved or deleted gets nothing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from integration.errors import HostGone, HostNotRestricted, HostUnavailable
from integration.mirror import TicketState, difference
from tests.github_host.incidents import run

if TYPE_CHECKING:
    from requests import PreparedRequest

    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef
    from tests.github_host.conftest import PlayedGitHub, World

# Finding


def test_tickets_are_found_by_marker_oldest_first_and_steps_are_none(
    world: World, view: MirrorView, unassessed: MirrorView
) -> None:
    host = world.with_token()
    first, _ = run(host, view, [])
    run(host, unassessed, [])
    second = host.open_ticket(view)
    assert host.find(view.incident) == (first, second)


def test_tickets_of_any_incident_are_listed_and_steps_are_none(
    world: World, view: MirrorView, unassessed: MirrorView
) -> None:
    host = world.with_token()
    refs = [run(host, one, [])[0] for one in (view, unassessed)]
    assert {(ref.key, one.incident, ref.id) for ref, one in zip(refs, (view, unassessed), strict=True)} == {
        (one.key, one.incident, one.id) for one in host.marked()
    }


@pytest.mark.parametrize("number", [True, None, "17", 1.5, [17]])
def test_a_list_with_a_number_that_is_none_is_not_believed(
    number: object, github: PlayedGitHub, host: GitHubHost, view: MirrorView
) -> None:
    listed = [github.issue(view) | {"number": number, "created_at": "2026-11-22T14:00:00Z"}]
    github.answers("GET", "/repos/acme/conduct/issues", listed)
    with pytest.raises(HostUnavailable):
        host.find(view.incident)


@pytest.mark.parametrize("kind", [None, {}, ["text"], 7])
def test_a_field_of_the_organisation_without_a_type_is_no_answer(
    kind: object, github: PlayedGitHub, host: GitHubHost, view: MirrorView
) -> None:
    field = {"id": 1, "name": "CoC type", "data_type": kind}
    github.answers("GET", "/orgs/acme/issue-fields", [field])
    with pytest.raises(HostUnavailable):
        host.open_ticket(view)
    assert [one.request.method for one in github.wire.calls] == ["GET"]


def test_a_ticket_is_found_however_old_it_is(world: World, view: MirrorView) -> None:
    host = world.with_token()
    ref = host.open_ticket(view)
    world.issue(ref.id).created_at -= timedelta(days=3000)
    assert host.find(view.incident) == (ref,)


def test_no_more_is_asked_for_than_github_lists_by_page(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView
) -> None:
    """It answers 422 to the hundredth page of a hundred, and nothing could be opened any more."""
    pages: list[int] = []

    def page(asked: PreparedRequest) -> tuple[int, dict[str, str], str]:
        number = int(parse_qs(urlsplit(str(asked.url)).query)["page"][0])
        pages.append(number)
        if number == 100:
            return 422, {}, "{}"
        first = 20_000 - 100 * number
        issues = [github.issue(view) | {"number": first + one, "body": ""} for one in range(100)]
        return 200, {"Link": '<https://api.github.com/next>; rel="next"'}, json.dumps(issues)

    github.wire.add_callback("GET", re.compile(r".*/repos/acme/conduct/issues(\?.*)?$"), callback=page)

    assert host.find(view.incident) == ()
    assert pages == list(range(1, 100))


# Moved and gone


def test_a_transferred_ticket_gets_no_comment_anywhere(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    lacking = difference(view, comments, any_host.read(ref, view))
    moved = world.hub.transfer_issue("acme/conduct", int(ref.id), to="acme/public")
    world.forget_journal()
    with pytest.raises(HostNotRestricted):
        any_host.write(ref, view, lacking)
    assert world.writes() == []
    assert moved.comments == []
    with pytest.raises(HostGone):
        any_host.read(ref, view)


def test_a_renamed_repository_gets_nothing(
    any_host: GitHubHost, world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    ref = any_host.open_ticket(view)
    world.hub.rename_repo("acme/conduct", "elsewhere")
    world.hub.wire.observer = (
        None  # the description does not list the redirect, which GitHub documents in words
    )
    world.forget_journal()
    with pytest.raises(HostNotRestricted):
        any_host.write(ref, view, difference(view, comments, empty(ref)))
    with pytest.raises(HostNotRestricted):
        any_host.open_ticket(view)
    assert len(world.hub.repo("acme/elsewhere").issues) == 1
    assert "another address" in "".join(any_host.audience().open_doors)


def test_a_step_that_was_moved_to_another_repository_is_written_anew_here(
    world: World, view: MirrorView
) -> None:
    host = world.with_token()
    ref, _ = run(host, view, [])
    world.hub.transfer_issue("acme/conduct", world.issue(ref.id).children[2].number, to="acme/public")
    _, found = run(host, view, [], ref)
    assert len(found.steps) == 11


def test_a_deleted_ticket_is_gone(world: World, view: MirrorView) -> None:
    host = world.with_token()
    ref = host.open_ticket(view)
    world.repo().issues.pop(int(ref.id))
    with pytest.raises(HostGone):
        host.read(ref, view)


def empty(ref: TicketRef) -> TicketState:
    return TicketState(ref, fields_right=True)
