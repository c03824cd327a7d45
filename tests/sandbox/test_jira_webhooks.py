"""Signed webhooks of the stand-in: every change is told, in the shapes recorded from the real one."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Response, request

from sandbox.wire import Hook, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sandbox.conftest import Office

SECRET = "It's a Secret to Everybody"


class Receiver:
    """What arrived: headers and raw bodies."""

    def __init__(self) -> None:
        self.arrived: list[tuple[dict[str, str], bytes]] = []
        self.hook: Hook

    def events(self) -> list[dict[str, Any]]:
        self.hook.drain()
        return [json.loads(body) for _, body in self.arrived]


@pytest.fixture
def receiver(office: Office) -> Iterator[Receiver]:
    app = Flask("receiver")
    receiver = Receiver()

    @app.post("/from/jira")
    def take() -> Response:
        receiver.arrived.append((dict(request.headers), request.get_data()))
        return Response(status=204)

    with serving(app) as url:
        receiver.hook = Hook(f"{url}/from/jira", SECRET, "X-Hub-Signature")
        office.cloud.hooks.append(receiver.hook)
        yield receiver
        receiver.hook.drain()


def test_the_signature_is_what_atlassian_publishes_as_an_example() -> None:
    """See https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks."""
    app = Flask("vector")
    seen: list[str] = []

    @app.post("/")
    def take() -> Response:
        seen.append(request.headers["X-Hub-Signature"])
        digest = hmac.new(SECRET.encode(), request.get_data(), hashlib.sha256).hexdigest()
        seen.append(f"sha256={digest}")
        return Response(status=204)

    published = hmac.new(SECRET.encode(), b"Hello World!", hashlib.sha256).hexdigest()
    assert published == "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    with serving(app) as url:
        hook = Hook(url, SECRET, "X-Hub-Signature")
        hook.send({"Hello": "World!"}, {})
        hook.drain()
    assert seen[0] == seen[1]
    assert [code for *_, code in hook.deliveries] == [204]


def test_every_change_is_told_in_order(office: Office, receiver: Receiver) -> None:
    issue = office.open()
    office.call("ada", "POST", "issue/bulk", json={"issueUpdates": [office.step(issue)]})
    comment = office.say("mirror", issue).json()["id"]
    path = f"issue/{issue}/comment/{comment}"
    office.call("mirror", "PUT", path, json={"body": office.code("new")})
    office.call("mirror", "DELETE", path)
    office.call("ada", "PUT", f"issue/{issue}", json={"fields": {"summary": "changed"}})
    office.call("ben", "POST", f"issue/{issue}/transitions", json={"transition": {"id": "31"}})
    office.call("ada", "DELETE", f"issue/{issue}?deleteSubtasks=true")
    assert [(one["webhookEvent"], one["issue"]["key"]) for one in receiver.events()] == [
        ("jira:issue_created", "COC-1"),
        ("jira:issue_created", "COC-2"),
        ("comment_created", "COC-1"),
        ("comment_updated", "COC-1"),
        ("comment_deleted", "COC-1"),
        ("jira:issue_updated", "COC-1"),
        ("jira:issue_updated", "COC-1"),
        ("jira:issue_deleted", "COC-2"),
        ("jira:issue_deleted", "COC-1"),
    ]


def test_each_delivery_has_its_own_identifier(office: Office, receiver: Receiver) -> None:
    office.open()
    office.open()
    receiver.hook.drain()
    names = [headers["X-Atlassian-Webhook-Identifier"] for headers, _ in receiver.arrived]
    assert len(set(names)) == 2
    assert {headers["X-Atlassian-Webhook-Flow"] for headers, _ in receiver.arrived} == {"Primary"}


def test_a_change_names_who_did_what(office: Office, receiver: Receiver) -> None:
    issue = office.open()
    impact = office.project.fields["impact"]
    office.call("ben", "PUT", f"issue/{issue}", json={"fields": {impact: {"value": "3"}}})
    event = receiver.events()[-1]
    assert event["user"]["accountId"] == "acc-ben"
    lines = [(one["fieldId"], one["fromString"], one["toString"]) for one in event["changelog"]["items"]]
    assert lines == [(impact, None, "3")]
    office.call("ben", "POST", f"issue/{issue}/transitions", json={"transition": {"id": "31"}})
    moved = receiver.events()[-1]["changelog"]["items"][0]
    assert [moved[key] for key in ("field", "fromString", "toString")] == ["status", "To Do", "Done"]


def test_nothing_is_told_of_what_was_refused(office: Office, receiver: Receiver) -> None:
    office.call("olga", "POST", "issue", json=office.ticket())
    office.call("ada", "POST", "issue", json=office.ticket(labels=["a b"]))
    assert receiver.events() == []


@pytest.mark.parametrize(
    ("event", "recorded"),
    [
        ("comment_created", "webhook-cloud-comment-created.json"),
        ("comment_deleted", "webhook-cloud-comment-deleted.json"),
        ("jira:issue_created", "webhook-issue-created-with-security-level.json"),
        ("jira:issue_updated", "webhook-cloud-issue-updated-custom-field.json"),
        ("jira:issue_deleted", "webhook-issue-deleted.json"),
    ],
)
def test_the_shapes_are_those_of_recorded_ones(
    office: Office, receiver: Receiver, reference: Path, event: str, recorded: str
) -> None:
    """Each entry at the top, of the comment, and of the issue in news of comments, with the same type."""
    issue = office.open()
    comment = office.say("mirror", issue).json()["id"]
    office.call("mirror", "DELETE", f"issue/{issue}/comment/{comment}")
    office.call("ada", "PUT", f"issue/{issue}", json={"fields": {"summary": "changed"}})
    office.call("ada", "DELETE", f"issue/{issue}")
    ours = next(one for one in receiver.events() if one["webhookEvent"] == event)
    theirs = json.loads((reference / "fixtures" / "jira-webhooks" / recorded).read_bytes())
    assert shape(theirs) - shape(ours) == set()
    if event.startswith("comment"):
        assert list(ours["issue"]["fields"]) == list(theirs["issue"]["fields"])
    assert type(ours["issue"]["fields"]["summary"]) is type(theirs["issue"]["fields"]["summary"])


def shape(event: dict[str, Any]) -> set[str]:
    """The entries at the top, and those of the comment but for what old accounts had."""
    comment = event.get("comment", {})
    return set(event) | {f"comment.{key} {type(value).__name__}" for key, value in comment.items()}
