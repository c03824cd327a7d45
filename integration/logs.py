"""What may stand in a log: events of our own with values of a closed form; of everything else only its kind.

A record is let through if its message is an :class:`Event`: a name, and values under the keys below, each of
which has a form that no sentence of a report fits. Whatever else reaches the log, from a library, with an
exception or with extra attributes, is reduced to where it came from and to the exception's type, because its
text could quote a report. The standard library's logging does this with one formatter; a structured logging
library would format our own calls, but those of other libraries would still need all of it.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_NUMBER = re.compile(r"\d{1,18}")
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
KEYS: Mapping[str, re.Pattern[str]] = {
    "incident": re.compile(r"[A-Z]{3,10}-[A-Z]{3,10}-\d{2}|inc_[a-z0-9]{26}"),
    "delivery": re.compile(r"in_[0-9a-f]{32}"),
    "source": _NAME,
    "space": _NAME,
    "worker": _NAME,
    "ticket": re.compile(r"\d{1,18}"),
    "state": _CODE,
    "outcome": _CODE,
    "code": _CODE,
    "loop": _CODE,
    "error": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}"),
    "at": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}:\d{1,6}"),
    "version": re.compile(r"[0-9][0-9a-z.+]{0,39}"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "serial": _NUMBER,
    "size": _NUMBER,
    "count": _NUMBER,
    "of": _NUMBER,
    "seconds": _NUMBER,
}
"""Every key that a log line can have beside ``time``, ``level``, ``logger`` and ``event``, and the form of its value."""

_LOGGER = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_HIDDEN = "?"
LIBRARIES = ("urllib3", "jira", "github", "sqlalchemy", "alembic", "dbos", "waitress", "werkzeug")
"""Whose chatter is not wanted: only their warnings, reduced to their kind, are let through."""


class Event:
    """What one line says. ``str()`` is ``event=name key=value …`` and safe to show: a value that does not fit is ``?``."""

    __slots__ = ("_text",)

    def __init__(self, name: str, values: Mapping[str, str | int]) -> None:
        parts = [f"event={_shown(_CODE, name)}"]
        parts += [f"{key}={_shown(KEYS[key], value)}" for key, value in values.items() if key in KEYS]
        self._text = " ".join(parts)

    def __str__(self) -> str:
        return self._text


class Log:
    """A logger that takes events only."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **values: str | int) -> None:
        """Something happened as it should."""
        self._write(logging.INFO, event, values)

    def warning(self, event: str, **values: str | int) -> None:
        """Somebody may have to look, or it clears up by itself."""
        self._write(logging.WARNING, event, values)

    def error(self, event: str, **values: str | int) -> None:
        """Somebody has to look."""
        self._write(logging.ERROR, event, values)

    def _write(self, level: int, event: str, values: Mapping[str, str | int]) -> None:
        """As ``Logger.log`` does, but without looking for the calling line, which none of our lines shows."""
        logger = self._logger
        if logger.isEnabledFor(level):
            logger.handle(logger.makeRecord(logger.name, level, "", 0, Event(event, values), (), None))


class EventFormatter(logging.Formatter):
    """One line of ``key=value`` for each record; nothing of it can be a sentence."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in UTC, level, logger; then the event, or where a foreign record was made and its error's type."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        own = type(record.msg) is Event
        said = record.msg if own else Event("foreign", _kind(record))
        level = _LEVELS.get(record.levelno, "other")
        return f"time={time} level={level} logger={_shown(_LOGGER, record.name)} {said}"


def to_stderr() -> None:
    """Let this process write nothing but such lines to its standard error, even when it dies of an exception."""
    logging.raiseExceptions = False  # what logging itself would print holds the record's text
    logging.captureWarnings(capture=True)
    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    dbos = logging.getLogger("dbos")  # it puts a handler of its own there if it finds none
    dbos.handlers[:] = [handler]
    dbos.propagate = False
    sys.excepthook = _died
    sys.unraisablehook = lambda one: _died(one.exc_type, one.exc_value, one.exc_traceback)
    threading.excepthook = lambda one: _died(one.exc_type, one.exc_value, one.exc_traceback)


def _died(kind: type[BaseException], _error: BaseException | None, trace: TracebackType | None) -> None:
    """Instead of a traceback, whose last line is the exception's text: its type, and the place in the code."""
    frames = traceback.extract_tb(trace)
    place = f"{Path(frames[-1].filename).stem}:{frames[-1].lineno}" if frames else ""
    logging.getLogger("coc").critical(Event("died", {"error": kind.__name__, "at": place}))


def _kind(record: logging.LogRecord) -> dict[str, str | int]:
    """Where a foreign record was made, and the type of the exception it is about."""
    kind: dict[str, str | int] = {"at": f"{record.module}:{record.lineno}"}
    arguments = record.args if isinstance(record.args, tuple) else ()
    errors = [one for one in (record.msg, *arguments) if isinstance(one, BaseException)]
    if record.exc_info and record.exc_info[0] is not None:
        kind["error"] = record.exc_info[0].__name__
    elif errors:
        kind["error"] = type(errors[0]).__name__
    return kind


def _shown(form: re.Pattern[str], value: object) -> str:
    text = str(value) if type(value) in {str, int} else _HIDDEN
    return text if form.fullmatch(text) else _HIDDEN
