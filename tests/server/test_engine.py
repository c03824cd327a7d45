"""The real engine on files: each attempt once, in order, whatever dies, and only opaque ids in its tables."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dbos import DBOS

from integration.errors import CoCError
from webhook_server.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
CANARY = "canary-77d1e0b94c2f4a17"
PATIENCE = 30


def eventually(happened: Callable[[], bool]) -> None:
    """Wait until it has happened; the limit only ends a test that hangs."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


class Recorder:
    """An attempt that notes what it was called with; ``act`` may raise or wait."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.act: Callable[[str], object] = lambda _inbox_id: None

    def __call__(self, inbox_id: str) -> str:
        self.began.append(inbox_id)
        self.act(inbox_id)
        self.ended.append(inbox_id)
        return "done"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def engine(tmp_path: Path, recorder: Recorder) -> Iterator[Engine]:
    """DBOS is one for the whole process, so it is always taken down."""
    engine = Engine(f"sqlite:///{tmp_path / 'engine.sqlite'}", recorder)
    engine.start()
    yield engine
    engine.stop()


def over(engine: Engine, inbox_id: str, attempt: int, *, incident: str = "inc_a", seq: int = 1) -> None:
    eventually(lambda: engine.run(inbox_id, attempt, incident=incident, seq=seq))


def test_each_attempt_at_a_delivery_runs_once(engine: Engine, recorder: Recorder) -> None:
    over(engine, "in_1", 0)
    over(engine, "in_1", 0)
    over(engine, "in_1", 1)

    assert ["in_1", "in_1"] == recorder.ended


def test_an_attempt_under_way_is_not_over(engine: Engine, recorder: Recorder) -> None:
    go = threading.Event()
    recorder.act = lambda _inbox_id: go.wait(PATIENCE)

    eventually(lambda: not engine.run("in_1", 0, incident="inc_a", seq=1) and recorder.began == ["in_1"])
    assert not engine.run("in_1", 0, incident="inc_a", seq=1)
    go.set()
    over(engine, "in_1", 0)

    assert ["in_1"] == recorder.ended


def test_attempts_for_one_incident_keep_their_order_and_never_overlap(
    engine: Engine, recorder: Recorder
) -> None:
    under_way: list[str] = []
    overlapped: list[str] = []

    def act(inbox_id: str) -> None:
        overlapped.extend(under_way)
        under_way.append(inbox_id)
        time.sleep(0.005)
        under_way.remove(inbox_id)

    recorder.act = act
    ids = [f"in_{n:02}" for n in (7, 3, 9, 1, 8, 2, 6, 5, 4, 0)]  # their order is not that of their names

    for seq, inbox_id in enumerate(ids, 1):
        engine.run(inbox_id, 0, incident="inc_a", seq=seq)
    eventually(lambda: len(recorder.ended) == len(ids))

    assert ids == recorder.ended
    assert [] == overlapped


def test_two_incidents_do_not_wait_for_each_other(engine: Engine, recorder: Recorder) -> None:
    together = threading.Barrier(2)
    recorder.act = lambda _inbox_id: together.wait(PATIENCE)

    engine.run("in_1", 0, incident="inc_a", seq=1)
    engine.run("in_2", 0, incident="inc_b", seq=2)
    eventually(lambda: len(recorder.ended) == 2)

    assert {"in_1", "in_2"} == set(recorder.ended)


def test_an_attempt_that_raises_is_over_and_its_words_are_not_kept(
    engine: Engine, recorder: Recorder, tmp_path: Path
) -> None:
    def fail(_inbox_id: str) -> None:
        raise CoCError(CANARY)

    recorder.act = fail

    over(engine, "in_1", 0)
    recorder.act = lambda _inbox_id: None
    over(engine, "in_1", 1)

    assert ["in_1"] == recorder.ended
    assert CANARY.encode() not in on_disk(tmp_path)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("engine.sqlite*"))


def cells(folder: Path) -> Iterator[tuple[str, str, object]]:
    """Every value in every table of the engine."""
    connection = sqlite3.connect(folder / "engine.sqlite")
    try:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names from the file itself
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield from ((table, name, value) for name, value in zip(names, row, strict=True))
    finally:
        connection.close()


def test_it_looks_for_work_often_only_while_there_is_some(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause() -> float:
        queue = DBOS.retrieve_queue("incidents")
        assert queue is not None
        return queue.polling_interval_sec

    start = pause()

    over(engine, "in_1", 0)
    busy = pause()
    engine.forget(datetime.now(UTC))
    assert busy == pause()
    monkeypatch.setattr(engine, "_handed_at", float("-inf"))
    engine.forget(datetime.now(UTC))
    at_rest = pause()
    engine.run("in_2", 0, incident="inc_b", seq=2)

    assert at_rest > start > busy == pause()


def test_it_looks_seldom_where_what_it_is_given_has_to_wait_for_others_anyway(
    engine: Engine, recorder: Recorder
) -> None:
    def pause() -> float:
        queue = DBOS.retrieve_queue("incidents")
        assert queue is not None
        return queue.polling_interval_sec

    idle = pause()
    engine.run("in_1", 0, incident="inc_a", seq=1)
    busy = pause()

    engine.run("in_2", 0, incident="inc_b", seq=2, soon=False)

    assert idle == pause() > busy
    eventually(lambda: ["in_1", "in_2"] == sorted(recorder.ended))


def test_nothing_is_pickled(engine: Engine, recorder: Recorder, tmp_path: Path) -> None:
    over(engine, "in_1", 0)
    recorder.act = lambda _inbox_id: (_ for _ in ()).throw(ValueError(CANARY))
    over(engine, "in_2", 0)

    written_by = {
        value for _, name, value in cells(tmp_path) if name == "serialization" and value is not None
    }
    values = {str(value) for _, _, value in cells(tmp_path)}

    assert {"coc_plain_json"} == written_by
    assert not any(value.startswith("gAS") for value in values)  # a pickle in base64
    assert b"\x80\x04\x95" not in on_disk(tmp_path)


def test_its_tables_hold_opaque_ids_only(engine: Engine, tmp_path: Path) -> None:
    over(engine, "in_1", 0, incident="inc_a")

    found = list(cells(tmp_path))
    inputs = {value for _, name, value in found if name == "inputs" and value is not None}
    outputs = {value for _, name, value in found if name == "output" and value is not None}
    clear = {
        value for table, name, value in found if table == "workflow_status" and name.endswith(("key", "uuid"))
    }

    assert {'{"args": ["in_1"], "kwargs": {}}'} == inputs
    assert {"in_1.0", "inc_a"} == clear - {None}
    assert {'"done"'} == outputs


def test_work_of_another_version_of_the_program_is_taken_up(engine: Engine, tmp_path: Path) -> None:
    """By default each edit of the code makes a version of its own, and leaves what others had begun."""
    over(engine, "in_1", 0)

    assert {"1"} == {
        value for table, name, value in cells(tmp_path) if (table, name) == ("workflow_status", "application_version")
    }  # fmt: skip


@pytest.mark.parametrize("whose", ["ours", "another's"])
def test_a_long_attempt_that_is_under_way_is_not_begun_again(
    engine: Engine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    monkeypatch.setattr("webhook_server.engine._LOST_AFTER", 0.1)
    go = threading.Event()
    recorder.act = lambda _inbox_id: go.wait(PATIENCE)
    engine.run("in_1", 0, incident="inc_a", seq=1)
    eventually(lambda: recorder.began == ["in_1"])
    if whose == "another's":  # of that one it is not known here what runs
        engine._running.clear()
        with engine._sql.begin() as connection:
            connection.exec_driver_sql("UPDATE workflow_status SET executor_id = 'other'")

    until = time.monotonic() + 1
    while time.monotonic() < until:
        assert not engine.run("in_1", 0, incident="inc_a", seq=1)
        time.sleep(0.05)
    go.set()

    over(engine, "in_1", 0)
    assert ["in_1"] == recorder.began


def test_only_what_was_over_days_ago_is_forgotten(engine: Engine, recorder: Recorder) -> None:
    go = threading.Event()
    recorder.act = lambda inbox_id: inbox_id == "in_2" and go.wait(PATIENCE)
    over(engine, "in_1", 0, incident="inc_a")
    engine.run("in_2", 0, incident="inc_b", seq=2)
    engine.run("in_3", 0, incident="inc_b", seq=3)
    eventually(lambda: recorder.began == ["in_1", "in_2"])

    def remembered() -> list[str]:
        return sorted(one.workflow_id for one in DBOS.list_workflows())

    engine.forget(datetime.now(UTC) + timedelta(days=1))
    assert ["in_1.0", "in_2.0", "in_3.0"] == remembered()
    engine.forget(datetime.now(UTC) + timedelta(days=3))
    assert ["in_2.0", "in_3.0"] == remembered()
    go.set()
    over(engine, "in_3", 0, incident="inc_b", seq=3)


def test_work_that_was_waiting_is_done_after_a_stop(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'engine.sqlite'}"
    idle, busy = Recorder(), Recorder()
    hold = threading.Event()
    busy.act = lambda inbox_id: inbox_id == "in_1" and hold.wait(PATIENCE)
    first = Engine(url, busy)
    first.start()
    for seq in (1, 2, 3):
        first.run(f"in_{seq}", 0, incident="inc_a", seq=seq)
    eventually(lambda: busy.began == ["in_1"])
    hold.set()
    first.stop()

    second = Engine(url, idle)
    second.start()
    try:
        for seq in (1, 2, 3):
            over(second, f"in_{seq}", 0, seq=seq)
    finally:
        second.stop()

    assert ["in_1", "in_2", "in_3"] == sorted({*busy.ended, *idle.ended})
    assert ["in_2", "in_3"] == [one for one in (*busy.ended, *idle.ended) if one != "in_1"]


WORKER = """
import sys, time
from pathlib import Path
from webhook_server.engine import Engine

folder, hang = Path(sys.argv[1]), sys.argv[2] == "hang"

def attempt(inbox_id):
    with (folder / "log").open("a") as log:
        log.write(f"began {inbox_id}\\n")
    if hang and inbox_id == "in_2":
        time.sleep(600)
    with (folder / "log").open("a") as log:
        log.write(f"ended {inbox_id}\\n")
    return "done"

engine = Engine(f"sqlite:///{folder / 'engine.sqlite'}", attempt)
engine.start()
wanted = {f"in_{n}": n for n in (1, 2, 3)}
while wanted:
    for inbox_id, seq in list(wanted.items()):
        if engine.run(inbox_id, 0, incident="inc_a", seq=seq):
            del wanted[inbox_id]
    time.sleep(0.02)
engine.stop()
"""


def test_after_a_kill_in_the_middle_only_the_attempt_in_flight_is_repeated(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def worker(how: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", textwrap.dedent(WORKER), str(tmp_path), how], cwd=ROOT)

    first = worker("hang")
    try:
        eventually(lambda: log.exists() and "began in_2" in log.read_text())
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert 0 == worker("go on").wait(PATIENCE)

    assert [
        "began in_1", "ended in_1", "began in_2", "began in_2", "ended in_2", "began in_3", "ended in_3",
    ] == log.read_text().splitlines()  # fmt: skip


def test_times_are_finer_than_a_second(engine: Engine, tmp_path: Path) -> None:
    """With SQLite's own clock on Python 3.11 they are whole seconds, and order in an incident is lost."""
    over(engine, "in_1", 0)

    (created,) = {
        value for table, name, value in cells(tmp_path) if table == "workflow_status" and name == "created_at"
    }

    assert isinstance(created, float)
    assert created % 1000 != 0
    connection = engine._sql.raw_connection()
    try:
        first, second = connection.cursor().execute("SELECT unixepoch('subsec'), strftime('%s')").fetchone()
    finally:
        connection.close()
    assert isinstance(first, float)
    assert isinstance(second, float)
