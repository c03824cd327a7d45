"""The door for hosts' webhooks: who may come in, what is kept of an event, and what is answered."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from flask import Flask

from integration.casework import Casework, open_incident
from integration.errors import HostUnknownOutcome, StoreError
from integration.github.events import GitHubEvents
from integration.host_events import HostEvent, Touched
from integration.incident import SpaceName
from integration.jira.events import JiraEvents
from integration.store import HOST
from tests.pg import both
from webhook_server.answers import MAX_BODY
from webhook_server.events import events
from webhook_server.store import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from integration.host_events import HostEvents
    from integration.report import Report
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.memory_host import MemoryHost
    from webhook_server.store.database import Database

SECRET = "a-secret-of-a-webhook"
SPACE = SpaceName("conduct")
HUB = SpaceName("hub")


@dataclass
class Door:
    """The door of a Jira and a GitHub space, and what came through."""

    noted: list[tuple[str, HostEvent]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    trouble: Exception | None = None

    def __post_init__(self) -> None:
        app = Flask("door")
        jira = JiraEvents("COC", [SECRET], own_account=lambda: "acc-bot")
        github = GitHubEvents("acme", "conduct", [SECRET], own=lambda: {"coc-bot"})
        spaces: dict[SpaceName, HostEvents] = {SPACE: jira, HUB: github}
        app.register_blueprint(events(spaces, self._note, self.looked.append, self.counted.append))
        self.client: FlaskClient = app.test_client()

    def _note(self, space: SpaceName, event: HostEvent) -> str:
        if self.trouble is not None:
            raise self.trouble
        self.noted.append((space, event))
        return "noted"

    def post(self, body: object, path: str = "/from/conduct", **headers: str) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        signed = dict.fromkeys(("X-Hub-Signature", "X-Hub-Signature-256"), f"sha256={digest}")
        sent = {**signed, "X-Atlassian-Webhook-Identifier": "wh-00000001", "X-GitHub-Delivery": "wh-00000001"}
        return self.client.post(path, data=raw, headers={**sent, **headers})


@pytest.fixture
def door() -> Door:
    return Door()


def updated(account: str = "acc-robert", kind: str = "jira:issue_updated") -> dict[str, Any]:
    fields = {"project": {"key": "COC"}, "summary": "canary-words"}
    return {"webhookEvent": kind, "user": {"accountId": account}, "issue": {"id": "1", "fields": fields}}


def test_an_event_is_noted_and_answered_with_an_empty_200(door: Door) -> None:
    answer = door.post(updated())

    assert (200, b"") == (answer.status_code, answer.data)
    assert [(SPACE, HostEvent("wh-00000001", Touched.TICKET, "1", "acc-robert", own=False))] == door.noted


@pytest.mark.parametrize(
    "headers", [{"X-Hub-Signature": "sha256=" + "0" * 64}, {"X-Hub-Signature": ""}, {"X-Hub-Signature": "x"}]
)
def test_without_proof_nothing_is_noted(door: Door, headers: Mapping[str, str]) -> None:
    assert 401 == door.post(updated(), **headers).status_code
    assert [] == door.noted
    assert ["unauthenticated"] == door.counted


@pytest.mark.parametrize(
    "path", ["/from/other", "/from/", "/from", "/from/conduct/", "/from/a/b", "/from//conduct"]
)
def test_no_other_space_is_there_and_none_can_be_told_apart(door: Door, path: str) -> None:
    answer = door.post(updated(), path)

    assert (401, b"") == (answer.status_code, answer.data)
    assert [] == door.noted


def test_too_large_is_refused_by_length_alone(door: Door) -> None:
    assert 413 == door.post(b"x" * (MAX_BODY + 1)).status_code


@pytest.mark.parametrize("error", [StoreError("No."), RuntimeError("canary-words")])
def test_what_is_not_kept_is_answered_503(
    door: Door, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door.trouble = error

    answer = door.post(updated())

    assert (503, b"") == (answer.status_code, answer.data)
    assert "Retry-After" in answer.headers
    assert "canary-words" not in caplog.text


def test_our_own_events_and_unknown_kinds_are_answered_and_dropped(door: Door) -> None:
    assert 200 == door.post(updated("acc-bot")).status_code
    assert 200 == door.post(updated(kind="sprint_started")).status_code
    assert 200 == door.post(b"not JSON").status_code

    assert [] == door.noted
    assert ["own", "ignored", "unreadable"] == door.counted


def test_an_event_about_the_space_has_its_audience_looked_at(door: Door) -> None:
    assert 200 == door.post({"webhookEvent": "project_updated", "project": {"key": "COC"}}).status_code

    assert [SPACE] == door.looked
    assert [] == door.noted


@pytest.mark.parametrize(
    "event", ["project_updated", "project_deleted", "project_archived", "project_soft_deleted"]
)
def test_a_change_of_a_project_by_our_own_account_is_looked_at(door: Door, event: str) -> None:
    own = {"webhookEvent": event, "project": {"key": "COC"}, "user": {"accountId": "acc-bot"}}

    assert 200 == door.post(own).status_code

    assert [SPACE] == door.looked


@pytest.mark.parametrize(
    ("event", "more"),
    [
        ("public", {}),
        ("repository", {"action": "publicized"}),
        ("member", {"action": "added", "member": {"login": "mallory"}}),
    ],
)
def test_a_change_of_who_can_read_a_repository_by_our_own_account_is_looked_at(
    door: Door, event: str, more: dict[str, Any]
) -> None:
    repository = {"id": 4711, "full_name": "acme/conduct"}
    own = {**more, "repository": repository, "sender": {"login": "coc-bot"}}

    assert 200 == door.post(own, "/from/hub", **{"X-GitHub-Event": event}).status_code

    assert [HUB] == door.looked
    assert ["space"] == door.counted


def test_get_is_not_allowed_and_head_sees_a_door(door: Door) -> None:
    assert 405 == door.client.get("/from/conduct").status_code
    assert 200 == door.client.head("/from/conduct").status_code


# What is kept ---------------------------------------------------------------------------------------


def event(delivery: str = "wh-00000001", ticket: str | None = "1", account: str = "robert") -> HostEvent:
    return HostEvent(delivery, Touched.TICKET, ticket, account, own=False)


@pytest.fixture
def opened(take_in: Intake, work: Casework) -> Any:  # noqa: ANN401 - an incident's id
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    return receipt.incident


def waiting(database: Database) -> list[str]:
    return [job.inbox_id for job in database.unfinished_jobs()]


@both
def test_a_delivery_that_comes_again_is_noted_once(database: Database, clock: SetClock, opened: str) -> None:
    assert opened
    assert "noted" == database.note_event(SPACE, event(), clock.now())
    assert "again" == database.note_event(SPACE, event(), clock.now())

    clock.forward(days=9)
    database.forget_events(clock.now())
    assert "noted" == database.note_event(SPACE, event(), clock.now())


@both
def test_a_ticket_that_is_not_ours_is_ignored(database: Database, clock: SetClock, opened: str) -> None:
    assert opened
    assert "ignored" == database.note_event(SPACE, event(ticket="777"), clock.now())
    assert "ignored" == database.note_event(SPACE, event(ticket=None), clock.now())
    assert "ignored" == database.note_event(SpaceName("other"), event(), clock.now())
    assert [] == waiting(database)


@both
def test_an_event_that_names_no_ticket_is_nobodys(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    """Not that of an incident whose ticket is not known yet, either."""

    def lost(call: str) -> None:
        if call == "open_ticket":
            raise HostUnknownOutcome("The answer was lost.")

    incident = take_in()
    host.trouble = lost
    with pytest.raises(HostUnknownOutcome):
        open_incident(incident.inbox_id, work)

    assert "ignored" == database.note_event(SPACE, event(ticket=None), clock.now())
    assert not database.hints(incident.incident).touched


@both
def test_a_comment_on_a_step_is_looked_for_among_steps_and_comments(
    take_in: Intake, work: Casework, database: Database, host: MemoryHost, clock: SetClock
) -> None:
    """Jira reads it with the steps, GitHub with the comments."""
    receipt = take_in()
    open_incident(receipt.inbox_id, work)
    step = next(iter(host.tickets[0].steps.values()))
    said = HostEvent("wh-00000001", Touched.COMMENTS, step.id, "robert", own=False)

    assert "ignored" == database.note_event(SpaceName("other"), said, clock.now())
    assert "noted" == database.note_event(SPACE, said, clock.now())

    assert {Touched.STEPS, Touched.COMMENTS} == database.hints(receipt.incident).touched


def test_while_a_job_waits_another_event_adds_none(database: Database, clock: SetClock, opened: str) -> None:
    assert opened
    for number in range(5):
        database.note_event(SPACE, event(f"wh-0000000{number}", account=f"a{number % 2}"), clock.now())

    assert 1 == len(waiting(database))
    (job,) = database.due_jobs(clock.now(), limit=10, looks=HOST)
    assert {Touched.TICKET} == database.hints(job.incident).touched
    assert {"a0", "a1"} == set(database.hints(job.incident).accounts)


@both
def test_an_event_that_comes_while_the_job_is_worked_on_gets_another(
    database: Database,
    clock: SetClock,
    opened: Any,  # noqa: ANN401 - an incident's id
) -> None:
    database.note_event(SPACE, event("wh-1-00000000"), clock.now())
    (job,) = database.due_jobs(clock.now(), limit=10, looks=HOST)
    seen = database.hints(opened)
    database.note_event(SPACE, event("wh-2-00000000"), clock.now())

    database.observed(job.inbox_id, seen.upto, clock.now())

    (other,) = database.due_jobs(clock.now(), limit=10, looks=HOST)
    assert job.inbox_id != other.inbox_id
    assert {Touched.TICKET} == database.hints(opened).touched


def test_a_look_waits_behind_a_report_and_holds_up_none(
    database: Database,
    clock: SetClock,
    take_in: Intake,
    work: Casework,
    make_report: Callable[..., Report],
) -> None:
    first = take_in(submission="same")
    open_incident(first.inbox_id, work)
    database.note_event(SPACE, event(), clock.now())
    (look,) = database.due_jobs(clock.now(), limit=10, looks=HOST)
    database.job_failed(look, parked=True, code="host-gone", reason="No.", due_at=clock.now())
    take_in(make_report("Another"), submission="same")

    assert 1 == len(database.due_jobs(clock.now(), limit=10))
    assert [] == database.due_jobs(clock.now(), limit=10, looks=HOST)


def test_nothing_but_ids_is_kept_of_an_event(database: Database, clock: SetClock, opened: str) -> None:
    assert opened
    database.note_event(SPACE, event(), clock.now())

    with database._engine.connect() as connection:
        hints = [tuple(row)[1:] for row in connection.execute(sa.select(t.host_hint))]
        deliveries = [tuple(row)[:2] for row in connection.execute(sa.select(t.host_event))]
    assert [(opened, "ticket", "robert")] == hints
    assert [("conduct", "wh-00000001")] == deliveries
