"""A service that listens, and members' desks that ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from desk.cli import main
from desk.home import Home, PublicKeys
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, REPOSITORY
from webhook_server.jobs import attempt
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from click.testing import Result

    from integration.diary.keys import Identity
    from integration.incident import Incident
    from integration.mirror import TicketRef
    from sandbox.rehearsal import HostName, Server


class Town:
    """A service that listens, an incident, and members' desks."""

    def __init__(self, server: Server, folder: Path, identities: dict[str, Identity]) -> None:
        self.server = server
        self.folder = folder
        self.identities = identities

    def report(self, host: HostName, answers: Mapping[str, str] = NOAHS_REPORT) -> Incident:
        inbox_id = self.server.report(host, answers)
        self.server.open_until_done(inbox_id)
        return self.server.incident_of(inbox_id)

    def coc(self, who: str, *args: str, input: str | None = None) -> Result:  # noqa: A002 - click's name
        """Run a command at a desk, and then every job of the service until it is done."""
        result = self.desk(who, *args, input=input)
        for job in self.server.parts.database.unfinished_jobs():
            self.server.open_until_done(job.inbox_id)
        return result

    def desk(self, who: str, *args: str, input: str | None = None) -> Result:  # noqa: A002 - click's name
        """Run a command at a desk. The service's jobs stay as they are; see :meth:`turn`."""
        home = self.home(who)
        with pytest.MonkeyPatch.context() as patched:  # unlocking takes seconds, on purpose
            patched.setattr("desk.asking.unlock", lambda _home, _file: self.identities[who])
            patched.setattr("desk.keep_cli.time.sleep", lambda _seconds: self.turn())
            result = CliRunner().invoke(main, ["--home", str(home.folder), *args], input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return result

    def home(self, who: str) -> Home:
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
        return home

    def turn(self) -> list[str]:
        """What the dispatcher does in a turn: every job whose time has come is tried once. Gives the results."""
        parts = self.server.parts
        return [
            attempt(job.inbox_id, parts.work, parts.database, Locks(parts.database._engine))
            for job in parts.database.due_jobs(self.server.clock.now(), limit=100)
        ]

    def ref(self, incident: Incident) -> TicketRef:
        ref = self.server.parts.database.ticket(incident.id).ref
        assert ref is not None
        return ref

    def delete_newest(self, host: HostName, incident: Incident) -> None:
        """An admin of the host deletes the newest comment."""
        ref = self.ref(incident)
        if host == "jira":
            self.server.world.jira.site.issues[ref.id].comments.pop()
        else:
            self.server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[
                int(ref.key.lstrip("#"))
            ].comments.pop()

    def delete_ticket(self, host: HostName, incident: Incident) -> None:
        """An admin of the host deletes the ticket with its steps."""
        ref = self.ref(incident)
        if host == "jira":
            site = self.server.world.jira.site
            for issue in [one for one in site.issues.values() if ref.id in {one.id, one.parent}]:
                site.put_into_index(issue, self.server.clock.now(), gone=True)
                del site.issues[issue.id]
            return
        repo = self.server.world.github.repo(f"{ORG}/{REPOSITORY}")
        parent = repo.issues[int(ref.id)]
        for one in [parent, *parent.children]:
            self.server.world.github.state.forget(one)
            repo.deleted.add(one.number)
