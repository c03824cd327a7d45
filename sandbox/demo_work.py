"""The part of the demo in which a member works in the hosts: what he does there, and what must come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from sandbox.playground import ORG, REPOSITORY
from sandbox.wire import Hook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.playground import Playground

_WHO = "robert"
_WORDS = "Olivia says it was a joke."


def register_webhooks(world: Playground) -> None:
    """Have both hosts tell the service what is done there, as set-up does."""
    world.jira.hooks.append(Hook(f"{world.origin}/from/in-jira", world.webhook_secret, "X-Hub-Signature"))
    world.github.hooks.append(
        Hook(f"{world.origin}/from/in-github", world.webhook_secret, "X-Hub-Signature-256")
    )


def work_in_the_hosts(world: Playground, key: str, number: int) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Do it, one thing after another; each with a sentence on what must come of it, and whether it has come."""
    issue, ids = f"/issue/{key}", world.project.fields
    ticket = f"/repos/{ORG}/{REPOSITORY}/issues/{number}"

    three = {"value": "3"}
    _in_jira(world, "PUT", issue, {"fields": {ids["impact"]: three, ids["likelihood"]: three}})
    yield (
        "Jira: impact 3 and likelihood 3 are taken over, risk 9 is written back",
        lambda: _in_jira(world, "GET", issue)["fields"].get(ids["risk"]) == 3 * 3,
    )
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": _WORDS}]}
    _in_jira(
        world, "POST", f"{issue}/comment", {"body": {"type": "doc", "version": 1, "content": [paragraph]}}
    )
    yield (
        "Jira: his plain comment is sealed into the diary, and gone",
        lambda: _WORDS not in str(_in_jira(world, "GET", f"{issue}/comment")),
    )
    _on_github(world, "PATCH", ticket, {"state": "closed"})
    yield (
        "GitHub: closed while steps are open, the ticket is opened again",
        lambda: bool(_on_github(world, "GET", ticket)["state"] == "open"),
    )


def _in_jira(world: Playground, method: str, path: str, sent: object = None) -> Any:  # noqa: ANN401 - JSON
    who = (f"{_WHO}@team.example", world.token(_WHO))
    url = f"{world.jira_url}/rest/api/3{path}"
    answer = requests.request(method, url, auth=who, json=sent, timeout=10)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def _on_github(world: Playground, method: str, path: str, sent: object = None) -> Any:  # noqa: ANN401 - JSON
    headers = {"Authorization": f"Bearer {world.token(_WHO)}"}
    answer = requests.request(method, world.github_url + path, headers=headers, json=sent, timeout=10)
    answer.raise_for_status()
    return answer.json()
