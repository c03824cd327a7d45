"""Members who work in Jira, and a server that hears of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.host_events import HostEvent, Touched
from sandbox.form import NOAHS_REPORT
from sandbox.playground import playground
from sandbox.rehearsal import Server, SetClock
from tests.e2e.office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.diary.keys import Identity
    from sandbox.jira_state import Issue

TO_DO, DONE = "11", "31"


@dataclass
class JiraOffice(Office):
    """Members who work in Jira."""

    host = "jira"

    @property
    def issue(self) -> Issue:
        return self.server.world.jira.site.issues[self.ref.id]

    @property
    def steps(self) -> list[Issue]:
        return self.server.world.jira.site.subtasks(self.issue)

    def field(self, name: str) -> Any:  # noqa: ANN401 - as Jira keeps it
        value = self.issue.values.get(self.server.world.project.fields[name])
        options = self.server.world.jira.site.fields[self.server.world.project.fields[name]].options
        return next((one.value for one in options if one.id == value), value)

    def ask(self, method: str, path: str, who: str = "robert", **body: Any) -> Any:  # noqa: ANN401 - JSON
        """A person asks Jira for something."""
        answer = requests.request(
            method,
            f"{self.server.world.jira_url}/rest/api/3/issue/{path}",
            auth=(f"{who}@team.example", self.server.world.token(who)),
            json=body,
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def set(self, who: str = "robert", **values: str | None) -> None:
        ids = self.server.world.project.fields
        chosen = {ids[name]: None if text is None else {"value": text} for name, text in values.items()}
        self.ask("PUT", self.ref.id, who, fields=chosen)

    def say(self, words: str, who: str = "robert", on: Issue | None = None) -> str:
        body = {
            "type": "doc",
            "version": 1,
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": words}]}],
        }
        return str(self.ask("POST", f"{(on or self.issue).id}/comment", who, body=body)["id"])

    def move(self, issue: Issue, way: str, resolution: str | None = None) -> None:
        fields = {"resolution": {"name": resolution}} if resolution else {}
        self.ask("POST", f"{issue.id}/transitions", transition={"id": way}, fields=fields)

    def plain(self) -> list[str]:
        """The texts of comments on the ticket that hold no diary."""
        comments = [str(one.body) for one in self.issue.comments]
        return [text for text in comments if "CoC-Seal" not in text]

    def set_hint(self, account: str = "acc-robert") -> None:
        """An event, without Jira's own part in it."""
        event = HostEvent(secrets.token_hex(8), Touched.TICKET, self.ref.id, account, own=False)
        noted = self.server.parts.database.note_event(self.incident.space, event, self.server.clock.now())
        assert "noted" == noted

    def option(self, name: str, text: str) -> str:
        field = self.server.world.jira.site.fields[self.server.world.project.fields[name]]
        return next(one.id for one in field.options if one.value == text)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, identities: dict[str, Identity]) -> Iterator[Server]:
    """One for all tests of this module: each opens an incident of its own."""
    clock = SetClock()
    folder = tmp_path_factory.mktemp("host-events") / "server"
    with playground(folder, now=clock.now, identities=identities) as world:
        world.jira.write_limits = False  # its clock stands still
        made = Server(world, clock)
        yield made
        made.close()


@pytest.fixture
def office(server: Server, identities: dict[str, Identity]) -> JiraOffice:
    server.world.jira.hooks.clear()
    inbox_id = server.report("jira", NOAHS_REPORT)
    server.open_until_done(inbox_id)
    return JiraOffice(server, server.hear_jira(), server.incident_of(inbox_id).id, identities)
