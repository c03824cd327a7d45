"""``coc-server status`` says what is due by the clock and was not done, or fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.server.status.looked import NOW, Now, report, said, well, write
from webhook_server.config import load_config
from webhook_server.status import look
from webhook_server.store import tables as t
from webhook_server.store.overview import Overview
from webhook_server.wiring import Parts, join

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.report import Report


def test_backups_and_chores_that_are_overdue_are_said(
    config: Path, parts: Parts, make_report: Callable[..., Report]
) -> None:
    assert [] == look(config, NOW, well).warnings
    inbox_id = report(parts, make_report)
    parts.database.finish(inbox_id, NOW)
    parts.database.told(parts.database.job(inbox_id), NOW)
    assert "No backup is noted." in said(look(config, NOW, well))

    write(parts, t.chore, name="backup", done_at=NOW)
    write(parts, t.chore, name="reconcile", done_at=NOW)

    assert [] == look(config, NOW + timedelta(days=1), well).warnings
    assert "The last reconcile was 3 days ago." in said(look(config, NOW + timedelta(days=3), well))
    assert "The last backup" not in said(look(config, NOW + timedelta(days=3), well))
    assert "The last backup was 9 days ago." in said(look(config, NOW + timedelta(days=9), well))


@pytest.mark.parametrize(
    ("chore", "part", "claimed_as", "what", "then"),
    [
        ("audience", "conduct", "audience", "The look at who can read the ticket space conduct",
         "See: coc-server doctor conduct --config"),
        ("boards", "conduct", "board of conduct", "The renewal of the board of conduct", "coc-server board conduct --config"),
        ("missed-webhooks", "github:example-org/conduct/78", "webhooks of github:example-org/conduct/78",
         "Asking for webhooks that did not arrive, at github:example-org/conduct/78", "coc-server doctor --config"),
        ("unknown-tickets", "conduct", "unknown tickets",
         "The look for tickets that nothing here works on, in conduct", "coc-server doctor --config"),
        ("unknown-tickets", "", "unknown tickets", "The chore unknown-tickets", "the server's log"),
        ("nightly", "", "nightly", "The chore nightly", "the server's log"),
        ("backup", "", "backup", "The chore backup", "Make one now: coc-server backup FOLDER --config"),
    ],
)  # fmt: skip
def test_a_chore_that_was_begun_a_moment_ago_and_fails_is_said_with_since_when_and_what_to_do(
    config: Path, parts: Parts, chore: str, part: str, claimed_as: str, what: str, then: str
) -> None:
    config.write_text(config.read_text().replace("token_file =", "hook_id = 78\ntoken_file ="))
    write(parts, t.chore, name=claimed_as, done_at=NOW)
    since = NOW - timedelta(days=3)
    write(parts, t.chore_trouble, chore=chore, part=part, failed_since=since, reason_code="host-refused")

    status = look(config, NOW, well)

    ((said_of_it, next_step),) = status.warnings
    assert said_of_it == f"{what} fails since {since:%Y-%m-%d %H:%M} UTC (3 days): host-refused."
    assert then in next_step
    assert "{" not in next_step
    assert f"{claimed_as.capitalize()}: 0 seconds ago, and fails" in said(status)


def test_the_board_of_another_ticket_space_is_not_called_failing(config: Path, parts: Parts) -> None:
    write(parts, t.chore, name="board of conduct", done_at=NOW)
    write(parts, t.chore_trouble, chore="boards", part="old", failed_since=NOW, reason_code="host-refused")

    status = look(config, NOW, well)

    assert [] == status.warnings, "the configuration does not have it any more"
    assert "and fails" not in said(status)
    (config.parent / "root.key").unlink()
    assert "board of old fails" in said(look(config, NOW, well)), "what the configuration has is not known"
    assert "and fails" not in said(look(config, NOW, well))


def test_a_start_forgets_the_trouble_of_what_is_not_configured_any_more(config: Path, parts: Parts) -> None:
    for chore, part in (
        ("nightly", ""),
        ("boards", "conduct"),
        ("boards", "old"),
        ("missed-webhooks", "gone"),
    ):
        write(parts, t.chore_trouble, chore=chore, part=part, failed_since=NOW, reason_code="host-refused")

    again = join(load_config(config), clock=Now())

    left = Overview(again.database._engine).chore_troubles()
    assert [("boards", "conduct"), ("nightly", "")] == [(one.chore, one.part) for one in left]
    again.close()


def test_chores_that_the_configuration_does_not_have_any_more_are_not_spoken_of(
    config: Path, parts: Parts
) -> None:
    """Nothing does them any more, so they would be overdue for ever."""
    hooked = config.read_text().replace("token_file =", "hook_id = 78\ntoken_file =")
    names = ["webhooks of github:example-org/conduct/77", "webhooks of github:example-org/conduct/78",
             "board of conduct", "board of old", "nightly"]  # fmt: skip
    for name in names:
        write(parts, t.chore, name=name, done_at=NOW - timedelta(days=3))

    config.write_text(hooked)

    text = said(look(config, NOW, well))
    spoken_of = [name for name in names if f"The last {name} was 3 days ago." in text]
    assert names[1:3] + names[4:] == spoken_of
    assert "/77" not in text
    (config.parent / "root.key").unlink()
    assert "/77" in said(look(config, NOW, well)), "what the configuration has is not known"
