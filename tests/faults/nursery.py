"""A program that has loaded coc-server and forks it at a word, so that a new life costs no second of imports.

Each child is the real command in a process (and process group) of its own, with its output in a file. Only its
clock is another: see tests/faults/quick_clock.py. It is told what to do by lines of JSON:

    {"do": "run", …}    start a command; the answer is its process id
    {"do": "wait", …}   wait for a child to end; the answer is how it ended
    {"do": "kill", …}   kill -9 for a child's group, and wait
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from integration.ports import Unlimited
from tests.faults.quick_clock import QuickClock, WrongClock
from webhook_server import wiring
from webhook_server.cli import main as coc_server
from webhook_server.store import clocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import NoReturn


def main() -> None:
    """Do as the lines say, until there are no more."""
    children: set[int] = set()
    for line in sys.stdin:
        told = json.loads(line)
        if told["do"] == "run":
            answer = os.fork()
            if answer == 0:
                _keep_time(QuickClock(told["base"], told["speed"]), Path(told["offset"]))
                _become(Path(told["output"]), told["arguments"])
            with suppress(OSError):  # the child does it too: whoever is first, it can be killed
                os.setpgid(answer, answer)
            children.add(answer)
        else:
            if told["do"] == "kill":
                os.killpg(told["child"], signal.SIGKILL)  # its id is not given away before it is waited for
            _, status = os.waitpid(told["child"], 0)
            children.remove(told["child"])
            answer = os.waitstatus_to_exitcode(status)
        print(answer, flush=True)  # noqa: T201 - the answer
    for child in children:  # whoever told us is gone, perhaps killed: nothing is left behind
        os.killpg(child, signal.SIGKILL)


def _keep_time(right: QuickClock, offset: Path) -> None:
    clock = WrongClock(right, offset)

    def now(_self: clocks.SystemClock) -> datetime:
        return clock.now()

    def steady(_self: clocks.SystemClock) -> float:
        return right.steady()

    clocks.SystemClock.now = now  # type: ignore[method-assign,assignment]
    clocks.SystemClock.steady = steady  # type: ignore[method-assign,assignment]
    setattr(clocks, "database_time", lambda _connection: right.now())  # noqa: B010 - the one clock by which all servers go
    if os.environ.get("COC_FAULT_UNBUDGETED"):
        setattr(wiring, "SharedBudget", _NoBudget)  # noqa: B010 - the place where the parts are joined names it


class _NoBudget(Unlimited):
    """For long runs: at GitHub's pace a thousand incidents would take more than a day of the quick clock."""

    def __init__(self, *_: object) -> None:
        pass

    def forget(self, now: datetime) -> None:
        """Nothing is kept."""


def _become(output: Path, arguments: Sequence[str]) -> NoReturn:
    """Be the command as a shell would have started it: own group, no input, output to a file."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        coc_server(arguments, standalone_mode=False)
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
