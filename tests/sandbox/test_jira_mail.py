"""What the Jira stand-in would mail: as the notification scheme says, to those who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.jira_cloud import JiraCloud
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUMMARY = "BLUE-JAY-27"


@pytest.fixture
def jira() -> JiraCloud:
    made = JiraCloud()
    for who in ("bot", "wren", "robin", "mallory", "admin"):
        made.add_user(
            account_id=f"acc-{who}", email=f"{who}@x.example", token=who, name=who, site_admin=who == "admin"
        )
    made.restricted_project(
        "COC", team=["acc-wren", "acc-robin"], service="acc-bot", lead_account="acc-wren", aliases=["wren"]
    )
    return made


@pytest.fixture
def call(jira: JiraCloud) -> Iterator[Callable[..., requests.Response]]:
    with serving(jira.wire) as url:

        def ask(who: str, method: str, path: str, sent: object = None) -> requests.Response:
            answer = requests.request(
                method, f"{url}/rest/api/3/{path}", json=sent, auth=(f"{who}@x.example", who), timeout=10
            )
            assert answer.ok, answer.text
            return answer

        yield ask


@pytest.fixture
def key(jira: JiraCloud, call: Callable[..., requests.Response]) -> str:
    project = jira.site.projects["COC"]
    fields = {
        "project": {"key": "COC"}, "issuetype": {"id": project.types[0].id}, "summary": SUMMARY,
        "security": {"id": project.levels[0].id},
    }  # fmt: skip
    made: str = call("bot", "POST", "issue", {"fields": fields}).json()["key"]
    return made


def told(jira: JiraCloud) -> list[tuple[str, str]]:
    found = [(mail.to, mail.text) for mail in jira.mail.sent]
    jira.mail.sent.clear()
    return found


def document(text: str) -> dict[str, object]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }


def test_whoever_commented_watches_from_then_on(
    jira: JiraCloud, call: Callable[..., requests.Response], key: str
) -> None:
    assert told(jira) == []  # the bot created it, and nobody else watches
    call("wren", "POST", f"issue/{key}/comment", {"body": document("one")})
    assert told(jira) == [("acc-bot", "one")]
    call("robin", "POST", f"issue/{key}/comment", {"body": document("two")})
    assert told(jira) == [("acc-bot", "two"), ("acc-wren", "two")]


def test_no_scheme_mails_those_who_may_not_see_it(
    jira: JiraCloud, call: Callable[..., requests.Response], key: str
) -> None:
    jira.mail.everybody = True
    call("wren", "POST", f"issue/{key}/comment", {"body": document("one")})
    assert {to for to, _text in told(jira)} == {"acc-bot", "acc-robin"}


def test_an_edit_is_mailed_unless_an_admin_of_the_project_says_otherwise(
    jira: JiraCloud, call: Callable[..., requests.Response], key: str
) -> None:
    jira.mail.everybody = True
    change = {"fields": {"labels": ["urgent"]}}
    call("bot", "PUT", f"issue/{key}?notifyUsers=false", change)
    assert told(jira) == []
    project = jira.site.projects["COC"]
    project.grants = [grant for grant in project.grants if grant.permission != "ADMINISTER_PROJECTS"]
    call("bot", "PUT", f"issue/{key}?notifyUsers=false", {"fields": {"labels": []}})
    assert {to for to, _text in told(jira)} == {"acc-wren", "acc-robin"}
