"""A root key stays in its file while anything may be committed that was sealed with it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from integration.casework import receive
from integration.incident import SpaceName
from integration.report import dump_report
from tests.server.diaries import EPOCH, hand_over
from webhook_server import keys_cli
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.fellows import Fellows
from webhook_server.roster_in_use import RosterFile
from webhook_server.store.database import Database
from webhook_server.store.inbox_keys import InboxKeys
from webhook_server.store.locks import Locks
from webhook_server.store.migrate import migrate
from webhook_server.store.roster_pin import RosterPin
from webhook_server.store.sealed import Sealer
from webhook_server.store.sealing import all_sealed_is_committed
from webhook_server.store.sql import make_engine
from webhook_server.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from integration.store import Receipt
    from tests.conftest import SetClock


@pytest.fixture
def config(filled_in: Path, postgres_url: str) -> Path:
    """On PostgreSQL; on SQLite nothing is written while another transaction writes."""
    text = filled_in.read_text().replace("[server]\n", f'[server]\ndatabase = "{postgres_url}"\n')
    filled_in.write_text(text)
    (filled_in.parent / "inbox-keys").mkdir(mode=0o700)
    return filled_in


def opened(config: Path) -> Database:
    loaded = load_config(config)
    engine = make_engine(loaded.database_url)
    migrate(engine)
    return Database(engine, loaded.sealer, InboxKeys(loaded.inbox_keys, alone=False))


def keys(config: Path, word: str) -> Result:
    return CliRunner().invoke(main, ["keys", word, "--config", str(config)])


def test_a_report_that_is_being_stored_is_waited_for(
    config: Path, make_report: Callable[..., Report], clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = opened(config)
    engine = server._engine
    fellows = Fellows("server", workers=Workers(engine), locks=Locks(engine, "server"), sealer=server._sealer)
    fellows.join()
    is_sealed, goes_on = threading.Event(), threading.Event()
    real = Sealer.seal

    def is_slow_to_be_stored(self: Sealer, clear: bytes, *, table: str, column: str, row: str) -> str:
        value = real(self, clear, table=table, column=column, row=row)
        if self is server._sealer:
            is_sealed.set()
            assert goes_on.wait(60)
        return value

    monkeypatch.setattr(Sealer, "seal", is_slow_to_be_stored)
    monkeypatch.setattr(keys_cli, "_PATIENCE", 0.0)
    receipts: list[Receipt] = []
    stores = threading.Thread(
        target=lambda: receipts.append(
            receive("form", SpaceName("conduct"), "s1", make_report(), store=server, clock=clock)
        )
    )
    stores.start()
    assert is_sealed.wait(60)
    assert 0 == keys(config, "rotate").exit_code
    fellows.beat()  # so it seals with the newest key from now on

    refused = keys(config, "retire")
    goes_on.set()
    stores.join()

    assert 1 == refused.exit_code
    assert "A transaction has not ended" in refused.output
    assert "The older key stays" in refused.output
    assert 0 == keys(config, "retire").exit_code
    assert 1 == len(load_config(config).sealer.key_ids)
    fellows.leave()
    server.close()
    later = opened(config)
    assert dump_report(make_report()) == later.delivery(receipts[0].inbox_id).report
    later.close()


@pytest.mark.parametrize("what", ["a report", "the readers of a diary", "a roster"])
def test_whatever_is_sealed_is_known_to_be_under_way(
    config: Path, make_report: Callable[..., Report], clock: SetClock, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:  # fmt: skip
    database, loaded = opened(config), load_config(config)
    engine, tables, real = make_engine(loaded.database_url), dict[str, bool](), Sealer.seal

    def look(self: Sealer, clear: bytes, *, table: str, column: str, row: str) -> str:
        tables[table] = all_sealed_is_committed(engine)
        return real(self, clear, table=table, column=column, row=row)

    monkeypatch.setattr(Sealer, "seal", look)
    if what == "a roster":
        pin = RosterPin(database._engine, loaded.sealer)
        RosterFile(loaded.roster_file, key=loaded.service_key, pin=pin, clock=clock)()
    else:
        one = receive("form", SpaceName("conduct"), "s1", make_report(), store=database, clock=clock)
        if what != "a report":
            hand_over(database, one, epoch=EPOCH)

    column = {"a report": "inbox", "the readers of a diary": "epoch", "a roster": "roster"}[what]
    assert tables[column] is False
    assert all_sealed_is_committed(engine)
    engine.dispose()
    database.close()
