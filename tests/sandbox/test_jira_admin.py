"""The administration of the stand-in: for Jira admins alone, in the shapes of Atlassian's description, with its refusals."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Response, request

from sandbox.jira_registered_hook import RegisteredHook
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from tests.sandbox.conftest import Office

FIELD = {"name": "Mood", "type": "com.atlassian.jira.plugin.system.customfieldtypes:select"}
ROLE = {"type": "projectRole"}

ADMIN_ONLY: list[tuple[str, str, Any]] = [
    ("GET", "role", None),
    ("POST", "role", {"name": "Guests"}),
    ("POST", "issuetype", {"name": "Story", "type": "standard"}),
    ("GET", "issuetypescheme/project?projectId={project}", None),
    ("PUT", "issuetypescheme/{project}/issuetype", {"issueTypeIds": ["1"]}),
    ("POST", "permissionscheme", {"name": "Mine"}),
    (
        "POST",
        "permissionscheme/{scheme}/permission",
        {"permission": "BROWSE_PROJECTS", "holder": {"type": "anyone"}},
    ),
    ("DELETE", "permissionscheme/{scheme}", None),
    ("PUT", "project/COC/permissionscheme", {"id": 1}),
    ("PUT", "project/COC", {"notificationScheme": 1}),
    ("GET", "issuesecurityschemes", None),
    ("POST", "issuesecurityschemes", {"name": "Mine"}),
    ("PUT", "issuesecurityschemes/{security}/level", {"levels": [{"name": "All"}]}),
    ("PUT", "issuesecurityschemes/level/default", {"defaultValues": []}),
    ("DELETE", "issuesecurityschemes/{security}/level/{level}/member/{level}0", None),
    ("GET", "issuesecurityschemes/level/member", None),
    ("POST", "notificationscheme", {"name": "Mine"}),
    ("POST", "field", FIELD),
    ("GET", "field/{field}/context", None),
    ("GET", "field/{field}/context/projectmapping", None),
    ("POST", "field/{field}/context", {"name": "Mine", "projectIds": []}),
    ("DELETE", "field/{field}/context/{context}", None),
    ("GET", "field/{field}/context/{context}/option", None),
    ("POST", "field/{field}/context/{context}/option", {"options": [{"value": "good"}]}),
    ("GET", "issuetypescreenscheme/project?projectId={project}", None),
    ("GET", "issuetypescreenscheme/mapping", None),
    ("GET", "screenscheme", None),
    ("GET", "screens/{screen}/tabs", None),
    ("GET", "screens/{screen}/tabs/{screen}/fields", None),
    ("POST", "screens/{screen}/tabs/{screen}/fields", {"fieldId": "duedate"}),
    ("GET", "group/bulk?accessType=admin", None),
    ("GET", "/rest/webhooks/1.0/webhook", None),
    ("POST", "/rest/webhooks/1.0/webhook", {"name": "x", "url": "https://x.example/", "events": []}),
]


def ask(office: Office, who: str | None, method: str, path: str, sent: object = None) -> requests.Response:
    project = office.cloud.site.projects["COC"]
    kinds = {
        "project": project.id,
        "scheme": project.scheme_id,
        "security": project.security_scheme_id,
        "level": project.levels[0].id,
        "field": office.project.fields["type"],
        "context": office.project.fields["type"].rpartition("_")[2],
        "screen": office.project.issue_type_id,
    }
    path = path.format(**kinds)
    if isinstance(sent, dict) and sent.get("projectIds") == ["{project}"]:
        sent = {**sent, "projectIds": [project.id]}
    path = f"../..{path.removeprefix('/rest')}" if path.startswith("/") else path
    return office.call(who, method, path, **({} if sent is None else {"json": sent}))


def test_everything_is_refused_to_whoever_is_no_jira_admin(office: Office) -> None:
    refused = {
        (method, path): [ask(office, who, method, path, sent).status_code for who in ("ada", "mirror", None)]
        for method, path, sent in ADMIN_ONLY
    }
    assert {key: codes for key, codes in refused.items() if codes != [403, 403, 401]} == {}
    unlisted = "the description does not have the status 403 here"  # it says who may, and forgot the answer
    office.excuse(*[unlisted] * 4)


MAKES = [
    ("POST", "role", {"name": "Guests"}, 200),
    ("POST", "role", {"name": "CoC team"}, 409),
    ("POST", "issuetype", {"name": "Story", "type": "standard"}, 201),
    ("POST", "issuetype", {"name": "step", "type": "standard"}, 409),
    ("PUT", "issuetypescheme/{project}/issuetype", {"issueTypeIds": ["1"]}, 400),
    ("POST", "permissionscheme", {"name": "Mine"}, 201),
    ("POST", "permissionscheme", {"name": "COC permission scheme"}, 400),
    (
        "POST",
        "permissionscheme/{scheme}/permission",
        {"permission": "FLY", "holder": {"type": "anyone"}},
        400,
    ),
    ("DELETE", "permissionscheme/{scheme}", None, 403),
    ("PUT", "project/COC/permissionscheme", {"id": 1}, 404),
    ("PUT", "project/COC", {"notificationScheme": 1}, 400),
    ("POST", "issuesecurityschemes", {"name": "Mine", "levels": [{"name": "All"}]}, 201),
    ("PUT", "issuesecurityschemes/{security}/level", {"levels": [{"name": "All"}]}, 204),
    ("DELETE", "issuesecurityschemes/{security}/level/{level}/member/{level}7", None, 404),
    ("DELETE", "issuesecurityschemes/{security}/level/{level}/member/{level}0", None, 204),
    ("POST", "notificationscheme", {"name": "Mine", "notificationSchemeEvents": []}, 201),
    ("GET", "notificationscheme", None, 200),
    ("GET", "project/COC/notificationscheme", None, 404),
    ("POST", "field", FIELD, 201),
    ("POST", "field/{field}/context", {"name": "Mine", "projectIds": []}, 201),
    ("POST", "field/{field}/context", {"name": "Mine", "projectIds": ["{project}"]}, 409),
    ("POST", "field/{field}/context/{context}/option", {"options": [{"value": "Conflict Resolution"}]}, 400),
    ("POST", "screens/{screen}/tabs/{screen}/fields", {"fieldId": "duedate"}, 400),
    ("GET", "screens/9/tabs", None, 404),
    ("GET", "user/search?query=ada@team", None, 200),
    ("GET", "group/bulk?accessType=site-admin", None, 200),
]


def test_what_an_admin_asks_for_is_answered_or_refused_as_described(office: Office) -> None:
    wanted = [(method, path, sent, status) for method, path, sent, status in MAKES]
    wanted += [(method, path, None, 200) for method, path, _ in ADMIN_ONLY if method == "GET"]

    answered = [(m, p, sent, ask(office, "sam", m, p, sent).status_code) for m, p, sent, _ in wanted]

    assert [one for one in answered if one not in wanted] == []


def test_a_project_admin_changes_the_roles_of_the_project_and_nobody_else_does(office: Office) -> None:
    path = f"project/COC/role/{office.project.roles['CoC team']}"
    codes = [
        ask(office, who, "POST", path, {"user": ["acc-olga"]}).status_code
        for who in ("ada", "olga", "mirror")
    ]
    assert codes == [404, 404, 200]
    assert ask(office, "mirror", "DELETE", f"{path}?user=acc-olga").status_code == 204
    assert ask(office, "mirror", "DELETE", f"{path}?user=acc-olga").status_code == 404


def test_a_scheme_counts_once_the_project_uses_it(office: Office) -> None:
    role = office.project.roles["CoC team"]
    made = ask(office, "sam", "POST", "permissionscheme", {"name": "Empty"}).json()
    assert ask(office, "ada", "GET", "project/COC").status_code == 200

    ask(office, "sam", "PUT", "project/COC/permissionscheme", {"id": made["id"]})
    assert ask(office, "ada", "GET", "project/COC").status_code == 404

    grant = {"permission": "BROWSE_PROJECTS", "holder": {**ROLE, "parameter": role}}
    line = ask(office, "sam", "POST", f"permissionscheme/{made['id']}/permission", grant).json()
    assert ask(office, "ada", "GET", "project/COC").status_code == 200
    ask(office, "sam", "DELETE", f"permissionscheme/{made['id']}/permission/{line['id']}")
    assert ask(office, "ada", "GET", "project/COC").status_code == 404


def test_options_belong_to_the_context_of_the_project(office: Office) -> None:
    field = ask(office, "sam", "POST", "field", FIELD).json()["id"]
    office.cloud.site.projects["COC"].types[0].screen.append(field)
    project = office.cloud.site.projects["COC"].id
    own = ask(
        office, "sam", "POST", f"field/{field}/context", {"name": "COC", "projectIds": [project]}
    ).json()
    ask(office, "sam", "POST", f"field/{field}/context/{own['id']}/option", {"options": [{"value": "good"}]})

    assert office.call("mirror", "POST", "issue", json=office.ticket(**{field: {"value": "good"}})).ok

    ask(office, "sam", "DELETE", f"field/{field}/context/{own['id']}")
    answer = office.call("mirror", "POST", "issue", json=office.ticket(**{field: {"value": "good"}}))
    assert answer.status_code == 400


class Ear:
    """Listens; ``code`` is what it answers."""

    def __init__(self) -> None:
        self.code = 200
        self.url = ""
        self.arrived: list[tuple[dict[str, str], bytes]] = []


@pytest.fixture
def ear() -> Iterator[Ear]:
    app, ear = Flask("ear"), Ear()

    @app.post("/hook")
    def take() -> Response:
        ear.arrived.append((dict(request.headers), request.get_data()))
        return Response(status=ear.code)

    with serving(app) as url:
        ear.url = f"{url}/hook"
        yield ear


def registered(office: Office, ear: Ear, **more: Any) -> RegisteredHook:  # noqa: ANN401 - as JSON
    body = {
        "name": "ours",
        "url": ear.url,
        "events": ["jira:issue_created", "comment_created"],
        "filters": {"issue-related-events-section": 'project = "COC"'},
        "secret": "quite secret",
        **more,
    }
    answer = ask(office, "sam", "POST", "/rest/webhooks/1.0/webhook", body)
    assert answer.status_code == 201
    number = answer.json()["self"].rpartition("/")[2]
    return next(one for one in office.cloud.hooks if isinstance(one, RegisteredHook) and one.id == number)


def test_a_registered_hook_says_that_it_is_signed_and_shows_its_secret_to_nobody(
    office: Office, ear: Ear
) -> None:
    hook = registered(office, ear)
    shown = ask(office, "sam", "GET", f"/rest/webhooks/1.0/webhook/{hook.id}")

    assert shown.json()["isSigned"] is True
    assert "quite secret" not in shown.text
    ask(office, "sam", "PUT", f"/rest/webhooks/1.0/webhook/{hook.id}", {"enabled": False})
    assert hook.secret == "quite secret"
    assert not hook.enabled
    assert ask(office, "sam", "DELETE", f"/rest/webhooks/1.0/webhook/{hook.id}").status_code == 204
    assert office.cloud.hooks == []


def test_a_hook_gets_its_events_of_its_project_signed_over_the_raw_body(office: Office, ear: Ear) -> None:
    hook = registered(office, ear)
    elsewhere = registered(office, ear, filters={"issue-related-events-section": 'project != "COC"'})
    ticket = office.open()
    office.say("mirror", ticket)
    office.call("mirror", "PUT", f"issue/{ticket}", json={"fields": {"summary": "not asked for"}})
    hook.drain()
    elsewhere.drain()

    assert len(ear.arrived) == 2
    for headers, raw in ear.arrived:
        digest = hmac.new(b"quite secret", raw, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature"] == f"sha256={digest}"
    assert len({headers["X-Atlassian-Webhook-Identifier"] for headers, _ in ear.arrived}) == 2


def test_a_hook_that_asks_for_them_is_told_of_changes_of_projects(office: Office, ear: Ear) -> None:
    hook = registered(office, ear, events=["project_updated"])
    made = ask(office, "sam", "POST", "notificationscheme", {"name": "Mine"}).json()
    ask(office, "sam", "PUT", "project/COC", {"notificationScheme": int(made["id"])})
    hook.drain()

    ((_, raw),) = ear.arrived
    told = json.loads(raw)
    assert (told["webhookEvent"], told["project"]["key"]) == ("project_updated", "COC")


def test_a_hook_without_a_secret_signs_nothing(office: Office, ear: Ear) -> None:
    hook = registered(office, ear, secret="")
    office.open()
    hook.drain()
    assert "X-Hub-Signature" not in ear.arrived[0][0]


def test_what_was_not_taken_is_sent_again_under_the_same_identifier(office: Office, ear: Ear) -> None:
    hook = registered(office, ear)
    ear.code = 503
    office.open()
    hook.retry()
    ear.code = 200
    hook.retry()
    hook.retry()

    assert [headers.get("X-Atlassian-Webhook-Retry") for headers, _ in ear.arrived] == [None, "1", "2"]
    assert len({(headers["X-Atlassian-Webhook-Identifier"], raw) for headers, raw in ear.arrived}) == 1
