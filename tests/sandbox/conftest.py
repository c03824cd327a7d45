"""A Jira stand-in with a restricted project and a few invented people, each exchange of it checked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests
from jira import JIRA

from sandbox.contract import observer
from sandbox.jira_cloud import JiraCloud, RestrictedProject
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import SetClock

PEOPLE = {
    "ada": "Ada Lindqvist",  # leads the team
    "ben": "Ben Okafor",  # in the team
    "mirror": "Incident Mirror",  # the service
    "olga": "Olga Outsider",  # on the site, in no project
    "sam": "Sam Siteadmin",
}


@dataclass
class Office:
    """A running stand-in and everybody's way to it."""

    cloud: JiraCloud
    project: RestrictedProject
    url: str = ""
    problems: list[str] = field(default_factory=list)
    checked: bool = False

    def excuse(self, *complaints: str) -> None:
        """These mistakes were made on purpose: the contract has found each, and forgets them."""
        if self.checked:
            found = list(zip(complaints, self.problems, strict=True))
            assert [complaint in problem for complaint, problem in found] == [True] * len(found), found
            self.problems.clear()

    def call(self, who: str | None, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401 - as requests
        """One call of API version 3 as this person, or without credentials."""
        auth = None if who is None else (f"{who}@team.example", f"token-of-{who}")
        return requests.request(method, f"{self.url}/rest/api/3/{path}", auth=auth, timeout=10, **more)

    def library(self, who: str, **more: Any) -> JIRA:  # noqa: ANN401 - as the library
        """The unmodified client library, as this person."""
        return JIRA(
            self.url,
            options={"rest_api_version": "3"},
            basic_auth=(f"{who}@team.example", f"token-of-{who}"),
            **{"max_retries": 0, "timeout": (3, 10), **more},
        )

    def ticket(self, **fields: object) -> dict[str, Any]:
        """The body that creates an incident."""
        kind = {"project": {"key": "COC"}, "issuetype": {"id": self.project.issue_type_id}}
        return {"fields": {**kind, "summary": "BLUE-JAY-27", **fields}}

    def step(self, parent: str, summary: str = "Listen", **fields: object) -> dict[str, Any]:
        """The body that creates a sub-task."""
        kind = {"project": {"key": "COC"}, "issuetype": {"id": self.project.subtask_type_id}}
        return {"fields": {**kind, "parent": {"id": parent}, "summary": summary, **fields}}

    def open(self, **fields: object) -> str:
        """Create an incident as the service; its id."""
        answer = self.call("mirror", "POST", "issue", json=self.ticket(**fields))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def say(self, who: str, issue: str, text: str = "sealed", **more: object) -> requests.Response:
        """Add a comment with a code block."""
        return self.call(who, "POST", f"issue/{issue}/comment", json={"body": self.code(text), **more})

    @staticmethod
    def code(text: str) -> dict[str, Any]:
        """A document of one code block."""
        block = {"type": "codeBlock", "content": [{"type": "text", "text": text}]}
        return {"type": "doc", "version": 1, "content": [block]}


@pytest.fixture
def office(clock: SetClock, request: pytest.FixtureRequest) -> Iterator[Office]:
    """The stand-in; at the end of a test, no exchange may have broken the vendor's description."""
    cloud = JiraCloud(now=clock.now)
    for who, name in PEOPLE.items():
        cloud.add_user(
            account_id=f"acc-{who}",
            email=f"{who}@team.example",
            token=f"token-of-{who}",
            name=name,
            site_admin=who == "sam",
        )
    project = cloud.restricted_project(
        team=["acc-ada", "acc-ben"], service="acc-mirror", lead_account="acc-ada", aliases=["ada", "ben"]
    )
    office = Office(cloud, project)
    if os.environ.get("COC_REFERENCE"):
        office.checked = True
        cloud.wire.observer = observer(request.getfixturevalue("jira_contract"), office.problems)
    with serving(cloud.wire) as office.url:
        yield office
    assert office.problems == []
