"""What somebody mistypes or does in the wrong order ends in a sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.cli.conftest import run
from webhook_server.config import load_config
from webhook_server.store.migrate import migrate
from webhook_server.store.sql import make_engine

if TYPE_CHECKING:
    from pathlib import Path


def test_a_place_where_no_folder_can_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()

    result = run("init", tmp_path / "a-file" / "coc")

    assert 1 == result.exit_code
    assert "could not be made and filled (NotADirectoryError)" in result.output


@pytest.mark.parametrize(
    "database",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://coc@127.0.0.1/coc",
        "postgresql+psycopg2://coc@127.0.0.1/coc",
    ],
)
def test_a_database_that_would_not_last_or_has_no_driver_here_is_a_mistake(
    filled_in: Path, database: str
) -> None:
    text = filled_in.read_text(encoding="utf-8")
    filled_in.write_text(
        text.replace("[server]\n", f'[server]\ndatabase = "{database}"\n', 1), encoding="utf-8"
    )

    result = run("check", "--config", filled_in)

    assert 1 == result.exit_code
    assert "[server].database must be a file or a URL that begins with postgresql+psycopg://" in result.output


def test_a_report_that_is_not_there_cannot_be_reopened(filled_in: Path) -> None:
    engine = make_engine(load_config(filled_in).database_url)
    migrate(engine)
    engine.dispose()

    result = run("jobs", "reopen", "in_nope", "--config", filled_in)

    assert 1 == result.exit_code
    assert "There is no delivery in_nope." in result.output
    assert "coc-server jobs list" in result.output
