"""The stand-in's webhooks: signed as GitHub signs, in GitHub's shapes, in order."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, request
from jsonschema import Draft202012Validator

from sandbox.openapi_schema import FORMATS, Conversion
from sandbox.wire import Hook, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sandbox.github.conftest import Hub

SECRET = "It's a Secret to Everybody"
HOME = "/repos/acme/conduct"

# What real payloads have had for long and some of the description's many copies of an issue still lack.
LAGGING = re.compile(r"^[A-Z]\w+ properties .*\((('(user_view_type|issue_field_values)')(, )?)+ w")


@dataclass
class Listener:
    """Something that listens, and the hook that calls it."""

    hook: Hook
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def events(self) -> list[tuple[str, str]]:
        """Event and action of all deliveries so far, in order."""
        self.hook.drain()
        return [
            (headers["X-Github-Event"], json.loads(body).get("action", "")) for headers, body in self.received
        ]

    def last(self, event: str, action: str) -> Any:  # noqa: ANN401 - JSON
        """The latest payload of an event."""
        self.hook.drain()
        found = [
            json.loads(body)
            for headers, body in self.received
            if headers["X-Github-Event"] == event and json.loads(body)["action"] == action
        ]
        return found[-1]


@pytest.fixture
def listener(hub: Hub) -> Iterator[Listener]:
    app = Flask("listener")
    made = Listener(Hook("", SECRET, "X-Hub-Signature-256"))

    def hear() -> str:
        made.received.append((dict(request.headers), request.get_data()))
        return ""

    app.add_url_rule("/from/github", "hear", hear, methods=["POST"])
    with serving(app) as url:
        made.hook.url = f"{url}/from/github"
        hub.com.hooks.append(made.hook)
        yield made
        made.hook.drain()


def test_the_signature_is_githubs() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries (its test values)."""
    digest = hmac.new(SECRET.encode(), b"Hello, World!", hashlib.sha256).hexdigest()
    assert digest == "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_deliveries_are_signed_and_have_an_id_of_their_own(hub: Hub, listener: Listener) -> None:
    hub.open(labels=["coc"])
    assert listener.events() == [("issues", "opened"), ("issues", "labeled")]
    for headers, body in listener.received:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={signature}"
    assert len({headers["X-Github-Delivery"] for headers, _ in listener.received}) == 2
    assert [code for _, _, code in listener.hook.deliveries] == [200, 200]


def test_every_change_is_told(hub: Hub, listener: Listener) -> None:
    hub.open()
    child = hub.open()
    number = hub.field_ids()["Risk"]
    hub.call("writer", "POST", f"{HOME}/issues/1/sub_issues", json={"sub_issue_id": child["id"]})
    hub.call("writer", "PATCH", f"{HOME}/issues/2", json={"title": "Renamed", "type": "Task"})
    hub.call("writer", "PATCH", f"{HOME}/issues/2", json={"state": "closed"})
    hub.call("writer", "PATCH", f"{HOME}/issues/2", json={"state": "open"})
    hub.call("writer", "PUT", f"{HOME}/issues/2/labels", json={"labels": ["x"]})
    hub.call("writer", "DELETE", f"{HOME}/issues/2/labels/x")
    value = {"issue_field_values": [{"field_id": number, "value": 6}]}
    hub.call("writer", "POST", f"{HOME}/issues/1/issue-field-values", json=value)
    hub.call("writer", "DELETE", f"{HOME}/issues/1/issue-field-values/{number}")
    comment = hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "one"}).json()["id"]
    hub.call("writer", "PATCH", f"{HOME}/issues/comments/{comment}", json={"body": "two"})
    hub.call("writer", "DELETE", f"{HOME}/issues/comments/{comment}")
    hub.call("writer", "DELETE", f"{HOME}/issues/1/sub_issue", json={"sub_issue_id": child["id"]})
    hub.call("writer", "PUT", f"{HOME}/issues/1/lock", json={})
    hub.call("writer", "DELETE", f"{HOME}/issues/1/lock")
    assert listener.events() == [
        ("issues", "opened"),
        ("issues", "opened"),
        ("sub_issues", "parent_issue_added"),
        ("sub_issues", "sub_issue_added"),
        ("issues", "edited"),
        ("issues", "typed"),
        ("issues", "closed"),
        ("issues", "reopened"),
        ("issues", "labeled"),
        ("issues", "unlabeled"),
        ("issues", "field_added"),
        ("issues", "field_removed"),
        ("issue_comment", "created"),
        ("issue_comment", "edited"),
        ("issue_comment", "deleted"),
        ("sub_issues", "parent_issue_removed"),
        ("sub_issues", "sub_issue_removed"),
        ("issues", "locked"),
        ("issues", "unlocked"),
    ]
    family = listener.last("sub_issues", "sub_issue_added")
    assert (family["parent_issue"]["number"], family["sub_issue"]["number"]) == (1, 2)
    assert listener.last("issues", "edited")["changes"] == {"title": {"from": "BLUE-JAY-27"}}
    assert listener.last("issue_comment", "edited")["changes"] == {"body": {"from": "one"}}
    assert listener.last("issues", "closed")["sender"]["login"] == "writer"
    assert listener.last("issues", "closed")["repository"]["private"] is True


def test_what_changes_nothing_tells_nothing(hub: Hub, listener: Listener) -> None:
    hub.open(title="Same", labels=["x"])
    before = len(listener.events())
    hub.call("writer", "PATCH", f"{HOME}/issues/1", json={"title": "Same", "state": "open", "labels": ["x"]})
    hub.call("outsider", "PATCH", f"{HOME}/issues/1", json={"title": "Other"})
    assert len(listener.events()) == before


def test_payloads_have_the_shape_of_githubs_description(
    hub: Hub, listener: Listener, reference: Path
) -> None:
    child, _ = hub.open(labels=["coc"], type="Task", body="x"), hub.open(body="x")
    hub.call("writer", "POST", f"{HOME}/issues/2/sub_issues", json={"sub_issue_id": child["id"]})
    hub.call("writer", "POST", f"{HOME}/issues/2/comments", json={"body": "one"})
    hub.call("writer", "PATCH", f"{HOME}/issues/2", json={"state": "closed"})
    hub.call("writer", "DELETE", f"{HOME}/issues/1/labels/coc")
    assert len(listener.events()) >= 8
    assert odd_shapes(listener, reference) == []


@pytest.mark.parametrize("named", [False, True])
def test_events_of_a_sub_issue_name_its_parent_only_if_that_is_asked_for(
    hub: Hub, listener: Listener, *, named: bool
) -> None:
    """GitHub's description lists it in REST's issues, and not in those of events."""
    hub.com.state.events_name_parents = named
    _, child = hub.open(), hub.open()
    hub.call("writer", "POST", f"{HOME}/issues/1/sub_issues", json={"sub_issue_id": child["id"]})
    hub.call("writer", "POST", f"{HOME}/issues/2/comments", json={"body": "one"})
    hub.call("writer", "PATCH", f"{HOME}/issues/2", json={"state": "closed"})
    parent = hub.call("writer", "GET", f"{HOME}/issues/1").json()["url"]
    wanted = parent if named else None
    for event, action in ("issue_comment", "created"), ("issues", "closed"):
        assert listener.last(event, action)["issue"].get("parent_issue_url") == wanted
    assert hub.call("writer", "GET", f"{HOME}/issues/2").json()["parent_issue_url"] == parent


def test_what_people_do_in_the_settings_is_told_in_githubs_shapes(
    hub: Hub, listener: Listener, reference: Path
) -> None:
    hub.open(body="x")
    people = hub.com.people
    people.add_collaborator("acme/conduct", "outsider", "push", by="owner")
    people.remove_collaborator("acme/conduct", "outsider")
    people.add_team("acme/conduct", "friends", "pull", ("member",))
    people.set_visibility("acme/conduct", "public")
    people.set_visibility("acme/conduct", "private")
    people.archive("acme/conduct")
    people.archive("acme/conduct", archived=False)
    people.transfer_issue("acme/conduct", 1, to="acme/plain")
    people.rename("acme/conduct", "records")
    people.transfer("acme/records", "writer")
    people.delete("writer/records")
    assert listener.events()[1:] == [
        ("member", "added"),
        ("member", "removed"),
        ("team_add", ""),
        ("public", ""),
        ("repository", "publicized"),
        ("repository", "privatized"),
        ("repository", "archived"),
        ("repository", "unarchived"),
        ("issues", "transferred"),
        ("issues", "opened"),
        ("repository", "renamed"),
        ("repository", "transferred"),
        ("repository", "deleted"),
    ]
    assert odd_shapes(listener, reference) == []


def odd_shapes(listener: Listener, reference: Path) -> list[str]:
    """What of the payloads so far is not as GitHub describes it."""
    listener.hook.drain()
    document = json.loads((reference / "contracts" / "github-rest.openapi.json").read_bytes())
    schemas = document["components"]["schemas"]
    components = {f"#/components/schemas/{name}": schema for name, schema in schemas.items()}
    problems: list[str] = []
    for headers, body in listener.received:
        payload = json.loads(body)
        event = headers["X-Github-Event"]
        name = "-".join(["webhook", event, *([payload["action"]] if "action" in payload else [])]).replace(
            "_", "-"
        )
        whole = Conversion(components, for_request=False).whole(schemas[name])
        for error in Draft202012Validator(whole, format_checker=FORMATS).iter_errors(payload):
            place = "/".join(str(part) for part in error.absolute_path)
            if not LAGGING.search(error.message):
                problems.append(f"{name} {place}: {error.message[:300]}")
    return problems
