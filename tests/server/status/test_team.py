"""``coc-server status`` says whom no mail reached, and whether the team's roster will do at the next start."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from integration.audience import ADMIN_PROOF_LASTS, AdminProof
from integration.casework import receive
from integration.incident import SpaceName
from tests.conftest import SetClock
from webhook_server.config import load_config
from webhook_server.status import look
from webhook_server.store import tables as t
from webhook_server.store.audiences import Audiences
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from integration.diary.keys import Identity
    from integration.report import Report
    from webhook_server.status_report import Status

NOW = datetime.now(UTC)
CONDUCT = SpaceName("conduct")


@pytest.fixture
def config(filled_in: Path) -> Path:
    return filled_in


@pytest.fixture
def parts(config: Path) -> Iterator[Parts]:
    parts = join(load_config(config), clock=SetClock(NOW))
    proof = AdminProof(NOW, NOW + ADMIN_PROOF_LASTS, "4711", ())
    Audiences(parts.database._engine).admin_passed(CONDUCT, proof, NOW)
    with parts.database._engine.begin() as connection:
        connection.execute(t.chore.insert().values(name="backup", done_at=NOW))
    yield parts
    parts.close()


def well(_host: str, _port: int) -> str | None:
    return "ok"


def said(status: Status) -> str:
    return "\n".join(f"! {what} -> {then}" for what, then in status.warnings)


def report(parts: Parts, make_report: Callable[..., Report]) -> str:
    return receive("f", CONDUCT, "s1", make_report(), store=parts.database, clock=SetClock(NOW)).inbox_id


def sign(roster: Path, member: Identity) -> None:
    (roster.parent / "roster.toml.sig.robert").write_text(member.sign("coc-roster@v1", roster.read_bytes()))


def successor(config: Path, member: Identity) -> None:
    roster = config.parent / "roster.toml"
    before = roster.read_bytes()
    number = f'serial = 2\nprevious = "{hashlib.sha256(before).hexdigest()}"'
    roster.write_text(before.decode().replace("serial = 1", number))
    sign(roster, member)


def test_members_who_were_not_told_of_a_report_are_said(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    """The report is on its ticket and nothing waits, so nothing else would ever say that nobody knows of it."""
    inbox_id = report(parts, make_report)
    parts.database.finish(inbox_id, NOW)
    later = NOW + timedelta(minutes=11)

    assert [] == look(config, NOW + timedelta(minutes=9), well).warnings
    ((what, then),) = look(config, later, well).warnings
    assert "members, or some of them, were not told of 1 report(s)" in what
    assert f"coc-server doctor --config {config}" in then

    parts.database.told(parts.database.job(inbox_id), later)

    assert [] == look(config, later + timedelta(days=1), well).warnings


def test_a_reminder_that_does_not_come_is_said_after_some_minutes(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    job = parts.database.job(report(parts, make_report))
    hour, day = timedelta(hours=1), timedelta(hours=24)

    assert "not told" not in said(look(config, NOW + hour + timedelta(minutes=9), well))
    assert "not told of 1" in said(look(config, NOW + hour + timedelta(minutes=10), well))
    parts.database.told(job, NOW + hour)
    assert "not told" not in said(look(config, NOW + hour + day + timedelta(minutes=9), well))
    assert "not told of 1" in said(look(config, NOW + hour + day + timedelta(minutes=10), well))


def test_a_team_that_nobody_reaches_is_said(config: Path, parts: Parts, robert: Identity) -> None:
    roster = config.parent / "roster.toml"
    roster.write_text(roster.read_text().replace("on_duty = true", "on_duty = false"))
    sign(roster, robert)
    config.write_text(config.read_text().partition("[mail]")[0])

    text = said(look(config, NOW, well))

    assert "No member is on duty." in text
    assert "Without [mail] nobody is told" in text
    assert parts.database.unfinished_jobs() == []


def test_members_on_duty_whom_the_roster_gives_no_name_are_said(
    config: Path, parts: Parts, robert: Identity
) -> None:
    """Nothing else would tell why no member ever gets a report to read."""
    roster = config.parent / "roster.toml"
    roster.write_text(re.sub(r"(?m)^names = .*$", "names = []", roster.read_text()))
    sign(roster, robert)

    text = said(look(config, NOW, well))

    assert "On duty, but without names in the roster: robert." in text
    assert "only the recovery keys open what comes in" in text
    assert parts.database.unfinished_jobs() == []


def test_an_edited_roster_with_which_no_server_would_start_again_is_said(
    config: Path, parts: Parts, robert: Identity
) -> None:
    """Its number is the same, and the running server goes on with what it took: until the next start."""
    roster = config.parent / "roster.toml"
    roster.write_text(f"{roster.read_text()}# edited\n")
    sign(roster, robert)

    ((what, then),) = look(config, NOW, well).warnings

    assert "A server would not start with the roster file" in what
    assert "This is another roster 1" in what
    assert f"coc-server check --config {config}" in then
    assert parts.work.roster().serial == 1


def test_an_older_roster_file_is_said(config: Path, parts: Parts, robert: Identity) -> None:
    older = (config.parent / "roster.toml").read_bytes()
    successor(config, robert)
    assert parts.work.roster().serial == 2
    (config.parent / "roster.toml").write_bytes(older)
    sign(config.parent / "roster.toml", robert)

    ((what, _),) = look(config, NOW, well).warnings

    assert "This is roster 1, and 2 was accepted already" in what


def test_a_new_roster_is_said_to_wait_until_the_server_takes_it_within_a_minute(
    config: Path, parts: Parts, robert: Identity
) -> None:
    successor(config, robert)

    ((what, then),) = look(config, NOW, well).warnings
    assert "The roster file is number 2; number 1 is in use." == what
    assert "within a minute" in then

    parts.dispatcher.turn()

    assert [] == look(config, NOW, well).warnings
