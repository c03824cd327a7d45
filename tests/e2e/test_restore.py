"""A ticket, a repository, a project that was deleted: the diary is restored from the store, at a desk, and verifies."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from integration.deskwork import restore
from integration.errors import HostError
from sandbox.form import NOAHS_REPORT
from sandbox.playground import BOT, ORG, PROJECT, REPOSITORY, TEAM
from sandbox.rehearsal import Killed, dying_at
from tests.e2e.town import Town
from webhook_server.cli import main as coc_server

if TYPE_CHECKING:
    from click.testing import Result

    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_deleted_ticket_is_restored_though_a_write_waits_for_it(town: Town, host: HostName) -> None:
    incident = town.report(host)
    name = incident.code_name
    town.coc("robert", "diary", "read", name)
    town.delete_ticket(host, incident)
    town.desk("robert", "diary", "write", name, "--file", "-", input="after the deletion\n")
    waits = town.turn()

    done = town.desk("robert", "diary", "restore", name, "--new-ticket", "--from-host")

    assert waits == ["host-gone"]
    assert done.exit_code == 0, done.output
    assert "The same diary stands on the ticket itself" in done.stdout
    read = town.desk("robert", "diary", "read", name)
    assert (read.exit_code, "after the deletion" in read.stdout) == (0, True)
    assert town.server.shown(host, incident.id).tickets == 1


@pytest.mark.parametrize("host", HOSTS)
def test_a_plain_restore_lets_what_waits_be_tried_at_once(town: Town, host: HostName) -> None:
    """The ticket was out of its place for a while; what was written meanwhile waits for 15 minutes."""
    incident = town.report(host)
    name = incident.code_name
    town.coc("robert", "diary", "read", name)
    database = town.server.parts.database
    town.desk("robert", "diary", "write", name, "--file", "-", input="meanwhile\n")
    (job,) = database.unfinished_jobs()
    later = town.server.clock.now() + timedelta(minutes=15)
    database.job_failed(job, parked=True, code="host-gone", reason="It is gone.", due_at=later)

    restored = town.desk("robert", "diary", "restore", name, "--from-host")

    assert restored.exit_code == 0, restored.output
    assert town.turn() == ["done"]
    assert database.unfinished_jobs() == []


@pytest.mark.parametrize("call", range(9))
@pytest.mark.parametrize("host", HOSTS)
def test_asking_again_for_a_new_ticket_opens_no_second_one(server: Server, host: HostName, call: int) -> None:
    """The first attempt died with an unknown outcome, the host's search lags, and the member says it again."""
    inbox_id = server.report(host, NOAHS_REPORT)
    server.open_until_done(inbox_id)
    incident = server.incident_of(inbox_id)
    Town(server, server.world.folder, {}).delete_ticket(host, incident)
    restore(incident.id, new_ticket=True, work=server.parts.work)
    (job,) = server.parts.database.unfinished_jobs()
    with dying_at(call, after=True), contextlib.suppress(Killed, HostError):
        server.open(job.inbox_id)
    server.restart()

    if server.parts.database.ticket(incident.id).ref is None:
        restore(incident.id, new_ticket=True, work=server.parts.work)
    for one in server.parts.database.unfinished_jobs():
        server.open_until_done(one.inbox_id, tries=20)

    assert server.shown(host, incident.id).tickets == 1


@pytest.mark.parametrize("host", HOSTS)
def test_a_restore_that_was_not_done_in_time_is_finished_by_saying_it_again(
    town: Town, host: HostName
) -> None:
    incident = town.report(host)
    name = incident.code_name
    town.coc("robert", "diary", "read", name)
    town.delete_ticket(host, incident)

    first = town.desk("robert", "diary", "restore", name, "--new-ticket", "--wait", "0")
    second = town.desk("robert", "diary", "restore", name, "--new-ticket", "--from-host")
    third = town.desk("robert", "diary", "restore", name, "--new-ticket")

    assert (first.exit_code, second.exit_code, third.exit_code) == (3, 0, 1), second.output
    assert "Say later again" in first.stderr
    assert "Leave --new-ticket out" in third.stderr
    assert town.server.shown(host, incident.id).tickets == 1


def test_only_a_ticket_space_of_the_configuration_that_is_restricted_is_accepted(town: Town) -> None:
    town.report("github")
    make_repository_again(town, 0)
    town.server.world.github.repo(f"{ORG}/{REPOSITORY}").collaborators["mallory"] = "pull"

    unknown, open_to_others = accept(town, "in-nowhere", "y\n"), accept(town, "in-github", "y\n")

    assert (unknown.exit_code, open_to_others.exit_code) == (1, 1)
    assert "There is no [spaces.in-nowhere]" in unknown.output
    assert "mallory" in open_to_others.output


@pytest.mark.parametrize("numbers_used", [0, 5], ids=["the-same-number", "another-number"])
def test_a_deleted_repository_is_made_again_and_the_diary_is_restored_there(
    town: Town, numbers_used: int
) -> None:
    incident = town.report("github")
    name = incident.code_name
    town.coc("robert", "diary", "write", name, "--file", "-", input="we met\n")
    before = town.ref(incident)
    make_repository_again(town, numbers_used)

    too_early = town.desk("robert", "diary", "restore", name, "--new-ticket")
    accepted = accept(town, "in-github", "y\n")
    done = town.desk("robert", "diary", "restore", name, "--new-ticket", "--from-host")
    after = town.desk("robert", "diary", "verify", name, "--from-host")
    wrote = town.coc("robert", "diary", "write", name, "--file", "-", input="and it goes on\n")

    assert too_early.exit_code == 1
    assert "coc-server space accept in-github" in too_early.stderr
    assert accepted.exit_code == 0, accepted.output
    assert done.exit_code == 0, done.output
    assert after.exit_code == 0, after.output
    assert wrote.exit_code == 0, wrote.output
    now = town.ref(incident)
    assert (now.name == before.name) is (numbers_used == 0)
    assert now.stable != before.stable
    assert town.server.shown("github", incident.id).tickets == 1


def test_a_deleted_project_is_made_again_and_the_diary_is_restored_there(town: Town) -> None:
    incident = town.report("jira")
    name = incident.code_name
    town.coc("robert", "diary", "write", name, "--file", "-", input="we met\n")
    before = town.ref(incident)
    make_project_again(town)

    too_early = town.desk("robert", "diary", "restore", name, "--new-ticket")
    accepted = accept(town, "in-jira", "y\n")
    done = town.desk("robert", "diary", "restore", name, "--new-ticket", "--from-host")
    after = town.desk("robert", "diary", "verify", name, "--from-host")

    assert too_early.exit_code == 1
    assert "coc-server space accept in-jira" in too_early.stderr
    assert accepted.exit_code == 0, accepted.output
    assert done.exit_code == 0, done.output
    assert after.exit_code == 0, after.output
    now = town.ref(incident)
    assert now.key == before.key  # people see the same key; the name in the diary has Jira's own id
    assert now.name != before.name


@pytest.mark.parametrize("restarted", [False, True], ids=["at-once", "after-a-restart"])
@pytest.mark.parametrize("host", HOSTS)
def test_another_repository_or_project_under_the_same_name_gets_nothing_until_it_is_accepted(
    town: Town, host: HostName, *, restarted: bool
) -> None:
    town.report(host)
    if host == "jira":
        make_project_again(town)
    else:
        make_repository_again(town, 0)
    if restarted:
        town.server.restart()

    inbox_id = town.server.report(host, NOAHS_REPORT)
    refused = town.turn()
    waiting = town.server.parts.database.job(inbox_id)
    no = accept(town, f"in-{host}", "n\n")
    town.server.parts.database.retry_now(inbox_id, town.server.clock.now())
    still = town.turn()
    written = len(writes_since_then(town, host))
    yes = accept(town, f"in-{host}", "y\n")
    town.server.clock.forward(seconds=60)  # the command has its own clock; the job would wait for 15 minutes
    done = town.turn()

    assert refused == ["host-replaced"]
    assert f"coc-server space accept in-{host}" in str(waiting.reason)
    assert (no.exit_code, yes.exit_code) == (1, 0)
    assert (still, done) == (["host-replaced"], ["done"])
    assert written == 0
    old, new = ids_in(waiting.reason or "")
    assert old in no.output
    assert new in no.output
    assert accept(town, f"in-{host}", "").output.count("nothing to accept") == 1


def writes_since_then(town: Town, host: HostName) -> list[object]:
    """Tickets in the ticket space as it is now."""
    world = town.server.world
    if host == "jira":
        return list(world.jira.site.issues.values())
    return list(world.github.repo(f"{ORG}/{REPOSITORY}").issues.values())


def ids_in(reason: str) -> tuple[str, str]:
    """The known id and the one that stands there now, as the reason names them."""
    new, old = reason.split("(id ")[1:3]
    return old.split(")")[0], new.split(")")[0]


def accept(town: Town, space: str, answer: str) -> Result:
    return CliRunner().invoke(
        coc_server, ["space", "accept", space, "--config", str(town.server.world.config_path)], input=answer
    )


def make_repository_again(town: Town, numbers_used: int) -> None:
    """Its owner deletes the repository and makes it again, with the same people; some numbers may be used up."""
    github = town.server.world.github
    github.delete_repo(f"{ORG}/{REPOSITORY}")
    repo = github.add_repo(
        ORG, REPOSITORY, issue_fields=True, collaborators=dict.fromkeys((*TEAM, BOT), "push")
    )
    repo.deleted |= set(range(1, numbers_used + 1))
    town.server.world.prove_by_admin()


def make_project_again(town: Town) -> None:
    """A site admin deletes the project and makes it again; the operator puts its new ids into the configuration."""
    world = town.server.world
    old = world.project
    world.jira.delete_project(PROJECT)
    new = world.jira.restricted_project(
        PROJECT,
        team=[f"acc-{who}" for who in TEAM],
        service=f"acc-{BOT}",
        lead_account="acc-robert",
        aliases=TEAM,
    )
    text = world.config_path.read_text(encoding="utf-8")
    ids = {
        old.issue_type_id: new.issue_type_id,
        old.subtask_type_id: new.subtask_type_id,
        old.security_level_id: new.security_level_id,
        **{old.fields[name]: new.fields[name] for name in old.fields},
    }
    for before, after in ids.items():
        text = text.replace(f'"{before}"', f'"{after}"')
    world.config_path.write_text(text, encoding="utf-8")
    world.prove_by_admin()
    town.server.restart()
