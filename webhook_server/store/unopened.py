"""Which sealed values no root key opens: a backup, a restore and the status go on without them, and say so.

One damaged value must not make all others worth nothing. That the root key file is another database's altogether is seen by
nothing that opens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from integration.errors import DoesNotOpen
from integration.store import GIVEN_UP
from webhook_server.store.reseal import row_of, sealed_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_server.store.sealed import Sealer

_AT_ONCE = 50
_MOST_SHOWN = 20


@dataclass(slots=True)
class SealedValues:
    """The sealed values of a database, each tried with the root keys that are there."""

    opened: int = 0
    unopened: list[str] = field(default_factory=list)
    """Where those are that do not open: table and row."""
    given_up: int = 0
    """How many more do not open, of reports that were given up: that is known, and nobody waits for them."""

    @property
    def are_of_another_root_key(self) -> bool:
        """Whether nothing opens, though something should."""
        return bool(self.unopened) and not self.opened


def try_all(connection: sa.Connection, sealer: Sealer) -> SealedValues:
    """Open every sealed value that this transaction sees; also with the schema of an older release."""
    tried = SealedValues()
    there = set(sa.inspect(connection).get_table_names())
    for column in sealed_columns():
        table = column.table
        if table.name not in there:
            continue
        wanted = [one for one in table.columns if one.primary_key or one.name in {"id", "reason_code"}]
        query: sa.Select[Any] = (
            sa.select(*wanted, column).where(column.is_not(None)).order_by(*table.primary_key)
        )
        for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)):
            name = row_of(table.name, row)
            try:
                sealer.open(getattr(row, column.name), table=table.name, column=column.name, row=name)
            except DoesNotOpen:
                if getattr(row, "reason_code", None) == GIVEN_UP:
                    tried.given_up += 1
                else:
                    tried.unopened.append(f"{table.name} {name}")
            else:
                tried.opened += 1
    return tried


def shown(places: Sequence[str]) -> list[str]:
    """Not more of them than a person reads."""
    more = [f"and {len(places) - _MOST_SHOWN} more"] if len(places) > _MOST_SHOWN else []
    return [*places[:_MOST_SHOWN], *more]
