"""What to do about a database's trouble, told from the kind of the driver's error alone: its text may hold anything.

SQLite's kinds: https://www.sqlite.org/rescode.html. PostgreSQL's: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from integration.errors import StoreError

_RESTORE = (
    "It is not a database any more, or is damaged. Stop the server, put the file aside with its -wal and leave the folder of "
    'inbox keys as it is, since reports that wait may need both; then restore the newest backup (docs/server.md, "Back up").'
)
_RESTORE_POSTGRESQL = (
    "PostgreSQL says that its data is damaged. Stop the server, keep what is there, and restore the newest backup "
    'into an empty database (docs/server.md, "Back up").'
)
_ROOM = "See that its disk is not full and gives no errors, and that the server's account may write to it and to its folder."
_OPEN = "See that its folder is there, and that the server's account may open and write what lies in it."
_CONNECT = (
    "See that PostgreSQL runs and takes connections, and that [server].database has its right address, database, "
    "account and password."
)
_RIGHTS = "Give the account in [server].database the right to write to its database, and see that it is no read-only copy."
_MAKE_ANEW = (
    "It is not a database any more, or is damaged. Stop the server, move it away with its -wal and its -shm, and start "
    "again: it is made anew. It needs no backup."
)
_MAKE_ANEW_POSTGRESQL = (
    "PostgreSQL says that its data is damaged. If the engine has a database of its own, give it a new, empty one; it needs no "
    "backup. If it shares that of the reports, restore the newest backup into an empty database."
)
_WAIT = (
    "Another program keeps it locked. It is tried again; if it lasts, end what else has the database open "
    "(a backup tool, a database shell, a server that stands still)."
)
_STOOD_STILL = (
    "This process stood still in the middle of a transaction, which PostgreSQL then ended. It is tried again; if it comes again, see "
    "that its machine is not paused and has memory and processor time to spare."
)
_NO_DATABASES = "It is no trouble that a database names. Look into the log, then start the server again."
_OTHERWISE = "See that its disk is not full and that the server may write to it."

_SQLITE = {
    "SQLITE_NOTADB": _RESTORE,
    "SQLITE_CORRUPT": _RESTORE,
    "SQLITE_FULL": _ROOM,
    "SQLITE_IOERR": _ROOM,
    "SQLITE_READONLY": _ROOM,
    "SQLITE_CANTOPEN": _OPEN,
    "SQLITE_PERM": _OPEN,
    "SQLITE_BUSY": _WAIT,
    "SQLITE_LOCKED": _WAIT,
}
"""By primary kind; an extended one begins with it."""

_POSTGRESQL = {
    "08": _CONNECT,
    "28": _CONNECT,
    "3D": _CONNECT,
    "53100": _ROOM,
    "53300": _CONNECT,
    "57P": _CONNECT,
    "58": _ROOM,
    "25006": _RIGHTS,
    "25P03": _STOOD_STILL,
    "42501": _RIGHTS,
    "40": _WAIT,
    "55P03": _WAIT,
    "XX001": _RESTORE_POSTGRESQL,
    "XX002": _RESTORE_POSTGRESQL,
}
"""By how the SQLSTATE begins."""
_NO_CONNECTION = {"OperationalError", "ConnectionTimeout"}
"""psycopg has no SQLSTATE for a connection that never came about, or that broke off."""


def kind_of(error: BaseException) -> str:
    """The name of what happened: SQLite's own, or the type of the error, as PostgreSQL's driver has one for each kind."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__


def next_step_for(error: BaseException) -> str:
    """What whoever runs the server can do. ``error`` is the driver's own."""
    if name := getattr(error, "sqlite_errorname", None):
        return next((step for kind, step in _SQLITE.items() if name.startswith(kind)), _OTHERWISE)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return next((step for kind, step in _POSTGRESQL.items() if state.startswith(kind)), _OTHERWISE)
    is_psycopg = type(error).__module__.partition(".")[0] == "psycopg"
    return _CONNECT if is_psycopg and type(error).__name__ in _NO_CONNECTION else _OTHERWISE


def engine_trouble(error: BaseException) -> StoreError:
    """What is said if the engine's own database cannot be used. ``error`` is whatever the engine, or SQLAlchemy, raised.

    Nothing in it is worth a backup, so that a damaged one is not restored but made anew.
    """
    cause = _of_the_driver(error)
    step = next_step_for(cause) if cause is not error else _NO_DATABASES
    step = {_RESTORE: _MAKE_ANEW, _RESTORE_POSTGRESQL: _MAKE_ANEW_POSTGRESQL}.get(step, step)
    return StoreError(
        f"The engine's database cannot be used ({kind_of(cause)}).",
        meaning="Nothing is lost: reports are kept in the other database, [server].database. But none is brought to its ticket "
        "before the engine works; attempts are then made anew, and they read before they write.",
        next_step=step.replace("[server].database", "[server].engine_database"),
    )


def _of_the_driver(error: BaseException) -> BaseException:
    """The driver's error, which SQLAlchemy or the engine may have wrapped; the error itself if there is none."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(driver := getattr(seen, "orig", None), BaseException):
            return driver
        seen = seen.__cause__ or seen.__context__
    return error
