"""On the real engine: no report waits for ever for a process that died in the middle of it and never comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.server.conftest import alone_on
from tests.server.jobs.conftest import until
from webhook_server.engine import Engine
from webhook_server.jobs import Dispatcher, attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from integration.casework import Casework
    from tests.conftest import SetClock
    from tests.server.conftest import Intake
    from tests.server.mail import Told
    from webhook_server.store.database import Database

ROOT = Path(__file__).parents[3]
DOOMED = """
import sys, time
from webhook_server.engine import Engine

def attempt(inbox_id):
    print("begun", flush=True)
    time.sleep(600)

url, inbox_id, incident = sys.argv[1:]
engine = Engine(url, attempt, name="doomed")
engine.start()
engine.run(inbox_id, 0, incident=incident, seq=1)
time.sleep(600)
"""


def test_what_a_process_had_begun_that_nobody_lists_is_taken_over(
    take_in: Intake, work: Casework, database: Database, told: Told, clock: SetClock, tmp_path: Path
) -> None:
    """It was struck off and went on for a moment; or the database is a restored one, which lists none, and the engine's is not."""
    receipt = take_in()
    url = f"sqlite:///{tmp_path / 'engine.sqlite'}"
    words = [sys.executable, "-c", DOOMED, url, receipt.inbox_id, receipt.incident]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as doomed:
        assert doomed.stdout is not None
        assert "begun\n" == doomed.stdout.readline()
        doomed.kill()
    locks, fellows = Locks(database._engine), alone_on(database)
    engine = Engine(url, lambda inbox_id: attempt(inbox_id, work, database, locks))
    dispatcher = Dispatcher(work=work, jobs=database, engine=engine, notifier=told, fellows=fellows)
    fellows.join()
    engine.start()

    def done() -> bool:
        dispatcher.turn()
        clock.forward(minutes=1)
        return database.delivery(receipt.inbox_id).finished

    try:
        until(done)
    finally:
        engine.stop()
