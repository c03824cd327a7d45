"""What reaches the log: our own events with allow-listed keys, and nothing of anybody else's text."""

from __future__ import annotations

import ast
import io
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from integration.logs import KEYS, Event, EventFormatter, Log, to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CANARY = "canary 7d1f0c55e2ab Noah pushed me"
PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")


class Output:
    """The log as a running server writes it."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(EventFormatter())

    def lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()


@pytest.fixture
def output() -> Iterator[Output]:
    made = Output()
    root = logging.getLogger()
    level = root.level
    root.addHandler(made.handler)
    root.setLevel(logging.DEBUG)
    yield made
    root.removeHandler(made.handler)
    root.setLevel(level)


def test_an_event_of_ours_stands_there_with_its_values(output: Output) -> None:
    Log("coc.jobs").info("delivery-done", incident="AMBER-HERON-42", delivery="in_" + "0" * 32)

    (line,) = output.lines()
    assert re.fullmatch(
        r"time=\S+\+00:00 level=info logger=coc\.jobs event=delivery-done incident=AMBER-HERON-42 delivery=in_0{32}",
        line,
    )


def an_error() -> Exception:
    error = ValueError(f"400 Bad Request: {{'summary': '{CANARY}'}}")
    error.add_note(CANARY)
    error.response = CANARY  # type: ignore[attr-defined]  # as requests' errors have one
    error.__cause__ = KeyError(CANARY)
    return error


@pytest.mark.parametrize("name", ["jira.client", "dbos", "flask.app", "coc.jobs", CANARY])
def test_of_a_record_that_is_not_ours_only_its_kind_is_left(
    output: Output, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger=name)  # other tests have had libraries quieted
    logger = logging.getLogger(name)
    logger.warning(CANARY)
    logger.error("Failed to create %s: %r", "a ticket", CANARY, extra={"body": CANARY, "incident": CANARY})
    logger.info("%(body)s", {"body": CANARY})
    logger.critical(an_error())
    logger.debug("%s", an_error())
    logger.warning({"event": CANARY}, stack_info=True)
    try:
        raise an_error()
    except ValueError:
        logger.exception("Exception on %s", f"/api/v1/incidents/{CANARY}")

    lines = output.lines()
    assert 7 == len(lines)
    for line in lines:
        assert re.fullmatch(
            r"time=\S+ level=[a-z]+ logger=[\w.?]+ event=foreign at=test_logs:\d+( error=ValueError)?", line
        )
    assert [3, 4, 6] == [number for number, line in enumerate(lines) if line.endswith("error=ValueError")]


def test_a_value_that_could_be_a_sentence_and_an_unknown_key_do_not_get_through(output: Output) -> None:
    hidden = dict.fromkeys(KEYS, CANARY) | {"subject": CANARY, "body": CANARY, "message": CANARY}
    Log("coc.jobs").warning("delivery-waits", **hidden)
    Log("coc.jobs").error(CANARY, code=f"store\n{CANARY}")

    first, second = (line.partition(" event=")[2] for line in output.lines())
    assert "delivery-waits " + " ".join(f"{key}=?" for key in KEYS) == first
    assert "? code=?" == second


def test_an_object_is_not_asked_for_its_text() -> None:
    class Sly(str):
        __slots__ = ()

        def __str__(self) -> str:
            return CANARY

    assert "event=delivery-waits code=?" == str(Event("delivery-waits", {"code": Sly("store")}))


def test_an_event_that_is_an_argument_opens_no_door(output: Output) -> None:
    logging.getLogger("jira").warning("%s %s", CANARY, Event("delivery-done", {}))

    assert CANARY not in output.lines()[0]


PROGRAM = """
import logging, sys, threading, warnings
from integration.logs import to_stderr
from dbos._logger import dbos_logger, init_logger
canary = sys.argv[1]
init_logger()
to_stderr()
init_logger()
dbos_logger.error(canary)
warnings.warn(canary)
def fails():
    raise RuntimeError(canary)
thread = threading.Thread(target=fails)
thread.start()
thread.join()
class Dying:
    def __del__(self):
        fails()
Dying()
logging.getLogger("jira").warning("%s %s", canary)
class Unspeakable:
    def __str__(self):
        fails()
logging.getLogger("jira").warning(Unspeakable())
fails()
"""


def test_a_process_writes_nothing_else_however_it_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, CANARY], capture_output=True, text=True, cwd=ROOT, check=False
    )

    lines = done.stderr.splitlines()
    assert (1, "") == (done.returncode, done.stdout)
    assert 7 == len(lines)
    assert all(line.startswith("time=") for line in lines)
    assert not any(word in done.stderr for word in ("7d1f0c55e2ab", "Noah", "pushed"))
    assert 3 == len([line for line in lines if "event=died error=RuntimeError at=" in line])


# The calls in the code ------------------------------------------------------------------------------


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a :class:`Log` in the product."""
    for folder in ("integration", "webhook_server"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                called = ast.unparse(node.func)
                if called == "log" or re.fullmatch(r"_log\.(info|warning|error)", called):
                    yield f"{path.name}:{node.lineno}", node


def test_each_call_names_an_event_that_the_operators_page_explains_and_keys_that_exist() -> None:
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.partition("## The log")[2], re.MULTILINE))
    named = {"foreign", "died"}
    for place, call in calls():
        event = call.args[0]
        assert isinstance(event, ast.Constant), place
        named.add(str(event.value))
        assert {key.arg for key in call.keywords if key.arg} <= set(KEYS), place

    assert 15 < len(named)
    assert named == named & explained


def test_nothing_in_the_product_logs_past_the_events() -> None:
    past = [
        str(path.relative_to(ROOT))
        for folder in ("integration", "webhook_server")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if re.search(r"logging\.(debug|info|warning|error|exception|critical|log)\(", path.read_text("utf-8"))
        or re.search(r"^_?log(ger)? = logging\.", path.read_text("utf-8"), re.MULTILINE)
    ]

    assert [] == past


class Full(io.StringIO):
    """A disk that has no room for a line of the log, and room for what logging says of that."""

    def write(self, text: str) -> int:
        if text.startswith("time="):
            raise OSError("no space")
        return super().write(text)


def test_what_logging_says_of_its_own_trouble_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would print the record with its text."""
    said = Full()
    monkeypatch.setattr(sys, "stderr", said)
    to_stderr()

    logging.getLogger("some.library").error("%s", CANARY)

    assert "" == said.getvalue()
