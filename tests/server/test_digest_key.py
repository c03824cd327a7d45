"""A root key file that lost the key of its digests is noticed: with it each delivery that is sent again would be a new one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from integration.errors import ConfigError
from tests.pg import both
from tests.server.diaries import rows
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.opening import open_database
from webhook_server.status import look
from webhook_server.store import tables as t
from webhook_server.store.digest_key import is_another, require_digest_key, take_another
from webhook_server.store.migrate import migrate
from webhook_server.store.sealed import Sealer
from webhook_server.store.sql import make_engine
from webhook_server.store.transactions import writing

if TYPE_CHECKING:
    from pathlib import Path

    from webhook_server.store.database import Database


def start(config: Path) -> None:
    loaded = load_config(config)
    open_database(loaded, make_engine(loaded.database_url), "server").close()


def keys(config: Path, *words: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["keys", *words, "--config", str(config)], input=answer)


def lose_the_line(config: Path) -> None:
    """As a copy on paper has it: the key alone."""
    file = config.parent / "root.key"
    first, second = file.read_text().splitlines()
    assert second.startswith("digests:")
    file.write_text(f"{first}\n")


@pytest.fixture
def rotated(filled_in: Path) -> Path:
    """The configuration of a server whose root key was changed once."""
    start(filled_in)
    for word in ("rotate", "retire"):
        assert 0 == keys(filled_in, word).exit_code
    return filled_in


def test_the_whole_file_is_taken_after_each_rotation(rotated: Path) -> None:
    start(rotated)
    for word in ("rotate", "retire"):
        assert 0 == keys(rotated, word).exit_code
        start(rotated)


def test_nothing_starts_without_the_line_and_no_new_key_is_made(rotated: Path) -> None:
    lose_the_line(rotated)
    before = (rotated.parent / "root.key").read_bytes()

    with pytest.raises(
        ConfigError, match=r"lacks its line digests:….*Put the whole file back.*keys new-digests"
    ):
        start(rotated)
    refused = keys(rotated, "rotate")

    assert 1 == refused.exit_code
    assert "lacks its line digests:…" in refused.output
    assert before == (rotated.parent / "root.key").read_bytes()
    warned = str(look(rotated, datetime.now(UTC), lambda *_: "ok").warnings)
    assert "root.key has another key for digests than this database was filled with" in warned


def test_one_whose_line_is_lost_for_ever_goes_on_without_it(rotated: Path) -> None:
    assert "The file has the right key for digests" in keys(rotated, "new-digests", answer="y").output
    lose_the_line(rotated)

    refused = keys(rotated, "new-digests", answer="n")
    with pytest.raises(ConfigError):
        start(rotated)
    accepted = keys(rotated, "new-digests", answer="y")

    assert (1, 0) == (refused.exit_code, accepted.exit_code)
    assert "opens a second incident" in accepted.output
    start(rotated)
    assert "another key for digests" not in str(look(rotated, datetime.now(UTC), lambda *_: "ok").warnings)


@both
def test_a_database_notes_its_key_once_and_knows_another(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    with database._engine.connect() as connection:
        assert not is_another(connection, Sealer(bytes(32)))

    for _ in range(2):
        require_digest_key(database._engine, sealer, tmp_path)

    (noted,) = rows(database, t.digest_key)
    with database._engine.connect() as connection:
        assert not is_another(connection, sealer)
        assert is_another(connection, Sealer(bytes(32)))
    with pytest.raises(ConfigError):
        require_digest_key(database._engine, Sealer(bytes(32)), tmp_path)
    assert [noted] == rows(database, t.digest_key)


def test_a_backup_of_a_schema_that_notes_no_key_can_go_on_without_the_line(
    sealer: Sealer, tmp_path: Path
) -> None:
    """``restore --new-digests`` fills the schema of the backup, before it is brought to the newest."""
    sql = make_engine(f"sqlite:///{tmp_path / 'coc.sqlite'}")
    migrate(sql, to="0011")
    with writing(sql, "") as connection:
        take_another(connection, sealer)
    migrate(sql)

    require_digest_key(sql, sealer, tmp_path)

    with sql.connect() as connection:
        assert is_another(connection, Sealer(bytes(32)))
    sql.dispose()
