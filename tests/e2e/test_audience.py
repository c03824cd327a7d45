"""Somebody who may not read is let in on the host: nothing more is written, the team is told, and it goes on when they are out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from click.testing import CliRunner, Result

from integration.errors import HostError
from integration.incident import SpaceName
from integration.space_notices import SpaceNews
from sandbox.form import NOAHS_REPORT
from sandbox.playground import BOT, ORG, OUTSIDER, OWNER, REPOSITORY
from webhook_server.cli import main as coc_server
from webhook_server.jobs import attempt
from webhook_server.space_notices import SpaceNotices
from webhook_server.store.audiences import Audiences
from webhook_server.store.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.playground import Playground
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]


@dataclass
class Told:
    """A notifier that remembers."""

    mails: list[tuple[tuple[str, ...], str, str]] = field(default_factory=list)

    def tell(self, addresses: Sequence[str], *, subject: str, text: str) -> Sequence[str]:
        self.mails.append((tuple(addresses), subject, text))
        return ()


def space_of(host: HostName) -> SpaceName:
    return SpaceName(f"in-{host}")


def account(host: HostName) -> str:
    return f"acc-{OUTSIDER}" if host == "jira" else OUTSIDER


def let_in(world: Playground, host: HostName) -> None:
    """The outsider gets the role that reads the project, or becomes a collaborator of the repository."""
    if host == "jira":
        actors = world.jira.site.projects[world.project.key].actors
        actors[world.project.roles[world.project.team_role]].append(account(host))
    else:
        world.github.repo(f"{ORG}/{REPOSITORY}").collaborators[OUTSIDER] = "pull"


def put_out(world: Playground, host: HostName) -> None:
    """Her access is taken away."""
    if host == "jira":
        actors = world.jira.site.projects[world.project.key].actors
        actors[world.project.roles[world.project.team_role]].remove(account(host))
    else:
        del world.github.repo(f"{ORG}/{REPOSITORY}").collaborators[OUTSIDER]


def run(server: Server, inbox_id: str) -> str:
    """Try a job once; what was noted."""
    database = server.parts.database
    return attempt(inbox_id, server.parts.work, database, Locks(database._engine))


def writes(server: Server, host: HostName) -> int:
    """Requests that may have changed something on the host."""
    return sum(
        one.method in {"POST", "PUT", "PATCH", "DELETE"} and not one.path.endswith("/search/jql")
        for one in server.wire(host).journal
    )


def notices(server: Server, told: Told) -> SpaceNotices:
    return SpaceNotices(Audiences(server.parts.database._engine), server.parts.work.roster, told, None)


@pytest.mark.parametrize("host", HOSTS)
def test_an_outsider_who_is_let_in_freezes_the_space_at_once_and_her_going_thaws_it(
    server: Server, host: HostName
) -> None:
    told, space, guard = Told(), space_of(host), server.parts.work.guard
    server.open_until_done(server.report(host, NOAHS_REPORT))
    waits = server.report(host, NOAHS_REPORT)
    before = writes(server, host)

    let_in(server.world, host)
    assert not guard.look_now(space)
    notices(server, told).turn(server.clock.now())

    assert "host-not-restricted" == run(server, waits)
    assert before == writes(server, host)
    ((addresses, subject, text),) = told.mails
    assert ("robert@team.example", "charlie@team.example") == addresses
    assert f"{space}: somebody who may not can read the ticket space" == subject
    path = "the role " + (
        server.world.project.roles[server.world.project.team_role] if host == "jira" else "read"
    )
    assert f"'{account(host)}' can read it by {path}" in text

    put_out(server.world, host)
    assert guard.look(space)
    notices(server, told).turn(server.clock.now())

    assert f"{space}: only the team can read the ticket space again" == told.mails[1][1]
    assert account(host) in told.mails[1][2]
    assert server.open_until_done(waits) <= 6


@pytest.mark.parametrize("left", [None, "pull"])
def test_members_hear_of_a_published_repository_although_our_account_was_put_out_of_it(
    server: Server, left: Literal["pull"] | None, tmp_path: Path
) -> None:
    told, space, guard = Told(), space_of("github"), server.parts.work.guard
    server.open_until_done(server.report("github", NOAHS_REPORT))
    server.world.github.people.set_visibility(f"{ORG}/{REPOSITORY}", "public", by=OWNER)
    collaborators = server.world.github.repo(f"{ORG}/{REPOSITORY}").collaborators
    before = collaborators.pop(BOT)
    if left is not None:
        collaborators[BOT] = left

    assert not guard.look(space)
    notices(server, told).turn(server.clock.now())

    ((_, subject, text),) = told.mails
    assert f"{space}: somebody who may not can read the ticket space" == subject
    assert "- the repository is public\n- the host did not say who else can read it\n" in text
    listed = command(server, "audience", "github", tmp_path)
    assert 1 == listed.exit_code
    assert "NOT ALLOWED: the repository is public" in listed.output
    assert "NOT WHOLE: GitHub refused to list who can read the repository" in listed.output

    server.world.github.people.set_visibility(f"{ORG}/{REPOSITORY}", "private", by=OWNER)
    with pytest.raises(HostError):
        guard.look(space)
    assert guard.is_frozen(space)
    collaborators[BOT] = before
    assert guard.look(space)


@pytest.mark.parametrize("host", HOSTS)
def test_a_look_costs_at_most_four_requests(server: Server, host: HostName) -> None:
    guard = server.parts.work.guard
    guard.look(space_of(host))
    before = server.wire(host).calls

    assert guard.look_now(space_of(host))
    assert server.wire(host).calls - before <= 4


@pytest.mark.parametrize("host", HOSTS)
def test_an_exception_with_an_end_date_thaws_until_that_day(server: Server, host: HostName) -> None:
    space, world = space_of(host), server.world
    let_in(world, host)
    server.parts.work.guard.look_now(space)
    until = (server.clock.now() + timedelta(days=2)).date()
    with world.config_path.open("a", encoding="utf-8") as config:
        config.write(
            f'\n[[spaces.{space}.acknowledged]]\naccount = "{account(host)}"\nuntil = {until}\nwhy = "helps out"\n'
        )
    server.restart()

    assert server.parts.work.guard.look(space)
    server.open_until_done(server.report(host, NOAHS_REPORT))
    server.clock.forward(days=3)
    assert not server.parts.work.guard.look(space)


def test_when_the_admins_proof_ends_reports_wait_sealed_and_the_server_says_so(server: Server) -> None:
    server.clock.forward(days=91)
    waits = server.report("github", NOAHS_REPORT)

    assert "host-unproven" == run(server, waits)
    assert server.parts.database.delivery(waits).report is not None
    assert not server.world.github.repo(f"{ORG}/{REPOSITORY}").issues
    told = Told()
    notices(server, told).turn(server.clock.now())
    assert [SpaceNews.ENDED] * 2 == [
        SpaceNews.ENDED for _, subject, _ in told.mails if "proof by an admin has ended" in subject
    ]


# The commands ---------------------------------------------------------------------------------------


def command(server: Server, name: str, host: HostName, tmp_path: Path, **who: str) -> Result:
    """``audience`` or ``doctor``, with the tokens of these people."""
    args = [name, space_of(host), "--config", str(server.world.config_path)]
    for role, person in who.items():
        file = tmp_path / f"{person}.token"
        file.touch(mode=0o600)
        file.write_text(server.world.token(person), encoding="ascii")
        args += [f"--{role}-token-file", str(file)]
        args += [f"--{role}-email", f"{person}@team.example"] if host == "jira" else []
    return CliRunner().invoke(coc_server, args)


@pytest.mark.parametrize("host", HOSTS)
def test_the_list_of_readers_names_everybody_with_path_and_right(
    server: Server, host: HostName, tmp_path: Path
) -> None:
    fine = command(server, "audience", host, tmp_path)
    let_in(server.world, host)
    found = command(server, "audience", host, tmp_path, admin=OWNER)

    assert 0 == fine.exit_code, fine.output
    assert "robert of the roster" in fine.output
    assert "the service itself" in fine.output
    assert 1 == found.exit_code
    (line,) = [one for one in found.output.splitlines() if f" {account(host)} " in one]
    assert line.endswith("NOT ALLOWED")
    assert "acknowledged until" in found.output


@pytest.mark.parametrize("host", HOSTS)
def test_doctor_with_an_admins_token_keeps_the_proof_that_lets_reports_through(
    server: Server, host: HostName, tmp_path: Path
) -> None:
    server.clock.forward(days=91)
    waits = server.report(host, NOAHS_REPORT)
    assert "host-unproven" == run(server, waits)

    found = command(server, "doctor", host, tmp_path, admin=OWNER, outsider=OUTSIDER)

    (line,) = [one for one in found.output.splitlines() if "as an admin sees it" in one]
    assert line.startswith("PASS")
    record = Audiences(server.parts.database._engine).record(space_of(host))
    assert record.admin is not None
    assert {f"acc-{OWNER}", OWNER} & {one.account for one in record.admin.principals}
    for person in (OWNER, OUTSIDER):
        assert server.world.token(person) not in found.output


@pytest.mark.parametrize("host", HOSTS)
def test_a_doctor_who_sees_that_others_can_read_ends_the_proof_until_one_passes(
    server: Server, host: HostName, tmp_path: Path
) -> None:
    book = Audiences(server.parts.database._engine)
    before = book.record(space_of(host)).admin
    let_in(server.world, host)

    found = command(server, "doctor", host, tmp_path, admin=OWNER)

    assert 1 == found.exit_code
    assert account(host) in found.output
    put_out(server.world, host)
    after = book.record(space_of(host)).admin
    assert before is not None
    assert after is not None
    assert after.ends_at < before.ends_at
    server.clock.time = after.ends_at
    waits = server.report(host, NOAHS_REPORT)
    assert "host-unproven" == run(server, waits)
    command(server, "doctor", host, tmp_path, admin=OWNER)
    assert "done" == run(server, waits)


def test_a_credential_is_sent_to_the_host_of_a_named_space_only(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("secret", encoding="ascii")
    before = server.wire("jira").calls + server.wire("github").calls

    found = CliRunner().invoke(
        coc_server,
        ["doctor", "--config", str(server.world.config_path), "--admin-token-file", str(file)],
    )

    assert 1 == found.exit_code
    assert "Say for which ticket space" in found.output
    assert before == server.wire("jira").calls + server.wire("github").calls
