"""The part of the demo in which a member looks at the tickets: what each host shows him of the incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from sandbox.playground import ORG, REPOSITORY

if TYPE_CHECKING:
    from sandbox.playground import Playground

_WHO = "robert"


@dataclass(frozen=True, slots=True)
class SeenTicket:
    """A ticket as a member sees it. ``steps`` are (key, title, state); ``path`` is the ticket's in the host's API."""

    host: str
    key: str
    title: str
    fields: dict[str, str]
    steps: list[tuple[str, str, str]]
    comments: int
    path: str


def as_jira(world: Playground, who: str) -> tuple[str, str]:
    """A person's credential in Jira."""
    return f"{who}@team.example", world.token(who)


def as_github(world: Playground, who: str) -> dict[str, str]:
    """A person's credential on GitHub."""
    return {"Authorization": f"Bearer {world.token(who)}"}


def jira_ticket(world: Playground) -> SeenTicket:
    """The first ticket of the project."""

    def get(path: str) -> dict[str, Any]:
        answer = requests.get(f"{world.jira_url}{path}", auth=as_jira(world, _WHO), timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    path = f"/rest/api/3/issue/{world.project.key}-1"
    issue = get(path)
    fields = issue["fields"]
    shown = {name: _plain(fields.get(field_id)) for name, field_id in world.project.fields.items()}
    shown["security level"] = _plain(fields.get("security"))
    steps = [
        (one["key"], one["fields"]["summary"], one["fields"]["status"]["name"]) for one in fields["subtasks"]
    ]
    comments = get(f"{path}/comment")["total"]
    return SeenTicket("Jira", issue["key"], fields["summary"], shown, steps, comments, path)


def github_ticket(world: Playground) -> SeenTicket:
    """The newest ticket of the repository."""

    def get(path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        who = as_github(world, _WHO)
        return requests.get(f"{world.github_url}{path}", headers=who, params=query, timeout=10).json()

    listed = f"/repos/{ORG}/{REPOSITORY}/issues"
    issue = get(listed, labels="coc")[0]
    path = f"{listed}/{issue['number']}"
    values = get(f"{path}/issue-field-values")
    shown = {str(one.get("issue_field_name") or one.get("name")): _plain(one.get("value")) for one in values}
    shown["labels"] = ", ".join(label["name"] for label in issue["labels"])
    shown["visible to"] = "this private repository only"
    steps = [(f"#{one['number']}", one["title"], one["state"]) for one in get(f"{path}/sub_issues")]
    return SeenTicket("GitHub", f"#{issue['number']}", issue["title"], shown, steps, issue["comments"], path)


def _plain(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, dict):
        return str(value.get("value") or value.get("name"))
    return f"{value:g}" if isinstance(value, float) else str(value)
