"""``coc-server`` on a folder that ``init`` made, with a database and a report that waits in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from integration.casework import receive
from integration.incident import SpaceName
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from integration.report import Report


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def folder(filled_in: Path) -> Path:
    return filled_in.parent


@pytest.fixture
def config(folder: Path) -> Path:
    return folder / "coc-server.toml"


@pytest.fixture
def database(config: Path) -> Iterator[Database]:
    loaded = load_config(config)
    engine = make_engine(loaded.database_url)
    migrate(engine)
    database = Database(engine, loaded.sealer, InboxKeys(loaded.inbox_keys))
    yield database
    database.close()


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def waiting(database: Database, make_report: Callable[..., Report]) -> str:
    receipt = receive("report-form", SpaceName("conduct"), "s1", make_report(), store=database, clock=Now())
    return receipt.inbox_id
