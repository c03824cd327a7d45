"""``coc-server status`` says what is amiss with ticket spaces: proofs, exceptions, tickets that nothing here works on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.server.status.looked import CONDUCT, NOW, report, said, well, write
from webhook_server.status import look
from webhook_server.store import tables as t
from webhook_server.store.audiences import Audiences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report
    from webhook_server.wiring import Parts


def test_incidents_of_a_space_that_is_not_configured_any_more_are_said(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    report(parts, make_report, space="old")

    assert "1 incident(s) belong to the ticket space old" in said(look(config, NOW, well))


def test_tickets_that_the_database_does_not_know_are_said_by_their_keys(config: Path, parts: Parts) -> None:
    for number in (12, 9):
        write(parts, t.stray, space="conduct", key=f"COC-{number}", found_at=NOW)

    ((what, then),) = look(config, NOW, well).warnings

    assert "2 ticket(s)" in what
    assert "conduct COC-9, conduct COC-12." in what
    assert "After restoring a backup" in then


def test_second_tickets_are_said_apart_by_their_keys(config: Path, parts: Parts) -> None:
    write(parts, t.stray, space="conduct", key="COC-9", found_at=NOW)
    write(parts, t.stray, space="conduct", key="COC-12", found_at=NOW, is_second=True)

    (_, (what, then)) = look(config, NOW, well).warnings

    assert "1 ticket(s) carry the marker of an incident that has another ticket" in what
    assert "conduct COC-12." in what
    assert "COC-9" not in what
    assert "do not write to them" in then


def test_a_database_of_an_older_release_has_no_second_tickets(config: Path, parts: Parts) -> None:
    with parts.database._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE stray DROP COLUMN is_second"))

    assert "ticket(s) carry" not in said(look(config, NOW, well))


def test_an_exception_that_ends_soon_is_said(config: Path, parts: Parts) -> None:
    assert parts.database.unfinished_jobs() == []
    ends = (NOW + timedelta(days=5)).date()
    text = config.read_text().replace(
        'host = "github"',
        f'host = "github"\nacknowledged = [{{ account = "boss", until = {ends}, why = "owner" }}]',
    )
    config.write_text(text)

    shown = said(look(config, NOW, well))

    assert f"[spaces.conduct]: the exception for an account outside the team ends on {ends}." in shown
    assert "boss" not in shown


def test_an_exception_that_has_ended_is_not_said_to_end(config: Path, parts: Parts) -> None:
    assert parts.database.unfinished_jobs() == []
    ended = (NOW - timedelta(days=5)).date()
    acknowledged = f'acknowledged = [{{ account = "boss", until = {ended}, why = "owner" }}]'
    config.write_text(config.read_text().replace('host = "github"', f'host = "github"\n{acknowledged}'))

    shown = said(look(config, NOW, well))

    assert (
        f"[spaces.conduct]: the exception for an account outside the team ended on {ended}; while it can"
        in shown
    )
    assert "ends on" not in shown


def test_a_frozen_space_is_said_with_who_can_read_it_and_the_command_that_lists_all(
    config: Path, parts: Parts
) -> None:
    book = Audiences(parts.database._engine)
    book.passed(CONDUCT, doubts=0, now=NOW)
    assert "conduct, github: 0 incident(s); proven 0 seconds ago, by an admin until 20" in said(
        look(config, NOW, well)
    )
    book.freeze(CONDUCT, [f"the account 'someone-{number}' can read it" for number in range(7)], NOW)

    text = said(look(config, NOW + timedelta(hours=3), well))

    assert "[spaces.conduct] is frozen for 3 hours: the account 'someone-0' can read it; " in text
    assert "someone-5" not in text
    assert "and 2 more. -> Take the access away" in text
    assert "coc-server audience conduct" in text


@pytest.mark.parametrize(
    ("days", "expected"), [(75, None), (77, "ends on"), (90, "ended on"), (None, "never proven")]
)
def test_an_admins_proof_that_ends_or_is_lacking_is_said_with_the_command_that_helps(
    config: Path, parts: Parts, days: int | None, expected: str | None
) -> None:
    if days is None:
        with parts.database._engine.begin() as connection:
            connection.execute(t.audience.delete())

    text = said(look(config, NOW + timedelta(days=days or 0), well))

    assert ("coc-server doctor conduct --admin-token-file" in text) is (expected is not None)
    assert expected is None or expected in text
