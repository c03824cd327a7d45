"""A server in this process that can be killed at any call, on a clock that is set by hand.

Rehearsals use it to show that an incident is opened exactly once, whatever dies in between.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import requests
from requests.adapters import HTTPAdapter

from integration.casework import open_incident
from integration.diary.comment import find_comments
from integration.errors import HostError
from sandbox.playground import ORG, REPOSITORY
from sandbox.wire import Hook
from webhook_server.config import load_config
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from integration.incident import Incident, IncidentId
    from sandbox.playground import Playground
    from sandbox.wire import Wire

HostName = Literal["jira", "github"]


@dataclass
class SetClock:
    """A clock that stands still until it is moved."""

    time: datetime = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
    passed: float = 0.0

    def now(self) -> datetime:
        """The time it was set to."""
        return self.time

    def steady(self) -> float:
        """Seconds by which it was moved on."""
        return self.passed

    def forward(self, **parts: float) -> None:
        """Move it on, by the same words as :class:`datetime.timedelta`."""
        self.time += timedelta(**parts)
        self.passed += timedelta(**parts).total_seconds()


class Killed(BaseException):
    """The process died here: no handler of an exception may run for it."""


@dataclass
class Shown:
    """What a host really holds for one incident, read past the service."""

    tickets: int
    steps: list[str] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    ref: str = ""


@dataclass
class HeldHook(Hook):
    """A webhook whose deliveries are kept until they are delivered by hand."""

    held: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def send(
        self,
        payload: Mapping[str, object],
        headers: Mapping[str, str],
        answered: Callable[[int], None] = lambda _code: None,
    ) -> None:
        """Keep it."""
        del answered
        self.held.append(self.signed(payload, headers))


@dataclass
class Server:
    """A joined server whose jobs are run by hand.

    ``budgeted``: it keeps to the hosts' limits, and its waits move the clock. Otherwise it writes without waiting.
    """

    world: Playground
    clock: SetClock
    budgeted: bool = False
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        self.parts = self._join()

    def _join(self) -> Parts:
        return join(
            load_config(self.world.config_path),
            clock=self.clock,
            budgeted=self.budgeted,
            sleep=lambda seconds: self.clock.forward(seconds=seconds),
        )

    def restart(self) -> None:
        """Throw away all that was only in memory."""
        self.parts.close()
        self.parts = self._join()

    def close(self) -> None:
        """Give the files back."""
        self.parts.close()

    def wire(self, host: HostName) -> Wire:
        """A stand-in's wire."""
        return self.world.jira.wire if host == "jira" else self.world.github.wire

    def report(self, host: HostName, answers: Mapping[str, str], *, token: str | None = None) -> str:
        """Post a signed delivery to the form of one host; the id of the delivery in the inbox."""
        before = {job.inbox_id for job in self.parts.database.unfinished_jobs()}
        body, headers = self.world.delivery(answers, token=token)
        answer = self.parts.app.test_client().post(f"/in/form-{host}", data=body, headers=headers)
        if answer.status_code != 200:
            raise AssertionError(f"the intake answered {answer.status_code}")
        (new,) = {job.inbox_id for job in self.parts.database.unfinished_jobs()} - before
        return new

    def hear_jira(self) -> HeldHook:
        """Register the ticket space's webhook in Jira, as an admin does."""
        hook = HeldHook(f"{self.world.origin}/from/in-jira", self.world.webhook_secret, "X-Hub-Signature")
        self.world.jira.hooks.append(hook)
        return hook

    def deliver(self, hook: HeldHook) -> list[int]:
        """Deliver what a webhook holds, in order; the answers."""
        path = hook.url.removeprefix(self.world.origin)
        client, codes = self.parts.app.test_client(), []
        while hook.held:
            headers, body = hook.held.pop(0)
            codes.append(client.post(path, data=body, headers=headers).status_code)
        return codes

    def incident_of(self, inbox_id: str) -> Incident:
        """The incident of a delivery."""
        return self.parts.database.incident(self.parts.database.delivery(inbox_id).incident)

    def open(self, inbox_id: str) -> None:
        """Run the job once."""
        open_incident(inbox_id, self.parts.work)

    def open_until_done(self, inbox_id: str, *, tries: int = 12) -> int:
        """Run the job again, as the dispatcher would, until it is done; how many tries it took.

        Raises:
            HostError: it is not done after that many tries, or a person is needed.
        """
        for number in range(1, tries + 1):
            try:
                self.open(inbox_id)
            except HostError as error:
                if not error.retry or number == tries:
                    raise
                self.clock.forward(seconds=max(error.after or 0, 30))
            else:
                return number
        raise AssertionError("not reached")

    def shown(self, host: HostName, incident: IncidentId) -> Shown:
        """What the host holds for an incident, seen with a member's own token."""
        return self._in_jira(incident) if host == "jira" else self._on_github(incident)

    def _in_jira(self, incident: IncidentId) -> Shown:
        def get(path: str) -> Any:  # noqa: ANN401 - JSON
            who = ("robert@team.example", self.world.token("robert"))
            answer = requests.get(f"{self.world.jira_url}/rest/api/3/{path}", auth=who, timeout=10)
            answer.raise_for_status()
            return answer.json()

        site = self.world.jira.site
        tickets = [
            one for one in site.issues.values() if one.parent is None and incident in str(one.properties)
        ]
        if not tickets:
            return Shown(0)
        issue = get(f"issue/{tickets[0].key}")
        comments = get(f"issue/{tickets[0].key}/comment?maxResults=500")["comments"]
        texts = [_text_of(one["body"]) for one in comments]
        return Shown(
            tickets=len(tickets),
            steps=[one["fields"]["summary"] for one in issue["fields"]["subtasks"]],
            comments=[(found.id.seq, found.id.part) for text in texts for found in find_comments(text)],
            texts=texts,
            ref=tickets[0].key,
        )

    def _on_github(self, incident: IncidentId) -> Shown:
        def get(path: str) -> Any:  # noqa: ANN401 - JSON
            who = {"Authorization": f"Bearer {self.world.token('robert')}"}
            url = f"{self.world.github_url}/repos/{ORG}/{REPOSITORY}/issues{path}"
            answer = requests.get(url, headers=who, params={"per_page": "100"}, timeout=10)
            answer.raise_for_status()
            return answer.json()

        repo = self.world.github.repo(f"{ORG}/{REPOSITORY}")
        tickets = [
            one
            for one in repo.issues.values()
            if incident in (one.body or "") and "step=" not in (one.body or "")
        ]
        if not tickets:
            return Shown(0)
        number = tickets[0].number
        texts = [one["body"] for one in get(f"/{number}/comments")]
        return Shown(
            tickets=len(tickets),
            steps=[one["title"] for one in get(f"/{number}/sub_issues")],
            comments=[(found.id.seq, found.id.part) for text in texts for found in find_comments(text)],
            texts=texts,
            ref=str(number),
        )


def twice(things: list[Any]) -> list[Any]:
    """Those that stand more than once."""
    return [thing for thing, count in Counter(things).items() if count > 1]


@contextmanager
def dying_at(call: int, *, after: bool) -> Iterator[None]:
    """Let this process die at its n-th HTTP call from now on (from 0), before it is sent or after the answer.

    It stands in for kill -9: :class:`Killed` passes every ``except Exception``.
    """
    real = HTTPAdapter.send
    count = 0

    def send(self: HTTPAdapter, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - passed through
        nonlocal count
        number, count = count, count + 1
        if number == call and not after:
            raise Killed
        response = real(self, *args, **kwargs)
        if number == call:
            response.close()
            raise Killed
        return response

    HTTPAdapter.send = send  # type: ignore[method-assign]
    try:
        yield
    finally:
        HTTPAdapter.send = real  # type: ignore[method-assign]


def _text_of(document: Any) -> str:  # noqa: ANN401 - an ADF document
    """All text of an ADF document, a line for each block."""
    if isinstance(document, dict):
        if document.get("type") == "text":
            return str(document.get("text", ""))
        joined = "".join(_text_of(one) for one in document.get("content", []))
        return joined + ("\n" if document.get("type") in {"paragraph", "codeBlock"} else "")
    return ""
