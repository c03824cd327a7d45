"""A real PostgreSQL for tests: Debian's own programs, in a temporary folder, on loopback, with fsync on.

Tests take the fixture ``postgres_url`` (tests/conftest.py): the address of a fresh, empty database. Those that
stop and start the whole server take ``postgres`` too.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = "coc"
_ACCOUNTS = ("postgres", "nobody")
_STARTS = 3
_PATIENCE = 60  # seconds; a machine under load takes some for its first start

both = pytest.mark.parametrize("elsewhere", ["sqlite", "postgresql"], indirect=True)
"""A mark for a test, or as ``pytestmark`` for a module: it is run on SQLite and on PostgreSQL (tests/conftest.py)."""

StopMode = Literal["smart", "fast", "immediate"]


def programs() -> Path | None:
    """The folder with initdb, postgres and pg_ctl; ``None`` if they are not on this machine.

    Debian keeps them out of PATH, in a folder for each version.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@dataclass
class Postgres:
    """One PostgreSQL server. It listens on 127.0.0.1 only and asks for a password."""

    binaries: Path
    folder: Path
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def data(self) -> Path:
        """The database cluster's files."""
        return self.folder / "data"

    def prepare(self) -> None:
        """Make an empty cluster."""
        given = self.folder / "password"
        given.touch(mode=0o600)
        given.write_text(self.password, encoding="ascii")
        for path in (self.folder, given):
            self._give_away(path)
        self._run(
            "initdb", "--pgdata", str(self.data), "--username", _USER, "--pwfile", str(given),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a", encoding="ascii") as settings:
            settings.write(
                "listen_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{self.folder}'\n"
                "shared_buffers = '32MB'\n"
                "fsync = on\n"
                "synchronous_commit = on\n"
            )

    def start(self) -> None:
        """Start it and return when it answers. After the first time it keeps its port."""
        for left in reversed(range(_STARTS)):
            port = self.port or _free_port()
            try:
                self._control("start", "--options", f"-p {port}", "--log", str(self.folder / "log"))
            except subprocess.CalledProcessError:  # another process took the port in between
                if self.port or not left:
                    raise
            else:
                self.port = port
                return

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop it; ``immediate`` is a crash: nothing is written out, the next start recovers."""
        self._control("stop", "--mode", mode)

    def url(self, database: str) -> str:
        """The address of a database, as the configuration takes it."""
        return f"postgresql+psycopg://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def fresh_database(self, like: str = "") -> Iterator[str]:
        """The address of an empty database, or of a copy of the one at ``like``; it is gone when the block is left."""
        name = f"test_{secrets.token_hex(6)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE {like.rpartition('/')[2] or 'template1'}")
        try:
            yield self.url(name)
        finally:
            self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _sql(self, statement: str) -> None:
        address = self.url("postgres").replace("+psycopg", "", 1)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode("ascii"))

    def _control(self, action: str, *options: str) -> None:
        self._run(
            "pg_ctl", action, "--pgdata", str(self.data), "--wait", "--timeout", str(_PATIENCE), *options
        )

    def _run(self, program: str, *arguments: str) -> None:
        # To files, not to pipes: the server that pg_ctl leaves behind would hold a pipe open for ever.
        with (self.folder / "commands").open("ab") as said:
            subprocess.run(
                [self.binaries / program, *arguments],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=True, cwd=self.folder, **_account(),
            )  # fmt: skip

    def _give_away(self, path: Path) -> None:
        account = _account()
        if account:
            os.chown(path, account["user"], account["group"])


@contextmanager
def running(binaries: Path) -> Iterator[Postgres]:
    """A PostgreSQL that lives as long as the block; its folder is removed."""
    # Not pytest's folder: that one is closed to the account which PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="coc-pg-"))
    server = Postgres(binaries, folder)
    try:
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)


def _account() -> dict[str, Any]:
    """For :func:`subprocess.run`: PostgreSQL refuses to run as root, so root steps down for it."""
    if os.geteuid() != 0:
        return {}
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError(f"None of the accounts {', '.join(_ACCOUNTS)} is on this machine.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
