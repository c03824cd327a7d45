"""Writes to Jira keep to its limit for one ticket; a wish to wait is kept by everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import BudgetSpent, HostLimited, HostUnavailable, HostUnknownOutcome, StoreError
from integration.jira.client import JiraClient
from integration.jira.turns import PACE
from integration.ports import Pace, Unlimited
from webhook_server.store.budget import SharedBudget
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import responses

    from integration.jira.space import JiraSpace
    from tests.conftest import SetClock

API = "https://acme.atlassian.net/rest/api/3"
SITE = "jira:acme.atlassian.net"
TOKEN = "tOkEn-1f0c6d2b9a7e4f53"


class Noted(Unlimited):
    """A budget that notes what it is asked; ``trouble`` is what it answers instead."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.pauses: list[tuple[str, float]] = []
        self.trouble: Exception | None = None

    def reserve(self, name: str, pace: Pace, writes: int) -> float:
        assert pace == PACE
        self.asked.append((name, writes))
        return 0.0

    def check(self, name: str, pace: Pace, writes: int) -> None:
        assert (name, pace, writes) == (SITE, Pace(), 1)
        if self.trouble:
            raise self.trouble

    def pause(self, name: str, seconds: float) -> None:
        if self.trouble:
            raise self.trouble
        self.pauses.append((name, seconds))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def client(space: JiraSpace, noted: Noted) -> JiraClient:
    return JiraClient(space, token=TOKEN, budget=noted)


@pytest.fixture
def shared(tmp_path: Path, clock: SetClock) -> Iterator[SharedBudget]:
    engine = make_engine(f"sqlite:///{tmp_path / 'coc.sqlite'}")
    migrate(engine)
    yield SharedBudget(engine, clock)
    engine.dispose()


def test_each_kind_of_write_counts_for_its_ticket_and_reads_count_for_none(
    client: JiraClient, noted: Noted, jira: responses.RequestsMock
) -> None:
    for method in ("GET", "POST", "PUT"):
        jira.add(method, f"{API}/thing", json={}, status=200)
    jira.add("POST", f"{API}/file", json=[], status=200)
    jira.add("DELETE", f"{API}/thing", status=204)
    client.read("thing", what="x")
    client.read_by_post("thing", {}, what="x")
    client.write("thing", {}, what="x")
    assert [] == noted.asked

    client.write("thing", {}, what="x", ticket="10100", writes=11)
    client.put("thing", {}, what="x", ticket="10100")
    client.upload("file", "name", b"", what="x", ticket="10101")
    client.delete("thing", what="x", ticket="10102")

    counted = [("10100", 11), ("10100", 1), ("10101", 1), ("10102", 1)]
    assert [(f"{SITE}/{ticket}", writes) for ticket, writes in counted] == noted.asked


def test_writes_to_one_ticket_keep_to_jiras_limit_whoever_makes_them(
    space: JiraSpace, shared: SharedBudget, clock: SetClock, jira: responses.RequestsMock
) -> None:
    """Two clients as in two processes: together 20 writes in 2 seconds, and the other ticket waits for nobody."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock.forward(seconds=seconds)

    jira.add("POST", f"{API}/thing", json={})
    clients = [JiraClient(space, token=TOKEN, budget=shared, sleep=sleep) for _ in range(2)]
    for number in range(20):
        clients[number % 2].write("thing", {}, what="x", ticket="10100")
    assert [] == naps
    clients[0].write("thing", {}, what="x", ticket="10101")
    assert [] == naps

    clients[1].write("thing", {}, what="x", ticket="10100")

    assert [2.0] == naps


def test_the_hundred_and_first_write_of_thirty_seconds_waits_in_the_inbox(
    space: JiraSpace, shared: SharedBudget, clock: SetClock, jira: responses.RequestsMock
) -> None:
    jira.add("POST", f"{API}/thing", json={})
    client = JiraClient(
        space, token=TOKEN, budget=shared, sleep=lambda seconds: clock.forward(seconds=seconds)
    )
    for _ in range(100):
        client.write("thing", {}, what="x", ticket="10100")
    with pytest.raises(BudgetSpent) as caught:
        client.write("thing", {}, what="x", ticket="10100")
    assert 22.0 == caught.value.after
    assert 100 == len(jira.calls)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.read("thing", what="x"),
        lambda client: client.write("thing", {}, what="x", ticket="10100"),
    ],
    ids=["read", "write"],
)
def test_a_wish_to_wait_holds_for_the_whole_site(
    call: Callable[[JiraClient], object], client: JiraClient, noted: Noted, jira: responses.RequestsMock
) -> None:
    for method in ("GET", "POST"):
        jira.add(method, f"{API}/thing", status=429, headers={"Retry-After": "17"})
    with pytest.raises(HostLimited) as caught:
        call(client)
    assert not isinstance(caught.value, BudgetSpent)
    assert [(SITE, 17.0)] == noted.pauses


def test_trouble_that_names_a_wait_is_heard_like_a_limit_and_other_trouble_is_not(
    client: JiraClient, noted: Noted, jira: responses.RequestsMock
) -> None:
    jira.add("POST", f"{API}/thing", status=503, headers={"Retry-After": "9"})
    jira.add("GET", f"{API}/thing", status=503)
    with pytest.raises(HostUnknownOutcome):
        client.write("thing", {}, what="x", ticket="10100")
    with pytest.raises(HostUnavailable):
        client.read("thing", what="x")
    assert [(SITE, 9.0)] == noted.pauses


def test_while_a_site_wants_us_to_wait_nothing_is_sent_to_it(
    client: JiraClient, noted: Noted, jira: responses.RequestsMock
) -> None:
    noted.trouble = BudgetSpent("Wait.", after=9)
    for write in (
        lambda: client.write("issue", {}, what="x"),
        lambda: client.write("thing", {}, what="x", ticket="10100"),
        lambda: client.put("thing", {}, what="x", ticket="10100"),
        lambda: client.upload("file", "name", b"", what="x", ticket="10100"),
        lambda: client.delete("thing", what="x", ticket="10100"),
    ):
        with pytest.raises(BudgetSpent):
            write()
    assert 0 == len(jira.calls)


def test_what_jira_said_is_told_even_if_it_cannot_be_noted(
    client: JiraClient, noted: Noted, jira: responses.RequestsMock
) -> None:
    noted.trouble = StoreError("The database is away.")
    jira.add("GET", f"{API}/thing", status=429, headers={"Retry-After": "17"})
    with pytest.raises(HostLimited):
        client.read("thing", what="x")
