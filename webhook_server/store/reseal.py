"""After a new root key: every sealed value is sealed anew with it, a few at a time, while the server works."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.errors import DoesNotOpen
from integration.store import GIVEN_UP
from webhook_server.store import tables as t
from webhook_server.store.sealed import DAMAGED
from webhook_server.store.sealing import begin_sealing_with_root_key
from webhook_server.store.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_server.store.sealed import Sealer

_AT_ONCE = 50

_ROWS: dict[str, Callable[[sa.Row[Any]], str]] = {
    "inbox": lambda row: str(row.id),
    "epoch": lambda row: f"{row.incident_id}/{row.number}",
    "roster": lambda row: str(row.serial),
}
"""How a row of each table with sealed columns is named to the sealer; a test holds this against the tables."""


def row_of(table: str, row: sa.Row[Any]) -> str:
    """How a row is named to the sealer."""
    return _ROWS[table](row)


def sealed_columns() -> Iterator[sa.Column[Any]]:
    """Every sealed column of the database."""
    for table in t.metadata.sorted_tables:
        yield from (column for column in table.columns if column.name.startswith("sealed_"))


def sealed_with(engine: sa.Engine) -> Counter[str]:
    """How many values each root key seals, by its id."""
    found: Counter[str] = Counter()
    with reading(engine) as connection:
        for column in sealed_columns():
            key_id = sa.func.substr(column, 4, 8)  # v1.<8 letters>.…
            query = sa.select(key_id, sa.func.count()).where(column.is_not(None)).group_by(key_id)
            for row in connection.execute(query):
                found[row[0]] += row[1]
    return found


def reseal(engine: sa.Engine, sealer: Sealer) -> int:
    """Seal anew all that an older root key seals, a few values in a transaction; gives how many those were.

    Raises:
        DoesNotOpen: a value does not open, and not for a report that was given up; all others were done.
    """
    done, failed = 0, None
    for column in sealed_columns():
        table = column.table
        place = list(table.primary_key)
        old = sa.and_(column.is_not(None), column.not_like(f"v1.{sealer.key_id}.%"))
        with reading(engine) as connection:
            places = connection.execute(sa.select(*place).where(old)).all()
        for start in range(0, len(places), _AT_ONCE):
            with writing(engine, "The values stay sealed with the older root key.") as connection:
                begin_sealing_with_root_key(connection)
                for one in places[start : start + _AT_ONCE]:
                    here = [key == value for key, value in zip(place, one, strict=True)]
                    try:
                        done += _reseal_one(connection, column, here, sealer)
                    except DoesNotOpen as error:
                        failed = error
    if failed is not None:
        raise failed
    return done


def _reseal_one(
    connection: sa.Connection, column: sa.Column[Any], here: list[sa.ColumnElement[bool]], sealer: Sealer
) -> int:
    """Seal one value anew, unless it was erased or sealed anew meanwhile, or its root key is lost and may be found."""
    table = column.table
    row = connection.execute(sa.select(table).where(*here, column.is_not(None))).first()
    if row is None:
        return 0
    sealed = getattr(row, column.name)
    place = {"table": table.name, "column": column.name, "row": row_of(table.name, row)}
    try:
        clear = sealer.open(sealed, **place)
    except DoesNotOpen:
        if getattr(row, "reason_code", None) != GIVEN_UP:
            raise
        if sealed[3:11] not in sealer.key_ids:
            return 0
        # Given up, and no key opens it. Sealed as it is, and marked so, in order that no older key is kept for it.
        clear = DAMAGED + sealed.encode()
    new = sealer.seal(clear, **place)
    changed = table.update().where(*here, column == sealed).values({column.name: new})
    return connection.execute(changed).rowcount
