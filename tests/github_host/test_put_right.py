"""Title, marker and fields of a ticket are put right with one write, and what people added stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import HostLimited, HostRefused, HostUnknownOutcome
from integration.mirror import Difference
from tests.github_host.played import FIELDS, ISSUES, place

if TYPE_CHECKING:
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef
    from tests.github_host.conftest import PlayedGitHub


def test_a_field_value_that_is_not_true_any_more_is_taken_away(
    github: PlayedGitHub, host: GitHubHost, unassessed: MirrorView, ref: TicketRef
) -> None:
    listed = [{"id": 3, "name": "CoC impact", "data_type": "number"}]
    github.answers("GET", "/orgs/acme/issue-fields", listed)
    github.repository()
    stale = [{"issue_field_id": 3, "value": 2}]
    other = [{"name": "coc"}, {"name": "their own"}]
    github.answers("GET", f"{ISSUES}/17", github.issue(unassessed, issue_field_values=stale, labels=other))
    github.answers("DELETE", f"{ISSUES}/17/issue-field-values/3", "", status=204)
    github.answers("PATCH", f"{ISSUES}/17", github.issue(unassessed))
    host.write(ref, unassessed, Difference(fields=True, steps=(), comments=()))
    assert [call.request.method for call in github.writes()] == ["DELETE", "PATCH"]
    assert "impact: not yet assessed" in github.sent()["labels"]


def test_a_lost_marker_is_put_back_with_title_and_fields(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    github.answers("GET", "/orgs/acme/issue-fields", [{"id": 3, "name": "CoC lead", "data_type": "text"}])
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view, body="wiped", labels=[]))
    put_right = github.issue(view, issue_field_values=[{"issue_field_id": 3, "value": "wren"}])
    github.answers("PATCH", f"{ISSUES}/17", put_right)
    host.write(ref, view, Difference(fields=True, steps=(), comments=()))
    sent = github.sent()
    assert sent["title"] == view.code_name
    assert view.incident in sent["body"]
    assert sent["issue_field_values"] == [{"field_id": 3, "value": "wren"}]
    assert "lead: wren" not in sent["labels"]
    assert len(github.writes()) == 1


def test_a_body_that_a_person_edited_around_the_marker_stays(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("PATCH", f"{ISSUES}/17", github.issue(view))
    host.write(ref, view, Difference(fields=True, steps=(), comments=()))
    assert "body" not in github.sent()


@pytest.mark.parametrize("status", [403, 502])
def test_a_change_of_fields_is_not_repeated_either(
    status: int, github: PlayedGitHub, host: GitHubHost, view: MirrorView, ref: TicketRef
) -> None:
    place(github, view)
    github.answers("PATCH", f"{ISSUES}/17", {}, status=status, headers={"Retry-After": "9"})
    with pytest.raises(HostLimited if status == 403 else HostUnknownOutcome):
        host.write(ref, view, FIELDS)
    assert len(github.writes()) == 1


def test_when_only_the_key_is_refused_the_fields_are_asked_for_again(
    github: PlayedGitHub, host: GitHubHost, view: MirrorView
) -> None:
    github.answers("GET", "/orgs/acme/issue-fields", {"message": "Bad credentials"}, status=401)
    for _ in range(2):
        with pytest.raises(HostRefused):
            host.open_ticket(view)
    assert len(github.wire.calls) == 2
    assert github.writes() == []
