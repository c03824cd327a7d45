"""What GitHub's webhook may tell us: only with GitHub's signature, only of our repository, and only as a hint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import HostUnavailable, Unauthenticated, UnreadableSubmission
from integration.github.events import GitHubEvents
from integration.github.text import marker
from integration.host_events import HostEvent, Touched
from integration.process import StepKey
from tests.github_host.events import (
    API,
    CANARY,
    GUID,
    OTHER,
    OURS,
    WREN,
    documented,
    of_issue,
    reader,
    signed,
    told,
)
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Proof of origin


def test_githubs_own_example_is_taken() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries (its test values)."""
    proof = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    events = GitHubEvents("acme", "conduct", ["It's a Secret to Everybody"], own=set)
    with pytest.raises(UnreadableSubmission):  # proven, and then it is no JSON
        events.read(
            {"X-Hub-Signature-256": proof, "X-GitHub-Event": "issues", "X-GitHub-Delivery": GUID},
            b"Hello, World!",
        )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda proof: proof[:0],
        lambda proof: proof.removeprefix("sha256="),
        lambda proof: proof.replace("sha256", "sha1"),
        lambda proof: proof.upper(),
        lambda proof: proof[:-1] + ("0" if proof[-1] != "0" else "1"),
        lambda proof: f"{proof},{proof}",
        lambda proof: f"{proof}\n",
        lambda proof: proof[:7] + "\u0661" * 64,
    ],
)
def test_another_signature_is_refused_and_nothing_of_it_is_said(spoil: Callable[[str], str]) -> None:
    raw = json.dumps(of_issue()).encode()
    headers = signed("issues", raw)
    headers["X-Hub-Signature-256"] = spoil(headers["X-Hub-Signature-256"])
    with pytest.raises(Unauthenticated) as refused:
        reader().read(headers, raw)
    assert CANARY not in str(refused.value)


def test_one_changed_byte_is_refused() -> None:
    raw = json.dumps(of_issue()).encode()
    with pytest.raises(Unauthenticated):
        reader().read(signed("issues", raw), raw + b" ")


def test_without_a_secret_nothing_is_proven() -> None:
    raw = json.dumps(of_issue()).encode()
    with pytest.raises(Unauthenticated):
        GitHubEvents("acme", "conduct", [""], own=set).read(signed("issues", raw, secret=""), raw)


def test_while_the_secret_is_changed_both_are_taken() -> None:
    raw = json.dumps(of_issue()).encode()
    events = GitHubEvents("acme", "conduct", ["the new one", "the old one"], own=set)
    found = [events.read(signed("issues", raw, secret=one), raw) for one in ("the new one", "the old one")]
    assert [one.ticket if one else None for one in found] == ["17", "17"]


def test_headers_count_in_any_case() -> None:
    raw = json.dumps(of_issue()).encode()
    headers = {name.title(): value for name, value in signed("issues", raw).items()}
    assert reader().read(headers, raw) is not None


# Tickets


@pytest.mark.parametrize(
    "action",
    [
        "edited",
        "labeled",
        "unlabeled",
        "field_added",
        "field_removed",
        "closed",
        "reopened",
        "transferred",
        "deleted",
        "unlocked",
        "locked",
        "typed",
        "untyped",
        "opened",
        "something_new",
    ],
)
def test_what_may_change_a_ticket_names_it(action: str) -> None:
    assert told("issues", of_issue(action)) == HostEvent(GUID, Touched.TICKET, "17", "wren", own=False)


@pytest.mark.parametrize("action", ["created", "edited", "deleted"])
def test_a_comment_names_its_ticket(action: str) -> None:
    found = told("issue_comment", {**of_issue(action), "comment": {"id": 1, "body": CANARY}})
    assert found == HostEvent(GUID, Touched.COMMENTS, "17", "wren", own=False)


@pytest.mark.parametrize(
    ("event", "action"),
    [("issues", "assigned"), ("issues", "pinned"), ("issue_comment", "pinned"), ("repository", "edited")],
)
def test_what_changes_nothing_for_us_is_passed_over(event: str, action: str) -> None:
    assert told(event, of_issue(action)) is None


@pytest.mark.parametrize("event", ["ping", "push", "star", "check_run", "workflow_job", "sponsorship"])
def test_other_kinds_of_events_are_passed_over(event: str) -> None:
    assert told(event, of_issue()) is None


def test_a_pull_request_is_no_ticket() -> None:
    assert told("issue_comment", of_issue("created", pull_request={"url": "x"})) is None


def test_a_step_names_its_ticket() -> None:
    found = told("issues", of_issue("closed", number=23, parent_issue_url=f"{API}/acme/conduct/issues/17"))
    assert found == HostEvent(GUID, Touched.STEPS, "17", "wren", own=False)


def test_a_comment_on_a_step_names_its_ticket() -> None:
    found = told("issue_comment", of_issue("created", parent_issue_url=f"{API}/Acme/Conduct/issues/17"))
    assert found == HostEvent(GUID, Touched.COMMENTS, "17", "wren", own=False)


@pytest.mark.parametrize(
    ("event", "name", "touched"),
    [
        ("issues", "webhook-issues-closed", Touched.STEPS),
        ("issue_comment", "webhook-issue-comment-created", Touched.COMMENTS),
    ],
)
def test_a_step_whose_event_names_no_parent_names_itself(
    reference: Path, event: str, name: str, touched: Touched
) -> None:
    """All that GitHub's description of the event lists, and no more."""
    payload = documented(reference, name)
    body = f"Do.\n\n{marker(new_incident_id(), StepKey('alert'))}\n"
    payload["issue"].update(number=23, body=body, repository_url=f"{API}/acme/conduct")
    del payload["issue"]["pull_request"]
    assert "parent_issue_url" not in payload["issue"]
    payload.update(repository=OURS, sender=WREN)
    assert told(event, payload) == HostEvent(GUID, touched, "23", "wren", own=False)


@pytest.mark.parametrize(
    "parent", [f"{API}/acme/website/issues/17", "17", 17, f"{API}/acme/conduct/issues/0"]
)
def test_a_step_that_hangs_elsewhere_names_no_ticket(parent: object) -> None:
    body = marker(new_incident_id(), StepKey("alert"))
    found = told("issues", of_issue("edited", number=23, body=body, parent_issue_url=parent))
    assert found == HostEvent(GUID, Touched.STEPS, None, "wren", own=False)


@pytest.mark.parametrize(
    "action", ["sub_issue_added", "sub_issue_removed", "parent_issue_added", "parent_issue_removed"]
)
def test_a_change_of_the_steps_names_the_ticket(action: str) -> None:
    parent = {"number": 17, "repository_url": f"{API}/acme/conduct"}
    payload = {
        "action": action,
        "parent_issue": parent,
        "sub_issue": {"number": 23},
        "repository": OURS,
        "sender": WREN,
    }
    assert told("sub_issues", payload) == HostEvent(GUID, Touched.STEPS, "17", "wren", own=False)


def test_a_step_under_a_ticket_elsewhere_names_none() -> None:
    parent = {"number": 17, "repository_url": f"{API}/acme/website"}
    payload = {"action": "parent_issue_added", "parent_issue": parent, "repository": OURS, "sender": WREN}
    assert told("sub_issues", payload) == HostEvent(GUID, Touched.STEPS, None, "wren", own=False)


@pytest.mark.parametrize("event", ["issues", "issue_comment", "repository", "public", "member", "team_add"])
def test_another_repository_is_not_ours(event: str) -> None:
    assert told(event, of_issue("created", repository=OTHER)) is None


def test_our_repository_is_known_by_its_id_under_any_name_and_by_its_name_under_any_id() -> None:
    moved = {**OURS, "full_name": "elsewhere/records"}
    assert told("public", {"repository": moved, "sender": WREN}) is not None
    assert told("public", {"repository": {**OURS, "id": 5}, "sender": WREN}) is not None
    assert told("public", {"repository": moved, "sender": WREN}, repository_id=lambda: None) is None


# Who acted


@pytest.mark.parametrize("login", ["coc-mirror[bot]", "CoC-Mirror[bot]"])
def test_what_we_did_ourselves_is_known(login: str) -> None:
    found = told("issues", of_issue(sender={"login": login}))
    assert found is not None
    assert (found.own, found.account) == (True, login)


def test_while_github_does_not_say_who_we_are_an_event_is_somebody_elses() -> None:
    def down() -> set[str]:
        raise HostUnavailable("GitHub cannot be reached.", meaning="", next_step="")

    found = told("issues", of_issue(sender={"login": "coc-mirror[bot]"}), own=down)
    assert found == HostEvent(GUID, Touched.TICKET, "17", "coc-mirror[bot]", own=False)


def test_an_event_that_names_nobody_is_nobodys() -> None:
    found = told("meta", {"action": "deleted", "hook_id": 1, "hook": {}, "repository": OURS})
    assert found == HostEvent(GUID, Touched.SPACE, None, "", own=False)


# The ticket space


ACME = {"login": "acme", "id": 3}
IN_ACME = {"id": 7, "account": ACME}
SPACE: list[tuple[str, dict[str, Any]]] = [
    *[("repository", {"action": one, "repository": OURS}) for one in (
        "publicized", "privatized", "archived", "unarchived", "deleted", "created")],
    ("repository", {"action": "renamed", "repository": {**OURS, "id": 5, "full_name": "acme/new"},
                    "changes": {"repository": {"name": {"from": "conduct"}}}}),
    ("repository", {"action": "transferred", "repository": {**OURS, "id": 5, "full_name": "evil/conduct"},
                    "changes": {"owner": {"from": {"organization": {"login": "Acme"}}}}}),
    ("public", {"repository": OURS}),
    ("member", {"action": "added", "member": {"login": "x"}, "repository": OURS}),
    ("team_add", {"team": {"id": 1, "slug": "x"}, "repository": OURS, "organization": ACME}),
    ("meta", {"action": "deleted", "hook_id": 1, "hook": {}}),
    ("team", {"action": "added_to_repository", "team": {"id": 1}, "organization": ACME, "repository": OURS}),
    ("team", {"action": "deleted", "team": {"id": 1}, "organization": ACME}),
    ("membership", {"action": "added", "scope": "team", "member": {}, "team": {}, "organization": ACME}),
    ("organization", {"action": "member_added", "membership": {}, "organization": ACME}),
    ("organization", {"action": "renamed", "organization": {"login": "acme2"}, "changes": {"login": {"from": "acme"}}}),
    ("installation", {"action": "new_permissions_accepted", "installation": IN_ACME}),
    ("installation", {"action": "deleted", "installation": IN_ACME}),
    ("installation_repositories", {"action": "added", "installation": IN_ACME, "repository_selection": "selected",
                                   "repositories_added": [OTHER, OURS], "repositories_removed": []}),
    ("installation_repositories", {"action": "added", "installation": IN_ACME, "repository_selection": "all",
                                   "repositories_added": [], "repositories_removed": []}),
    ("installation_target", {"action": "renamed", "account": {"login": "acme2"}, "target_type": "Organization",
                             "changes": {"login": {"from": "acme"}}, "installation": {"id": 7}}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "payload"), SPACE, ids=lambda one: one if isinstance(one, str) else "")
def test_what_may_change_who_can_read_is_about_the_space(event: str, payload: dict[str, Any]) -> None:
    assert told(event, {**payload, "sender": WREN}) == HostEvent(GUID, Touched.SPACE, None, "wren", own=False)


ELSEWHERE: list[tuple[str, dict[str, Any]]] = [
    ("repository", {"action": "renamed", "repository": {**OTHER, "full_name": "acme/new"},
                    "changes": {"repository": {"name": {"from": "website"}}}}),
    ("team", {"action": "added_to_repository", "team": {}, "organization": ACME, "repository": OTHER}),
    ("organization", {"action": "member_added", "membership": {}, "organization": {"login": "elsewhere"}}),
    ("installation", {"action": "deleted", "installation": {"id": 7, "account": {"login": "elsewhere"}}}),
    ("installation_repositories", {"action": "added", "installation": IN_ACME, "repository_selection": "selected",
                                   "repositories_added": [OTHER], "repositories_removed": []}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "payload"), ELSEWHERE, ids=lambda one: one if isinstance(one, str) else "")
def test_what_happens_elsewhere_is_passed_over(event: str, payload: dict[str, Any]) -> None:
    assert told(event, {**payload, "sender": WREN}) is None
