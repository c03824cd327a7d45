"""Freezing, thawing and what is told of it carry nothing of a report, and no credential stays behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from click.testing import CliRunner

from integration.diary.keys import generate_identity
from sandbox.mailbox import mailbox
from sandbox.playground import ORG, OUTSIDER, OWNER, REPOSITORY, TEAM, playground
from sandbox.rehearsal import Server, SetClock
from tests.leaks.everywhere import answers, leaks
from webhook_server.cli import main as coc_server
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.leaks.conftest import Canary


def test_a_freeze_tells_nothing_of_the_reports_that_wait_and_keeps_no_admins_token(
    tmp_path: Path, canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    identities = {alias: generate_identity(alias) for alias in (*TEAM, "recovery")}
    clock = SetClock(datetime.now(UTC))
    with (
        mailbox() as box,
        playground(tmp_path / "server", now=clock.now, mail_port=box.port, identities=identities) as world,
    ):
        server = Server(world, clock)
        database, work = server.parts.database, server.parts.work
        waits = server.report("github", answers(canary))
        world.github.repo(f"{ORG}/{REPOSITORY}").collaborators[OUTSIDER] = "pull"
        attempt(waits, work, database, Locks(database._engine))
        server.parts.dispatcher.tell_members()
        token = tmp_path / "owner.token"
        token.touch(mode=0o600)
        canary.text("admins-token")
        token.write_text(canary.cores["admins-token"], encoding="ascii")
        output = [
            CliRunner()
            .invoke(
                coc_server,
                [*command, "--config", str(world.config_path), "--admin-token-file", str(token)],
            )
            .output
            for command in (["audience", "in-github"], ["doctor", "in-github"])
        ]
        del world.github.repo(f"{ORG}/{REPOSITORY}").collaborators[OUTSIDER]
        token.write_text(world.token(OWNER), encoding="ascii")
        work.guard.look("in-github")  # type: ignore[arg-type]
        server.parts.dispatcher.tell_members()
        status = CliRunner().invoke(coc_server, ["status", "--config", str(world.config_path)]).output

        mails = b"\n".join(mail for _, mail in box.mails)
        assert b"somebody who may not can read" in mails
        assert b"only the team can read the ticket space again" in mails
        # The token does go to the host that it is for, and nowhere else.
        found = [one for one in leaks(canary, server, box, caplog) if " to github: admins-token" not in one]
        found += canary.found_in("what the commands print", "\n".join([*output, status]).encode())
        server.close()
    assert [] == found
