"""A dispatcher on an engine that remembers what it was given, trouble of every kind, and an operator who is told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.server.conftest import alone_on
from webhook_server.jobs import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from integration.casework import Casework
    from tests.server.mail import Told
    from webhook_server.store.database import Database


def always(error: BaseException) -> Callable[[str], None]:
    def trouble(_call: str) -> None:
        raise error

    return trouble


def until(happened: Callable[[], object]) -> None:
    """Wait until it has happened; the limit only ends a test that hangs."""
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


@dataclass
class FakeEngine:
    """Remembers what it was given. ``over`` answers; ``runs`` really tries, as the engine would."""

    over: bool = False
    runs: Callable[[str], str] | None = None
    given: list[tuple[str, int, str, int]] = field(default_factory=list)
    forgot: list[datetime] = field(default_factory=list)
    hurried: list[bool] = field(default_factory=list)
    started: int = 0
    stopped: int = 0

    def run(self, inbox_id: str, attempt: int, *, incident: str, seq: int, soon: bool = True) -> bool:
        self.hurried.append(soon)
        again = (inbox_id, attempt, incident, seq) in self.given
        self.given.append((inbox_id, attempt, incident, seq))
        if self.runs is not None and not again:
            self.runs(inbox_id)
        return self.over

    def at_work(self) -> set[str]:
        return set()

    def take_over(self, name: str) -> None:
        pass

    def forget(self, now: datetime) -> None:
        self.forgot.append(now)

    def start(self) -> None:
        self.started += 1

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def dispatcher(work: Casework, database: Database, engine: FakeEngine, told: Told) -> Dispatcher:
    return Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=alone_on(database))  # type: ignore[arg-type]  # what it needs of an engine


class Panic(BaseException):
    """As a library written in Rust raises it."""


OPERATOR = "operator@example.org"


@pytest.fixture
def watched(work: Casework, database: Database, engine: FakeEngine, told: Told) -> Dispatcher:
    return Dispatcher(
        work=work, jobs=database, engine=engine, notifier=told, fellows=alone_on(database), operator=OPERATOR,  # type: ignore[arg-type]  # what it needs of an engine
    )  # fmt: skip
