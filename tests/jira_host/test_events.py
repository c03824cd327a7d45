"""Jira's webhooks as they were recorded: proven by their signature, read for ids, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import pytest

from integration.errors import Unauthenticated, UnreadableSubmission
from integration.host_events import HostEvent, Touched
from integration.jira.events import JiraEvents
from integration.webhook_signature import must_be_signed

SECRET = "a-secret-of-a-webhook"
BOT = "acc-coc-service"


def signed(
    body: object, secret: str = SECRET, delivery: str = "wh-0001-0002"
) -> tuple[dict[str, str], bytes]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature": f"sha256={digest}", "X-Atlassian-Webhook-Identifier": delivery}, raw


def read(body: object, project: str = "COC") -> HostEvent | None:
    return JiraEvents(project, [SECRET], own_account=lambda: BOT).read(*signed(body))


def issue(number: str = "10040", **fields: object) -> dict[str, Any]:
    return {"id": number, "fields": {"project": {"key": "COC"}, **fields}}


def updated(**more: object) -> dict[str, Any]:
    return {
        "webhookEvent": "jira:issue_updated",
        "user": {"accountId": "acc-robert"},
        "issue": issue(),
        **more,
    }


def comment(kind: str, author: str = "acc-robert", editor: str = "acc-robert") -> dict[str, Any]:
    return {
        "webhookEvent": kind,
        "comment": {
            "self": "https://x.atlassian.net/rest/api/2/issue/10040/comment/10019",
            "author": {"accountId": author},
            "updateAuthor": {"accountId": editor},
            "body": "words",
        },
        "issue": issue(),
    }


def test_atlassians_own_example_is_taken() -> None:
    # https://developer.atlassian.com/cloud/jira/platform/webhooks/
    digest = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"

    must_be_signed(f"sha256={digest}", b"Hello World!", ["It's a Secret to Everybody"])


@pytest.mark.parametrize(
    "header", ["", "sha256=", "sha256=" + "0" * 64, "sha1=abc", "x" * 5000, "sha256=\xfc"]
)
@pytest.mark.parametrize("secrets", [[SECRET], []])
def test_without_the_right_signature_nothing_is_read(header: str, secrets: list[str]) -> None:
    events = JiraEvents("COC", secrets, own_account=lambda: "")

    with pytest.raises(Unauthenticated):
        events.read({"X-Hub-Signature": header}, b"not even JSON")


def test_an_empty_secret_signs_nothing() -> None:
    headers, raw = signed(updated(), secret="")

    for secrets in ([], [""]):
        with pytest.raises(Unauthenticated):
            JiraEvents("COC", secrets, own_account=lambda: "").read(headers, raw)


def test_one_changed_byte_is_refused_and_a_second_secret_is_taken() -> None:
    headers, raw = signed(updated(), secret="the-old-one")
    events = JiraEvents("COC", [SECRET, "the-old-one"], own_account=lambda: "")

    assert events.read(headers, raw) is not None
    with pytest.raises(Unauthenticated):
        events.read(headers, raw + b" ")


def test_a_change_of_a_ticket_names_it_and_who_acted() -> None:
    assert HostEvent("wh-0001-0002", Touched.TICKET, "10040", "acc-robert", own=False) == read(updated())


def test_a_sub_task_names_its_parent() -> None:
    event = read(updated(issue=issue("10050", parent={"id": "10040"})))

    assert HostEvent("wh-0001-0002", Touched.STEPS, "10040", "acc-robert", own=False) == event


def test_what_the_service_did_is_its_own() -> None:
    event = read(updated(user={"accountId": BOT}))

    assert event is not None
    assert event.own


@pytest.mark.parametrize(
    ("kind", "author", "editor", "account", "own"),
    [
        ("comment_created", "acc-robert", "acc-robert", "acc-robert", False),
        ("comment_created", BOT, BOT, BOT, True),
        ("comment_updated", BOT, "acc-robert", "acc-robert", False),
        ("comment_deleted", BOT, BOT, "", False),
    ],
)
def test_who_touched_a_comment_is_whoever_wrote_edited_or_is_not_known(
    kind: str, author: str, editor: str, account: str, *, own: bool
) -> None:
    """Jira does not say who deleted one: a stranger's deletion of a diary comment must not pass for ours."""
    event = read(comment(kind, author, editor))

    assert HostEvent("wh-0001-0002", Touched.COMMENTS, "10040", account, own) == event


def test_without_an_issue_the_comments_address_names_it() -> None:
    body = comment("comment_created")
    del body["issue"]

    event = read(body)

    assert event is not None
    assert "10040" == event.ticket


def test_another_projects_events_are_not_read_but_a_ticket_that_goes_there_is() -> None:
    elsewhere = issue(project={"key": "PUB"})
    moved = {"items": [{"field": "project", "from": "1", "to": "2"}]}

    assert read(updated(issue=elsewhere)) is None
    assert read({**comment("comment_created"), "issue": elsewhere}) is None
    event = read(updated(issue=elsewhere, changelog=moved))
    assert event is not None
    assert (Touched.TICKET, "10040") == (event.touched, event.ticket)


def test_a_change_of_the_project_is_about_the_space() -> None:
    event = read({"webhookEvent": "project_updated", "project": {"key": "COC"}})

    assert event is not None
    assert (Touched.SPACE, None) == (event.touched, event.ticket)
    assert read({"webhookEvent": "project_updated", "project": {"key": "PUB"}}) is None


@pytest.mark.parametrize("kind", ["worklog_created", "sprint_started", "", "jira:version_released", None])
def test_other_kinds_are_of_no_use(kind: str | None) -> None:
    assert read({"webhookEvent": kind, "issue": issue()}) is None


@pytest.mark.parametrize("raw", [b"", b"[]", b'"text"', b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableSubmission) as raised:
        read(raw)

    assert raised.value.__context__ is None


@pytest.mark.parametrize("odd", [None, 7, [], "text", {"id": {"id": 1}}, {"id": "1/../2"}, {"id": True}])
def test_odd_shapes_name_no_ticket(odd: object) -> None:
    event = read({"webhookEvent": "jira:issue_updated", "issue": odd, "user": odd, "changelog": odd})

    assert event is not None
    assert (None, "") == (event.ticket, event.account)


def test_without_an_identifier_the_body_is_the_delivery() -> None:
    headers, raw = signed(updated(), delivery="")
    events = JiraEvents("COC", [SECRET], own_account=lambda: "")

    event = events.read(headers, raw)

    assert event is not None
    assert hashlib.sha256(raw).hexdigest() == event.delivery


def test_recorded_payloads_are_read_for_their_ids() -> None:
    """55 payloads of Cloud and Server: each is read or passed over, and none of its words is in what is made of it."""
    reference = os.environ.get("COC_REFERENCE")
    if not reference:
        pytest.skip("COC_REFERENCE does not name the recorded payloads")
    read_ones = 0
    for path in sorted((Path(reference) / "fixtures" / "jira-webhooks").glob("*.json")):
        raw = path.read_bytes()
        key = json.loads(raw).get("issue", {}).get("fields", {}).get("project", {}).get("key", "COC")
        event = read(raw, key)
        if event is None:
            continue
        read_ones += 1
        assert event.ticket is not None, path.name
        assert event.ticket.isdecimal()
    assert read_ones >= 40
