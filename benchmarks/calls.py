"""HTTP calls and bytes for one mirrored incident on each host, beside the libraries' own plain way.

Run it: ``make bench``. Both ways talk to the same stand-ins in the same run and make the same things: a
ticket with its fields, eleven sub-tasks, two diary comments. Calls and bytes do not depend on the machine.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import github
import jira
from rich.console import Console
from rich.table import Table

from integration.incident import IncidentType
from integration.process import default_process
from sandbox.form import NOAHS_REPORT
from sandbox.playground import BOT, ORG, REPOSITORY, Playground, playground
from sandbox.rehearsal import HostName, Server, SetClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.wire import Exchange, Wire

_PLAIN = "the library's plain way"
STEPS = default_process().route(IncidentType.CONDUCT_ENFORCEMENT)


@dataclass(frozen=True)
class Cost:
    """What one way of mirroring costs on the wire."""

    reads: int
    writes: int
    sent: int
    received: int

    @property
    def calls(self) -> int:
        """All calls."""
        return self.reads + self.writes


def main() -> None:
    """Measure and print."""
    console = Console(width=110)
    clock = SetClock()
    with tempfile.TemporaryDirectory() as folder, playground(Path(folder) / "server", now=clock.now) as world:
        world.jira.write_limits = False  # the clock stands still, so that every write would count as at once
        server = Server(world, clock)
        rows: list[tuple[str, str, Cost]] = []
        naive: dict[HostName, Callable[[Playground, Sequence[str]], None]] = {
            "jira": naive_jira,
            "github": naive_github,
        }
        for host, plain_way in naive.items():
            texts = ours(server, host, rows, "coc-mirror, first incident after a start")
            ours(server, host, rows, "coc-mirror, every later one")
            rows.append((host, _PLAIN, cost(server.wire(host), partial(plain_way, world, texts))))
        server.close()
    table = Table(
        "host", "way", "reads", "writes", "calls", "bytes sent", "bytes received", "calls, ratio to plain"
    )
    for name, way, one in rows:
        plain = next(found for where, what, found in rows if (where, what) == (name, _PLAIN))
        table.add_row(
            name, way, str(one.reads), str(one.writes), str(one.calls), f"{one.sent:,}", f"{one.received:,}",
            f"{one.calls / plain.calls:.2f}",
        )  # fmt: skip
    console.print(table)
    console.print(
        "A ticket with fields, 11 sub-tasks and 2 diary comments each; the plain way proves and reads back nothing."
    )


def ours(server: Server, host: HostName, rows: list[tuple[str, str, Cost]], way: str) -> list[str]:
    """Mirror one report our way; gives back the diary comments, so that the plain way posts the same."""
    inbox_id = server.report(host, NOAHS_REPORT)
    rows.append((host, way, cost(server.wire(host), lambda: server.open(inbox_id))))
    return [comment.text for comment in server.parts.database.comments(server.incident_of(inbox_id).id)]


def naive_jira(world: Playground, texts: Sequence[str]) -> None:
    """A loop of create_issue, as the library's own examples do it."""
    client = jira.JIRA(
        world.jira_url,
        basic_auth=(f"{BOT}@team.example", world.token(BOT)),
        options={"rest_api_version": "3"},
    )
    fields = world.project.fields
    parent = client.create_issue(
        fields={
            "project": "COC",
            "summary": "PLAIN-WAY-10",
            "issuetype": "Incident",
            "security": {"id": world.project.security_level_id},
            fields["type"]: {"value": IncidentType.CONDUCT_ENFORCEMENT.value},
            fields["stage"]: {"value": "Reported"},
        }
    )
    for step in STEPS:
        client.create_issue(
            fields={
                "project": "COC",
                "summary": step.title,
                "issuetype": "Step",
                "description": adf(step.guidance),
                "parent": {"key": parent.key},
            }
        )
    for text in texts:
        client.add_comment(parent.key, adf(text))
    client._session.close()


def naive_github(world: Playground, texts: Sequence[str]) -> None:
    """A loop of create_issue and add_sub_issue, as PyGithub's own examples do it."""
    client = github.Github(
        auth=github.Auth.Token(world.token(BOT)),
        base_url=world.github_url,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    repository = client.get_repo(f"{ORG}/{REPOSITORY}")
    labels = [f"type: {IncidentType.CONDUCT_ENFORCEMENT.value}", "stage: Reported"]
    parent = repository.create_issue(title="PLAIN-WAY-10", body="", labels=labels)
    for step in STEPS:
        child = repository.create_issue(title=step.title, body=step.guidance)
        parent.add_sub_issue(child.id)
    for text in texts:
        parent.create_comment(f"```text\n{text}\n```")
    client.close()


def adf(text: str) -> dict[str, object]:
    """A text as the document that Jira's API v3 wants."""
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "codeBlock", "content": [{"type": "text", "text": text}]}],
    }


def cost(wire: Wire, run: Callable[[], None]) -> Cost:
    """Count what goes over the wire while something runs."""
    before = len(wire.journal)
    run()
    made = wire.journal[before:]
    writes = sum(exchange.is_write for exchange in made)
    return Cost(
        len(made) - writes, writes, sum(map(_sent, made)), sum(len(one.response_body) for one in made)
    )


def _sent(exchange: Exchange) -> int:
    return len(exchange.request_body) + len(exchange.path) + len(exchange.query)


if __name__ == "__main__":
    main()
