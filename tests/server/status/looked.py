"""What tests of ``coc-server status`` look with, and how they read what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from integration.casework import receive
from integration.incident import SpaceName

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from integration.report import Report
    from webhook_server.status_report import Status
    from webhook_server.wiring import Parts


NOW = datetime.now(UTC)
CONDUCT = SpaceName("conduct")


class Now:
    def now(self) -> datetime:
        return NOW

    def steady(self) -> float:
        return 0.0


def said(status: Status) -> str:
    return "\n".join(f"! {what} -> {then}" for what, then in status.warnings) + "\n" + "\n".join(
        f"{name}: {text}" for name, text in status.lines
    )  # fmt: skip


def well(_host: str, _port: int) -> str | None:
    return "ok"


def nobody(_host: str, _port: int) -> str | None:
    return None


def write(parts: Parts, table: sa.Table, **values: object) -> None:
    with parts.database._engine.begin() as connection:
        connection.execute(table.insert().values(**values))


def report(parts: Parts, make_report: Callable[..., Report], space: str = "conduct") -> str:
    return receive("f", SpaceName(space), "s1", make_report(), store=parts.database, clock=Now()).inbox_id
