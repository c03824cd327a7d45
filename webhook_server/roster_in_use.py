"""The roster the service uses: the file, as long as the team signed it and it follows the one in use.

A file that was swapped, went back to an older one or lacks a signature changes nothing: the roster in use stays,
and the log says so by code. Docs: section 11 of docs/diary-format.md, and docs/server.md.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from integration.errors import CoCError, RosterRefused, StoreError
from integration.logs import Log
from integration.roster_files import Step, enter, follow
from webhook_server.store import tables as t
from webhook_server.store.roster_pin import RosterPin
from webhook_server.store.sql import make_engine
from webhook_server.store.transactions import safe_error

if TYPE_CHECKING:
    from integration.diary.keys import ServiceKey
    from integration.ports import Clock
    from integration.roster import Roster
    from webhook_server.store.sealed import Sealer

_log = Log("coc.server")

_Stamp = tuple[tuple[str, int, int], ...]


class RosterFile:
    """Gives the roster as it is now. The file is judged again whenever it, or a file beside it, changes.

    Raises:
        ConfigError: at the start, the file cannot be read or has mistakes.
        RosterRefused: at the start, it is not signed as it must be, does not follow the one in use, or lacks ``key``.
    """

    def __init__(self, path: Path, *, key: ServiceKey, pin: RosterPin, clock: Clock) -> None:
        self._path = path
        self._key = key
        self._pin = pin
        self._clock = clock
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._roster = self._take()

    def __call__(self) -> Roster:
        """The roster in use. A changed file that may not take its place is not taken."""
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._roster = self._take()
                except StoreError as error:
                    self._stamp = ()  # the file may be good: try again at the next call
                    _log.error("roster-not-used-for-now", serial=self._roster.serial, code=error.code)
                except CoCError as error:
                    _log.error("roster-not-used", serial=self._roster.serial, code=error.code)
            return self._roster

    def _take(self) -> Roster:
        accepted = self._pin.newest()
        roster, steps = judge(self._path, accepted, self._key)
        if steps:
            self._pin.keep(steps, self._clock.now())
            _log.info("roster-in-use", serial=roster.serial, sha256=roster.hash)
        return roster

    def _look(self) -> _Stamp:
        """What shows that a file was changed: the roster's, a signature's, or an older roster's."""
        found: list[tuple[str, int, int]] = []
        try:
            for one in self._path.parent.iterdir():
                if one.name.startswith(self._path.stem):
                    status = one.stat()
                    found.append((one.name, status.st_mtime_ns, status.st_size))
        except OSError:
            return ()
        return tuple(sorted(found))


def judge(path: Path, accepted: Roster | None, key: ServiceKey | None) -> tuple[Roster, tuple[Step, ...]]:
    """The roster in the file, and the steps to it from the one in use; none if it is the one in use.

    Args:
        path: the file.
        accepted: the one in use.
        key: the service's own; None if whoever read the configuration has seen to that.

    Raises:
        ConfigError: a file cannot be read or has mistakes.
        RosterRefused: it may not be used, or does not list the service's own key.
    """
    steps = (enter(path),) if accepted is None else follow(path, accepted)
    roster = steps[-1].roster if steps else accepted
    if roster is None:
        raise AssertionError
    if (
        key
        and steps
        and not any((one.id, one.public) == (key.id, key.public_line) for one in roster.service_keys)
    ):
        raise RosterRefused(
            f"The roster {roster.serial} does not list this service's own key {key.id}.",
            meaning="No desk that accepts it would believe what the service seals. It is not used.",
            next_step="Let the team sign a next roster that lists the key; old keys stay listed when a new one is added.",
        )
    return roster, steps


def check_roster(roster_file: Path, database_url: str, sealer: Sealer | None) -> None:
    """Whether a server would use the roster's file. Writes nothing, and makes no database.

    ``database_url`` is empty, and ``sealer`` None, where the configuration has a mistake.

    Raises:
        ConfigError: a file cannot be read or has mistakes.
        RosterRefused: it would not.
        StoreError: the database cannot be read.
    """
    judge(roster_file, _pinned(database_url, sealer), None)


def _pinned(database_url: str, sealer: Sealer | None) -> Roster | None:
    url = sa.make_url(database_url) if database_url else None
    if url and url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return None
    if url is None or sealer is None:
        raise StoreError(
            "Whether the roster follows the one in use is not known.",
            meaning="That one stands sealed in the database.",
            next_step="Correct the entry of the database or of the root key first.",
        )
    engine = make_engine(database_url)
    try:
        return RosterPin(engine, sealer).newest() if sa.inspect(engine).has_table(t.roster.name) else None
    except sa.exc.SQLAlchemyError as error:
        raise safe_error(error, "It is not known which roster is in use.") from None
    finally:
        engine.dispose()
