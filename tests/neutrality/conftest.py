"""Two worlds in which the same happens, but for what was reported; and one in which nothing was."""

from __future__ import annotations

import contextlib
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from integration.diary.keys import Identity, generate_identity
from sandbox.form import QUESTIONS
from sandbox.playground import ORG, PROJECT, REPOSITORY, TEAM, Playground, playground
from sandbox.rehearsal import HostName, Server, SetClock
from sandbox.wire import Hook, serving
from tests.e2e.town import Town

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from integration.incident import Incident

HOSTS: tuple[HostName, ...] = ("jira", "github")
CANARY = "canary" + secrets.token_hex(16)
"""Stands in every answer of both reports, and in every entry."""

_OFFENCE = {
    "who_reports": f"Noah {CANARY}",
    "how_to_reach": f"noah-{CANARY}@people.example",
    "who_is_it_about": f"Olivia {CANARY}",
    "in_short": f"Offensive remark {CANARY}",
    "what_happened": f"She wrote that some people cannot write documentation. {CANARY}",
    "where": f"Comments of the specification {CANARY}",
    "safe": f"Yes, I am at home. {CANARY}",
    "not_for": "No",
}
_BLOW = {
    "who_reports": f"Somebody else entirely, who has a long name and gives all of it {CANARY}",
    "how_to_reach": f"only by letter {CANARY}",
    "who_is_it_about": "charlie-handle",
    "in_short": f"He hit me at the meeting, in person, in front of others {CANARY}",
    "what_happened": f"{CANARY} "
    + "It happened in the hall, after the last talk, and two people saw it. " * 2,
    "where": f"In person, at the venue, on the second floor {CANARY}",
    "safe": f"No. He is in the same hotel. {CANARY}",
    "not_for": "Charlie",
}
REPORTS: Mapping[str, Mapping[str, str]] = {
    one: {**answers, "what_is_it": "Somebody broke the Code of Conduct"}
    for one, answers in (("offence", _OFFENCE), ("blow", _BLOW))
}
"""They differ in who reports, who is reported, what is quoted and wished, which member is left out, and whether it
happened in person. Their lengths differ too, within one of the sizes to which a diary pads: that size is not hidden."""
assert all(set(answers) == set(QUESTIONS) for answers in REPORTS.values())


@dataclass
class Place:
    """What there is to ask for in a world."""

    names: list[str]
    numbers: tuple[str, ...] = ("1", "2", "13")
    comments: Mapping[HostName, tuple[str, ...]] = None  # type: ignore[assignment]  # set at once
    home: str = f"/repos/{ORG}/{REPOSITORY}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Jira's keys of the ticket, of a step, and of what is not there."""
        return tuple(f"{PROJECT}-{number}" for number in self.numbers)

    def values(self, host: HostName) -> dict[str, tuple[str, ...]]:
        """What the arguments of addresses may be."""
        people = (*TEAM, "olivia")
        if host == "github":
            return {
                "owner": (ORG,), "repo": (REPOSITORY,), "org": (ORG,), "login": (ORG, *people), "number": self.numbers,
                "comment_id": self.comments[host], "name": (REPOSITORY, "coc", "risk: not yet assessed"),
                "rest": ("issues", "issues/1/comments"),
            }  # fmt: skip
        return {
            "name": (PROJECT, *self.keys), "comment_id": self.comments[host], "version": ("2", "3"),
            "key": ("coc.incident", "coc.step", "coc"),
        }  # fmt: skip


class Told:
    """A world after a report came to both hosts and a member worked on it at their desk."""

    def __init__(
        self,
        town: Town,
        hooks: Mapping[HostName, Hook],
        report: Mapping[str, str] | None,
        hosts: tuple[HostName, ...],
    ) -> None:
        self.town = town
        self.hooks = hooks
        self.world: Playground = town.server.world
        self.incidents: dict[HostName, Incident] = {}
        for host in hosts if report is not None else ():
            incident = self.incidents[host] = town.report(host, report or {})
            read = town.coc("robert", "diary", "read", incident.code_name)
            assert read.exit_code == 0, read.output
            said = f"{CANARY} {report['where'] if report else ''}\n"
            wrote = town.coc("robert", "diary", "write", incident.code_name, "--file", "-", input=said)
            assert wrote.exit_code == 0, wrote.output
        repository = self.world.github.repo(f"{ORG}/{REPOSITORY}")
        comments: dict[HostName, tuple[str, ...]] = {
            "jira": tuple(c.id for one in self.world.jira.site.issues.values() for c in one.comments),
            "github": tuple(str(c.id) for one in repository.issues.values() for c in one.comments),
        }
        self.place = Place([one.code_name for one in self.incidents.values()], comments=comments)


@contextlib.contextmanager
def told_world(
    folder: Path,
    identities: dict[str, Identity],
    now: datetime,
    report: str | None,
    *,
    hosts: tuple[HostName, ...] = HOSTS,
) -> Iterator[Told]:
    """A world of its own with this report, or with none; somebody else's app has a webhook on each host."""
    with socket.socket() as free, contextlib.ExitStack() as stack:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        clock = SetClock(now)
        world = stack.enter_context(
            playground(folder / "server", now=clock.now, identities=identities, service_port=port)
        )
        world.jira.mail.everybody = True
        hooks: dict[HostName, Hook] = {
            "jira": Hook("http://127.0.0.1:1/", secrets.token_hex(8), "X-Hub-Signature"),
            "github": Hook("http://127.0.0.1:1/", secrets.token_hex(8), "X-Hub-Signature-256"),
        }
        world.jira.hooks.append(hooks["jira"])
        world.github.hooks.append(hooks["github"])
        server = Server(world, clock)
        stack.callback(server.close)

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return server.parts.app(environ, start_response)

        stack.enter_context(serving(app, port=port))
        yield Told(
            Town(server, folder, identities), hooks, None if report is None else REPORTS[report], hosts
        )
        for hook in hooks.values():
            hook.drain()


@pytest.fixture(scope="module")
def now() -> datetime:
    """One time for all worlds; desks have a clock of their own, and the two may be minutes apart only."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def identities() -> dict[str, Identity]:
    return {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}


@pytest.fixture(scope="module")
def offence(
    tmp_path_factory: pytest.TempPathFactory, identities: dict[str, Identity], now: datetime
) -> Iterator[Told]:
    with told_world(tmp_path_factory.mktemp("offence"), identities, now, "offence") as made:
        yield made


@pytest.fixture(scope="module")
def blow(
    tmp_path_factory: pytest.TempPathFactory, identities: dict[str, Identity], now: datetime
) -> Iterator[Told]:
    with told_world(tmp_path_factory.mktemp("blow"), identities, now, "blow") as made:
        yield made


@pytest.fixture(scope="module")
def nothing(
    tmp_path_factory: pytest.TempPathFactory, identities: dict[str, Identity], now: datetime
) -> Iterator[Told]:
    """With an ordinary issue on GitHub, a step under it and a comment, by a member."""
    with told_world(tmp_path_factory.mktemp("nothing"), identities, now, None) as made:
        client = made.world.github.app.test_client()
        headers = {"Authorization": f"Bearer {made.world.token('robert')}"}
        home = f"/repos/{ORG}/{REPOSITORY}/issues"
        for path, sent in (
            (home, {"title": "x", "body": "x", "labels": ["coc"]}),
            (home, {"title": "x"}),
            (f"{home}/1/comments", {"body": "x"}),
        ):
            answer = client.post(path, json=sent, headers=headers)
            assert answer.status_code == 201
            made.place.comments = {**made.place.comments, "github": (str(answer.get_json()["id"]),)}
        child = next(one for one in made.world.github.state.issues.values() if one.number == 2)
        assert (
            client.post(f"{home}/1/sub_issues", json={"sub_issue_id": child.id}, headers=headers).status_code
            == 201
        )
        assert client.patch(f"{home}/2", json={"state": "closed"}, headers=headers).status_code == 200
        yield made
