"""Set-up and checks of a Jira project that is in use: an admin's eyes and hands, and no word of a report in any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from integration.checks import Outcome
from integration.diary.keys import generate_identity
from integration.incident import SpaceName
from integration.jira.admin import Credential
from integration.jira.admin_audience import read_admin_audience
from integration.jira.checks import jira_checks
from sandbox.form import QUESTIONS
from sandbox.playground import BOT, OUTSIDER, OWNER, PROJECT, TEAM, playground
from sandbox.rehearsal import Server, SetClock
from webhook_server.cli import main
from webhook_server.config import load_config
from webhook_server.wiring import make_hosts

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from integration.jira.host import JiraHost
    from tests.leaks.conftest import Canary


def someone(who: str) -> Credential:
    return Credential(f"{who}@team.example", f"token-of-{who}")


def test_what_an_admin_sets_up_and_finds_out_holds_nothing_of_a_report(
    canary: Canary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = {ref: canary.text(ref) for ref in QUESTIONS if ref not in {"not_for", "what_is_it"}}
    told |= {"what_is_it": "Somebody broke the Code of Conduct", "not_for": "nobody"}
    identities = {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}
    clock = SetClock()
    with playground(tmp_path / "server", now=clock.now, identities=identities) as world:
        server = Server(world, clock)
        server.open_until_done(server.report("jira", told))
        before = len(world.jira.wire.journal)

        result = CliRunner().invoke(
            main,
            [
                *("setup", "jira", "in-jira", "--site", world.jira_url, "--project", PROJECT, "--apply"),
                *("--admin-email", someone(OWNER).email, "--bot-email", someone(BOT).email),
                *("--roster", str(world.roster_path)),
            ],
            env={"COC_ADMIN_TOKEN": someone(OWNER).token},
        )
        host: JiraHost = make_hosts(load_config(world.config_path))[SpaceName("in-jira")]  # type: ignore[assignment]  # it is
        checks = list(
            jira_checks(host._space, admin=someone(OWNER), bot=someone(BOT), outsider=someone(OUTSIDER))
        )
        audience = read_admin_audience(host._space, admin=someone(OWNER), bot=someone(BOT))

        assert result.exit_code == 0, result.output
        assert Outcome.PASS in {one.outcome for one in checks}
        assert f"acc-{OWNER}" in {one.account for one in audience.principals}
        answers = b"\n".join(one.request_body + one.response_body for one in world.jira.wire.journal[before:])
        shown = f"{result.output} {checks} {audience} {caplog.text}"
        assert canary.found_in("output", shown.encode()) + canary.found_in("Jira's answers", answers) == []

        # The service goes on working on what set-up left.
        server.open_until_done(server.report("jira", {**told, "what_happened": "more"}))
        server.close()
