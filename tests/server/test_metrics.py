"""Figures for Prometheus: right, from small fixed sets of words, and on loopback only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import sqlalchemy as sa
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from integration.audience import AdminProof
from integration.errors import NotifyError, StoreError
from integration.incident import SpaceName
from tests.pg import both
from tests.server.memory_host import SPACE
from webhook_server.metrics import CODES, OUTCOMES, Counters, DatabaseFigures, published
from webhook_server.store import tables as t
from webhook_server.store.chores import ChoreBook
from webhook_server.store.overview import Overview

if TYPE_CHECKING:
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from webhook_server.store.audiences import Audiences
    from webhook_server.store.database import Database

ROOT = Path(__file__).parents[2]
Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass
class Loops:
    stuck: bool = False


@pytest.fixture
def loops() -> Loops:
    return Loops()


@pytest.fixture
def registry(database: Database, clock: SetClock, loops: Loops) -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(
        DatabaseFigures(Overview(database._engine), clock, lambda: loops.stuck, ["conduct", "other"])
    )
    return made


def read(registry: CollectorRegistry) -> Figures:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def jobs(state: str, code: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return ("coc_jobs", (("code", code), ("state", state)))


def test_an_empty_database_has_all_its_figures(registry: CollectorRegistry) -> None:
    figures = read(registry)

    assert 0 == figures[jobs("waiting", "none")] == figures[jobs("parked", "none")]
    assert 0 == figures["coc_oldest_job_age_seconds", ()]
    assert 1 == figures["coc_database_up", ()]
    assert 0 < figures["coc_database_bytes", ()]


@both
def test_what_waits_is_counted_by_state_and_code(
    registry: CollectorRegistry, database: Database, take_in: Intake, clock: SetClock
) -> None:
    first, second, third, fourth = (take_in().inbox_id for _ in range(4))
    later = clock.now() + timedelta(hours=1)
    database.job_failed(database.job(first), parked=True, code="host-refused", reason="x", due_at=later)
    database.job_failed(database.job(second), parked=True, code="host-refused", reason="x", due_at=later)
    database.job_failed(database.job(second), parked=True, code="host-refused", reason="x", due_at=later)
    database.job_failed(database.job(third), parked=False, code="Noah did it", reason="x", due_at=later)
    database.finish(fourth, clock.now())
    clock.forward(minutes=10)

    figures = read(registry)

    assert 2 == figures[jobs("parked", "host-refused")]
    assert 1 == figures[jobs("waiting", "other")]
    assert 4 == figures["coc_waiting_attempts", ()]
    assert 1 == figures["coc_jobs_done", ()]
    assert 4 == figures["coc_incidents", ()]
    assert 600 == figures["coc_oldest_job_age_seconds", ()]


def test_no_code_name_id_source_space_or_word_of_a_report_is_in_the_figures(
    registry: CollectorRegistry, database: Database, take_in: Intake, clock: SetClock, canary: str
) -> None:
    receipt = take_in()
    database.job_failed(
        database.job(receipt.inbox_id), parked=True, code=canary, reason=canary, due_at=clock.now()
    )
    with database._engine.begin() as connection:
        connection.execute(t.chore.insert().values(name=f"reconcile {canary}", done_at=clock.now()))
    text = generate_latest(registry).decode()

    for secret in (
        canary,
        database.job(receipt.inbox_id).code_name,
        receipt.inbox_id,
        receipt.incident,
        "conduct",
    ):
        assert secret not in text


@both
def test_ticket_spaces_that_may_not_be_written_to_are_counted(
    registry: CollectorRegistry, spaces: Audiences, clock: SetClock
) -> None:
    now = clock.now()
    for name, days in (("conduct", 30), ("other", 91), ("not-configured", 92)):
        proven = now - timedelta(days=days)
        proof = AdminProof(proven, proven + timedelta(days=90), "1", ())
        spaces.admin_passed(SpaceName(name), proof, now)
        spaces.freeze(SpaceName(name), ["the repository is public"], now)
    spaces.passed(SPACE, doubts=1, now=now - timedelta(minutes=5))

    figures = read(registry)

    assert 1 == figures["coc_spaces_frozen", ()]
    assert 1 == figures["coc_spaces_without_admin_proof", ()]
    assert 91 * 86400 == figures["coc_proof_age_seconds", (("by", "admin"),)]
    assert 300 == figures["coc_proof_age_seconds", (("by", "service"),)]


@both
def test_rosters_workers_and_chores_are_seen(
    registry: CollectorRegistry, database: Database, clock: SetClock, loops: Loops
) -> None:
    now = clock.now()
    with database._engine.begin() as connection:
        for serial in (1, 7):
            connection.execute(
                t.roster.insert().values(serial=serial, hash="x", sealed_file="x", accepted_at=now)
            )
        for name, seen in (("a", now), ("b", now - timedelta(hours=1))):
            connection.execute(
                t.worker.insert().values(
                    name=name, started_at=now, seen_at=seen, version="1", root_key_id="x"
                )
            )
        connection.execute(t.chore.insert().values(name="backup", done_at=now - timedelta(days=1)))
    loops.stuck = True

    figures = read(registry)

    assert 7 == figures["coc_roster_serial", ()]
    assert 1 == figures["coc_workers_alive", ()]
    assert 86400 == figures["coc_chore_age_seconds", (("chore", "backup"),)]
    assert 1 == figures["coc_jobs_stuck", ()]


@both
def test_what_fails_is_seen_by_chore_and_code_and_no_ticket_space_is_named(
    registry: CollectorRegistry, database: Database, clock: SetClock, canary: str
) -> None:
    book, now = ChoreBook(database._engine), clock.now()
    book.failed("boards", f"space {canary}", "host-refused", now)
    book.failed("unknown-tickets", "", canary, now)
    clock.forward(minutes=10)
    book.failed("boards", "another", "host-refused", clock.now())
    book.failed("boards", f"space {canary}", "host-refused", clock.now())

    figures = {labels: value for (name, labels), value in read(registry).items() if "chore_failing" in name}

    assert {
        (("chore", "boards"), ("code", "host-refused")): 600,
        (("chore", "unknown-tickets"), ("code", "other")): 600,
    } == figures
    assert canary not in generate_latest(registry).decode()
    for part in ("another", f"space {canary}"):
        book.succeeded("boards", part)
    book.succeeded("unknown-tickets", "")
    assert "coc_chore_failing_seconds{" not in generate_latest(registry).decode()


def test_a_database_that_is_away_is_a_figure_and_no_trouble(
    registry: CollectorRegistry, database: Database
) -> None:
    with database._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE inbox RENAME COLUMN state TO gone"))

    figures = read(registry)

    assert 0 == figures["coc_database_up", ()]
    assert ("coc_jobs_done", ()) not in figures


def test_counters_take_known_outcomes_only() -> None:
    registry = CollectorRegistry()
    counters = Counters(registry)
    for outcome in ("received", "received", "unauthenticated", "Noah did it"):
        counters.delivery(outcome)

    assert "host-gone" == counters.attempt("host-gone")
    figures = read(registry)
    assert [2, 1, 1] == [
        figures["coc_deliveries_total", (("outcome", name),)]
        for name in ("received", "unauthenticated", "other")
    ]
    assert 1 == figures["coc_attempts_total", (("outcome", "host-gone"),)]


def test_a_first_refusal_is_a_rise_from_zero() -> None:
    registry = CollectorRegistry()
    Counters(registry)

    figures = read(registry)

    for outcome in (
        "received",
        "failed",
        "unauthenticated",
        "stale-delivery",
        "too-large",
        "unknown-source",
        "not-received",
    ):
        assert 0 == figures["coc_deliveries_total", (("outcome", outcome),)]
    assert 0 == figures["coc_notices_total", (("outcome", "failed"),)]


@pytest.mark.parametrize("trouble", [NotifyError("no"), RuntimeError("no")])
def test_a_notice_is_counted_as_sent_or_failed_and_goes_on_as_it_was(told: Told, trouble: Exception) -> None:
    registry = CollectorRegistry()
    notifier = Counters(registry).notices(told)

    notifier.tell(("a@example.org",), subject="s", text="t")
    told.trouble = trouble
    with pytest.raises(type(trouble)):
        notifier.tell(("a@example.org",), subject="s", text="t")

    assert [(("a@example.org",), "s", "t")] == told.mails
    figures = read(registry)
    assert (1, 1) == tuple(figures["coc_notices_total", (("outcome", name),)] for name in ("sent", "failed"))


def test_a_notice_that_only_some_got_is_counted_as_sent_and_as_failed(told: Told) -> None:
    registry = CollectorRegistry()
    told.refuses = {"b@example.org"}

    left = Counters(registry).notices(told).tell(("a@example.org", "b@example.org"), subject="s", text="t")

    assert ["b@example.org"] == left
    figures = read(registry)
    assert (1, 1) == tuple(figures["coc_notices_total", (("outcome", name),)] for name in ("sent", "failed"))


def test_nothing_of_the_library_that_describes_this_machine_is_published(registry: CollectorRegistry) -> None:
    assert REGISTRY is not registry
    assert not re.search(r"^(python|process)_", generate_latest(registry).decode(), re.MULTILINE)


def test_it_is_answered_while_the_server_runs_and_then_no_more(
    registry: CollectorRegistry, free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}/metrics"
    with published(registry, ("127.0.0.1", free_port)):
        answer = requests.get(url, timeout=10)
        with (
            pytest.raises(OSError, match="Address already in use"),
            published(registry, ("127.0.0.1", free_port)),
        ):
            pass

    assert "coc_database_up 1.0" in answer.text
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)


def test_without_an_address_nothing_listens(registry: CollectorRegistry) -> None:
    with published(registry, None):
        pass


def test_every_code_is_an_outcome() -> None:
    assert (
        {"interrupted", "unexpected", StoreError.code, "does-not-open", "unknown-source"} <= CODES < OUTCOMES
    )


def test_every_figure_is_explained_to_the_operator_and_no_other(registry: CollectorRegistry) -> None:
    Counters(registry)
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`(coc_[a-z_]+)`", page))
    there = {family.name for family in registry.collect()}

    assert explained == {f"{name}_total" if f"{name}_total" in explained else name for name in there}
