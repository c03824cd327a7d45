"""The desk's commands against the real service and both hosts' stand-ins, over HTTP."""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from desk.cli import main
from desk.home import Home, PublicKeys
from sandbox.playground import NOAHS_REPORT, ORG, REPOSITORY, playground
from sandbox.rehearsal import Server, SetClock
from sandbox.wire import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from integration.diary.keys import Identity
    from integration.incident import Incident
    from sandbox.rehearsal import HostName


class Town:
    """A service that listens, an incident, and members' desks."""

    def __init__(self, server: Server, folder: Path, identities: dict[str, Identity]) -> None:
        self.server = server
        self.folder = folder
        self.identities = identities

    def report(self, host: HostName) -> Incident:
        inbox_id = self.server.report(host, NOAHS_REPORT)
        self.server.open_until_done(inbox_id)
        return self.server.incident_of(inbox_id)

    def coc(self, who: str, *args: str, input: str | None = None) -> Result:  # noqa: A002 - click's name
        home = Home(self.folder / f"desk-of-{who}")
        if not home.folder.exists():
            identity = self.identities[who]
            home.keep_identity(b"locked", PublicKeys(who, identity.recipient, identity.signing_key))
            raw = self.server.world.roster_path.read_bytes()
            home.connect(self.server.world.origin, raw, self.server.parts.work.roster())
            (home.folder / "own.token").write_text(self.server.world.token(who), encoding="ascii")
            (home.folder / "hosts.toml").write_text(
                f'[jira]\nurl = "{self.server.world.jira_url}"\nemail = "{who}@team.example"\n'
                f'token_file = "own.token"\n[github]\nurl = "{self.server.world.github_url}"\n'
                'token_file = "own.token"\n',
                encoding="utf-8",
            )
        with pytest.MonkeyPatch.context() as patched:  # unlocking takes seconds, on purpose
            patched.setattr("desk.asking.unlock", lambda _home, _file: self.identities[who])
            result = CliRunner().invoke(main, ["--home", str(home.folder), *args], input=input)
        for job in self.server.parts.database.unfinished_jobs():
            self.server.open_until_done(job.inbox_id)
        return result

    def delete_newest(self, host: HostName, incident: Incident) -> None:
        """An admin of the host deletes the newest comment."""
        ref = self.server.parts.database.ticket(incident.id).ref
        assert ref is not None
        if host == "jira":
            self.server.world.jira.site.issues[ref.id].comments.pop()
        else:
            self.server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[
                int(ref.key.lstrip("#"))
            ].comments.pop()


@pytest.fixture
def town(tmp_path: Path, identities: dict[str, Identity]) -> Iterator[Town]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = SetClock(datetime.now(UTC))  # a desk has its own clock, and the two may be minutes apart only
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(
            playground(tmp_path / "server", now=clock.now, identities=identities, service_port=port)
        )
        server = Server(world, clock)
        stack.callback(server.close)
        stack.enter_context(serving(server.parts.app, port=port))
        yield Town(server, tmp_path, identities)


@pytest.mark.parametrize("host", ["jira", "github"])
def test_a_team_works_on_an_incident_from_its_desks(town: Town, host: HostName) -> None:
    incident = town.report(host)
    name = incident.code_name

    first = town.coc("robert", "diary", "read", name)
    wrote = town.coc("robert", "diary", "write", name, "--kind", "meeting", "--file", "-", input="we met\n")
    cleared = town.coc("charlie", "clear", name, "rachel", "--yes")
    hers = town.coc("rachel", "diary", "read", name, "--format", "json")
    recused = town.coc("robert", "recuse", name, "charlie", "--reason", "knows Olivia")
    his = town.coc("charlie", "diary", "read", name)
    on_ticket = town.coc("robert", "diary", "verify", name, "--from-host")
    left = town.coc("rachel", "leave", "--yes")
    last = town.coc("robert", "diary", "read", name)

    for result in (first, wrote, cleared, hers, recused, on_ticket, left, last):
        assert result.exit_code == 0, result.output
    assert "They were renewed" in first.stderr
    assert "we met" in hers.stdout
    assert his.exit_code == 1
    assert "that you are cleared for" in his.stderr
    assert "The same diary stands on the ticket itself" in on_ticket.stdout
    assert f"{name}: you could read 3 entries" in left.stdout
    assert "knows Olivia" in last.stdout
    shown = "".join(town.server.shown(host, incident.id).texts)
    for word in ("we met", "knows Olivia", "rachel", "robert"):
        assert word not in shown


@pytest.mark.parametrize("host", ["jira", "github"])
def test_what_the_hosts_admin_deletes_is_found_and_restored(town: Town, host: HostName) -> None:
    incident = town.report(host)
    name = incident.code_name
    town.coc("robert", "diary", "write", name, "--file", "-", input="we met\n")
    town.delete_newest(host, incident)

    found = town.coc("robert", "diary", "verify", name, "--from-host")
    asked = town.coc("robert", "diary", "restore", name, "--from-host", "--wait", "0")
    after = town.coc("robert", "diary", "verify", name, "--from-host")

    assert found.exit_code == 3
    assert "not-on-ticket: The service shows entry 4" in found.stdout
    assert "missing-newest" in found.stdout
    assert asked.exit_code == 3  # nothing runs the service's jobs while the command waits
    assert after.exit_code == 0, after.output


@pytest.mark.parametrize("host", ["jira", "github"])
def test_an_outsider_who_owns_the_organisation_reads_nothing(town: Town, host: HostName) -> None:
    """Olivia is reported, and administers both hosts."""
    incident = town.report(host)
    town.coc("robert", "diary", "write", incident.code_name, "--file", "-", input="we met\n")

    shown = "".join(town.server.shown(host, incident.id).texts)

    assert "CoC-Diary: v1" in shown
    assert "we met" not in shown
    assert "Olivia" not in shown
