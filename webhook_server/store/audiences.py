"""What is known of who can read each ticket space: proofs, freezes, and what people were told of them."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.audience import AdminProof, Freeze, Principal, SpaceRecord
from integration.errors import HostFrozen, HostNotRestricted, HostReplaced, HostUnproven
from integration.incident import SpaceName
from webhook_server.store import tables as t
from webhook_server.store.transactions import Collision, reading, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_KEPT_FINE = timedelta(minutes=1)
"""A proof that is no older is not written anew: a thousand jobs need not wait for the disk for it."""

_LAST_PROVEN = sa.func.coalesce(t.audience.c.proven_at, t.audience.c.proven_before)
"""When it was last proven; a doubt takes that proof's worth, and not its time."""

_WAITS_FOR_A_PROOF = (HostNotRestricted.code, HostUnproven.code, HostFrozen.code, HostReplaced.code)


class Audiences:
    """The :class:`integration.store.SpaceBook` on the table ``audience``."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(self, space: SpaceName) -> SpaceRecord:
        """What is kept of a ticket space."""
        with reading(self._engine) as connection:
            return _record(connection, space)

    def doubt(self, space: SpaceName) -> None:
        """The service's own proof counts no more, nor one by a reading that has begun already."""
        with self._row(space, "An event about the ticket space was not noted.") as connection:
            row = t.audience.c
            values: dict[str, Any] = {"doubts": row.doubts + 1, "proven_at": None}
            kept = connection.execute(sa.select(row.frozen_at, row.told).where(row.space == space)).one()
            if kept.frozen_at is None or kept.told is not None:  # what is still to be told keeps its own time
                values["proven_before"] = _LAST_PROVEN
            _update(connection, space, **values)

    def freeze(self, space: SpaceName, reasons: Sequence[str], now: datetime) -> bool:
        """Nothing may be written there from now on; whoever reads it who was not told of is told anew."""
        with self._row(space, "The freeze was not noted; nothing is written without a proof.") as connection:
            record = _record(connection, space)
            before = record.freeze if record.is_frozen else None
            known = before.could_read if before else ()
            could_read = (*known, *(one for one in dict.fromkeys(reasons) if one not in known))
            values: dict[str, Any] = {
                "doubts": t.audience.c.doubts + 1,
                "proven_at": None,
                "reasons": json.dumps(list(reasons)),
                "could_read": json.dumps(could_read),
            }
            if before is None:
                values |= {"frozen_at": now, "proven_before": _LAST_PROVEN, "thawed_at": None}
            if could_read != known:
                values |= {"told": None, "told_at": None}
            _update(connection, space, **values)
        return before is None

    def passed(self, space: SpaceName, *, doubts: int, now: datetime) -> bool:
        """Keep a proof by the service's own credential, unless somebody cast doubt on it meanwhile."""
        record = self.record(space)
        if record.doubts != doubts:
            return False
        if not record.is_frozen and record.proven_at and abs(now - record.proven_at) < _KEPT_FINE:
            return True
        with self._row(space, "The proof was not noted.") as connection:
            thaws = {"thawed_at": now, "told": None, "told_at": None} if record.is_frozen else {}
            kept = connection.execute(
                t.audience.update()
                .where(t.audience.c.space == space, t.audience.c.doubts == doubts)
                .values(proven_at=now, **thaws)
            )
            if kept.rowcount and thaws:
                _let_go(connection, space, now)
        return bool(kept.rowcount)

    def admin_passed(self, space: SpaceName, proof: AdminProof, now: datetime) -> None:
        """Keep a proof by an admin's credential in place of the one before; what waited for it is due at once."""
        with self._row(space, "The proof was not noted.") as connection:
            _update(
                connection,
                space,
                admin_proven_at=proof.proven_at,
                admin_ends_at=proof.ends_at,
                admin_space_id=proof.space_id,
                admin_principals=json.dumps([[one.account, one.path] for one in proof.principals]),
            )
            _let_go(connection, space, now)

    def admin_failed(self, space: SpaceName, now: datetime) -> None:
        """An admin's credential saw somebody who may not read: the proof before counts no more."""
        with self._row(space, "The older proof by an admin still counts.") as connection:
            admin = _record(connection, space).admin
            if admin is not None and admin.ends_at > now:
                _update(connection, space, admin_ends_at=now)

    def told(self, record: SpaceRecord, what: str, now: datetime) -> None:
        """Note what people were told, unless something else came to be told meanwhile."""
        with writing(self._engine, "It may be told again.") as connection:
            connection.execute(
                t.audience.update()
                .where(t.audience.c.space == record.space, t.audience.c.doubts == record.doubts)
                .values(told=what, told_at=now)
            )

    def all(self) -> list[SpaceRecord]:
        """Every ticket space of which anything is kept."""
        with reading(self._engine) as connection:
            return [_of(row) for row in connection.execute(sa.select(t.audience))]

    @contextmanager
    def _row(self, space: SpaceName, consequence: str) -> Iterator[sa.Connection]:
        """A transaction that holds the space's row, made if it is not there yet, against every other process."""
        mine = sa.select(t.audience.c.space).where(t.audience.c.space == space)
        with reading(self._engine) as connection:
            there = connection.execute(mine).first()
        if there is None:
            with suppress(Collision), writing(self._engine, consequence) as connection:
                connection.execute(t.audience.insert().values(space=space, doubts=0))
        with writing(self._engine, consequence) as connection:
            connection.execute(mine.with_for_update())
            yield connection


def _record(connection: sa.Connection, space: SpaceName) -> SpaceRecord:
    row = connection.execute(sa.select(t.audience).where(t.audience.c.space == space)).first()
    return SpaceRecord(space) if row is None else _of(row)


def _of(row: sa.Row[Any]) -> SpaceRecord:
    admin = freeze = None
    if row.admin_ends_at is not None:
        principals = tuple(Principal(*one) for one in json.loads(row.admin_principals))
        admin = AdminProof(row.admin_proven_at, row.admin_ends_at, row.admin_space_id, principals)
    if row.frozen_at is not None:
        reasons, could_read = tuple(json.loads(row.reasons)), tuple(json.loads(row.could_read))
        freeze = Freeze(row.frozen_at, row.proven_before, reasons, could_read)
    return SpaceRecord(
        SpaceName(row.space), row.doubts, row.proven_at, admin, freeze, row.thawed_at, row.told, row.told_at
    )


def _update(connection: sa.Connection, space: SpaceName, **values: Any) -> None:  # noqa: ANN401 - columns of several types
    connection.execute(t.audience.update().where(t.audience.c.space == space).values(**values))


def _let_go(connection: sa.Connection, space: SpaceName, now: datetime) -> None:
    """Let all that waited for a proof of this ticket space be tried at once."""
    there = sa.select(t.incident.c.id).where(t.incident.c.space == space)
    waits = t.inbox.c.reason_code.in_(_WAITS_FOR_A_PROOF) & (t.inbox.c.state != "done")
    later = t.inbox.c.due_at > now  # what is due is tried anyway, or is being tried
    connection.execute(
        t.inbox.update()
        .where(waits, t.inbox.c.incident_id.in_(there), later)
        .values(due_at=now, due_noted_at=now)
    )
