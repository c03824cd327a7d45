"""Writes to GitHub stand in line and keep to its limits; a wish to wait is kept by everybody."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import BudgetSpent, HostLimited, HostUnavailable, HostUnknownOutcome, StoreError
from integration.github import turns
from integration.github.credential import AppCredential, TokenCredential
from integration.github.host import GitHubHost
from integration.github.space import GitHubSpace
from integration.github.turns import KEPT, LOOK, OPENING, PACE, Turns
from integration.github.writing import BATCH
from integration.incident import SpaceName
from integration.mirror import Difference
from integration.ports import Unlimited
from webhook_server.store.budget import SharedBudget
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef
    from integration.ports import Pace
    from tests.conftest import SetClock

Played = Any  # the played GitHub of conftest.py, which tests cannot import by name
World = Any
ISSUES = "/repos/acme/conduct/issues"


class Noted(Unlimited):
    """A budget that notes what it is asked; ``trouble`` is what it answers instead."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.pauses: list[tuple[str, float]] = []
        self.trouble: Exception | None = None

    def reserve(self, name: str, pace: Pace, writes: int) -> float:
        assert pace == PACE
        if self.trouble:
            raise self.trouble
        self.asked.append((name, writes))
        return 0.0

    def check(self, name: str, pace: Pace, writes: int) -> None:
        assert pace == PACE
        self.asked.append((name, -writes))

    def pause(self, name: str, seconds: float) -> None:
        if self.trouble:
            raise self.trouble
        self.pauses.append((name, seconds))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture(autouse=True)
def _fresh_lines() -> None:
    """Lines are kept for the life of a process; each test begins without any."""
    turns._LINES.clear()


@pytest.fixture
def limited(noted: Noted) -> GitHubHost:
    """A host on the played GitHub, with a budget."""
    space = GitHubSpace(SpaceName("hub"), "acme", "conduct")
    made = GitHubHost(space, TokenCredential("ghp_x"), budget=noted, pause=0)
    made._login = "coc-bot"
    return made


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    made = make_engine(f"sqlite:///{tmp_path / 'coc.sqlite'}")
    migrate(made)
    yield made
    made.dispose()


def whole(view: MirrorView, comments: list[SealedComment]) -> Difference:
    return Difference(fields=False, steps=view.steps, comments=tuple(comments))


def test_an_opening_is_four_requests_that_count_what_they_create(
    world: World, noted: Noted, view: MirrorView, comments: list[SealedComment]
) -> None:
    host = GitHubHost(world.space(), TokenCredential(world.bot_token), budget=noted)

    host.write(host.open_ticket(view), view, whole(view, comments))

    name = f"github:{world.address.removeprefix('http://')}/acme"
    assert [(name, 1), (name, 6), (name, 6), (name, 1)] == noted.asked
    assert OPENING == sum(writes for _, writes in noted.asked)


@pytest.mark.usefixtures("app_host")  # which plays the answer that is spoiled here
def test_a_write_for_which_there_is_no_token_takes_no_turn_and_nothing_of_the_budget(
    github: Played, noted: Noted, app_key: str, view: MirrorView
) -> None:
    mint = "https://api.github.com:443/app/installations/7/access_tokens"
    github.wire.replace("POST", mint, json={}, status=500)
    space = GitHubSpace(SpaceName("hub"), "acme", "conduct")
    host = GitHubHost(space, AppCredential("31", app_key, 7), budget=noted, pause=0)
    host._fields.definitions = ()

    with pytest.raises(HostUnavailable):
        host.open_ticket(view)

    assert noted.asked == []


def test_on_an_idle_budget_an_opening_waits_for_the_three_seconds_between_its_writes_only(
    world: World, engine: sa.Engine, clock: SetClock, view: MirrorView, comments: list[SealedComment]
) -> None:
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock.forward(seconds=seconds)

    budget = SharedBudget(engine, clock)
    host = GitHubHost(world.space(), TokenCredential(world.bot_token), budget=budget, sleep=sleep)
    host.ready()
    host.write(host.open_ticket(view), view, whole(view, comments))

    assert [1.0, 1.0, 1.0] == naps


def test_without_room_nothing_is_sent(
    github: Played, limited: GitHubHost, noted: Noted, view: MirrorView
) -> None:
    github.no_issue_fields()
    noted.trouble = BudgetSpent("Used up.", after=54)
    with pytest.raises(BudgetSpent):
        limited.open_ticket(view)
    assert github.writes() == []
    noted.trouble = None
    github.answers("POST", ISSUES, github.issue(view), status=201)
    limited.open_ticket(view)
    assert len(github.writes()) == 1


def test_without_a_database_to_count_in_nothing_is_sent(
    github: Played, limited: GitHubHost, noted: Noted, view: MirrorView
) -> None:
    github.no_issue_fields()
    noted.trouble = StoreError("The database is away.")
    with pytest.raises(StoreError):
        limited.open_ticket(view)
    assert github.writes() == []


def test_a_job_asks_for_room_for_whole_incidents_and_leaves_some_to_looks(
    limited: GitHubHost, noted: Noted
) -> None:
    limited.ready()
    limited.ready(3)
    limited.ready_to_look()
    limited.ready_to_look(2)
    asked = [OPENING + KEPT, 3 * OPENING + KEPT, LOOK, 2 * LOOK]
    assert [("github:api.github.com/acme", -writes) for writes in asked] == noted.asked


def test_what_is_kept_for_looks_costs_no_incident() -> None:
    for most, _seconds in PACE.limits:
        assert most // OPENING == (most - KEPT) // OPENING


def test_an_owner_is_the_same_however_it_is_spelt(noted: Noted) -> None:
    for owner in ("acme", "Acme"):
        GitHubHost(GitHubSpace(SpaceName("x"), owner, "a"), TokenCredential("ghp_x"), budget=noted).ready()
    assert 1 == len(set(noted.asked))


def test_spaces_of_one_owner_have_one_writer_between_them() -> None:
    """Two host objects, as for two repositories of one organisation, in two threads."""
    first, second, other = (
        Turns(name, budget=Unlimited(), pause=0, sleep=lambda _seconds: None)
        for name in ("github:api.github.com/acme", "github:api.github.com/acme", "github:api.github.com/beta")
    )
    writing = threading.Event()

    def write() -> None:
        with second.turn(1):
            writing.set()

    thread = threading.Thread(target=write)
    with first.turn(1):
        thread.start()
        assert not writing.wait(0.05)
        with other.turn(1):
            pass
    thread.join()
    assert writing.is_set()


def test_nobody_writes_between_the_requests_of_one_ticket(
    world: World, view: MirrorView, comments: list[SealedComment]
) -> None:
    """Who came in between would be in the middle at the same time, and so would each meet the other again with the next ticket."""
    others = 99

    class Crowded(Noted):
        def reserve(self, name: str, pace: Pace, writes: int) -> float:
            if writes == BATCH and not thread.ident:
                thread.start()
                thread.join(0.2)  # by then it stands in line
            return super().reserve(name, pace, writes)

    def write() -> None:
        with host._client.turns.turn(others):
            pass

    thread, noted = threading.Thread(target=write), Crowded()
    host = GitHubHost(world.space(), TokenCredential(world.bot_token), budget=noted)

    host.write(host.open_ticket(view), view, whole(view, comments))
    thread.join()

    assert [1, BATCH, BATCH, 1, others] == [writes for _, writes in noted.asked]


LIMITS = [
    ({"status": 403, "headers": {"Retry-After": "37"}}, {"message": "x"}, 37),
    ({"status": 429, "headers": {"Retry-After": "5"}}, {}, 5),
    ({"status": 429}, {}, 60),
    ({"status": 403}, {"message": "You have exceeded a secondary rate limit."}, 60),
]


@pytest.mark.parametrize(("answer", "body", "after"), LIMITS)
def test_a_wish_to_wait_holds_for_all_who_write_there(
    answer: dict[str, Any],
    body: object,
    after: float,
    github: Played,
    limited: GitHubHost,
    noted: Noted,
    view: MirrorView,
) -> None:
    github.no_issue_fields()
    github.answers("POST", ISSUES, body, **answer)
    with pytest.raises(HostLimited) as caught:
        limited.open_ticket(view)
    assert not isinstance(caught.value, BudgetSpent), "that is the host's doing, and told as such"
    assert after == caught.value.after
    assert [("github:api.github.com/acme", after)] == noted.pauses


def test_a_limit_in_the_middle_of_a_graphql_request_is_heard_too(
    github: Played, noted: Noted, view: MirrorView, ref: TicketRef, comments: list[SealedComment]
) -> None:
    host = GitHubHost(
        GitHubSpace(SpaceName("hub"), "acme", "conduct"), TokenCredential("ghp_x"), budget=noted, pause=0
    )
    github.no_issue_fields()
    github.repository()
    github.answers("GET", f"{ISSUES}/17", github.issue(view))
    half = {"data": {"w0": {}, "w1": None}, "errors": [{"message": "was submitted too quickly"}]}
    github.answers("POST", "/graphql", half)
    with pytest.raises(HostUnknownOutcome) as caught:
        host.write(ref, view, Difference(fields=False, steps=(), comments=tuple(comments)))
    assert 60 == caught.value.after
    assert [("github:api.github.com/acme", 60)] == noted.pauses


def test_who_is_asked_to_wait_again_waits_twice_as_long_each_time(
    noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit."""
    now = [1000.0]
    monkeypatch.setattr("integration.github.turns.time.monotonic", lambda: now[0])
    line = Turns("github:x/acme", budget=noted, pause=0, sleep=lambda _seconds: None)

    for _ in range(8):
        line.slow_down(60)
        now[0] += noted.pauses[-1][1]
    line.went_well()
    line.slow_down(60)

    assert [60, 120, 240, 480, 960, 1920, 3600, 3600, 60] == [seconds for _, seconds in noted.pauses]


def test_answers_to_requests_that_were_on_their_way_do_not_double_the_wait(noted: Noted) -> None:
    line = Turns("github:x/acme", budget=noted, pause=0, sleep=lambda _seconds: None)
    for _ in range(4):
        line.slow_down(60)
    assert [60] * 4 == [seconds for _, seconds in noted.pauses]


def test_what_github_said_is_told_even_if_it_cannot_be_noted(
    github: Played, limited: GitHubHost, noted: Noted
) -> None:
    noted.trouble = StoreError("The database is away.")
    github.answers("GET", "/repos/acme/conduct", {}, status=429)
    with pytest.raises(HostLimited):
        limited.audience()
