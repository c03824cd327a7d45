"""A ticket as the host left it, and people who do something to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.host_events import Touched
from integration.mirror import difference
from tests.github_host.conftest import make_comment

if TYPE_CHECKING:
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView, TicketRef
    from tests.github_host.conftest import World

COMMENTS, STEPS, TICKET = (
    frozenset({Touched.COMMENTS}),
    frozenset({Touched.STEPS}),
    frozenset({Touched.TICKET}),
)


class Opened:
    """A ticket with its steps and a diary of two comments, as the host left it."""

    def __init__(self, world: World, host: GitHubHost, view: MirrorView) -> None:
        self.world, self.host, self.view = world, host, view
        assert host.audience().complete
        self.ref: TicketRef = host.open_ticket(view)
        self.comments = [make_comment(view.incident, seq, self.ref.name) for seq in (1, 2)]
        found = host.read(self.ref, view)
        host.write(self.ref, view, difference(view, self.comments, found))
        world.forget_journal()

    def by(self, who: str, method: str, path: str, sent: object = None) -> Any:  # noqa: ANN401 - JSON
        """What a person does in the ticket space."""
        answer = requests.request(
            method, f"{self.world.address}/repos/acme/conduct{path}", json=sent,
            headers={"Authorization": f"Bearer ghp_{who}"}, timeout=10,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    @property
    def path(self) -> str:
        return f"/issues/{self.ref.id}"

    def says(self, who: str, words: str, on: str = "") -> str:
        """A plain comment; its id."""
        return str(self.by(who, "POST", f"{on or self.path}/comments", {"body": words})["id"])

    def step(self, number: int) -> str:
        """Path of a step."""
        return f"/issues/{self.world.issue(self.ref.id).children[number].number}"

    def calls(self) -> int:
        """Requests since the last time, without people's."""
        own = f"token {self.world.bot_token}"
        made = [one for one in self.world.hub.wire.journal if one.request_headers.get("authorization") == own]
        self.world.forget_journal()
        return len(made)


@pytest.fixture
def opened(world: World, view: MirrorView) -> Opened:
    return Opened(world, world.with_token(), view)


@pytest.fixture(params=["labels", "fields"])
def either(request: pytest.FixtureRequest, world: World, view: MirrorView) -> Opened:
    """The same, with values as labels or as issue fields."""
    if request.param == "fields":
        world.give_issue_fields()
    return Opened(world, world.with_token(), view)
