"""What lies in the database, counted: for ``jobs list``, the status and the metrics.

It reads columns that are in clear, so it needs no key, but to say what does not open; and it changes nothing, also not the
schema, so that it may be asked beside a running server and of a database that an older release left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from integration.errors import DoesNotOpen, StoreError
from integration.store import DESK, FOUND, GIVEN_UP, HOST, NIGHTLY
from webhook_server.store import tables as t
from webhook_server.store.audiences import Audiences
from webhook_server.store.chores import ChoreTrouble
from webhook_server.store.clocks import database_time
from webhook_server.store.digest_key import is_another
from webhook_server.store.job_list import still_untold
from webhook_server.store.known_keys import missing, not_of
from webhook_server.store.sql import make_engine
from webhook_server.store.strays import Stray
from webhook_server.store.transactions import reading
from webhook_server.store.unopened import try_all

if TYPE_CHECKING:
    from datetime import datetime

    from integration.audience import SpaceRecord
    from webhook_server.store.sealed import Sealer


_ALIVE = timedelta(minutes=2)
_OURS = frozenset({DESK, NIGHTLY, HOST, FOUND})
"""The sources of what no form sent."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is not wholly on its host yet."""

    inbox_id: str
    code_name: str
    space: str
    state: str
    attempts: int
    received_at: datetime
    due_at: datetime
    reason_code: str | None
    reason: str | None
    source: str

    @property
    def is_nightly(self) -> bool:
        """Whether it is no report, but a look at a ticket, by night or for an event of the host."""
        return self.source in {NIGHTLY, HOST}

    @property
    def is_report(self) -> bool:
        """Whether it came from a form."""
        return self.source not in _OURS


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A process that works on this database, or did: what a person is shown of it.

    Who is taken for dead by the others is decided by ``Worker`` in ``store/workers.py``, by the database's own clock.
    """

    name: str
    started_at: datetime
    seen_at: datetime
    version: str
    root_key_id: str

    def is_alive(self, now: datetime) -> bool:
        """Whether it was seen a short while ago."""
        return abs(now - self.seen_at) <= _ALIVE


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one delivery has come, in words for a person."""

    job: Waiting
    source: str
    report: str
    ticket: str
    comments: int
    posted: int
    before: int
    workers: list[SeenWorker]


@dataclass(frozen=True, slots=True)
class RosterInUse:
    """The number of the newest accepted roster, and since when it counts."""

    serial: int
    accepted_at: datetime


_DELIVERIES = sa.select(
    t.inbox.c.id, t.incident.c.code_name, t.incident.c.space, t.inbox.c.state, t.inbox.c.attempts,
    t.inbox.c.received_at, t.inbox.c.due_at, t.inbox.c.reason_code, t.inbox.c.reason,
    t.inbox.c.source,
).join(t.incident, t.incident.c.id == t.inbox.c.incident_id)  # fmt: skip


def _where(ticket: sa.Row[Any] | None) -> str:
    if ticket is not None and ticket.host_id is not None:
        return f"{ticket.key}, {ticket.url}"
    if ticket is not None and ticket.attempted_at is not None:
        return f"one may have been opened at {ticket.attempted_at:%Y-%m-%d %H:%M:%S} UTC; the answer was lost, so it is looked for"
    return "not opened yet"


class Overview:
    """Reads of a database. Each raises :class:`StoreError` if it cannot be read."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @property
    def is_alone(self) -> bool:
        """Whether one process at most works on this database, as on SQLite."""
        return self._engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def time(self) -> datetime:
        """The time by the clock of the database's machine."""
        with reading(self._engine) as connection:
            return database_time(connection)

    def waiting(self) -> list[Waiting]:
        """What is not on its host, oldest first."""
        query = _DELIVERIES.where(t.inbox.c.state != "done").order_by(t.inbox.c.seq)
        return [Waiting(*row) for row in self._rows(query, t.inbox)]

    def progress(self, inbox_id: str) -> Progress:
        """How far a delivery has come.

        Raises:
            StoreError: there is none of this id.
        """
        inbox, ticket, comment = t.inbox.c, t.ticket.c, t.comment.c
        job = next(
            (Waiting(*row) for row in self._rows(_DELIVERIES.where(inbox.id == inbox_id), t.inbox)), None
        )
        if job is None:
            raise StoreError(f"There is no delivery {inbox_id}.", next_step="See: coc-server jobs list")
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(t.inbox).where(inbox.id == inbox_id)).one()
            known = connection.execute(
                sa.select(t.ticket).where(ticket.incident_id == row.incident_id)
            ).first()
            posted = connection.execute(
                sa.select(sa.func.count(), sa.func.count(comment.host_comment_id)).where(
                    comment.incident_id == row.incident_id
                )
            ).one()
            before = connection.execute(
                sa.select(sa.func.count())
                .select_from(t.inbox)
                .where(
                    inbox.incident_id == row.incident_id,
                    inbox.state != "done",
                    sa.func.coalesce(inbox.reason_code, "") != DoesNotOpen.code,  # these hold up none
                    inbox.seq < row.seq,
                )
            ).scalar_one()
        own = row.source.startswith("(")
        return Progress(
            job,
            {
                "(desk)": "a member's desk",
                "(nightly)": "the nightly comparison",
                "(host)": "an event of the host",
            }.get(row.source, f"the form {row.source}"),
            "none: it brings the ticket up to date"
            if own
            else "in the diary; its sealed copy is erased"
            if row.sealed_report is None
            else "sealed in the inbox",
            _where(known),
            posted[0],
            posted[1],
            before,
            self.workers(),
        )

    def done(self) -> int:
        """How many reports are wholly on their host; looks at tickets and the writes of desks are not among them."""
        wholly = t.inbox.c.state == "done", sa.func.coalesce(t.inbox.c.reason_code, "") != GIVEN_UP
        reports = t.inbox.c.source.not_in(_OURS)
        query = sa.select(sa.func.count()).select_from(t.inbox).where(reports, *wholly)
        return sum(row[0] for row in self._rows(query, t.inbox))

    def untold(self, then: datetime, *, again_after: timedelta, overdue_after: timedelta) -> int:
        """Of how many deliveries members should have been told by ``then``, and were not."""
        query = still_untold(then, again_after=again_after, overdue_after=overdue_after)
        return sum(row[0] for row in self._rows(query, t.inbox))

    def incidents(self) -> dict[str, int]:
        """How many incidents each ticket space has."""
        query = sa.select(t.incident.c.space, sa.func.count()).group_by(t.incident.c.space)
        return {row[0]: row[1] for row in self._rows(query, t.incident)}

    def exposures(self) -> int:
        """How many plain comments on tickets were sealed and deleted."""
        query = sa.select(sa.func.count()).select_from(t.exposure)
        return sum(row[0] for row in self._rows(query, t.exposure))

    def roster(self) -> RosterInUse | None:
        """The roster in use; None before the first."""
        query = (
            sa.select(t.roster.c.serial, t.roster.c.accepted_at).order_by(t.roster.c.serial.desc()).limit(1)
        )
        return next((RosterInUse(*row) for row in self._rows(query, t.roster)), None)

    def workers(self) -> list[SeenWorker]:
        """Every worker that is noted, the one seen last first."""
        worker = t.worker.c
        query = sa.select(
            worker.name, worker.started_at, worker.seen_at, worker.version, worker.root_key_id
        ).order_by(worker.seen_at.desc())
        return [SeenWorker(*row) for row in self._rows(query, t.worker)]

    def chores(self) -> dict[str, datetime]:
        """When what is due by the clock was last begun."""
        return {row[0]: row[1] for row in self._rows(sa.select(t.chore.c.name, t.chore.c.done_at), t.chore)}

    def chore_troubles(self) -> list[ChoreTrouble]:
        """What of it fails; nothing, of a database that an older release left."""
        trouble = t.chore_trouble.c
        query = sa.select(trouble.chore, trouble.part, trouble.failed_since, trouble.reason_code)
        ordered = query.order_by(trouble.chore, trouble.part)
        return [ChoreTrouble(*row) for row in self._rows(ordered, t.chore_trouble)]

    def audiences(self) -> dict[str, SpaceRecord]:
        """What is known of who can read each ticket space, by its name."""
        with reading(self._engine) as connection:
            there = sa.inspect(connection).has_table(t.audience.name)
        return {one.space: one for one in Audiences(self._engine).all()} if there else {}

    def strays(self) -> list[Stray]:
        """Each ticket with our marker that nothing here works on, as of last night."""
        stray = t.stray.c
        query = sa.select(stray.space, stray.key, stray.is_second)
        ordered = query.order_by(stray.space, sa.func.length(stray.key), stray.key)
        return [Stray(*row) for row in self._rows(ordered, t.stray, stray.is_second.name)]

    def revision(self) -> str:
        """The schema's revision; empty if the database has none yet."""
        version = sa.table("alembic_version", sa.column("version_num"))
        return next((str(row[0]) for row in self._rows(sa.select(version.c.version_num), version)), "")

    def size(self) -> int:
        """Bytes on disk. With SQLite, its write-ahead log is among them."""
        if self._engine.dialect.name == "sqlite":
            file = self._engine.url.database or ""
            return sum(path.stat().st_size for path in (Path(file), Path(f"{file}-wal")) if path.exists())
        query = sa.select(sa.func.pg_database_size(sa.func.current_database()))
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def unopened(self, sealer: Sealer) -> list[str]:
        """Where the sealed values are that no root key opens, without those of reports that were given up."""
        with reading(self._engine) as connection:
            return try_all(connection, sealer).unopened

    def has_another_digest_key(self, sealer: Sealer) -> bool:
        """Whether it was filled with another key for digests than the root key file has."""
        with reading(self._engine) as connection:
            return is_another(connection, sealer)

    def keys_of_another(self, folder: Path) -> int:
        """How many inbox keys in the folder were not made for this database; 0 if an older release's schema lists none."""
        listed = self.revision() == newest_revision()
        return len(not_of(self._engine, folder)) if listed else 0

    def _rows(self, query: sa.Select[Any], table: sa.TableClause, *added: str) -> list[tuple[Any, ...]]:
        """The query's rows; none if an older release's schema does not have the table, or the columns ``added`` since."""
        with reading(self._engine) as connection:
            schema = sa.inspect(connection)
            there = schema.has_table(table.name)
            if there and added:
                there = {column["name"] for column in schema.get_columns(table.name)}.issuperset(added)
            return [tuple(row) for row in connection.execute(query)] if there else []


def look_into(url: str) -> Overview:
    """The overview of a database that is there already.

    Raises:
        StoreError: there is none.
    """
    where = sa.make_url(url)
    if where.get_backend_name() == "sqlite" and not Path(where.database or "").is_file():
        raise missing(where)
    return Overview(make_engine(url))


def newest_revision() -> str:
    """The schema's revision that this release works with."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return ScriptDirectory.from_config(config).get_current_head() or ""
