"""The look for forgotten and second tickets: whatever stands on them, only their keys come out of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import responses

from integration.code_name import CodeName
from integration.github.credential import TokenCredential
from integration.github.host import GitHubHost
from integration.github.space import GitHubSpace
from integration.github.text import marker
from integration.incident import Incident, IncidentId, IncidentType, SpaceName
from webhook_server.store import tables as t
from webhook_server.store.chores import ChoreBook
from webhook_server.store.migrate import migrate
from webhook_server.store.rows import incident_row, upsert_ticket
from webhook_server.store.sql import make_engine
from webhook_server.store.strays import Strays
from webhook_server.strays import SUBJECT, text_of, unknown_tickets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from tests.leaks.conftest import Canary
    from webhook_server.store.strays import Stray

INCIDENT = IncidentId("inc_zyxwvutsrqponmlkjihgfedcba")


SECOND = IncidentId("inc_bcdefghijklmnopqrstuvwxyza")
KNOWN = Incident(
    SECOND,
    CodeName("BLUE-JAY-27"),
    IncidentType.CONDUCT_ENFORCEMENT,
    SpaceName("hub"),
    datetime(2026, 11, 20, tzinfo=UTC),
)


def test_of_a_forgotten_or_second_ticket_only_its_key_is_told_kept_or_logged(
    canary: Canary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issue = {
        "id": 1,
        "number": 17,
        "title": canary.text("title"),
        "body": f"{canary.text('body')}\n{marker(INCIDENT)}\n",
        "labels": [{"name": canary.text("label")}],
        "repository_url": "https://api.github.com/repos/acme/conduct",
        "html_url": "https://github.com/acme/conduct/issues/17",
        "created_at": "2026-11-22T14:00:05Z",
    }
    copied = issue | {
        "id": 2,
        "number": 18,
        "body": f"{canary.text('copy')}\n{marker(SECOND)}\n",
        "html_url": "https://github.com/acme/conduct/issues/18",
    }
    space = GitHubSpace(SpaceName("hub"), "acme", "conduct")
    host = GitHubHost(space, TokenCredential("ghp_" + 48 * "0"), pause=0)
    sql = make_engine(f"sqlite:///{tmp_path / 'coc.sqlite'}")
    migrate(sql)
    with sql.begin() as connection:
        connection.execute(t.incident.insert().values(incident_row(KNOWN, "form", "d")))
        upsert_ticket(connection, SECOND, host_id="3", name="github:acme/conduct#3", key="#3", url="-")
    told: list[str] = []

    def tell(strays: Sequence[Stray]) -> None:
        told.append(SUBJECT + text_of(strays))

    with responses.RequestsMock() as wire:
        wire.get("https://api.github.com:443/repos/acme/conduct/issues", json=[issue, copied])
        run = unknown_tickets({space.name: host}, book=ChoreBook(sql), strays=Strays(sql), tell=tell)
        run(datetime(2026, 11, 22, 14, 0, tzinfo=UTC))
    sql.dispose()

    assert "hub: #17" in told[0]
    assert "hub: #18" in told[0]
    assert [] == canary.found_in("mail", "".join(told).encode())
    assert [] == canary.found_in("log", caplog.text.encode())
    for file in tmp_path.iterdir():
        assert [] == canary.found_in(file.name, file.read_bytes())
