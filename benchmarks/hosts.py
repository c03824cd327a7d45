"""The stand-ins for Jira and GitHub in a process of their own, each answer late, every call counted.

    python -m benchmarks.hosts FOLDER SERVICE_PORT LATENCY_SECONDS

Writes the server's files into FOLDER and prints one line when both listen. For each line on its standard input it
prints what it has been asked and what it holds, as JSON. A process of its own, so that it takes nothing of the
server's interpreter. Limits of the hosts are off.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.playground import ORG, REPOSITORY, playground

if TYPE_CHECKING:
    from sandbox.playground import Playground
    from sandbox.wire import Exchange


@dataclass(frozen=True)
class Seen:
    """What one stand-in was asked, and what it holds."""

    calls: int
    writes: int
    tickets: int
    steps: int
    comments: int
    doubled: int
    """Tickets, steps of one ticket and comments of one ticket that stand more than once."""


class Tally(list[Any]):
    """In place of a stand-in's journal, which would keep each answer: counts the exchanges and drops them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.writes = 0

    def append(self, exchange: Exchange) -> None:
        """Count it."""
        self.calls += 1
        self.writes += exchange.is_write


def main(folder: Path, port: int, latency: float) -> None:
    """Serve until standard input ends."""
    with playground(folder, service_port=port) as world:
        world.jira.write_limits = False
        world.github.limits.hourly_requests = 10**9
        tallies: dict[str, Tally] = {}
        for name, wire in (("jira", world.jira.wire), ("github", world.github.wire)):
            wire.latency = latency
            wire.journal = tallies[name] = Tally()
        print(json.dumps({"secret": world.form_secret}), flush=True)
        for _line in sys.stdin:
            seen = {
                name: asdict(Seen(one.calls, one.writes, *held(world, name))) for name, one in tallies.items()
            }
            print(json.dumps(seen), flush=True)


def held(world: Playground, host: str) -> tuple[int, int, int, int]:
    """Tickets, steps, comments, and how many of them stand more than once."""
    found = _in_jira(world) if host == "jira" else _on_github(world)
    doubled = _more_than_once([mark for mark, _, _ in found])
    for _, steps, comments in found:
        doubled += _more_than_once(steps) + _more_than_once(comments)
    return (
        len(found),
        sum(len(steps) for _, steps, _ in found),
        sum(len(texts) for _, _, texts in found),
        doubled,
    )


def _in_jira(world: Playground) -> list[tuple[str, list[str], list[str]]]:
    issues = list(world.jira.site.issues.values())
    steps: dict[str, list[str]] = {}
    for one in issues:
        if one.parent is not None:
            steps.setdefault(one.parent, []).append(str(one.values["summary"]))
    return [
        (
            json.dumps(one.properties, sort_keys=True),
            steps.get(one.key, steps.get(one.id, [])),
            [json.dumps(comment.body) for comment in one.comments],
        )
        for one in issues
        if one.parent is None
    ]


def _on_github(world: Playground) -> list[tuple[str, list[str], list[str]]]:
    issues = world.github.repo(f"{ORG}/{REPOSITORY}").issues.values()
    return [
        (one.body or "", [child.title for child in one.children], [comment.body for comment in one.comments])
        for one in issues
        if one.parent is None
    ]


def _more_than_once(things: list[str]) -> int:
    return sum(count - 1 for count in Counter(things).values())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
